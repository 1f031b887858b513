import io
import sys

import pytest
import structlog

from actors.logs import configure_logs


def test_a_log_goes_to_the_process_s_own_output_whoever_takes_the_place_of_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logs()
    log = structlog.get_logger("test")
    with io.StringIO() as other:
        monkeypatch.setattr(sys, "stdout", other)
        log.info("first")
        said = other.getvalue()
    log.info("second")
    assert said == ""
    assert [line for line in capfd.readouterr().out.splitlines() if '"second"' in line]
