"""Why a socket is closed: one named value a reason. The range of the code tells the client what to do."""

from dataclasses import dataclass

_REASON_BYTES = 123  # what RFC 6455 leaves for the reason in a control frame


@dataclass(frozen=True)
class Close:
    """A close code and its stable name. 4000-4499: come back; 4500-4999: stay away."""

    code: int
    name: str

    def reason(self, detail: str = "") -> bytes:
        """What goes into the close frame: the name, and after a colon what was wrong."""
        text = f"{self.name}: {detail}" if detail else self.name
        return text.encode()[:_REASON_BYTES].decode(errors="ignore").encode()


NORMAL = Close(1000, "normal")
GOING_AWAY = Close(1001, "going_away")
PROTOCOL_ERROR = Close(1002, "protocol_error")
ABNORMAL = Close(1006, "connection_lost")  # never sent: what is logged when a peer vanishes
INVALID_TEXT = Close(1007, "invalid_text")
TOO_BIG = Close(1009, "too_big")
FAULT = Close(1011, "internal_error")
RESTART = Close(1012, "restart")

SLOW_CONSUMER = Close(4000, "slow_consumer")
RESYNC = Close(4001, "resync")
MOVED = Close(4002, "moved")
SILENT = Close(4003, "silent")

UNAUTHENTICATED = Close(4500, "unauthenticated")
FORBIDDEN = Close(4501, "forbidden")
REMOVED = Close(4502, "removed")
ENDED = Close(4503, "ended")
REPLACED = Close(4504, "replaced")
MALFORMED = Close(4505, "malformed")
FLOODED = Close(4506, "flooded")

_BY_CODE = {
    close.code: close
    for close in (
        NORMAL,
        GOING_AWAY,
        PROTOCOL_ERROR,
        ABNORMAL,
        INVALID_TEXT,
        TOO_BIG,
        FAULT,
        RESTART,
        SLOW_CONSUMER,
        RESYNC,
        MOVED,
        SILENT,
        UNAUTHENTICATED,
        FORBIDDEN,
        REMOVED,
        ENDED,
        REPLACED,
        MALFORMED,
        FLOODED,
    )
}


def close_for(code: int) -> Close:
    """The named close of `code`; a code without a name here (a peer's own choice) is called `other`."""
    return _BY_CODE.get(code) or Close(code, "other")
