"""Access tokens: short signed statements of who somebody is (JWT, RFC 7519, HS256)."""

from dataclasses import dataclass

import jwt

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import SECOND, Moment

_ALGORITHM = "HS256"
_REMEMBERED = 20_000


@dataclass(frozen=True)
class Claims:
    """What a checked token says: who, until when, and which sign-in (refresh family) it came from."""

    caller: Caller
    expires_at: Moment
    family: str


class AccessTokens:
    """Makes and checks access tokens with one shared key.

    Checked tokens are remembered until they expire (at most 20,000), so that a class of clients that each send many
    requests costs one signature check a client.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key
        self._checked: dict[str, Claims] = {}

    def make(self, caller: Caller, now: Moment, lifetime_seconds: int, family: str) -> str:
        """A token for `caller`, good for `lifetime_seconds` from `now`."""
        seconds = now // SECOND
        return jwt.encode(
            {
                "sub": caller.user_id,
                "name": caller.name,
                "role": caller.role.value,
                "fam": family,
                "iat": seconds,
                "exp": seconds + lifetime_seconds,
                "typ": "access",
            },
            self._key,
            algorithm=_ALGORITHM,
        )

    def check(self, token: str, now: Moment) -> Claims | None:
        """What the token says, or None when it is not ours, was tampered with or has expired."""
        claims = self._checked.get(token)
        if claims is None:
            claims = self._decode(token)
            if claims is None:
                return None
            if len(self._checked) >= _REMEMBERED:
                self._checked.clear()
            self._checked[token] = claims
        if claims.expires_at <= now:
            self._checked.pop(token, None)
            return None
        return claims

    def _decode(self, token: str) -> Claims | None:
        try:
            body = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                options={"require": ["sub", "exp", "iat"], "verify_exp": False, "verify_iat": False},
            )
            if body.get("typ") != "access":
                return None
            caller = Caller(UserId(str(body["sub"])), str(body["name"]), Role(body["role"]))
            return Claims(caller, Moment(int(body["exp"]) * SECOND), str(body["fam"]))
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None
