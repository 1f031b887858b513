"""Addresses that carry their permission: they may be given to a browser, and say to what and until when they are good."""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

from classroom.refusals import Refusal
from classroom.times import SECOND, Moment
from serve_app.composition import EdgeConfig
from serve_app.content_reasons import BadLink, LinkExpired
from serve_app.sealing import derived_key

Part = Literal["source", "poster", "hls"]
Pass = TypeVar("Pass")
_UPLOAD = re.compile(r"/api/uploads/([0-9a-f-]{36})")
_MEDIA = re.compile(r"/api/media/([0-9a-f-]{36})(?:/(poster)|/hls/([0-9]{1,12})-([A-Za-z0-9_-]{43})/.+)?")
PASSES = ("/api/uploads/", "/api/media/")
"""What the paths of these addresses begin with."""
_LONGEST = 4_000


@dataclass(frozen=True)
class UploadPass:
    """Lets one file in: with this type and this size, until this second since 1970."""

    media_id: str
    content_type: str
    size: int
    until: int


@dataclass(frozen=True)
class MediaPass:
    """Lets one file, its poster, or everything of its renditions out, until this second since 1970."""

    media_id: str
    part: Part
    until: int


class Signer:
    """Makes and checks the addresses. Paths begin with `/api`."""

    def __init__(self, secret_key: str) -> None:
        self._key = derived_key(secret_key, b"addresses of files")

    def upload_path(self, given: UploadPass) -> str:
        """Where the file may be put."""
        query = {"type": given.content_type, "size": given.size, "expires": given.until, "signature": self._of_upload(given)}
        return f"/api/uploads/{given.media_id}?{urlencode(query)}"

    def media_path(self, given: MediaPass, name: str = "") -> str:
        """Where the file may be read. `name` is the one that is begun with, of renditions."""
        signature = self._of_media(given)
        if given.part == "hls":
            return f"/api/media/{given.media_id}/hls/{given.until}-{signature}/{name}"
        poster = "/poster" if given.part == "poster" else ""
        return f"/api/media/{given.media_id}{poster}?{urlencode({'expires': given.until, 'signature': signature})}"

    def open_upload(self, path: str, query: str, now: Moment) -> UploadPass | Refusal:
        """What this address lets in."""
        found, said = _UPLOAD.fullmatch(path), _read(query)
        if found is None or not _number(said.get("size")) or not _number(said.get("expires")):
            return BadLink()
        given = UploadPass(found[1], said.get("type", ""), int(said["size"]), int(said["expires"]))
        return _judge(given, given.until, self._of_upload(given), said.get("signature", ""), now)

    def open_media(self, path: str, query: str, now: Moment) -> MediaPass | Refusal:
        """What this address lets out."""
        found, said = _MEDIA.fullmatch(path), _read(query)
        if found is None:
            return BadLink()
        media_id, poster, until, signature = found.groups()
        if until is None:
            until, signature = said.get("expires", ""), said.get("signature", "")
        if not _number(until):
            return BadLink()
        given = MediaPass(media_id, "poster" if poster else "hls" if found[3] else "source", int(until))
        return _judge(given, given.until, self._of_media(given), signature, now)

    def is_good(self, method: str, path: str, query: str, now: Moment) -> bool:
        """Whether a request carries permission for exactly what it asks: it then needs no other limit."""
        if method == "PUT":
            return isinstance(self.open_upload(path, query, now), UploadPass)
        return method in ("GET", "HEAD") and isinstance(self.open_media(path, query, now), MediaPass)

    def _of_upload(self, given: UploadPass) -> str:
        return self._sign("put", given.media_id, given.content_type, str(given.size), str(given.until))

    def _of_media(self, given: MediaPass) -> str:
        return self._sign("get", given.media_id, given.part, str(given.until))

    def _sign(self, *said: str) -> str:
        return urlsafe_b64encode(hmac.digest(self._key, "\n".join(said).encode(), "sha256")).rstrip(b"=").decode()


@cache
def _signer(secret_key: str) -> Signer:
    return Signer(secret_key)


def signer_of(config: EdgeConfig) -> Signer:
    """The signer of this edge."""
    return _signer(config.secret_key)


def _read(query: str) -> dict[str, str]:
    """The query, if it is not too long and says nothing twice."""
    if len(query) > _LONGEST:
        return {}
    pairs = parse_qsl(query, keep_blank_values=True)
    return dict(pairs) if len(dict(pairs)) == len(pairs) else {}


def _number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit() and len(text) <= 15


def _judge(given: Pass, until: int, right: str, signature: str, now: Moment) -> Pass | Refusal:
    if not hmac.compare_digest(right.encode(), signature.encode()):
        return BadLink()
    return given if now < until * SECOND else LinkExpired()
