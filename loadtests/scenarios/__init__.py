"""The scenarios by name."""

from loadtests.scenario import Scenario
from loadtests.scenarios import catalogue, class_day, class_start, dashboard, reconnect_storm

SCENARIOS: dict[str, Scenario] = {
    each.name: each
    for each in (
        class_start.SCENARIO,
        class_day.SCENARIO,
        reconnect_storm.SCENARIO,
        dashboard.SCENARIO,
        catalogue.SCENARIO,
    )
}
