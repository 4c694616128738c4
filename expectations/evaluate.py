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
from expectations.suites.suite import GROUP_COLUMNS
from expectations.window import Window

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.postgres_datasource import PostgresDatasource

# Failed groups kept with a result. The rest is in the count, and in the table itself.
SHOWN_GROUPS = 20
_ORDER = "grain, site_code, subject_code, period_start"


@dataclass(frozen=True)
class ValidationResult:
    """How one expectation fared in one window.

    Attributes:
        suite: Name of the suite.
        expectation: Name of the expectation.
        severity: Of the expectation, whether it failed or not.
        is_success: Whether every group kept the bound. An empty window is a success.
        observed: Figures for people, as JSON: items and groups seen, the worst value, the bound, and the first groups
            that failed. `note` says "no rows" for an empty window.
        failed: All groups that failed, where the expectation is critical.
        unheld: Hours (UTC) of such groups that could not be held back: the ledger does not know them.
    """

    suite: str
    expectation: str
    severity: Severity
    is_success: bool
    observed: dict[str, Any]
    failed: tuple[FailedGroup, ...] = ()
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
    context: "EphemeralDataContext", datasource: "PostgresDatasource", suite: Suite, window: Window
) -> list[ValidationResult]:
    """Evaluate a suite on the rows of a window.

    Args:
        context: Holds the suite under its name and keeps the result for Data Docs.
        datasource: From `open_datasource`.
        suite: What to expect.
        window: Bounds the suite's time column.

    Returns:
        One result per expectation, in the suite's order.

    Raises:
        ValidationBroken: An expectation could not be evaluated.
    """
    from great_expectations import RunIdentifier, ValidationDefinition

    table = f"{suite.name}_window"
    engine = datasource.get_execution_engine().engine
    totals = _materialize(engine, table, suite, window)
    columns = ", ".join((*GROUP_COLUMNS, *_measures(suite)))
    asset = datasource.add_query_asset(".".join(suite.asset_key), query=f"select {columns} from {table}")
    definition = ValidationDefinition(
        name=suite.name,
        data=asset.add_batch_definition_whole_table(str(window)),
        suite=context.suites.get(suite.name),
    )
    outcome = context.validation_definitions.add(definition).run(
        run_id=RunIdentifier(run_name=str(window), run_time=datetime.now(UTC)),
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": list(GROUP_COLUMNS),
            "partial_unexpected_count": SHOWN_GROUPS,
        },
    )
    outcomes: list[Any] = [result.to_json_dict() for result in outcome.results]
    by_name = {found["expectation_config"]["meta"]["name"]: found for found in outcomes}
    results = [_result(suite, expectation, by_name[expectation.name], totals) for expectation in suite.expectations]
    by_result = zip(suite.expectations, results, strict=True)
    return [
        replace(result, failed=_failed_groups(engine, table, suite, expectation)) if result.blocks else result
        for expectation, result in by_result
    ]


def _measures(suite: Suite) -> tuple[str, ...]:
    return tuple(dict.fromkeys(expectation.column for expectation in suite.expectations))


def _materialize(engine: Engine, table: str, suite: Suite, window: Window) -> dict[str, Any]:
    """Fill the temporary table; return the items seen and the worst value of each measure."""
    worst = ", ".join(f"max({column}) as {column}" for column in _measures(suite))
    totals = f"select coalesce(sum(item_count) filter (where grain = 'hour'), 0) as items, {worst} from {table}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"create temporary table {table} as {window.bind(suite.query)} order by {_ORDER}"))
            return dict(connection.execute(text(totals)).one()._mapping)
    except ProgrammingError as error:
        raise ValidationBroken(
            f"suite {suite.name} cannot read {'.'.join(suite.asset_key)}: {error.orig};"
            " bring the warehouse up to date with `python -m warehouse migrate`"
        ) from error


def _failed_groups(engine: Engine, table: str, suite: Suite, expectation: Expectation) -> tuple[FailedGroup, ...]:
    """All of them: Great Expectations names the first ones."""
    comparison = ">=" if expectation.is_strict else ">"
    columns = "grain, site_code, subject_code, period_start, first_hour, last_hour"
    query = text(f"select {columns}, {expectation.column} from {table} where {expectation.column} {comparison} :limit")
    with engine.connect() as connection:
        rows = connection.execute(query, {"limit": expectation.limit}).all()
    return tuple(
        FailedGroup(
            suite=suite.name,
            expectation=expectation.name,
            grain=row.grain,
            site_code=row.site_code,
            subject_code=row.subject_code,
            period_start=row.period_start,
            first_hour=row.first_hour,
            last_hour=row.last_hour,
            measured=float(row[-1]),
        )
        for row in rows
    )


def _result(
    suite: Suite, expectation: Expectation, outcome: dict[str, Any], totals: dict[str, Any]
) -> ValidationResult:
    figures = outcome["result"]
    if "element_count" not in figures:
        raise ValidationBroken(f"{suite.name}.{expectation.name} could not be evaluated: {outcome['exception_info']}")
    observed: dict[str, Any] = {
        "item_count": int(totals["items"]),
        "group_count": figures["element_count"],
        "failed_group_count": figures["unexpected_count"] or 0,
        "measure": expectation.column,
        "worst": float(totals[expectation.column] or 0),
        "limit": f"{'<' if expectation.is_strict else '<='} {expectation.limit:g}",
    }
    if figures["unexpected_count"]:
        observed["failed_groups"] = figures["partial_unexpected_index_list"]
    if not figures["element_count"]:
        observed["note"] = "no rows"
    return ValidationResult(suite.name, expectation.name, expectation.severity, outcome["success"], observed)
