"""Schema `restricted` of the warehouse: who the workers are (C39). Nothing else holds a name; bi_reader reads none."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table, Text

from warehouse.tables.metadata import utc, warehouse_metadata

worker_names = Table(
    "worker_names",
    warehouse_metadata,
    Column("site_code", Text, nullable=False),
    Column("worker_code", Text, nullable=False, comment="The pseudonym that everything else goes by"),
    Column("name", Text, nullable=False),
    utc("updated_at", now=True),
    PrimaryKeyConstraint("site_code", "worker_code"),
    schema="restricted",
    comment="Read by members of worker_names_reader. It is filled by hand and never travels through the API.",
)
