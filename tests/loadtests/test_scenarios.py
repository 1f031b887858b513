"""Each scenario deals everybody a part, and its verdict names the promise that the facts break."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from loadtests.prepared import PreparedClass, Student
from loadtests.promises import BrokenPromise
from loadtests.scenario import CannotStart, Plan, Setting, Site
from loadtests.scenarios import SCENARIOS
from loadtests.scenarios.catalogue import check_pages
from loadtests.scenarios.class_day import story_of


class _SiteTwin(Site):
    """A Lyceum that has one answer to each question of the master: a class is empty at first, then full of three."""

    asked: ClassVar[int] = 0
    full_already: ClassVar[bool] = False

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, key: str | None = None) -> Any:
        """A class with ten seats, or a class that was just made."""
        if method == "POST":
            return {"id": f"lesson-{key}"}
        self.__dict__["asked"] = self.asked + 1
        seated = 3 if self.asked > 1 or self.full_already else 0
        return {"maxStudents": 10, "currentStudents": seated, "waitlisted": 0}


class _UsedSite(_SiteTwin):
    full_already = True


def _prepared(students: int, classes: int) -> PreparedClass:
    def one(number: int, more: tuple[PreparedClass, ...] = ()) -> PreparedClass:
        people = tuple(Student(f"s{number}-{each}", "token") for each in range(students))
        return PreparedClass(f"class-{number}", f"course-{number}", "teacher", people, more)

    return one(0, tuple(one(number) for number in range(1, classes)))


def _plan(name: str, users: int, students: int | None = None, site: Site = _SiteTwin("http://here")) -> Plan:
    scenario = SCENARIOS[name]
    needs = scenario.needs(users)
    prepared = _prepared(students or needs.students, needs.classes)
    return scenario.plan(Setting(prepared, users, lambda: 1_000.0, 30, "both", replace(site)))


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("users", [12, 97, 500])
def test_no_more_parts_are_dealt_than_there_are_users(name: str, users: int) -> None:
    parts = _plan(name, users).parts
    assert 0 < len(parts) <= users
    assert all(part["token"] for part in parts)


_ANSWERS = [["answer", f"s{number}", "seated", number, ""] for number in (1, 2, 3)]
_ASKED = [[*answer, 1.0, 2.0] for answer in _ANSWERS]
_MARKS = ["marks", "t", [1, 2], [11, 22], 3, 1]
_HEARD: list[list[Any]] = [["said", ["m", "n"]], *[["heard", ["m", "n"], True]] * 3]
_STANDS = [["stands", "class-0", 7, ["a"], ["b"]]] * 6


def _day(plan: Plan) -> list[list[Any]]:
    lessons = [lesson["id"] for lesson in plan.parts[0]["lessons"]]
    seen = [["seen", lesson, [["a", 1]], [["b", 1]], ["m"]] for lesson in lessons]
    return [
        ["told", lessons[0], "a", "seated", 1],
        ["told", lessons[0], "b", "waitlisted", 1],
        ["said", lessons[0], "m"],
        *seen,
    ]


def _judge(plan: Plan, facts: list[list[Any]]) -> str:
    for fact in facts:
        plan.verdict.note(fact)
    return plan.verdict.close()


@pytest.mark.parametrize(
    ("name", "users", "facts"),
    [
        ("class_start", 3, [*_ASKED, *_ASKED, _MARKS, _MARKS]),
        ("reconnect_storm", 4, [*_ANSWERS, *_ANSWERS, *_HEARD, _MARKS, _MARKS]),
        ("reconnect_storm", 4, [*_ANSWERS, *_HEARD[:-1], ["heard", ["n"], False], _MARKS]),
        ("dashboard", 12, [*_STANDS, _MARKS, _MARKS]),
        ("dashboard", 12, [*_STANDS[:5], ["stands", "class-0", 8, ["b"], ["a"]]]),
        ("catalogue", 2, [["read", 3, 4], ["read", 0, 1]]),
    ],
)
def test_true_facts_hold(name: str, users: int, facts: list[list[Any]]) -> None:
    assert _judge(_plan(name, users), facts)


def test_a_true_day_holds() -> None:
    plan = _plan("class_day", 3)
    assert "3 classes held; 2 seats and places told are on the record, 1 messages are on it once" in _judge(plan, _day(plan))


@pytest.mark.parametrize(
    ("name", "users", "facts", "sentence"),
    [
        ("class_start", 3, [*_ASKED, ["answer", "s1", "seated", 2, "", 1.0, 2.0]], "s1 was told"),
        ("class_start", 3, [*_ASKED[:2], ["answer", "s3", "seated", 3, "", 0.1, 0.2]], "s2 asked|s1 asked"),
        ("class_start", 3, [*_ASKED, ["marks", "t", [], [], 0, 1]], "not one was told of anything"),
        ("class_start", 3, _ASKED[:2], "1 of 3 students have no answer"),
        ("class_start", 3, [*_ASKED[:2], ["answer", "s3", "refused", 0, "class_full", 1.0, 2.0]], "refused: class_full"),
        ("class_start", 3, [*_ASKED, _MARKS, ["marks", "t", [2], [23], 0, 1]], "told different events as offset 2"),
        ("reconnect_storm", 4, [*_ANSWERS, ["answer", "s3", "seated", 7, ""]], "s3 was told"),
        (
            "reconnect_storm",
            4,
            [*_ANSWERS, [*_MARKS[:4], 3, 1], *_HEARD[:-1], ["heard", ["m"], True]],
            "Message n did not reach",
        ),
        (
            "reconnect_storm",
            4,
            [*_ANSWERS, *_HEARD[:2], ["heard", ["n"], False], ["heard", ["n"], True]],
            "Message m did not",
        ),
        ("reconnect_storm", 4, [*_ANSWERS, ["heard", ["m", "m"], True]], "came twice"),
        ("reconnect_storm", 4, [*_ANSWERS, *_HEARD[:-1]], "2 of 3 students heard the class to its end"),
        ("dashboard", 12, [*_STANDS[:5], ["stands", "class-0", 7, ["b"], ["a"]]], "Two screens show different"),
        ("dashboard", 12, _STANDS[:5], "5 of 6 screens"),
        ("catalogue", 2, [["read", 3, 4]], "1 of 2 readers"),
    ],
)
def test_a_broken_promise_is_named(name: str, users: int, facts: list[list[Any]], sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        _judge(_plan(name, users), facts)


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (["told", 0, "a", "seated", 2], "a was told seat 2 of .*; the record has no such seat"),
        (["told", 0, "b", "waitlisted", 2], "b was told place 2 of .*; the record has no such place"),
        (["told", 0, "b", "waitlisted", 0], "b was told place 0 of .*; the record has no such place"),
        (["said", 0, "lost"], "Message lost of .* is on the record 0 times"),
    ],
)
def test_a_day_that_is_not_on_the_record_is_named(fact: list[Any], sentence: str) -> None:
    plan = _plan("class_day", 3)
    lesson = plan.parts[0]["lessons"][fact[1]]["id"]
    with pytest.raises(BrokenPromise, match=sentence):
        _judge(plan, [*_day(plan), [fact[0], lesson, *fact[2:]]])


def test_a_class_that_was_not_held_is_missed() -> None:
    plan = _plan("class_day", 3)
    with pytest.raises(BrokenPromise, match="1 of 3 classes were not held"):
        _judge(plan, _day(plan)[:-1])


@pytest.mark.parametrize("name", ["class_start", "reconnect_storm"])
def test_a_class_that_was_used_before_is_not_begun_with(name: str) -> None:
    with pytest.raises(CannotStart, match="3 students are in this class and 0 wait: prepare another one"):
        _plan(name, 12, site=_UsedSite("http://here"))


def test_a_run_begins_when_all_its_classes_are_made() -> None:
    happened: list[str] = []

    class _SlowSite(_SiteTwin):
        def ask(self, method: str, path: str, token: str | None = None, body: Any = None, key: str | None = None) -> Any:
            happened.append("made")
            return super().ask(method, path, token, body, key)

    def begin() -> float:
        happened.append("begun")
        return 1_000.0

    SCENARIOS["class_day"].plan(Setting(_prepared(2, 2), 6, begin, 30, "both", _SlowSite("http://here")))
    assert happened == ["made"] * 6 + ["begun"]


def test_a_timeline_tells_seats_places_and_messages() -> None:
    story = story_of(
        [
            {"type": "seat.taken", "data": {"userId": "a", "seat": 1}},
            {"type": "waitlist.joined", "data": {"userId": "b", "position": 1}},
            {"type": "seat.promoted", "data": {"userId": "b", "seat": 2, "ticket": 1}},
            {"type": "chat.posted", "data": {"messageId": "m"}},
            {"type": "session.ended", "data": {}},
        ]
    )
    assert (story.seats, story.places, story.messages) == ({("a", 1), ("b", 2)}, {("b", 1)}, ["m"])


def _course(name: str, made: str, status: str = "published") -> dict[str, Any]:
    return {"id": name, "createdAt": made, "status": status}


def test_pages_in_order_pass() -> None:
    items = [
        _course("a", "2026-11-21T10:00:02Z"),
        _course("b", "2026-11-21T10:00:02Z"),
        _course("c", "2026-11-21T10:00:01Z"),
    ]
    check_pages(items, by_age=True)
    check_pages(items[::-1], by_age=False)


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ([_course("a", "1"), _course("b", "2")], "newest courses first"),
        ([_course("a", "2"), _course("b", "1"), _course("a", "1")], "came twice"),
        ([_course("a", "2", "draft")], "not published"),
    ],
)
def test_pages_out_of_order_are_named(items: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        check_pages(items, by_age=True)
