"""Instructor requests, the audit log, preferences."""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet: filled by the change that brings it."""
