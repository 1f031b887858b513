"""One locust run: students dealt to the load processes, a common start time, and a verdict on the promises at the end."""

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import gevent
import requests
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.answers import DoorAnswer
from loadtests.prepared import PreparedClass, Student, read_prepared
from loadtests.promises import BrokenPromise, Tally

_DEAL = "lyceum-deal"
_REPORT = "lyceum-answers"
_log = logging.getLogger("lyceum.load")


class CannotStart(ValueError):
    """The run's options do not fit; the text is one sentence."""


class Deal:
    """What one load process was given: its students, the class and the moment at which they all ask."""

    def __init__(self, session_id: str, socket_url: str, start_at: float, students: list[tuple[str, str]]) -> None:
        self.session_id = session_id
        self.socket_url = socket_url
        self.start_at = start_at
        self._students = deque(Student(*each) for each in students)
        self.answers: list[tuple[Any, ...]] = []

    def next_student(self) -> Student | None:
        """A student that nobody plays yet; None when all have their player."""
        return self._students.popleft() if self._students else None

    def note(self, student: Student, answer: DoorAnswer) -> None:
        """Hand an answer in; it reaches the tally of the run at once, or with the next report to the master."""
        self.answers.append((student.id, *astuple(answer)))


class DoorRun:
    """The run as its master (or only process) sees it, and the hooks of its workers."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.deal: Deal | None = None
        self._tally: Tally | None = None
        self._expected = 0
        self._answered = 0
        self._started = 0
        events, runner = environment.events, environment.runner
        events.test_stop.add_listener(self._on_stop)
        if isinstance(runner, WorkerRunner):
            runner.register_message(_DEAL, self._on_deal)
            events.report_to_master.add_listener(self._on_report_to_master)
        else:
            events.test_start.add_listener(self._on_start)
            events.worker_report.add_listener(self._on_worker_report)

    def wait_for_deal(self, timeout_seconds: float = 30) -> Deal:
        """This process's share of the run. Raises CannotStart when the master sends none."""
        deadline = time.monotonic() + timeout_seconds
        while self.deal is None:
            if time.monotonic() > deadline:
                raise CannotStart("No students came from the master.")
            gevent.sleep(0.05)
        return self.deal

    # Master, or the only process
    def _on_start(self, environment: Environment, **_: Any) -> None:
        try:
            self._start(environment)
        except (CannotStart, OSError, ValueError, requests.RequestException) as fault:
            self._fail(f"The run cannot start: {fault}")

    def _start(self, environment: Environment) -> None:
        options = environment.parsed_options
        if options is None or not options.prepared:
            raise CannotStart("name the file that `lyceum loadtest prepare` printed with --prepared.")
        prepared = read_prepared(Path(options.prepared).read_text())
        host = environment.host or ""
        class_now = _get(f"{host}/api/live-sessions/{prepared.session_id}", prepared.instructor_token)
        socket_url = str(_get(f"{host}/api/realtime", None)["url"])
        self._tally = Tally(int(class_now["maxStudents"]))
        wanted = environment.runner.target_user_count if environment.runner else 0
        self._expected, self._answered = min(wanted or len(prepared.students), len(prepared.students)), 0
        start_at = _moment(options.start_at, options.start_in)
        self._give_out(prepared, socket_url, start_at)
        self._started += 1
        gevent.spawn(self._watch, self._started)
        seats = self._tally.capacity
        at = datetime.fromtimestamp(start_at, UTC).isoformat(timespec="seconds")
        _log.info("%d students will ask for %d seats at %s over %s.", self._expected, seats, at, options.scenario)

    def _give_out(self, prepared: PreparedClass, socket_url: str, start_at: float) -> None:
        runner = self.environment.runner
        students = [(each.id, each.token) for each in prepared.students[: self._expected]]
        if isinstance(runner, MasterRunner):
            workers = [client.id for client in runner.clients.ready] or list(runner.clients)
            for number, worker in enumerate(workers):
                share = students[number :: len(workers)]
                message = {"session": prepared.session_id, "url": socket_url, "at": start_at, "students": share}
                runner.send_message(_DEAL, message, worker)
        else:
            self.deal = Deal(prepared.session_id, socket_url, start_at, students)

    def _watch(self, run: int) -> None:
        """Take answers in until everybody has one, then end the run."""
        while self._started == run and self._answered < self._expected:
            if isinstance(self.environment.runner, LocalRunner) and self.deal is not None:
                answers, self.deal.answers = self.deal.answers, []
                self._take(answers)
            gevent.sleep(0.1)
        if self._started == run and self.environment.runner is not None:
            gevent.sleep(1)  # let locust's own statistics of the last second arrive
            self._end()

    def _take(self, answers: list[tuple[Any, ...]]) -> None:
        if self._tally is None:
            return
        for student_id, outcome, number, reason, retry in answers:
            self._answered += 1
            try:
                self._tally.note(student_id, DoorAnswer(outcome, number, reason, retry))
            except BrokenPromise as broken:
                self._fail(f"A promise is broken: {broken}")

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        self._take(data.pop(_REPORT, []))

    def _on_stop(self, **_: Any) -> None:
        tally, self._tally = self._tally, None
        self._started += 1
        if tally is None:
            return
        try:
            tally.close(self._expected)
        except BrokenPromise as broken:
            self._fail(f"A promise is broken: {broken}")
        else:
            _log.info(
                "All promises held: %d seated, %d waiting, seats and places without a hole.", tally.seated, tally.waiting
            )

    def _fail(self, sentence: str) -> None:
        """Say it in the log and on the web page, make the exit code 1, and end the run."""
        _log.error(sentence)
        self.environment.process_exit_code = 1
        runner = self.environment.runner
        if runner is not None:
            runner.log_exception("lyceum", sentence, "")
            self._tally = None
            gevent.spawn(self._end)

    def _end(self) -> None:
        """Stop the users; without a web page to show it on, end the process."""
        runner = self.environment.runner
        if runner is None:
            return
        if self.environment.web_ui is None:
            runner.quit()
        else:
            runner.stop()

    # Worker
    def _on_deal(self, msg: Any, **_: Any) -> None:
        given = msg.data
        self.deal = Deal(
            given["session"], given["url"], given["at"], [(student, token) for student, token in given["students"]]
        )

    def _on_report_to_master(self, data: dict[str, Any], **_: Any) -> None:
        if self.deal is not None:
            data[_REPORT], self.deal.answers = self.deal.answers, []


def _get(url: str, token: str | None) -> Mapping[str, Any]:
    if not urlsplit(url).netloc:
        raise CannotStart("say where Lyceum answers with --host http://127.0.0.1:8000.")
    response = requests.get(url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=10)
    if response.status_code != 200:
        raise CannotStart(f"GET {urlsplit(url).path} answered {response.status_code}.")
    return cast(Mapping[str, Any], response.json())


def _moment(start_at: str, start_in: float) -> float:
    """Seconds since 1970 of the start: the RFC 3339 moment if there is one, otherwise so many seconds from now."""
    if not start_at:
        return time.time() + start_in
    moment = datetime.fromisoformat(start_at)
    if moment.tzinfo is None:
        raise CannotStart(f"START_AT needs a time zone, for example {moment.isoformat()}Z.")
    return moment.timestamp()
