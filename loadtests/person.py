"""A person in a load process: asks over REST and opens tabs; every request is measured from when it was due."""

import random
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import gevent
import msgspec

from loadtests.answers import DoorAnswer, answer_of_reply, answer_of_response
from loadtests.crowd import pauses
from loadtests.promises import BrokenPromise
from loadtests.stage import Stage, now
from loadtests.tab import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE_SECONDS, Tab
from loadtests.topic_watch import TopicWatch

if TYPE_CHECKING:  # locust patches the standard library for gevent in whatever process imports it
    from locust.contrib.fasthttp import FastHttpSession


class Person:
    """One person with an access token. What they see goes to the verdict with `tell`."""

    def __init__(
        self, stage: Stage, client: "FastHttpSession", token: str, on_fault: Callable[[BrokenPromise], None]
    ) -> None:
        self.stage = stage
        self._client = client
        self._token = token
        self._on_fault = on_fault
        self._tabs: list[Tab] = []
        self.chance = random.Random()

    def tell(self, *fact: Any) -> None:
        """Something that was seen, for the verdict of the run."""
        self.stage.tell(list(fact))

    def tell_marks(self, watch: TopicWatch) -> None:
        """What was seen of a topic, to be compared with what others saw; and how it was had again after cuts."""
        self.tell("marks", watch.topic, list(watch.marks), list(watch.marks.values()), watch.resumed, watch.snapshots)

    def new_tab(self) -> Tab:
        """A tab that is not open yet; it is closed when the person goes."""
        tab = Tab(self.stage, self._token, self._on_fault)
        self._tabs.append(tab)
        return tab

    def go(self) -> None:
        """Close all tabs."""
        for tab in self._tabs:
            tab.close()
        self._tabs.clear()

    def wait_for(self, moment: float) -> None:
        """Do nothing until then."""
        gevent.sleep(max(0.0, moment - now()))

    def get(self, path: str, label: str, due: float | None = None) -> Any:
        """The JSON of a GET that must succeed. Raises BrokenPromise."""
        return msgspec.json.decode(self.ask("GET", path, label, due)[1])

    def ask(
        self,
        method: str,
        path: str,
        label: str,
        due: float | None = None,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        expected: Collection[int] = (200,),
    ) -> tuple[int, bytes]:
        """Status and body. No answer, or one that says "again", is asked for again with the same key; any other status
        than the expected breaks a promise."""
        due = due or now()
        deadline = max(due, now()) + PATIENCE_SECONDS
        headers = {"Authorization": f"Bearer {self._token}"}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid4())
        for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
            with self._client.request(method, path, name=label, headers=headers, json=body, catch_response=True) as response:
                status, said = response.status_code, response.content or b""
                response.request_meta["response_time"] = (now() - due) * 1000
                again = status == 0 or (status not in expected and _says_again(status, said))
                if status in expected:
                    response.success()
                else:
                    response.failure(f"{status} {said[:200].decode(errors='replace')}")
            if not again:
                break
            if now() > deadline:
                raise BrokenPromise(f"{method} {label} had no answer within {PATIENCE_SECONDS} s.")
            gevent.sleep(pause)
        if status not in expected:
            raise BrokenPromise(f"{method} {path} answered {status}: {said[:300].decode(errors='replace')}")
        return status, said

    def join_over_rest(self, session_id: str, command_id: str, due: float | None = None) -> DoorAnswer:
        """What the door says over REST, seat, place or refusal."""
        path = f"/api/live-sessions/{session_id}/join"
        return answer_of_response(
            *self.ask("POST", path, "join over REST", due, {}, command_id, expected=(200, 202, 403, 409, 410))
        )

    def join_over_socket(
        self, tab: Tab, session_id: str, command_id: str, due: float | None = None, label: str = "join over the socket"
    ) -> DoorAnswer:
        """What the door says over a tab's socket, seat, place or refusal."""
        return answer_of_reply(tab.command("session.join", {"sessionId": session_id}, command_id, due, label))


def _says_again(status: int, body: bytes) -> bool:
    return status in (429, 500, 502, 503, 504) and answer_of_response(status, body).retry
