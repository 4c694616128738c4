"""Evaluates one suite with Great Expectations, pushed down as SQL. Storing and showing results do not belong here.

The suite's query runs once: it fills a temporary table with one row per group, and all expectations read that. Left to
itself Great Expectations would run the query again for every expectation.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from expectations.errors import ValidationBroken, WarehouseUnreachable
from expectations.groups import FailedGroup
from expectations.suites import Expectation, Severity, Suite
from expectations.thresholds import Thresholds
from expectations.window import Window

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.postgres_datasource import PostgresDatasource

# Failed groups kept with a result. The rest is in the count, and in the table itself.
SHOWN_GROUPS = 20
# Sites kept with a result, those first that failed; of the rest there is a count.
SHOWN_SITES = 50
_ORDER = "grain, site_code, subject_code, period_start"


@dataclass(frozen=True)
class ValidationResult:
    """How one expectation fared in one window.

    Attributes:
        suite: Name of the suite.
        expectation: Name of the expectation.
        severity: The worst of the groups that failed; of the default threshold where none did.
        is_success: Whether every group kept its bound. An empty window is a success.
        observed: Figures for people, as JSON: items and groups seen, the value that is furthest over its bound, or next
            to it, and that bound, for all and by site; and the first groups that failed. Of more than `SHOWN_SITES`
            sites the rest is counted, in `other_site_count`; those that failed come first. `note` says "no rows" for an
            empty window.
        failed: All groups that failed a critical threshold.
        passed_receipts: What was received in an hour or on a day and broke none: grain, site and first instant (UTC).
        unheld: Hours (UTC) of such groups that could not be held back: the ledger does not know them.
    """

    suite: str
    expectation: str
    severity: Severity
    is_success: bool
    observed: dict[str, Any]
    failed: tuple[FailedGroup, ...] = ()
    passed_receipts: frozenset[tuple[str, str, datetime]] = frozenset()
    unheld: tuple[datetime, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether what is built on the data must wait."""
        return not self.is_success and self.severity == "critical"


def open_datasource(context: "EphemeralDataContext", url: str) -> "PostgresDatasource":
    """Give Great Expectations the warehouse: one session, in UTC, so that temporary tables stay in sight.

    Args:
        context: Where the data source is registered.
        url: SQLAlchemy URL of the warehouse; names its driver.

    Raises:
        WarehouseUnreachable: It does not answer.
    """
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    address = make_url(url)
    # Its own check of the URL wants a host even where the query part names a socket, and reads $ as a variable.
    address = address.set(host=address.host or "localhost")
    try:
        return context.data_sources.add_postgres(  # type: ignore[call-arg]  # its stub forgot kwargs
            "warehouse",
            connection_string=address.render_as_string(hide_password=False).replace("$", "%24"),
            kwargs={"pool_size": 1, "max_overflow": 0, "connect_args": {"options": "-c timezone=UTC"}},
        )
    except TestConnectionError as error:
        cause = getattr(error.__cause__, "orig", error)
        raise WarehouseUnreachable(
            f"the warehouse at {address.render_as_string()} does not answer; start it, or set"
            f" MILLRACE_WAREHOUSE_URL to where it is ({' '.join(str(cause).split())})"
        ) from error


def close_datasource(datasource: "PostgresDatasource") -> None:
    """End the session, and the one that checked the URL."""
    datasource.get_execution_engine().engine.dispose()
    datasource.get_engine().dispose()


def evaluate(
    context: "EphemeralDataContext",
    datasource: "PostgresDatasource",
    suite: Suite,
    thresholds: Thresholds,
    window: Window,
) -> list[ValidationResult]:
    """Evaluate a suite on the rows of a window.

    Args:
        context: Holds the suite under its name and keeps the result for Data Docs.
        datasource: From `open_datasource`.
        suite: What to measure.
        thresholds: What to hold it to.
        window: Bounds the suite's time column.

    Returns:
        One result per expectation, in the suite's order.

    Raises:
        ValidationBroken: An expectation could not be evaluated.
    """
    from great_expectations import RunIdentifier, ValidationDefinition

    table = f"{suite.name}_window"
    engine = datasource.get_execution_engine().engine
    by_site, receipts = _materialize(engine, table, suite, thresholds, window)
    # As floats, which it keeps as they are, and as `_fails` compares them.
    judged = (f"cast({name} as double precision) as {name}" for name in _judged(suite))
    asset = datasource.add_query_asset(".".join(suite.asset_key), query=f"select {', '.join(judged)} from {table}")
    definition = ValidationDefinition(
        name=suite.name,
        data=asset.add_batch_definition_whole_table(str(window)),
        suite=context.suites.get(suite.name),
    )
    outcome = context.validation_definitions.add(definition).run(
        run_id=RunIdentifier(run_name=str(window), run_time=datetime.now(UTC)),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": SHOWN_GROUPS},
    )
    outcomes: list[Any] = [result.to_json_dict() for result in outcome.results]
    by_name = {found["expectation_config"]["meta"]["name"]: found for found in outcomes}
    results = []
    for expectation in suite.expectations:
        found = by_name[expectation.name]
        if "element_count" not in found["result"]:
            raise ValidationBroken(f"{suite.name}.{expectation.name} could not be evaluated: {found['exception_info']}")
        is_success = found["success"]
        failed = [] if is_success else _failed_rows(engine, table, expectation, thresholds)
        results.append(_result(suite, expectation, thresholds, by_site, receipts, failed, is_success=is_success))
    return results


def _judged(suite: Suite) -> tuple[str, ...]:
    """Measures and their limits."""
    names = (name for each in suite.expectations for name in (each.column, each.limit_column))
    return tuple(dict.fromkeys(names))


def _materialize(
    engine: Engine, table: str, suite: Suite, thresholds: Thresholds, window: Window
) -> tuple[list[dict[str, Any]], frozenset[tuple[str, str, datetime]]]:
    """Fill the temporary table; return by site the items seen and how each measure fared, and the receipts judged."""
    limits = ", ".join(
        f"cast({thresholds.limit_sql(each)} as double precision) as {each.limit_column},"
        f" {thresholds.severity_sql(each)} as {each.name}_severity"
        for each in suite.expectations
    )
    query = window.bind(suite.query).replace("{apart}", thresholds.apart_sql(suite))
    # What is furthest over its limit, or next to it, and that limit; critical comes before warning.
    fared = ", ".join(
        f"(array_agg(array[{each.column}, {each.limit_column}] order by {each.column} - {each.limit_column} desc))[1:1]"
        f" as {each.name}, count(*) filter (where {_fails(each, thresholds)}) as {each.name}_failed_count,"
        f" min({each.name}_severity) filter (where {_fails(each, thresholds)}) as {each.name}_failed_severity"
        for each in suite.expectations
    )
    try:
        with engine.begin() as connection:
            judged = f"select judged.*, {limits} from ({query}) as judged order by {_ORDER}"
            connection.execute(text(f"create temporary table {table} as {judged}"))
            rows = connection.execute(
                text(
                    f"select site_code, sum(item_count) filter (where grain = 'hour') as item_count,"
                    f" count(*) as group_count, {fared} from {table} group by site_code order by site_code"
                )
            )
            receipts = connection.execute(
                text(f"select distinct grain, site_code, period_start from {table} where first_hour is null")
            )
            return [dict(row) for row in rows.mappings()], frozenset((row[0], row[1], row[2]) for row in receipts)
    except ProgrammingError as error:
        raise ValidationBroken(
            f"suite {suite.name} cannot read {'.'.join(suite.asset_key)}: {error.orig};"
            " bring the warehouse up to date with `python -m warehouse migrate`"
        ) from error


def _fails(expectation: Expectation, thresholds: Thresholds) -> str:
    """SQL of whether a group fails, by the floats that Great Expectations judges: its limit is one."""
    comparison = ">=" if thresholds.defaults[expectation.name].is_strict else ">"
    return f"{expectation.column} {comparison} {expectation.limit_column}"


def _failed_rows(engine: Engine, table: str, expectation: Expectation, thresholds: Thresholds) -> list[Any]:
    """All of them, with what they are; Great Expectations only judges."""
    query = text(
        f"select grain, site_code, subject_code, period_start, first_hour, last_hour, item_count,"
        f" {expectation.column} as measured, {expectation.limit_column} as its_limit,"
        f" {expectation.name}_severity as severity"
        f" from {table} where {_fails(expectation, thresholds)} order by {_ORDER}"
    )
    with engine.connect() as connection:
        return list(connection.execute(query))


def _result(
    suite: Suite,
    expectation: Expectation,
    thresholds: Thresholds,
    by_site: list[dict[str, Any]],
    receipts: frozenset[tuple[str, str, datetime]],
    failed: list[Any],
    *,
    is_success: bool,
) -> ValidationResult:
    default = thresholds.defaults[expectation.name]

    def bound(limit: float) -> str:
        return replace(default, limit=float(limit)).bound

    sites = {
        row["site_code"]: {
            "item_count": int(row["item_count"] or 0),
            "group_count": row["group_count"],
            "failed_group_count": row[f"{expectation.name}_failed_count"],
            "severity": row[f"{expectation.name}_failed_severity"] or default.severity,
            "worst": float(measured),
            "limit": bound(limit),
        }
        for row in by_site
        for measured, limit in row[expectation.name]
    }
    furthest = max(
        (pair for row in by_site for pair in row[expectation.name]), key=lambda pair: pair[0] - pair[1], default=None
    )
    observed: dict[str, Any] = {
        **{
            count: sum(site[count] for site in sites.values())
            for count in ("item_count", "group_count", "failed_group_count")
        },
        "measure": expectation.column,
        "dimension": expectation.dimension,
        "worst": float(furthest[0]) if furthest else 0.0,
        "limit": bound(furthest[1]) if furthest else default.bound,
        "sites": dict(sorted(sites.items(), key=lambda site: not site[1]["failed_group_count"])[:SHOWN_SITES]),
        "other_site_count": max(0, len(sites) - SHOWN_SITES),
    }
    if failed:
        observed["failed_groups"] = [
            {
                **{name: getattr(row, name) for name in ("grain", "site_code", "subject_code", "item_count")},
                "period_start": row.period_start.isoformat(),
                expectation.column: float(row.measured),
                "limit": bound(row.its_limit),
            }
            for row in failed[:SHOWN_GROUPS]
        ]
    if not sites:
        observed["note"] = "no rows"
    critical = tuple(_failed_group(suite, expectation, row) for row in failed if row.severity == "critical")
    severities = {row.severity for row in failed} or {default.severity}
    return ValidationResult(
        suite=suite.name,
        expectation=expectation.name,
        severity="critical" if "critical" in severities else "warning",
        is_success=is_success,
        observed=observed,
        failed=critical,
        passed_receipts=receipts - {(group.grain, group.site_code, group.period_start) for group in critical},
    )


def _failed_group(suite: Suite, expectation: Expectation, row: Any) -> FailedGroup:
    return FailedGroup(
        suite=suite.name,
        expectation=expectation.name,
        grain=row.grain,
        site_code=row.site_code,
        subject_code=row.subject_code,
        period_start=row.period_start,
        first_hour=row.first_hour,
        last_hour=row.last_hour,
        measured=float(row.measured),
    )
