"""What came out of the demo, to the item: the reconciliation, the KPIs, the checks, the model, the addresses."""

from collections.abc import Sequence

from rich.table import Table
from sqlalchemy import Connection, select, text

from orchestration.local.platform import Platform
from orchestration.local.progress import Progress, State
from warehouse import tables

SITE_KPIS = text(
    """select date, worker_count, utilization_pct, working_h, units_produced
    from marts.fct_site_kpis_daily order by date desc limit 4"""
)
WORK_UNIT_KPIS = text(
    """select work_unit_code, sum(occupancy_h), sum(units_produced),
        round(sum(units_produced) / nullif(sum(occupancy_h), 0), 1)
    from marts.fct_work_unit_kpis_daily group by work_unit_code order by work_unit_code limit 12"""
)
SITE_OEE = text(
    """select date, availability, effectiveness, quality_ratio, oee_index
    from marts.fct_site_oee_daily order by date desc limit 4"""
)
RELIABILITY = text(
    """select distinct on (work_unit_code) work_unit_code, failure_count, round(mtbf_h, 1), round(mttr_h, 2)
    from marts.fct_work_unit_reliability_daily order by work_unit_code, date desc limit 12"""
)
EQUIPMENT = text(
    """select equipment_code, count(distinct metric), sum(reading_count), min(hour), max(hour)
    from marts.fct_sensor_readings_hourly group by equipment_code order by equipment_code limit 12"""
)


def reconcile(state: State) -> list[tuple[str, int, str, int]]:
    """Both sides of each equation that must hold, item by item.

    Returns:
        Rows (left side in words, its value, right side in words, its value).
    """
    edge, inbox, loaded = state.edge, state.inbox, state.loaded
    pushed = int(edge["accepted"]) + int(edge["quarantined"]) + int(edge["repeated"])
    settled = loaded.inserted + loaded.revised + loaded.duplicates
    return [
        (
            "collected",
            int(edge["collected"]),
            "sent + pending + rejected + lost",
            sum(int(edge[k]) for k in ("sent", "pending", "rejected", "lost")),
        ),
        ("sent", int(edge["sent"]), "accepted + quarantined + repeated", pushed),
        ("accepted, says the edge client", int(edge["accepted"]), "accepted, says the inbox", inbox.accepted),
        (
            "quarantined, says the edge client",
            int(edge["quarantined"]),
            "quarantined, says the inbox",
            inbox.quarantined,
        ),
        ("accepted + released", inbox.accepted + inbox.released, "loaded + revised + duplicates", settled),
        ("loaded", loaded.inserted, "rows in raw.readings and raw.events", loaded.rows),
    ]


def print_summary(platform: Platform, progress: Progress, seconds: float) -> bool:
    """Print the summary.

    Returns:
        Whether every item is accounted for.
    """
    state, console = progress.read(), platform.reporter.console
    edge, loaded = state.edge, state.loaded
    console.print(
        f"\n[bold]sent {edge['sent']:,} | accepted {edge['accepted']:,} | quarantined {edge['quarantined']:,} | "
        f"repeated {edge['repeated']:,} | loaded {loaded.inserted:,} | revised {loaded.revised:,} | "
        f"duplicates {loaded.duplicates:,}[/bold]"
    )
    equations = reconcile(state)
    rows = [(left, f"{a:,}", "=" if a == b else "≠", f"{b:,}", right) for left, a, right, b in equations]
    console.print(_table("Reconciliation, to the item", ["", "items", "", "items", ""], rows))
    with progress.warehouse.connect() as connection:
        _print_marts(platform, connection)
        _print_models(platform, connection)
    passed, failed = progress.checks()
    console.print(f"Checks: {passed} passed, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}")
    console.print(f"Took {seconds:.0f} s, {platform.resident_bytes() / 2**30:.1f} GiB resident\n")
    for what, url in platform.addresses():
        console.print(f"  {what:<18} {url}")
    told = f"  {'Other commands':<18} MILLRACE_DATA_DIR={platform.data_dir} before each, such as make doctor"
    console.print(told, soft_wrap=True)
    return all(a == b for _, a, _, b in equations)


def _print_marts(platform: Platform, connection: Connection) -> None:
    console = platform.reporter.console
    sites = connection.execute(SITE_KPIS).all()
    if sites:
        console.print(_table("Site KPIs by day", ["date", "workers", "utilization %", "working h", "units"], sites))
        units = connection.execute(WORK_UNIT_KPIS).all()
        console.print(_table("Work units", ["work unit", "occupancy h", "units", "units per occupied h"], units))
        oee = connection.execute(SITE_OEE).all()
        factors = ["availability", "effectiveness", "quality ratio", "OEE index"]
        console.print(_table("ISO 22400 by day (the last one is not over)", ["date", *factors], oee))
        failures = connection.execute(RELIABILITY).all()
        console.print(_table("Failures", ["work unit", "failures", "MTBF h", "MTTR h"], failures))
    equipment = connection.execute(EQUIPMENT).all()
    console.print(
        _table("Equipment (first 12)", ["equipment", "signals", "readings", "first hour", "last hour"], equipment)
    )


def _print_models(platform: Platform, connection: Connection) -> None:
    promotion = tables.promotions.c
    decisions = connection.execute(
        select(
            promotion.model_name,
            promotion.challenger_version,
            promotion.trigger,
            promotion.is_promoted,
            promotion.reason,
        ).order_by(promotion.promotion_id)
    ).all()
    for name, version, trigger, is_promoted, reason in decisions:
        verdict = "[green]promoted[/green]" if is_promoted else "[yellow]kept as challenger[/yellow]"
        platform.reporter.console.print(f"Model {name} v{version} ({trigger}): {verdict}. {reason}")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in {"items", "units"} else "left")
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row))
    return table
