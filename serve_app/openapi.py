"""Prints the OpenAPI document: `python -m serve_app.openapi`. Nothing is started and nothing is connected to."""

import json
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

from persistence.ids import new_id
from serve_app.app import create_app
from serve_app.composition import EdgeConfig, Parts


def document() -> dict[str, Any]:
    """The OpenAPI document of the application as it is."""
    return create_app(EdgeConfig("http://localhost:8000", "ws://localhost:8001/ws", new_id()), _never).openapi()


def _never() -> AbstractAsyncContextManager[Parts]:
    raise RuntimeError("describing the application opens nothing")


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
