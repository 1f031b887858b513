"""catalogue: readers who list, filter, search and open courses, signed in, each at their own pace."""

from itertools import pairwise
from typing import Any

from loadtests.person import Person
from loadtests.promises import BrokenPromise
from loadtests.scenario import Needs, Part, Plan, Scenario, Setting
from loadtests.stage import Fact, now

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
    pace = _THINK_SECONDS
    parts: list[Part] = [
        {
            "token": student.token,
            "course": setting.prepared.course_id,
            "from": setting.start_at + pace * number / len(students),
            "until": setting.start_at + setting.seconds,
        }
        for number, student in enumerate(students)
    ]
    return Plan(parts, _Verdict(len(students)), f"{len(students)} readers will leaf through the catalogue.")


def _play(person: Person, part: Part) -> None:
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
        due = max(due, now() - 1) + _LEAST_SECONDS + person.chance.expovariate(1 / (_THINK_SECONDS - _LEAST_SECONDS))
    person.tell("read", pages, courses)


def _look(person: Person, course: str, what: float, due: float) -> None:
    if what < 0.5:
        _check_page(person.get("/api/courses", "first page", due)["items"])
    elif what < 0.8:
        said = person.get(f"/api/courses/{course}", "one course", due)
        if said["id"] != course or not said["enrolled"] or said["owned"]:
            raise BrokenPromise(f"Course {course} is shown as {said['id']}, enrolled {said['enrolled']}.")
    elif what < 0.9:
        title = person.get(f"/api/courses/{course}", "one course", due)["title"]
        found = person.get(f"/api/courses?q={title.replace(' ', '+')}", "search")["items"]
        if course not in [each["id"] for each in found]:
            raise BrokenPromise(f"A search for {title!r} does not find the course of that title.")
    else:
        person.get("/api/categories", "categories", due)


def _leaf_through(person: Person, due: float) -> tuple[float, int]:
    """Page after page by its cursor: when the last one was due, and how many they were."""
    seen: set[str] = set()
    path, pages, last = f"/api/courses?sort=title&limit={_PAGE}", 0, ""
    while pages < _PAGES:
        page = person.get(path if not last else f"{path}&cursor={last}", "next page" if last else "by title", due)
        pages += 1
        ids = {each["id"] for each in page["items"]}
        if len(ids) < len(page["items"]) or ids & seen or len(ids) > _PAGE:
            raise BrokenPromise("A course came twice while leafing through the catalogue.")
        seen |= ids
        last = page["nextCursor"] or ""
        if not last:
            break
        due = max(due, now() - 1) + _LEAST_SECONDS
        person.wait_for(due)
    return due, pages


def _check_page(items: list[dict[str, Any]]) -> None:
    if any(each["status"] != "published" for each in items):
        raise BrokenPromise("The catalogue shows a course that is not published.")
    if any(newer["createdAt"] < older["createdAt"] for newer, older in pairwise(items)):
        raise BrokenPromise("The first page does not have the newest courses first.")


SCENARIO = Scenario(
    "catalogue",
    "readers who list, filter, search and open courses",
    30,
    frozenset({"first page", "next page", "by title", "one course", "search", "categories"}),
    _needs,
    _plan,
    _play,
)
