"""Jobs and account tokens."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet: filled by the change that brings it."""
