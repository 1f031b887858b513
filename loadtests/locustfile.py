"""Locust: one of the scenarios of `loadtests/scenarios/` against a running Lyceum, checked while it loads.

lyceum loadtest prepare --students 1500 --capacity 300 > class.json
python -m locust -f loadtests/locustfile.py --host http://127.0.0.1:8000 --prepared class.json [--headless]
"""

import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the locust command does not look where it was called

import gevent
from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser

from loadtests.crowd import allow_many_connections
from loadtests.load_process import LoadProcess
from loadtests.locust_run import attach
from loadtests.person import Person
from loadtests.prepared import read_prepared
from loadtests.promises import BrokenPromise
from loadtests.scenario import CannotStart, Part
from loadtests.scenarios import SCENARIOS
from loadtests.stage import Stage

_ANSWER_SECONDS = 30
_SPAWN_RATE = 200
_processes: dict[Environment, LoadProcess] = {}
_log = logging.getLogger("lyceum.load")


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust's hooks have no types
def _options(parser: LocustArgumentParser, **_: Any) -> None:
    group = parser.add_argument_group("Lyceum")
    group.add_argument("--prepared", env_var="PREPARED", default="", help="File with what `lyceum loadtest prepare` printed")
    group.add_argument(
        "--scenario",
        env_var="SCENARIO",
        choices=tuple(SCENARIOS),
        default="class_start",
        help="; ".join(f"{each.name}: {each.says}" for each in SCENARIOS.values()),
    )
    group.add_argument(
        "--over", env_var="OVER", choices=("both", "socket", "rest"), default="both", help="How students ask for a seat"
    )
    group.add_argument("--seconds", env_var="FOR", type=float, default=0, help="How long (0: as the scenario has it)")
    group.add_argument("--socket-url", env_var="SOCKET_URL", default="", help="Sockets, if not where /api/realtime says")
    group.add_argument("--results", env_var="RESULTS", default="", help="Folder for summary and plots (none: do not write)")
    group.add_argument("--start-at", env_var="START_AT", default="", help="When it begins (RFC 3339), instead of --start-in")
    group.add_argument(
        "--start-in", env_var="START_IN", type=float, default=0, help="Seconds until it begins (0: when all are there)"
    )


@events.init.add_listener  # type: ignore[untyped-decorator]  # locust's hooks have no types
def _on_init(environment: Environment, **_: Any) -> None:
    allow_many_connections()
    _processes[environment] = attach(environment)
    options = environment.parsed_options
    if options is not None and options.prepared and options.num_users is None:
        with suppress(OSError, ValueError):  # the start of the run reads it again, and says what is wrong with it
            prepared = read_prepared(Path(options.prepared).read_text())
            options.num_users = sum(len(each.students) for each in prepared.classes)
            options.spawn_rate = options.spawn_rate or _SPAWN_RATE


class PersonUser(FastHttpUser):
    """Whoever the scenario makes of this user: plays the part that it was dealt, then stays until the run ends."""

    wait_time = constant(0)
    connection_timeout = network_timeout = _ANSWER_SECONDS

    def on_start(self) -> None:
        """Be dealt a part."""
        self.person: Person | None = None
        try:
            given = _processes[self.environment].next_part()
        except CannotStart as fault:
            _log.error(str(fault))
            return
        if given is None:
            return  # there are more users than parts
        self.part: Part = given[0]
        self.stage: Stage = given[1]
        self.person = Person(self.stage, self.client, self.part["token"], self._break)

    def on_stop(self) -> None:
        """Go home."""
        if self.person is not None:
            self.person.go()

    @task
    def play(self) -> None:
        """Play the part once."""
        if self.person is None:
            raise StopUser  # here and not in on_start, where locust would call it a fault
        try:
            SCENARIOS[self.environment.parsed_options.scenario].play(self.person, self.part)
        except BrokenPromise as broken:
            self._break(broken)
        except Exception as fault:  # a fault of ours must not pass for a class that held its promises
            _log.exception("A part could not be played.")
            self.stage.tell(["broken", f"The load test itself failed: {fault!r}"])
        self.stage.tell(["done"])
        while True:
            gevent.sleep(3_600)

    def _break(self, broken: BrokenPromise) -> None:
        self.stage.tell(["broken", str(broken)])
