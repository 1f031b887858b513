"""Which request a command comes from: noted at the edge, carried in its envelope, named by the logs of hosts."""

from collections.abc import Sequence
from contextvars import ContextVar

from actors.envelopes import Envelope

NAMED = 10

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The correlation id of the request that this task works on; None outside of requests."""


def about(envelopes: Sequence[Envelope]) -> dict[str, object]:
    """What a line of the log says of these: the request and the command of one, the requests of the first ten of many."""
    if len(envelopes) == 1:
        return {"request_id": envelopes[0].request_id, "command_id": envelopes[0].command_id}
    named = (each.request_id for each in envelopes if each.request_id is not None)
    return {"request_ids": [request_id for request_id, _ in zip(named, range(NAMED), strict=False)]}
