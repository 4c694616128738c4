"""Runs Alembic on the connection that `warehouse/migrate.py` hands over. Settings and URLs do not belong here."""

from alembic import context

config = context.config
branch = config.attributes["branch"]
metadata = config.attributes["metadata"]
ours = {table.schema for table in metadata.tables.values()}

context.configure(
    connection=config.attributes["connection"],
    target_metadata=metadata,
    version_table=f"alembic_version_{branch}",
    version_table_schema="public",
    include_schemas=True,
    # So that a table which one step had to lock is free again while the next one works.
    transaction_per_migration=True,
    # Autogenerate must not propose to drop what dbt or TimescaleDB keep in schemas of their own.
    include_name=lambda name, kind, parents: kind != "schema" or name in ours,
)
with context.begin_transaction():
    context.run_migrations()
