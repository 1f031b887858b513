"""What clients asked and heard, in the order in which it happened: the material of the checker."""

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Operation:
    """One thing somebody asked for. `invoked` and `returned` are places in one order of all invocations and returns;
    without `returned` nobody knows the outcome: it may have happened at any later time, or never."""

    session: str
    person: str
    ask: tuple[Hashable, ...]
    invoked: int
    at: float
    returned: int | None = None
    answered_at: float | None = None
    answer: Hashable = None
    repeated: bool = True
    """Whether it may have been sent more than once."""

    def __str__(self) -> str:
        heard = "?" if self.returned is None else self.answer
        return f"[{self.invoked}..{'' if self.returned is None else self.returned}] {self.person} {self.ask} -> {heard}"


@dataclass
class History:
    """Grows while clients work; one event loop writes it."""

    operations: list[Operation] = field(default_factory=list)
    _moment: int = 0

    def invoke(self, session: str, person: str, ask: tuple[Hashable, ...], at: float, repeated: bool = True) -> Operation:
        """Somebody asks now. Who knows better than `repeated` sets it later."""
        self._moment += 1
        operation = Operation(session, person, ask, self._moment, at, repeated=repeated)
        self.operations.append(operation)
        return operation

    def hear(self, operation: Operation, answer: Hashable, at: float) -> None:
        """The answer is there now."""
        self._moment += 1
        operation.returned, operation.answered_at, operation.answer = self._moment, at, answer

    def moment(self) -> int:
        """Now, in the order of all invocations and returns."""
        self._moment += 1
        return self._moment

    def note(self, session: str, person: str, ask: tuple[Hashable, ...], since: int, answer: Hashable, at: float) -> None:
        """Something that nobody asked for has happened, between the moment `since` and now."""
        operation = Operation(session, person, ask, since, at, repeated=False)
        self.operations.append(operation)
        self.hear(operation, answer, at)

    def by_session(self) -> dict[str, list[Operation]]:
        """Classes know nothing of each other, so each is checked for itself (linearizability is local)."""
        parts: dict[str, list[Operation]] = {}
        for operation in self.operations:
            parts.setdefault(operation.session, []).append(operation)
        return parts
