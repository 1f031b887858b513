"""STUN and TURN servers for browsers: read from a setting, written as `Link` headers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST = 20
_URL = re.compile(r"(stuns?|turns?):[A-Za-z0-9.\-\[\]:%]{1,255}(\?transport=(udp|tcp))?")
_WORD = re.compile(r"[ -~]{1,512}")


@dataclass(frozen=True)
class IceServer:
    """One server, as browsers take it (W3C WebRTC, RTCIceServer). `credential` is for whoever may watch, and no others."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)

    def described(self) -> dict[str, object]:
        """JSON-ready, without what it does not have."""
        words = {"username": self.username, "credential": self.credential} if self.username else {}
        return {"urls": list(self.urls), **words}

    def links(self) -> list[str]:
        """A `Link` header a URL (RFC 9725, section 4.6)."""
        words = ""
        if self.username:
            words = f'; username={_quoted(self.username)}; credential={_quoted(self.credential)}; credential-type="password"'
        return [f'<{url}>; rel="ice-server"{words}' for url in self.urls]


def read_ice_servers(text: str) -> tuple[IceServer, ...]:
    """Servers from `stun:a.example,stun:b.example`, or from JSON as browsers take it. Raises ValueError with a sentence."""
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"is not JSON: {error.msg}") from error
    else:
        items = [{"urls": part.strip()} for part in text.split(",") if part.strip()]
    if len(items) > MOST:
        raise ValueError(f"names more than {MOST} servers")
    return tuple(map(_server, items))


def _server(item: object) -> IceServer:
    if not isinstance(item, Mapping):
        raise ValueError('must be a list of {"urls": …, "username": …, "credential": …}')
    said = item.get("urls")
    urls = [said] if isinstance(said, str) else said
    if not isinstance(urls, list) or not 1 <= len(urls) <= MOST:
        raise ValueError('needs "urls": an address, or a list of them')
    for url in urls:
        if not isinstance(url, str) or _URL.fullmatch(url) is None:
            raise ValueError(f"has {str(url)[:80]!r}, which is no address such as stun:stun.example.org:3478")
    username, credential = item.get("username", ""), item.get("credential", "")
    for word in (username, credential):
        if not isinstance(word, str) or (word and _WORD.fullmatch(word) is None):
            raise ValueError("has a user name or credential with signs that are not ASCII")
    if (username == "") != (credential == "") or (not username and any(url.startswith("turn") for url in urls)):
        raise ValueError("needs both username and credential for a TURN server")
    return IceServer(tuple(urls), username, credential)


def _quoted(word: str) -> str:
    """A quoted-string of HTTP (RFC 9110, section 5.6.4)."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
