"""Ids for new things: UUIDs of version 7, so that rows made later sort later."""

import secrets
import time

from classroom.ids import uuid7

FIRST_ID, LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Before and after every id, as pages begin without a cursor."""
_MILLISECOND = 1_000_000


def new_id() -> str:
    """A UUIDv7 as text: the time to a quarter of a microsecond (RFC 9562, section 6.2, method 3), then 62 random bits."""
    ms, ns = divmod(time.time_ns(), _MILLISECOND)
    return uuid7(ms, (ns << 12) // _MILLISECOND << 62 | secrets.randbits(62))
