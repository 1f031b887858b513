"""Access tokens: short signed statements of who somebody is (JWT, RFC 7519, HS256)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import jwt
import msgspec

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
        # By hand, because a stampede brings thousands of tokens that were never seen: a tenth of the time of a library that
        # must allow for every kind of token. Ours have one header, so any other (another algorithm, none) is not ours.
        try:
            said = token.encode("ascii")
            signed, _, signature = said.rpartition(b".")
            header, _, payload = signed.partition(b".")
            if header != _HEADER or not hmac.compare_digest(self._sign(signed), signature):
                return None
            body = _read_body(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
            if body.typ != "access":
                return None
            caller = Caller(UserId(body.sub), body.name, Role(body.role))
            return Claims(caller, Moment(body.exp * SECOND), body.fam)
        except ValueError:  # also what msgspec and base64 raise
            return None

    def _sign(self, signed: bytes) -> bytes:
        return urlsafe_b64encode(hmac.digest(self._key.encode(), signed, "sha256")).rstrip(b"=")


class _Body(msgspec.Struct):
    sub: str
    name: str
    role: str
    fam: str
    exp: int
    typ: str


_read_body = msgspec.json.Decoder(_Body).decode
_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
