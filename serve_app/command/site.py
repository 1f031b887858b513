"""A client of the running system's REST routes, for commands that need a class to be made by its owner."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from serve_app.command.refusing import CannotRun

_SECONDS = 30


def call(url: str, method: str, path: str, token: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON answer to one request at `url` + `path`. Raises `CannotRun`, with the problem's sentence, for any other."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotRun(f"The site at {url} gave no proper answer: {error}") from error
    finally:
        connection.close()
    if response.status >= 300 or not isinstance(answer, dict):
        said = answer.get("message") if isinstance(answer, dict) else None
        raise CannotRun(f"The site refused {method} {path} with {response.status}: {said or response.reason}")
    return answer
