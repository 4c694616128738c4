"""Which of dbt's tables hold hours, and which daily mart has to cover each before its hours are deleted (C2).

Deleting is `hourly_retention`'s. A test compares the list with what dbt builds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

_EXISTS = text("select to_regclass(:relation) is not null")
# An hour may lie in two local dates: one of them has to be there. Counts are compared over the dates of the UTC day.
_LACKING = """
    with hours as materialized (
        select {keys}, {count} as row_count, {first} as first_date, {last} as last_date
        from {relation} as h left join marts.dim_sites as s on s.site_code = h.site_code
        where h.site_code = :site_code and h.hour >= :start and h.hour < :end and {condition}
    ),
    days as materialized (
        select {daily_keys}, {daily_count} as row_count, d.date from {daily} as d
        where d.site_code = :site_code and d.date between cast(:day as date) - 1 and cast(:day as date) + 2
    ),
    summed as (
        select {names}, sum(row_count) as row_count, min(first_date) as first_date, max(last_date) as last_date
        from hours group by {names}
    )
    select
        (select count(*) from hours where not exists (
            select from days where {same_hour} and days.date between hours.first_date and hours.last_date
        )) + (select count(*) from summed where summed.row_count > (
            select coalesce(sum(days.row_count), 0) from days
            where {same_sum} and days.date between summed.first_date and summed.last_date
        ))
"""


@dataclass(frozen=True)
class HourlyTable:
    """A table of hours.

    Attributes:
        relation: Schema and name.
        daily: The daily mart that tells of the same in coarser grain.
        keys: What both tell it of, beside the site: column here, column there.
        count: What adds up from hours to dates and must not be more here; empty: nothing does.
        condition: SQL of the rows that the daily mart is about.
        has_date: Whether rows name the local date that they count for.
    """

    relation: str
    daily: str
    keys: Mapping[str, str] = field(default_factory=dict)
    count: str = ""
    condition: str = "true"
    has_date: bool = False

    def lacking(self) -> str:
        """SQL that counts the hours of a site and UTC day which the daily mart does not cover."""
        local = "cast((h.hour + interval '{} minutes') at time zone coalesce(s.time_zone, 'UTC') as date)"
        names = ", ".join(("site_code", *self.keys))
        same = " and ".join("{0}.%s = days.%s" % (name, name) for name in ("site_code", *self.keys))  # noqa: UP031
        return _LACKING.format(
            relation=self.relation, daily=self.daily, condition=self.condition, names=names,
            keys=", ".join(("h.site_code", *(f"h.{name}" for name in self.keys))),
            daily_keys=", ".join(("d.site_code", *(f"d.{there} as {here}" for here, there in self.keys.items()))),
            count=f"h.{self.count}" if self.count else "0", daily_count=f"d.{self.count}" if self.count else "0",
            first="h.date" if self.has_date else local.format(0), last="h.date" if self.has_date else local.format(59),
            same_hour=same.format("hours"), same_sum=same.format("summed"),
        )  # fmt: skip


_SIGNAL = {"signal_id": "signal_id"}
_WORKER = {"worker_code": "worker_code"}
_WORK_UNIT = {"work_unit_code": "work_unit_code"}
_STREAM = {"stream": "stream", "subject_code": "subject_code"}
HOURLY_TABLES: tuple[HourlyTable, ...] = (
    HourlyTable("marts.fct_sensor_readings_hourly", "marts.fct_sensor_readings_daily", _SIGNAL, "reading_count"),
    HourlyTable("marts.fct_signal_quality_hourly", "marts.fct_sensor_readings_daily", _SIGNAL, "reading_count"),
    HourlyTable("marts.fct_data_quality_hourly", "marts.fct_data_quality_daily", count="batch_count"),
    HourlyTable("marts.fct_worker_hours", "marts.fct_worker_kpis_daily", _WORKER, "units_produced"),
    HourlyTable("marts.fct_work_unit_hours", "marts.fct_work_unit_kpis_daily", _WORK_UNIT, "units_produced"),
    HourlyTable("marts.fct_site_kpis_hourly", "marts.fct_site_kpis_daily", count="units_produced"),
    HourlyTable(
        "intermediate.int_states_resolved", "marts.fct_worker_kpis_daily", {"subject_code": "worker_code"},
        condition="h.subject_kind = 'worker'",
    ),
    HourlyTable("intermediate.int_work_units_occupied", "marts.fct_work_unit_kpis_daily", _WORK_UNIT),
    HourlyTable("intermediate.int_work_units_resolved", "marts.fct_work_unit_iso22400_daily", _WORK_UNIT),
    HourlyTable(
        "marts.fct_model_health_hourly", "marts.fct_model_health_daily", _STREAM, "sample_count", has_date=True
    ),
    HourlyTable(
        "marts.fct_confidence_hourly", "marts.fct_confidence_daily", {**_STREAM, "subject_kind": "subject_kind"},
        "sample_count", has_date=True,
    ),
    HourlyTable("marts.fct_alarm_statistics_hourly", "marts.fct_alarm_statistics_daily", count="raised_count"),
)  # fmt: skip


# They tell of hours too, and stay: what maintenance events and savings of all time are computed from.
KEPT_FOR_EVER = frozenset({"intermediate.int_failures_reported", "intermediate.int_hours_judged"})


def built(connection: Connection) -> list[HourlyTable]:
    """The tables of hours that are there."""
    return [table for table in HOURLY_TABLES if connection.scalar(_EXISTS, {"relation": table.relation})]
