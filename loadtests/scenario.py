"""What a scenario is: what it needs, how its people are dealt out, what each of them does, and what must hold at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from loadtests.person import Person
from loadtests.prepared import PreparedClass
from loadtests.stage import Fact

PATIENCE_SECONDS = 120
"""How long after the last thing was due everybody must be done."""
Part = dict[str, Any]
"""What one person is to do, as JSON: it travels to a load process."""


class CannotStart(ValueError):
    """The run's options do not fit; the text is one sentence."""


@dataclass(frozen=True)
class Needs:
    """What `lyceum loadtest prepare` is asked for: so many classes, each with so many students and seats."""

    students: int
    capacity: int
    classes: int = 1


@dataclass(frozen=True)
class Site:
    """The running system as the master asks it, before the start and after the end."""

    host: str

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, key: str | None = None) -> Any:
        """The JSON of an answer that must be good. Raises CannotStart."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        response = requests.request(method, self.host + path, headers=headers, json=body, timeout=30)
        if not response.ok:
            raise CannotStart(f"{method} {path} answered {response.status_code}: {response.text[:300]}")
        return response.json()


@dataclass(frozen=True)
class Setting:
    """A run before it starts. `begin()` is the moment (seconds since 1970) at which it will; it is fixed by the first call,
    so a plan asks when all that it needs has been made. `seconds` is how long the people are busy, `clocks_apart` by how
    many seconds the clocks of the load processes may differ."""

    prepared: PreparedClass
    users: int
    begin: Callable[[], float]
    seconds: float
    over: str
    site: Site
    clocks_apart: float = 0.0


class Verdict(Protocol):
    """Takes in what people saw. Both raise BrokenPromise."""

    def note(self, fact: Fact) -> None:
        """One fact, in the order in which a person told theirs."""
        ...

    def close(self) -> str:
        """All have told all: a sentence that says what held."""
        ...


@dataclass(frozen=True)
class Plan:
    """Whom to play, and what must hold."""

    parts: list[Part]
    verdict: Verdict
    sentence: str
    """What is about to happen, for the log."""


@dataclass(frozen=True)
class Scenario:
    """One kind of load. `headline` are the requests whose waits the plots show."""

    name: str
    says: str
    seconds: float
    headline: frozenset[str]
    needs: Callable[[int], Needs]
    plan: Callable[[Setting], Plan]
    play: Callable[[Person, Part], None]
