"""Which hosts live."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody asks after a crash of Postgres who lived before it: unlogged, a sign of life costs no flush to disk.
    op.create_table(
        "grain_hosts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("has_left", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_grain_hosts")),
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
