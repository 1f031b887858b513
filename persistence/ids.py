"""Ids for new things: UUIDs of version 7, so that rows made later sort later."""

import secrets
import time

from classroom.ids import uuid7


def new_id() -> str:
    """A UUIDv7 of this millisecond with 74 random bits, as text."""
    return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))
