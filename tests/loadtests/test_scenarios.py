"""Each scenario deals everybody a part, and its verdict names the promise that the facts break."""

from typing import Any

import pytest

from loadtests.prepared import PreparedClass, Student
from loadtests.promises import BrokenPromise
from loadtests.scenario import Plan, Setting, Site
from loadtests.scenarios import SCENARIOS


class _SiteTwin(Site):
    """A Lyceum that has one answer to each question of the master."""

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, key: str | None = None) -> Any:
        """A class with ten seats, three of them taken, or a class that was just made."""
        if method == "POST":
            return {"id": f"lesson-{key}"}
        return {"maxStudents": 10, "currentStudents": 3, "waitlisted": 0}


def _prepared(students: int, classes: int) -> PreparedClass:
    def one(number: int, more: tuple[PreparedClass, ...] = ()) -> PreparedClass:
        people = tuple(Student(f"s{number}-{each}", "token") for each in range(students))
        return PreparedClass(f"class-{number}", f"course-{number}", "teacher", people, more)

    return one(0, tuple(one(number) for number in range(1, classes)))


def _plan(name: str, users: int, students: int | None = None) -> Plan:
    scenario = SCENARIOS[name]
    needs = scenario.needs(users)
    prepared = _prepared(students or needs.students, needs.classes)
    return scenario.plan(Setting(prepared, users, 1_000.0, 30, "both", _SiteTwin("http://here")))


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("users", [12, 97, 500])
def test_no_more_parts_are_dealt_than_there_are_users(name: str, users: int) -> None:
    parts = _plan(name, users).parts
    assert 0 < len(parts) <= users
    assert all(part["token"] for part in parts)


_ANSWERS = [["answer", f"s{number}", "seated", number, ""] for number in (1, 2, 3)]
_MARKS = ["marks", "t", [1, 2], [11, 22], 3, 1]
_HEARD: list[list[Any]] = [["said", ["m", "n"]], *[["heard", ["m", "n"]]] * 3]
_STANDS = [["stands", "class-0", ["a"], ["b"]]] * 6


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
        ("class_start", 3, [*_ANSWERS, *_ANSWERS, _MARKS, _MARKS]),
        ("reconnect_storm", 4, [*_ANSWERS, *_ANSWERS, *_HEARD, _MARKS, _MARKS]),
        ("dashboard", 12, [*_STANDS, _MARKS, _MARKS]),
        ("catalogue", 2, [["read", 3, 4], ["read", 0, 1]]),
    ],
)
def test_true_facts_hold(name: str, users: int, facts: list[list[Any]]) -> None:
    assert _judge(_plan(name, users), facts)


def test_a_true_day_holds() -> None:
    plan = _plan("class_day", 3)
    assert "3 classes held; 2 seats and places told are on the record, 1 messages were told once" in _judge(plan, _day(plan))


@pytest.mark.parametrize(
    ("name", "users", "facts", "sentence"),
    [
        ("class_start", 3, [*_ANSWERS, ["answer", "s1", "seated", 2, ""]], "s1 was told"),
        ("class_start", 3, _ANSWERS[:2], "1 of 3 students have no answer"),
        ("class_start", 3, [*_ANSWERS[:2], ["answer", "s3", "refused", 0, "class_full"]], "refused: class_full"),
        ("class_start", 3, [*_ANSWERS, _MARKS, ["marks", "t", [2], [23], 0, 1]], "told different events as offset 2"),
        ("reconnect_storm", 4, [*_ANSWERS, ["answer", "s3", "seated", 7, ""]], "s3 was told"),
        ("reconnect_storm", 4, [*_ANSWERS, [*_MARKS[:4], 3, 1], *_HEARD[:-1], ["heard", ["m"]]], "Message n did not reach"),
        ("reconnect_storm", 4, [*_ANSWERS, ["heard", ["m", "m"]]], "came twice"),
        ("reconnect_storm", 4, [*_ANSWERS, *_HEARD[:-1]], "2 of 3 students heard the class to its end"),
        ("dashboard", 12, [*_STANDS[:5], ["stands", "class-0", ["b"], ["a"]]], "Two screens show different"),
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
        (["told", 0, "a", "seated", 2], "a was told seat 2 of .*; staff saw no such seat"),
        (["told", 0, "b", "waitlisted", 2], "b was told place 2 of .*; staff saw 1"),
        (["said", 0, "lost"], "Message lost of .* was told 0 times"),
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
