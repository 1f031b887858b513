from classroom.refusals import Refusal
from serve_app import app
from serve_app.problems import STATUSES, problem_of


def refusals_of(kind: type[Refusal] = Refusal) -> set[type[Refusal]]:
    """Every kind of refusal that the product knows once all of it is imported."""
    found = {each for below in kind.__subclasses__() for each in {below, *refusals_of(below)}}
    return {each for each in found if each.__module__.startswith(("classroom.", "serve_app."))}


def test_every_refusal_there_is_has_a_status() -> None:
    # Also those that only a socket can meet: a command over REST may grow into one.
    assert app.create_app  # it imports every route
    assert refusals_of() == set(STATUSES)


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
