"""Whether a class is over, and what is said to those who still want something of it."""

from classroom.live.state import LiveClass, Status
from classroom.refusals import AlreadyEnded, ClassCancelled, Refusal
from classroom.times import Moment


def over(state: LiveClass, now: Moment) -> Refusal | None:
    """None while the class is to come or goes on; otherwise how it was over. A class whose time is up is over at once."""
    if state.status is Status.ENDED or state.is_past_its_end(now):
        return AlreadyEnded()
    return ClassCancelled() if state.status is Status.CANCELLED else None
