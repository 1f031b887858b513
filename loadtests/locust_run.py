"""One locust run: its parts are dealt to whoever asks, facts come back from all load processes, and one verdict is given."""

import logging
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
import requests
from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from loadtests.prepared import read_prepared
from loadtests.promises import BrokenPromise
from loadtests.results import Outcome, write_results
from loadtests.scenario import CannotStart, Part, Plan, Setting, Site
from loadtests.scenarios import SCENARIOS
from loadtests.stage import Fact, Stage, now
from loadtests.timeline import Timeline

_WANT, _PART, _KEY = "lyceum-want", "lyceum-part", "lyceum"
_DEAL_SECONDS = 60
_PATIENCE_SECONDS = 120
"""How long after the last thing was due everybody must be done."""
_log = logging.getLogger("lyceum.load")


class LoadProcess:
    """This process's side: parts that came for its users, facts and figures that go to the master."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._parts: Queue[dict[str, Any]] = Queue()
        self._facts: list[Fact] = []
        self._timeline = Timeline()
        self._run = 0
        self._cpu_at = (time.process_time(), time.monotonic())
        environment.events.request.add_listener(self._on_request)

    def next_part(self) -> tuple[Part, Stage] | None:
        """A part that nobody plays yet, and where it is played; None when all have their player. Raises CannotStart."""
        runner = self._environment.runner
        assert runner is not None
        runner.send_message(_WANT, {})
        try:
            given = self._parts.get(timeout=_DEAL_SECONDS)
        except Empty:
            raise CannotStart("No part came from the master.") from None
        if given["run"] != self._run:
            self._run = given["run"]
            self._facts = []
        if given["part"] is None:
            return None
        stage = Stage(given["host"], given["socket"], given["start"], self._facts.append, self._measure)
        return given["part"], stage

    def on_part(self, msg: Any, **_: Any) -> None:
        """The master deals."""
        self._parts.put(msg.data)

    def take(self) -> dict[str, Any]:
        """What was seen and measured since the last call, to be sent."""
        facts, self._facts[:] = list(self._facts), []
        used, at = time.process_time(), time.monotonic()
        share = (used - self._cpu_at[0]) / max(0.001, at - self._cpu_at[1])
        self._cpu_at = (used, at)
        return {"run": self._run, "facts": facts, "timeline": self._timeline.take(), "cpu": share}

    def _measure(self, name: str, due: float, fault: Exception | None) -> None:
        self._environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=(now() - due) * 1000,
            response_length=0,
            exception=fault,
            context={},
        )

    def _on_request(self, name: str, response_time: float, exception: Exception | None = None, **_: Any) -> None:
        self._timeline.note(now(), name, response_time, exception is not None)


class Run:
    """The run as its master (or only process) sees it."""

    def __init__(self, environment: Environment, process: LoadProcess) -> None:
        self._environment = environment
        self._process = process
        self._plan: Plan | None = None
        self._number = 0
        self._waiting: deque[Part] = deque()
        self._done = 0
        self._timeline = Timeline()
        self._users: dict[int, int] = {}
        self._cpu: dict[str, float] = {}
        self._stage: dict[str, Any] = {}
        self._began = 0.0
        self._seconds = 0.0
        events = environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stop.add_listener(self._on_stop)
        events.worker_report.add_listener(self._on_worker_report)

    def on_want(self, msg: Any, **_: Any) -> None:
        """A load process wants a part for one of its users. Whoever asks gets the next: no deal can leave one over."""
        runner = self._environment.runner
        assert runner is not None
        part = self._waiting.popleft() if self._waiting else None
        where = None if isinstance(runner, LocalRunner) else msg.node_id
        runner.send_message(_PART, {"part": part, "run": self._number, **self._stage}, where)

    def _on_start(self, **_: Any) -> None:
        try:
            self._start()
        except (CannotStart, OSError, ValueError, requests.RequestException) as fault:
            self._waiting.clear()
            self._end_failed(f"The run cannot start: {fault}")

    def _start(self) -> None:
        options, runner = self._environment.parsed_options, self._environment.runner
        if options is None or runner is None or not options.prepared:
            raise CannotStart("name the file that `lyceum loadtest prepare` printed with --prepared.")
        prepared = read_prepared(Path(options.prepared).read_text())
        host = (self._environment.host or "").rstrip("/")
        if not urlsplit(host).netloc:
            raise CannotStart("say where Lyceum answers with --host http://127.0.0.1:8000.")
        site, scenario = Site(host), SCENARIOS[options.scenario]
        socket_url = options.socket_url or str(site.ask("GET", "/api/realtime")["url"])
        users = runner.target_user_count or _users_of(options)
        self._seconds = options.seconds or scenario.seconds
        start_at = _moment(options.start_at, options.start_in or users / (options.spawn_rate or 100) + 4)
        self._number += 1
        self._done, self._timeline, self._users, self._cpu = 0, Timeline(), {}, {}
        self._plan = scenario.plan(Setting(prepared, users, start_at, self._seconds, options.over, site))
        if len(self._plan.parts) > users:
            raise CannotStart(f"{options.scenario} has {len(self._plan.parts)} parts, but there are {users} users.")
        self._waiting = deque(self._plan.parts)
        self._stage = {"host": host, "socket": socket_url, "start": start_at}
        self._began = start_at
        at = datetime.fromtimestamp(start_at, UTC).isoformat(timespec="seconds")
        _log.info("%s: %s It begins at %s.", options.scenario, self._plan.sentence, at)
        gevent.spawn(self._watch, self._number, start_at + self._seconds + _PATIENCE_SECONDS)

    def _watch(self, number: int, deadline: float) -> None:
        """Take facts in until all are done, then end the run."""
        while self._plan is not None and self._number == number:
            runner = self._environment.runner
            assert runner is not None
            self._users[int(now())] = runner.user_count
            if isinstance(runner, LocalRunner):
                self._take("local", self._process.take())
            self._look(deadline)
            gevent.sleep(0.2)

    def _look(self, deadline: float) -> None:
        if self._plan is None:
            return
        people = len(self._plan.parts)
        if self._done >= people:
            self._end_well()
        elif now() > deadline:
            missing = people - self._done
            self._end_failed(f"A promise is broken: {missing} of {people} users did not come to the end of their part.")

    def _take(self, who: str, sent: dict[str, Any]) -> None:
        if self._plan is None or sent["run"] not in (0, self._number):
            return
        self._timeline.merge(sent["timeline"])
        self._cpu[who] = max(sent["cpu"], self._cpu.get(who, 0.0))
        for fact in sent["facts"]:
            try:
                self._note(fact)
            except BrokenPromise as broken:
                self._end_failed(f"A promise is broken: {broken}")
                return

    def _note(self, fact: Fact) -> None:
        assert self._plan is not None
        if fact[0] == "done":
            self._done += 1
        elif fact[0] == "broken":
            raise BrokenPromise(fact[1])
        else:
            self._plan.verdict.note(fact)

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if _KEY in data:
            self._take(client_id, data.pop(_KEY))

    def _on_stop(self, **_: Any) -> None:
        if self._plan is not None:
            missing = len(self._plan.parts) - self._done
            self._end_failed(f"The run was stopped before {missing} of {len(self._plan.parts)} users were done.")

    def _end_well(self) -> None:
        assert self._plan is not None
        try:
            sentence = self._plan.verdict.close()
        except BrokenPromise as broken:
            self._end_failed(f"A promise is broken: {broken}")
        except (CannotStart, requests.RequestException) as fault:
            self._end_failed(f"The end could not be checked: {fault}")
        else:
            _log.info("All promises held: %s", sentence)
            # Answers that said "again" are in locust's table of failures; the verdict is about what came in the end
            self._environment.process_exit_code = 0
            self._finish(sentence, held=True)

    def _end_failed(self, sentence: str) -> None:
        """Say it in the log and on the web page, make the exit code 1, and end the run."""
        _log.error(sentence)
        self._environment.process_exit_code = 1
        if self._environment.runner is not None:
            self._environment.runner.log_exception("lyceum", sentence, "")
        self._finish(sentence, held=False)

    def _finish(self, sentence: str, *, held: bool) -> None:
        plan, self._plan = self._plan, None
        options, runner = self._environment.parsed_options, self._environment.runner
        if runner is None or options is None:
            return
        if plan is not None and options.results:
            outcome = Outcome(
                SCENARIOS[options.scenario],
                held,
                sentence,
                self._began,
                self._seconds,
                len(plan.parts),
                self._stage["host"],
                self._timeline,
                self._users,
                list(self._cpu.values()),
            )
            _log.info("The results are in %s.", write_results(outcome, Path(options.results)))
        gevent.spawn(runner.quit if self._environment.web_ui is None else runner.stop)


def attach(environment: Environment) -> LoadProcess:
    """Hook a run into locust. What this gives deals parts to the users of this process."""
    process = LoadProcess(environment)
    runner = environment.runner
    if runner is None:
        return process
    if isinstance(runner, WorkerRunner):
        environment.process_exit_code = 0  # the verdict is the master's
        environment.events.report_to_master.add_listener(lambda client_id, data, **_: data.update({_KEY: process.take()}))
    else:
        run = Run(environment, process)
        runner.register_message(_WANT, run.on_want)
    if isinstance(runner, WorkerRunner | LocalRunner):
        runner.register_message(_PART, process.on_part)
    return process


def _users_of(options: Any) -> int:
    return int(options.num_users or 1)


def _moment(start_at: str, start_in: float) -> float:
    """Seconds since 1970 of the start: the RFC 3339 moment if there is one, otherwise so many seconds from now."""
    if not start_at:
        return now() + start_in
    moment = datetime.fromisoformat(start_at)
    if moment.tzinfo is None:
        raise CannotStart(f"START_AT needs a time zone, for example {moment.isoformat()}Z.")
    return moment.timestamp()
