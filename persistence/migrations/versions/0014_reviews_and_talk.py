"""Reviews, reports, questions and bookmarks."""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet: filled by the change that brings it."""
