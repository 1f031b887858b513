from classroom import refusals
from classroom.refusals import Refusal
from serve_app import reasons
from serve_app.problems import STATUSES, problem_of


def test_every_refusal_there_is_has_a_status() -> None:
    # Also those that only a socket can meet: a command over REST may grow into one.
    known = {
        held
        for module in (refusals, reasons)
        for held in vars(module).values()
        if isinstance(held, type) and issubclass(held, Refusal) and held is not Refusal
    }
    assert known == set(STATUSES)


def test_one_code_means_one_thing() -> None:
    # Two refusals may share a code only where the contract answers the same reason differently.
    codes: dict[str, list[str]] = {}
    for kind in STATUSES:
        codes.setdefault(kind.code, []).append(kind.__name__)
    shared = {code: names for code, names in codes.items() if len(names) > 1}
    assert shared == {"class_ended": ["ClassEnded", "AlreadyEnded"], "not_found": ["NotFound", "NoSuchRoute"]}


def test_an_unknown_reason_is_a_fault_of_ours_and_tells_nothing() -> None:
    class Odd(Refusal):
        code = "odd"

        def message(self) -> str:
            return "The secret is 42."

    problem = problem_of(Odd(), "/x", "r-1")
    assert problem.status == 500
    assert b"42" not in problem.body
    assert b'"internal_error"' in problem.body
