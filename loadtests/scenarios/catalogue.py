"""catalogue: readers who list, filter, search and open courses, signed in, each at their own pace."""

from itertools import pairwise
from typing import Any
from urllib.parse import quote_plus

from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.stage import Fact

_THINK_SECONDS = 2.0  # with at most one request at a time a reader keeps below 100 requests a minute
_LEAST_SECONDS = 0.7
_PAGES = 4
_PAGE = 20


class _Verdict:
    def __init__(self, readers: int) -> None:
        self._readers = readers
        self._done = self._pages = self._courses = 0

    def note(self, fact: Fact) -> None:
        match fact:
            case ["read", pages, courses]:
                self._done += 1
                self._pages += pages
                self._courses += courses
            case _:
                raise ValueError(f"catalogue does not know {fact[0]!r}.")

    def close(self) -> str:
        if self._done != self._readers:
            raise BrokenPromise(f"{self._done} of {self._readers} readers read to the end.")
        return (
            f"{self._done} readers saw {self._pages} pages in order without a repeat and {self._courses} courses as listed."
        )


def _needs(users: int) -> Needs:
    return Needs(max(1, users), 1)


def _plan(setting: Setting) -> Plan:
    students = setting.prepared.students[: setting.users]
    pace, start = _THINK_SECONDS, setting.begin()
    parts: list[Part] = [
        {
            "token": student.token,
            "course": setting.prepared.course_id,
            "from": start + pace * number / len(students),
            "until": start + setting.seconds,
        }
        for number, student in enumerate(students)
    ]
    return Plan(parts, _Verdict(len(students)), f"{len(students)} readers will leaf through the catalogue.")


def _play(person: Person, part: Part) -> None:
    """Each look is due at a moment of its own, however long the last one took: a slow answer makes no pause."""
    due, pages, courses = part["from"], 0, 0
    while due < part["until"]:
        person.wait_for(due)
        what = person.chance.random()
        if what < 0.2:
            due, read = _leaf_through(person, due)
            pages += read
        else:
            _look(person, part["course"], what, due)
            courses += 1
        due += _LEAST_SECONDS + person.chance.expovariate(1 / (_THINK_SECONDS - _LEAST_SECONDS))
    person.tell("read", pages, courses)


def _look(person: Person, course: str, what: float, due: float) -> None:
    if what < 0.5:
        check_pages(person.get("/api/courses", "first page", due)["items"], by_age=True)
    elif what < 0.8:
        said = person.get(f"/api/courses/{course}", "one course", due)
        if said["id"] != course or not said["enrolled"] or said["owned"]:
            raise BrokenPromise(f"Course {course} is shown as {said['id']}, enrolled {said['enrolled']}.")
    elif what < 0.9:
        title = person.get(f"/api/courses/{course}", "one course", due)["title"]
        found = person.get(f"/api/courses?q={quote_plus(title)}", "search")["items"]
        if course not in [each["id"] for each in found]:
            raise BrokenPromise(f"A search for {title!r} does not find the course of that title.")
    else:
        person.get("/api/categories", "categories", due)


def _leaf_through(person: Person, due: float) -> tuple[float, int]:
    """Page after page by its cursor: when the last one was due, and how many they were."""
    seen: list[dict[str, Any]] = []
    sort, label = ("title", "by title") if person.chance.random() < 0.5 else ("newest", "by age")
    path, pages, last = f"/api/courses?sort={sort}&limit={_PAGE}", 0, ""
    while pages < _PAGES:
        page = person.get(path if not last else f"{path}&cursor={last}", "next page" if last else label, due)
        pages += 1
        seen += page["items"]
        check_pages(seen, by_age=sort == "newest")
        if len(page["items"]) > _PAGE:
            raise BrokenPromise(f"A page of {_PAGE} courses has {len(page['items'])}.")
        last = page["nextCursor"] or ""
        if not last:
            break
        due += _LEAST_SECONDS
        person.wait_for(due)
    return due, pages


def check_pages(items: list[dict[str, Any]], *, by_age: bool) -> None:
    """The courses of one page or of several that follow one another: published, once each, and, `by_age`, the newest first
    across the pages, too (titles are sorted as the database's language does it). Raises BrokenPromise."""
    if any(each["status"] != "published" for each in items):
        raise BrokenPromise("The catalogue shows a course that is not published.")
    if len({each["id"] for each in items}) < len(items):
        raise BrokenPromise("A course came twice while leafing through the catalogue.")
    if by_age and any(following["createdAt"] > course["createdAt"] for course, following in pairwise(items)):
        raise BrokenPromise("The pages do not have the newest courses first.")


SCENARIO = Scenario(
    "catalogue",
    "readers who list, filter, search and open courses",
    30,
    frozenset({"first page", "next page", "by title", "by age", "one course", "search", "categories"}),
    _needs,
    _plan,
    _play,
)
