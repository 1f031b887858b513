"""Tokens for a LiveKit server that carries the video in our place."""

from dataclasses import dataclass, field

import jwt

from classroom.callers import Caller
from classroom.ids import SessionId
from classroom.times import SECOND, Moment

TOKEN_SECONDS = 600
"""For connecting; LiveKit renews the token of who is connected."""


@dataclass(frozen=True)
class Livekit:
    """Where the server is (`wss://…`), and the key that it knows."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)

    def token(self, caller: Caller, session_id: SessionId, may_publish: bool, now: Moment) -> str:
        """A token for the room of a class, signed with HS256 (docs.livekit.io, "Authentication": the claims and the video
        grant)."""
        seconds = now // SECOND
        claims = {
            "iss": self.api_key,
            "sub": caller.user_id,
            "name": caller.name,
            "nbf": seconds - 10,
            "exp": seconds + TOKEN_SECONDS,
            "video": {
                "room": session_id,
                "roomJoin": True,
                "canSubscribe": True,
                "canPublish": may_publish,
                "canPublishData": False,
            },
        }
        return jwt.encode(claims, self.api_secret, algorithm="HS256")
