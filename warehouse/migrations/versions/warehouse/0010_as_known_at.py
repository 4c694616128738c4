"""What raw held at a past moment, as functions (S1-020, S1-041), and since when a signal's unit is known."""

import sqlalchemy as sa
from alembic import op

revision = "warehouse_0010"
down_revision = "warehouse_0009"
branch_labels = None
depends_on = None

_READING = {
    "signal_id": "integer",
    "item_index": "smallint",
    "is_server_time": "boolean",
    "event_time": "timestamptz",
    "value": "double precision",
    "quality": "real",
    "batch_seq": "bigint",
    "load_id": "bigint",
    "received_at": "timestamptz",
    "recorded_at": "timestamptz",
}
_EVENT = {
    "site_code": "text",
    "source_code": "text",
    "event_type": "text",
    "event_time": "timestamptz",
    "work_unit_code": "text",
    "worker_code": "text",
    "duration_s": "numeric",
    "units_produced": "bigint",
    "confidence": "double precision",
    "is_server_time": "boolean",
    "item_index": "smallint",
    "batch_seq": "bigint",
    "load_id": "bigint",
    "received_at": "timestamptz",
    "recorded_at": "timestamptz",
}
_SIGNAL = {
    "signal_id": "integer",
    "site_code": "text",
    "equipment_code": "text",
    "metric": "text",
    "unit_code": "text",
    "recorded_at": "timestamptz",
}


def upgrade() -> None:
    """Create the functions. PostgreSQL inlines them: conditions on them reach the indexes and leave chunks out."""
    op.add_column("signals", sa.Column("unit_recorded_at", sa.DateTime(timezone=True), nullable=True), schema="raw")
    op.execute("update raw.signals set unit_recorded_at = recorded_at where unit_code is not null")
    _create("readings", _READING, _versions("readings", "reading_revisions", _READING))
    _create("events", _EVENT, _versions("events", "event_revisions", _EVENT))
    columns = ", ".join(
        f"case when unit_recorded_at <= moment then {name} end" if name == "unit_code" else name for name in _SIGNAL
    )
    _create("signals", _SIGNAL, f"select {columns} from raw.signals where recorded_at <= moment")


def downgrade() -> None:
    """Drop the functions and the column."""
    for table in ("signals", "events", "readings"):
        op.execute(f"drop function raw.{table}_as_known_at(timestamptz)")
    op.drop_column("signals", "unit_recorded_at", schema="raw")


def _create(table: str, columns: dict[str, str], body: str) -> None:
    returned = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    op.execute(
        f"create function raw.{table}_as_known_at(moment timestamptz) returns table ({returned}) "
        f"language sql stable as $$ {body} $$"
    )


def _versions(current: str, revisions: str, columns: dict[str, str]) -> str:
    names = ", ".join(columns)
    return (
        f"select {names} from raw.{current} where recorded_at <= moment union all "
        f"select {names} from raw.{revisions} where recorded_at <= moment and superseded_at > moment"
    )
