"""Shows the warehouse's tables as they were known at a past moment (S1-020, S1-041). What dbt makes of them is dbt's.

A copy is a set of schemas with a common suffix, beside the real ones: `raw_as_known`, `marts_as_known` and so on. Views
in `raw_as_known`, `ml_as_known` and `ops_as_known` show what the tables of the same names held at the moment. What has
no history has no view there, so that nothing of the present can slip into a copy.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, Engine, text

from warehouse import ingest_ledger
from warehouse.errors import CopyRefused

_SUFFIX: Final = "_as_known"
_BUILT: Final = ("seeds", "staging", "intermediate", "marts")
_READ: Final = ("raw", "ml", "ops")
# A row of an append-only table is known from the moment in this column on; a versioned one has a function.
HISTORY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "raw.readings": "raw.readings_as_known_at({moment})",
        "raw.events": "raw.events_as_known_at({moment})",
        "raw.signals": "raw.signals_as_known_at({moment})",
        "raw.reading_revisions": "raw.reading_revisions where superseded_at <= {moment}",
        "raw.event_revisions": "raw.event_revisions where superseded_at <= {moment}",
        "raw.batches": "raw.batches where recorded_at <= {moment}",
        "raw.loads": "raw.loads where recorded_at <= {moment}",
        "raw.registry_changes": "raw.registry_changes where recorded_at <= {moment}",
        # That an alarm is brief may not have been known yet; to take none for brief is slower, and right.
        "raw.alarm_changes": "(select site_code, change_seq, alarm_id, transition, changed_at, value, changed_by, "
        "rule_code, equipment_code, metric, severity, recorded_at, false as is_brief from raw.alarm_changes "
        "where recorded_at <= {moment}) as known",
        "ml.promotions": "ml.promotions where decided_at <= {moment}",
        # Scoring again replaces rows: what was replaced since then is missing here, and nothing newer stands in for it.
        "ml.scores": "ml.scores where recorded_at <= {moment}",
        "ml.anomalies": "ml.anomalies where recorded_at <= {moment}",
        "ml.remaining_life": "ml.remaining_life where recorded_at <= {moment}",
        "ml.drift_explanations": "ml.drift_explanations where recorded_at <= {moment}",
        "ml.drift_features": "ml.drift_features where recorded_at <= {moment}",
        "ops.holds": "(select hold_id, site_code, hour, suite, expectation, held_at, "
        "case when released_at <= {moment} then released_at end as released_at, "
        "case when released_at <= {moment} then released_by end as released_by, "
        "case when released_at <= {moment} then reason end as reason "
        "from ops.holds where held_at <= {moment}) as known",
        "ops.held_hours": "ops.held_hours_as_known_at({moment})",
        # What is known is not left out.
        "ops.unjudged_hours": "(select site_code, hour, judged_at from ops.unjudged_hours where false) as known",
        "ops.validation_results": "ops.validation_results where validated_at <= {moment}",
    }
)


def suffix_of(name: str = "") -> str:
    """What the schemas of a copy end in.

    Args:
        name: Of the copy, so that several can stand side by side.

    Raises:
        CopyRefused: The name does not fit into a schema's.
    """
    if not re.fullmatch(r"[a-z0-9_]{0,32}", name):
        raise CopyRefused(f"a copy cannot be called {name!r}: up to 32 of a-z, 0-9 and _")
    return f"{_SUFFIX}_{name}" if name else _SUFFIX


def begin_copy(engine: Engine, moment: datetime, name: str = "") -> None:
    """Put empty schemas, and views of what was known, in the place of a copy.

    Args:
        engine: Of the warehouse.
        moment: With a time zone; not in the future.
        name: Of the copy.

    Raises:
        CopyRefused: The moment has no time zone or is yet to come, or the name does not fit.
    """
    suffix = suffix_of(name)
    if moment.tzinfo is None:
        raise CopyRefused(f"{moment.isoformat()} has no time zone; write 2026-03-02T10:00Z")
    with engine.begin() as connection:
        # A load that recorded before the moment may not have committed yet: then the answer would still change.
        ingest_ledger.await_loads(connection)
        now: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
        if moment > now:
            raise CopyRefused(f"{moment.isoformat()} is in the future: it is {now:%Y-%m-%dT%H:%M:%SZ} in the warehouse")
    with engine.begin() as connection:
        _drop(connection, suffix)
        for schema in (*_READ, *_BUILT):
            connection.execute(text(f"create schema {schema}{suffix}"))
        literal = f"'{moment.astimezone(UTC).isoformat()}'::timestamptz"
        for table, rows in HISTORY.items():
            schema, _, table_name = table.partition(".")
            known = _known(connection, rows, literal)
            connection.execute(text(f"create view {schema}{suffix}.{table_name} as select * from {known}"))
        said = f"marts as known at {moment.astimezone(UTC).isoformat()}"
        connection.execute(text(f"comment on schema marts{suffix} is '{said}'"))
        # A server whose roles somebody else administers may not have it.
        if connection.scalar(text("select exists (select from pg_roles where rolname = 'bi_reader')")):
            connection.execute(text(f"grant usage on schema marts{suffix} to bi_reader"))


def _known(connection: Connection, rows: str, moment: str) -> str:
    """SQL of the rows at a moment; of a function its body: a view asks tables as its owner, functions as its reader."""
    name, _, argument = rows.partition("(")
    if argument != "{moment})":
        return rows.format(moment=moment)
    function = text("select prosrc, proargnames from pg_proc where oid = cast(:name as regproc)")
    row = connection.execute(function, {"name": name}).one()
    body = re.sub(r"\bmoment\b", moment, row.prosrc)
    # The first name is the argument's.
    return f"({body}) as known ({', '.join(row.proargnames[1:])})"


def trim_dates(engine: Engine, name: str, tables: list[str], start: date, end: date) -> None:
    """Take dates outside [start, end) from tables of a copy with a column `date`: they know only part of their data."""
    with engine.begin() as connection:
        for table in tables:
            schema, _, table_name = table.partition(".")
            connection.execute(
                text(f"delete from {schema}{suffix_of(name)}.{table_name} where date < :start or date >= :end"),
                {"start": start, "end": end},
            )


def drop_copy(engine: Engine, name: str = "") -> None:
    """Delete a copy. One that is not there is as good."""
    with engine.begin() as connection:
        _drop(connection, suffix_of(name))


def _drop(connection: Connection, suffix: str) -> None:
    for schema in (*reversed(_BUILT), *_READ):
        connection.execute(text(f"drop schema if exists {schema}{suffix} cascade"))
