"""One locust run: its parts are dealt to whoever asks, facts come back from all load processes, and one verdict is given."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
import requests
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from loadtests.generator_share import GeneratorShare
from loadtests.load_process import WANT, LoadProcess
from loadtests.prepared import read_prepared
from loadtests.promises import BrokenPromise
from loadtests.results import Outcome, write_results
from loadtests.scenario import PATIENCE_SECONDS, CannotStart, Part, Plan, Setting, Site
from loadtests.scenarios import SCENARIOS
from loadtests.stage import Fact, now
from loadtests.timeline import Timeline

_PART, _KEY = "lyceum-part", "lyceum"
_COMING_SECONDS = 4.0
"""How long after the last user came it begins."""
_CLOCKS_APART_SECONDS = 0.05  # of several machines with NTP
_log = logging.getLogger("lyceum.load")


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
        self._share = GeneratorShare(0.0)
        self._stage: dict[str, Any] = {}
        self._began = 0.0
        self._seconds = 0.0
        events = environment.events
        events.test_start.add_listener(self._on_start)
        events.test_stop.add_listener(self._on_stop)
        events.worker_report.add_listener(self._on_worker_report)

    def on_want(self, msg: Any, **_: Any) -> None:
        """A load process wants a part for one of its users. Whoever asks gets the next, with the number of the question."""
        runner = self._environment.runner
        assert runner is not None
        part = self._waiting.popleft() if self._waiting else None
        where = None if isinstance(runner, LocalRunner) else msg.node_id
        runner.send_message(_PART, {"part": part, "run": self._number, **msg.data, **self._stage}, where)

    def _on_start(self, **_: Any) -> None:
        try:
            self._start()
        except (CannotStart, OSError, ValueError, requests.RequestException) as fault:
            self._waiting.clear()
            self._end_failed(f"The run cannot start: {fault}")
        except Exception as fault:  # locust would log it and let its users wait for ever
            _log.exception("The plan failed.")
            self._waiting.clear()
            self._end_failed(f"The run cannot start: {fault!r}")

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
        begin = _once(lambda: _moment(options.start_at, options.start_in or _arrival_seconds(options, users)))
        apart = 0.0 if isinstance(runner, LocalRunner) or options.processes else _CLOCKS_APART_SECONDS
        plan = scenario.plan(Setting(prepared, users, begin, self._seconds, options.over, site, apart))
        if len(plan.parts) > users:
            raise CannotStart(f"{options.scenario} has {len(plan.parts)} parts, but there are {users} users.")
        self._number += 1
        self._plan, self._began = plan, begin()
        self._done, self._timeline, self._users, self._share = 0, Timeline(), {}, GeneratorShare(self._began)
        self._waiting = deque(plan.parts)
        self._stage = {"host": host, "socket": socket_url}
        at = datetime.fromtimestamp(self._began, UTC).isoformat(timespec="seconds")
        _log.info("%s: %s It begins at %s.", options.scenario, plan.sentence, at)
        gevent.spawn(self._watch, self._number, self._began + self._seconds + PATIENCE_SECONDS)

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
        self._share.note(who, *sent["cpu"])
        for fact in sent["facts"]:
            try:
                self._note(fact)
            except BrokenPromise as broken:
                self._end_failed(f"A promise is broken: {broken}")
                return
            except Exception as fault:  # a fault of ours must neither hang the run nor pass for a class that held
                self._end_check_failed(fault)
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
        except Exception as fault:  # see `_take`
            self._end_check_failed(fault)
        else:
            _log.info("All promises held: %s", sentence)
            # Answers that said "again" are in locust's table of failures; the verdict is about what came in the end
            self._environment.process_exit_code = 0
            self._finish(sentence, held=True)

    def _end_check_failed(self, fault: Exception) -> None:
        _log.error("The check failed.", exc_info=fault)
        self._end_failed(f"The check itself failed: {fault!r}")

    def _end_failed(self, sentence: str) -> None:
        """Say it in the log and on the web page, make the exit code 1, and end the run."""
        _log.error(sentence)
        self._environment.process_exit_code = 1
        if self._environment.runner is not None:
            self._environment.runner.log_exception("lyceum", sentence, "")
        self._finish(sentence, held=False)

    def _finish(self, sentence: str, *, held: bool) -> None:
        plan, self._plan = self._plan, None
        runner = self._environment.runner
        try:
            if plan is not None:
                self._write(plan, sentence, held=held)
        except Exception:  # whatever it was, the run must end, and not as if all were well
            _log.exception("The results could not be written.")
            self._environment.process_exit_code = 1
        finally:
            if runner is not None:
                gevent.spawn(runner.quit if self._environment.web_ui is None else runner.stop)

    def _write(self, plan: Plan, sentence: str, *, held: bool) -> None:
        options = self._environment.parsed_options
        if options is not None and options.results:
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
                self._share.shares(),
            )
            _log.info("The results are in %s.", write_results(outcome, Path(options.results)))


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
        runner.register_message(WANT, run.on_want)
    if isinstance(runner, WorkerRunner | LocalRunner):
        runner.register_message(_PART, process.on_part)
    return process


def _users_of(options: Any) -> int:
    return int(options.num_users or 1)


def _arrival_seconds(options: Any, users: int) -> float:
    return users / float(options.spawn_rate or 100) + _COMING_SECONDS


def _once(find: Callable[[], float]) -> Callable[[], float]:
    """`find`, asked at the first call; the same answer at every further one."""
    found: list[float] = []

    def ask() -> float:
        if not found:
            found.append(find())
        return found[0]

    return ask


def _moment(start_at: str, start_in: float) -> float:
    """Seconds since 1970 of the start: the RFC 3339 moment if there is one, otherwise so many seconds from now."""
    if not start_at:
        return now() + start_in
    moment = datetime.fromisoformat(start_at)
    if moment.tzinfo is None:
        raise CannotStart(f"START_AT needs a time zone, for example {moment.isoformat()}Z.")
    if moment.timestamp() <= now():
        raise CannotStart(f"START_AT, {start_at}, is over.")
    return moment.timestamp()
