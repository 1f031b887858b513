"""What sharing a commit adds is the difference between a tenth of the load and nobody else."""

from loadtests.benchmarks.commits import ALONE, SATURATED, TENTH, Turn, report

_TURNS = [
    Turn(SATURATED, 12_000, 60, 2.0, 0.030, 0.060),
    Turn(TENTH, 1_200, 800, 2.0, 0.002, 0.009),
    Turn(ALONE, 900, 900, 2.0, 0.002, 0.005),
]


def test_the_tables_say_how_many_share_and_what_it_adds() -> None:
    said = report(_TURNS)
    assert [target.is_met for target in said.targets] == [True, True]
    assert [round(target.measured or 0, 6) for target in said.targets] == [200, 4]
    assert "| as many as it can | 6,000 | 6,000 – 6,000 | 200.0 | 30.0 ms | 60.0 ms |" in said.markdown()


def test_more_than_five_milliseconds_is_a_missed_target() -> None:
    slow = [_TURNS[0], Turn(TENTH, 1_200, 800, 2.0, 0.002, 0.011), _TURNS[2]]
    assert [target.is_met for target in report(slow).targets] == [True, False]
