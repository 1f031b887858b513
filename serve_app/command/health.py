"""Asking the running system how it is."""

import http.client
import json
import time
from dataclasses import dataclass

from serve_app.command.refusing import CannotRun
from serve_app.settings import local_address


@dataclass(frozen=True)
class Health:
    """What `/api/health` said: its status code (0 when nobody answered) and each part's word."""

    status: int
    checks: dict[str, str]


def ask(host: str, port: int, timeout_seconds: float = 5) -> Health:
    """One question, one answer; never raises for a system that is away."""
    connection = http.client.HTTPConnection(local_address(host), port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/api/health")
        response = connection.getresponse()
        body = response.read()
        if response.getheader("Content-Type", "").startswith("application/json"):
            return Health(response.status, {str(k): str(v) for k, v in json.loads(body).get("checks", {}).items()})
        return Health(response.status, {})
    except (OSError, http.client.HTTPException, ValueError):
        return Health(0, {})
    finally:
        connection.close()


def wait_ready(host: str, port: int, timeout_seconds: float) -> None:
    """Return when everything answers. Raises `CannotRun` with what does not."""
    deadline = time.monotonic() + timeout_seconds
    while (health := ask(host, port)).status != 200:
        if time.monotonic() > deadline:
            bad = ", ".join(f"{part} is {word}" for part, word in health.checks.items() if word != "ok")
            raise CannotRun(f"Not everything answered within {timeout_seconds:.0f} s: {bad or 'the site gives no answer'}.")
        time.sleep(0.05)
