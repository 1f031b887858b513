"""Which web pages may open a socket here (RFC 6455, section 10.2)."""

from collections.abc import Sequence
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_allowed(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page from `origin` may connect to `host` (the Host header).

    No origin means no browser: fine. With `allowed` the origin must be one of these; without, its host must be the
    one it connects to, whatever the port: the page and the sockets are served side by side.
    """
    if origin is None:
        return True
    if allowed:
        return origin.lower().rstrip("/") in {entry.lower().rstrip("/") for entry in allowed}
    page, here = _hostname(origin), _hostname("//" + host)
    if page is None or here is None:
        return False
    return page == here or (page in _LOOPBACK and here in _LOOPBACK)


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
