"""One load process: parts that come for its users, facts and figures that go to the master."""

import time
from itertools import count
from typing import Any

from gevent import Timeout
from gevent.event import AsyncResult
from locust.env import Environment

from loadtests.scenario import CannotStart, Part
from loadtests.stage import Fact, Stage, now
from loadtests.timeline import Timeline

WANT = "lyceum-want"
_DEAL_SECONDS = 60


class LoadProcess:
    """Asks the master for parts, keeps what its people tell until it is sent."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._numbers = count(1)
        self._wanted: dict[int, AsyncResult[dict[str, Any]]] = {}
        self._facts: list[Fact] = []
        self._timeline = Timeline()
        self._run = 0
        environment.events.request.add_listener(self._on_request)

    def next_part(self) -> tuple[Part, Stage] | None:
        """A part that nobody plays yet, and where it is played; None when all have their player. Raises CannotStart."""
        runner = self._environment.runner
        assert runner is not None
        number = next(self._numbers)
        answer: AsyncResult[dict[str, Any]] = AsyncResult()
        self._wanted[number] = answer
        try:
            runner.send_message(WANT, {"want": number})
            given = answer.get(timeout=_DEAL_SECONDS)
        except Timeout:
            raise CannotStart("No part came from the master.") from None
        finally:
            del self._wanted[number]
        assert given is not None
        if given["run"] != self._run:
            self._run = given["run"]
            self._facts = []
        if given["part"] is None:
            return None
        return given["part"], Stage(given["host"], given["socket"], self._facts.append, self._measure)

    def on_part(self, msg: Any, **_: Any) -> None:
        """The master deals. Who asked and has gone meanwhile ("Stop") takes no part."""
        waiting = self._wanted.get(msg.data["want"])
        if waiting is not None:
            waiting.set(msg.data)

    def take(self) -> dict[str, Any]:
        """What was seen and measured since the last call, to be sent; and how much processor was used so far."""
        facts, self._facts[:] = list(self._facts), []
        cpu = [now(), time.process_time()]
        return {"run": self._run, "facts": facts, "timeline": self._timeline.take(), "cpu": cpu}

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
