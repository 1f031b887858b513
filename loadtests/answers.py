"""What the door says: the join's result as it stands on the wire (contract sections 4 and 5), REST and socket alike."""

from dataclasses import dataclass
from typing import Any

import msgspec

SEATED = "seated"
WAITLISTED = "waitlisted"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DoorAnswer:
    """One answer. `number` is the seat's number or the place in the waitlist, 0 when refused; `reason` is the errorCode
    of a refusal; `retry` says that nothing was decided and the same command may be sent again."""

    outcome: str
    number: int
    reason: str = ""
    retry: bool = False


class _Seat(msgspec.Struct):
    number: int


class _Result(msgspec.Struct):
    outcome: str = ""
    seat: _Seat | None = None
    position: int | None = None


class _Error(msgspec.Struct, rename="camel"):
    error_code: str
    retry: bool = False


class _Details(msgspec.Struct):
    retry: bool = False


class _Problem(msgspec.Struct, rename="camel"):
    error_code: str
    details: _Details


class _Event(msgspec.Struct):
    offset: int
    type: str
    data: Any = None


class Frame(msgspec.Struct, rename="camel"):
    """Any frame the server sends; what a kind of frame does not have stays None."""

    type: str
    id: str | None = None
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None
    topic: str | None = None
    epoch: int = 0
    offset: int = 0
    recovered: bool = False
    snapshot: Any = None
    events: list[_Event] | None = None


_frame = msgspec.json.Decoder(Frame)
_result = msgspec.json.Decoder(_Result | None)
_problem = msgspec.json.Decoder(_Problem)


def read_frame(payload: bytes | memoryview) -> Frame:
    """The frame in `payload`. Raises msgspec.ValidationError or DecodeError when the server broke the contract."""
    return _frame.decode(payload)


def answer_of_reply(frame: Frame) -> DoorAnswer:
    """What a `reply` to `session.join` says."""
    if frame.ok:
        return answer_of_result(frame.result)
    if frame.error is None:
        raise ValueError("A refusing reply without an error.")
    return DoorAnswer(REFUSED, 0, frame.error.error_code, frame.error.retry)


def answer_of_result(body: bytes | msgspec.Raw) -> DoorAnswer:
    """What the result of a join says. Raises ValueError when seat or place is missing."""
    result = _result.decode(body) or _Result()
    if result.outcome == SEATED and result.seat is not None:
        return DoorAnswer(SEATED, result.seat.number)
    if result.outcome == WAITLISTED and result.position is not None:
        return DoorAnswer(WAITLISTED, result.position)
    raise ValueError(f"A join's result without its seat or place: {bytes(body)[:200]!r}")


def answer_of_response(status: int, body: bytes) -> DoorAnswer:
    """What an HTTP response to a join says; 429, 502, 503, 504 and `details.retry` ask to come back."""
    if status in (200, 202):
        return answer_of_result(body)
    again = status in (429, 502, 503, 504)
    try:
        problem = _problem.decode(body)
    except msgspec.DecodeError:  # a proxy's own page: not a problem document
        return DoorAnswer(REFUSED, 0, f"http_{status}", again)
    return DoorAnswer(REFUSED, 0, problem.error_code, again or problem.details.retry)
