"""One scenario without a web page: prepares what it needs in the running system, runs locust, leaves summary and plots.

python -m loadtests.headless class_start --users 1500 [--seconds 10] [--processes 2] [--host URL --prepared FILE]
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtests.scenarios import SCENARIOS

_HERE = Path(__file__).resolve().parent


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
    return parser.parse_known_args(arguments)


def prepare(scenario: str, users: int, into: Path) -> None:
    """Ask the running Lyceum of this machine for classes, instructors and students. Raises CalledProcessError."""
    needs = SCENARIOS[scenario].needs(users)
    lyceum = Path(sys.executable).parent / "lyceum"
    words = ("--students", str(needs.students), "--capacity", str(needs.capacity), "--classes", str(needs.classes))
    done = subprocess.run([lyceum, "loadtest", "prepare", *words], stdout=subprocess.PIPE, check=True, text=True)
    into.touch(mode=0o600)  # tokens are in it
    into.write_text(done.stdout)


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
    prepared = options.prepared
    if prepared is None:
        options.results.mkdir(parents=True, exist_ok=True)
        prepared = options.results / "prepared.json"
        try:
            prepare(options.scenario, options.users, prepared)
        except subprocess.CalledProcessError as fault:  # it has said why
            return int(fault.returncode)
    command = [sys.executable, "-m", "locust", "-f", str(_HERE / "locustfile.py"), "--headless", "--only-summary"]
    command += ["--host", options.host, "--prepared", str(prepared), "--results", str(options.results)]
    command += ["--scenario", options.scenario, "-u", str(options.users), "-r", str(options.spawn_rate)]
    command += ["--seconds", str(options.seconds)]
    if options.processes > 1:
        port = str(_free_port())  # two runs on one machine must not meet at locust's usual port
        command += ["--processes", str(options.processes), "--master-bind-port", port, "--master-port", port]
    return subprocess.run([*command, *further], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
