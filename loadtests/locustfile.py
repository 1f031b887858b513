"""Locust: students wait outside a class and go for its seats at a given moment, over REST, over the socket, or both.

lyceum loadtest prepare --students 1500 --capacity 300 > class.json
python -m locust -f loadtests/locustfile.py --host http://127.0.0.1:8000 --prepared class.json [--headless]
"""

import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the locust command does not look where it was called

import gevent
import msgspec
import websocket
from locust import FastHttpUser, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser

from loadtests.answers import DoorAnswer, answer_of_reply, answer_of_response, read_frame
from loadtests.crowd import allow_many_connections, command_id, pauses
from loadtests.locust_run import Deal, DoorRun
from loadtests.prepared import Student, read_prepared
from loadtests.socket_client import SUBPROTOCOL

_ANSWER_SECONDS = 30
_runs: dict[Environment, DoorRun] = {}


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser, **_: Any) -> None:
    group = parser.add_argument_group("Lyceum")
    group.add_argument("--prepared", env_var="PREPARED", default="", help="File with what `lyceum loadtest prepare` printed")
    group.add_argument(
        "--scenario",
        env_var="SCENARIO",
        choices=("both", "socket", "rest"),
        default="both",
        help="How students ask for a seat",
    )
    group.add_argument("--start-at", env_var="START_AT", default="", help="When all ask (RFC 3339), instead of --start-in")
    group.add_argument("--start-in", env_var="START_IN", type=float, default=10, help="Seconds until all ask")


@events.init.add_listener
def _on_init(environment: Environment, **_: Any) -> None:
    allow_many_connections()
    _runs[environment] = DoorRun(environment)
    options = environment.parsed_options
    if options is not None and options.prepared and options.num_users is None:
        with suppress(OSError, ValueError):  # the start of the run reads it again, and says what is wrong with it
            options.num_users = len(read_prepared(Path(options.prepared).read_text()).students)
            options.spawn_rate = options.spawn_rate or 200


class StudentUser(FastHttpUser):
    """One student: opens the socket if there is one to open, waits for the moment, asks until answered, stays inside."""

    wait_time = constant(0)
    connection_timeout = network_timeout = _ANSWER_SECONDS

    def on_start(self) -> None:
        """Become a student."""
        self.socket: websocket.WebSocket | None = None
        self.deal: Deal = _runs[self.environment].wait_for_deal()
        student = self.deal.next_student()
        if student is None:
            raise StopUser
        self.student: Student = student
        scenario = self.environment.parsed_options.scenario
        self.over_socket = scenario == "socket" or (scenario == "both" and int(student.id.replace("-", ""), 16) % 2 == 0)
        if self.over_socket:
            self._insist_on_socket()

    def on_stop(self) -> None:
        """Hang up."""
        if self.socket is not None:
            self.socket.close(timeout=1)

    @task
    def come_to_class(self) -> None:
        """Ask for a seat at the start time and stay until the run ends."""
        gevent.sleep(max(0.0, self.deal.start_at - time.time()))
        for pause in pauses():
            answer = self._ask_socket() if self.over_socket else self._ask_rest()
            if answer is not None and not answer.retry:
                self.deal.note(self.student, answer)
                break
            gevent.sleep(pause)
        while True:
            self._stay()

    def _ask_rest(self) -> DoorAnswer | None:
        headers = {
            "Authorization": f"Bearer {self.student.token}",
            "Idempotency-Key": command_id(self.student, self.deal.session_id),
        }
        path = f"/api/live-sessions/{self.deal.session_id}/join"
        with self.client.post(path, json={}, headers=headers, name="join over REST", catch_response=True) as response:
            if response.status_code == 0:  # cut or no answer; locust has counted it
                return None
            answer = answer_of_response(response.status_code, response.content or b"")
            if answer.reason:
                response.failure(answer.reason)
            else:
                response.success()
            return answer

    def _ask_socket(self) -> DoorAnswer | None:
        started = time.perf_counter()
        try:
            if self.socket is None:
                self.socket = self._open_socket()
            answer = self._command(self.socket, command_id(self.student, self.deal.session_id))
        except (OSError, websocket.WebSocketException, msgspec.DecodeError) as fault:
            self.socket = None
            self._fire("join over the socket", started, fault)
            return None
        self._fire("join over the socket", started, RuntimeError(answer.reason) if answer.reason else None)
        return answer

    def _command(self, socket: websocket.WebSocket, command: str) -> DoorAnswer:
        body = {"type": "command", "id": command, "name": "session.join", "args": {"sessionId": self.deal.session_id}}
        socket.send(msgspec.json.encode(body).decode())
        while True:
            frame = read_frame(_read(socket))
            if frame.type == "reply" and frame.id == command:
                return answer_of_reply(frame)

    def _insist_on_socket(self) -> None:
        for pause in pauses():
            started = time.perf_counter()
            try:
                self.socket = self._open_socket()
            except (OSError, websocket.WebSocketException) as fault:
                self._fire("hello", started, fault)
                gevent.sleep(pause)
            else:
                self._fire("hello", started, None)
                return

    def _open_socket(self) -> websocket.WebSocket:
        url = self.deal.socket_url
        socket: websocket.WebSocket = websocket.create_connection(url, timeout=_ANSWER_SECONDS, subprotocols=[SUBPROTOCOL])
        socket.send(msgspec.json.encode({"type": "hello", "token": self.student.token}).decode())
        _read(socket)
        return socket

    def _stay(self) -> None:
        """Answer the gateway's pings; a cut is mended, as a browser would."""
        if self.socket is None:
            gevent.sleep(60)
            return
        try:
            self.socket.settimeout(60)
            _read(self.socket)
        except websocket.WebSocketTimeoutException:
            return
        except (OSError, websocket.WebSocketException) as fault:
            self._fire("stay inside", time.perf_counter(), fault)
            gevent.sleep(random.uniform(0, 1))
            self._insist_on_socket()

    def _fire(self, name: str, started: float, fault: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=(time.perf_counter() - started) * 1000,
            response_length=0,
            exception=fault,
            context={},
        )


def _read(socket: websocket.WebSocket) -> bytes:
    said = socket.recv()
    if not said:
        raise websocket.WebSocketConnectionClosedException("The socket was closed.")
    return said.encode() if isinstance(said, str) else said
