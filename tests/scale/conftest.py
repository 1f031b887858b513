"""The same Postgres as the edge's tests have."""

from tests.serve_app.conftest import databases

__all__ = ["databases"]
