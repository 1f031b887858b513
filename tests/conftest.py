"""In which order tests run, and how hard hypothesis tries: `HYPOTHESIS_PROFILE` is `default` (bounded, varied), `ci` (the
same examples every time) or `thorough` (minutes)."""

import os

import pytest
from hypothesis import HealthCheck, settings

_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("default", deadline=None, max_examples=60, stateful_step_count=40, suppress_health_check=_CALM)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=500, stateful_step_count=80)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The running system comes last: everything else has the machine for itself, and fails sooner."""
    items.sort(key=lambda item: "end_to_end" in item.path.parts)
