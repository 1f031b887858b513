"""Alembic's entry: runs the scripts on the connection that `persistence.migrate` opened."""

from alembic import context

from persistence.models import Base
from persistence.tables import __all__ as _known  # noqa: F401 - every model must be known

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("Migrations run through `lyceum migrate`, which knows the database.")

context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
