from actors.members import GONE_SECONDS, Members
from persistence.membership import Member


def row(host: str, seen: int, silent: float = 0.0, *, has_left: bool = False) -> Member:
    return Member(host, "run", seen, silent, has_left)


def test_who_is_expected_is_given_the_time_to_come_and_who_gave_no_sign_lately_is_not_believed() -> None:
    members = Members("me", ["me", "two"], 100.0)
    members.look([row("old", 1, 3_600.0), row("fresh", 2, 0.2)], 100.1)
    assert members.living(100.1) == ("fresh", "me", "two")
    members.look([row("old", 1, 3_601.0), row("fresh", 3)], 100.9)
    assert members.living(101.4) == ("fresh", "me", "two")
    assert members.living(101.6) == ("fresh", "me")
    members.look([row("old", 7), row("fresh", 3, 0.7)], 101.6)
    assert members.living(101.6) == ("fresh", "me", "old")


def test_a_clock_of_the_store_that_jumps_makes_nobody_gone_and_keeps_nobody_alive() -> None:
    members = Members("me", ["two"], 0.0)
    members.look([row("two", 1)], 0.3)
    members.look([row("two", 2, 86_400.0)], 0.6)
    assert members.living(1.5) == ("me", "two")
    members.look([row("two", 2, -86_400.0)], 1.5)
    assert members.living(0.6 + GONE_SECONDS) == ("me",)


def test_who_did_not_look_for_a_second_gives_everybody_the_time_anew() -> None:
    members = Members("me", ["two"], 0.0)
    assert members.look([row("two", 1)], 0.3)
    assert not members.look([row("two", 1, 30.0)], 30.0)
    assert members.living(31.4) == ("me", "two")
    assert members.living(31.6) == ("me",)


def test_who_left_is_gone_at_once_until_it_enters_again() -> None:
    members = Members("me", ["two"], 0.0)
    members.look([row("two", 1)], 0.3)
    members.look([row("two", 2, has_left=True)], 0.6)
    assert members.living(0.6) == ("me",)
    members.look([row("two", 3)], 0.9)
    assert members.living(0.9) == ("me", "two")


def test_a_row_that_is_not_there_says_nothing() -> None:
    members = Members("me", ["two"], 0.0)
    members.look([row("two", 1)], 0.3)
    members.look([], 0.6)
    assert members.living(0.6) == ("me", "two")
    assert members.living(2.0) == ("me",)
