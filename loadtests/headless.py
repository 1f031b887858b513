"""One scenario without a web page: prepares what it needs in the running system, runs locust, leaves summary and plots.

python -m loadtests.headless class_start --users 1500 [--seconds 10] [--processes 2] [--host URL --prepared FILE]
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from loadtests.scenario import PATIENCE_SECONDS
from loadtests.scenarios import SCENARIOS

_HERE = Path(__file__).resolve().parent
_PREPARE_SECONDS = 300
_GOODBYE_SECONDS = 20
_SLACK_SECONDS = 180
"""What planning, the checks at the end and the plots may take."""


def _options(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m loadtests.headless", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenario", choices=tuple(SCENARIOS))
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--spawn-rate", type=float, default=100, help="users a second who come before it begins")
    parser.add_argument("--seconds", type=float, default=0, help="how long people are busy (0: as the scenario has it)")
    parser.add_argument("--processes", type=int, default=1, help="load processes on this machine")
    parser.add_argument(
        "--host", default=f"http://127.0.0.1:{os.environ.get('LYCEUM_HTTP_PORT', '8000')}", help="where Lyceum answers"
    )
    parser.add_argument("--prepared", type=Path, help="what `lyceum loadtest prepare` printed elsewhere (a cluster)")
    parser.add_argument("--results", type=Path, default=_HERE / "results")
    parser.add_argument("--start-at", default="", help="when it begins (RFC 3339), instead of --start-in")
    parser.add_argument("--start-in", type=float, default=0, help="seconds until it begins (0: when all are there)")
    return parser.parse_known_args(arguments)


def prepare(scenario: str, users: int, into: Path) -> None:
    """Ask the running Lyceum of this machine for classes, instructors and students. Raises CalledProcessError or
    TimeoutExpired."""
    needs = SCENARIOS[scenario].needs(users)
    lyceum = Path(sys.executable).parent / "lyceum"
    words = ("--students", str(needs.students), "--capacity", str(needs.capacity), "--classes", str(needs.classes))
    done = subprocess.run(
        [lyceum, "loadtest", "prepare", *words], stdout=subprocess.PIPE, check=True, text=True, timeout=_PREPARE_SECONDS
    )
    into.touch(mode=0o600)  # tokens are in it
    into.write_text(done.stdout)


def run(command: Sequence[str], seconds: float) -> int:
    """The exit code of a command; 1, with a sentence, when it does not end in time and is ended."""
    process = subprocess.Popen(command)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"The run did not end within {seconds:.0f} s and was ended.", file=sys.stderr)
        return 1
    finally:
        if process.poll() is None:
            process.terminate()  # locust ends its load processes then
            try:
                process.wait(_GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code is locust's: 0 when all promises held."""
    options, further = _options(arguments)
    if options.users < 2:
        print("A load test needs two users at least.", file=sys.stderr)
        return 2
    if options.prepared is not None:
        return run(_locust(options, options.prepared, further), _most_seconds(options))
    with tempfile.TemporaryDirectory(prefix="lyceum-load-") as folder:  # tokens, good for hours, stay nowhere
        prepared = Path(folder) / "prepared.json"
        try:
            prepare(options.scenario, options.users, prepared)
        except subprocess.CalledProcessError as fault:  # it has said why
            return int(fault.returncode)
        except subprocess.TimeoutExpired:
            print(f"`lyceum loadtest prepare` did not end within {_PREPARE_SECONDS} s.", file=sys.stderr)
            return 1
        return run(_locust(options, prepared, further), _most_seconds(options))


def _most_seconds(options: argparse.Namespace) -> float:
    seconds: float = options.seconds or SCENARIOS[options.scenario].seconds
    arrival: float = max(options.start_in, options.users / options.spawn_rate)
    if options.start_at:
        with suppress(ValueError):  # locust says what is wrong with it, and ends at once
            arrival += max(0.0, datetime.fromisoformat(options.start_at).timestamp() - time.time())
    return arrival + seconds + PATIENCE_SECONDS + _SLACK_SECONDS


def _locust(options: argparse.Namespace, prepared: Path, further: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(_HERE / "locustfile.py"), "--headless", "--only-summary"]
    command += ["--host", options.host, "--prepared", str(prepared), "--results", str(options.results)]
    command += ["--scenario", options.scenario, "-u", str(options.users), "-r", str(options.spawn_rate)]
    command += ["--seconds", str(options.seconds), "--start-in", str(options.start_in), "--start-at", options.start_at]
    if options.processes > 1:
        port = str(_free_port())  # two runs on one machine must not meet at locust's usual port
        command += ["--processes", str(options.processes), "--master-bind-port", port, "--master-port", port]
    return [*command, *further]


if __name__ == "__main__":
    sys.exit(main())
