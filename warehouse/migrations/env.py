"""Runs Alembic on the connection that `warehouse/migrate.py` hands over. Settings and URLs do not belong here."""

from alembic import context

config = context.config
branch = config.attributes["branch"]

context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    version_table=f"alembic_version_{branch}",
    version_table_schema="public",
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
