"""What the readings of a window must look like. Keys, types and refused items are checked elsewhere."""

from expectations.suites.plausible_ranges import values_list
from expectations.suites.rates import rate_pct
from expectations.suites.suite import Expectation, Suite

_QUERY = f"""
with registered as (
    select distinct on (site_code, code)
        site_code,
        code,
        cast(payload ->> 'low_limit' as double precision) as low,
        cast(payload ->> 'high_limit' as double precision) as high
    from raw.registry_changes
    where entity = 'signals'
    order by site_code, code, change_seq desc
),
classes as (
    select distinct on (site_code, code) site_code, code, payload ->> 'equipment_class' as equipment_class
    from raw.registry_changes
    where entity = 'equipment'
    order by site_code, code, change_seq desc
),
plausible (unit_code, low, high) as (values {values_list()}),
described as (
    select
        signal.signal_id,
        signal.site_code,
        signal.equipment_code,
        signal.metric,
        coalesce(classes.equipment_class, '') as equipment_class,
        registered.low as registered_low,
        registered.high as registered_high,
        -- Only where nobody has registered a limit.
        case when registered.low is null and registered.high is null then plausible.low end as plausible_low,
        case when registered.low is null and registered.high is null then plausible.high end as plausible_high
    from raw.signals as signal
    left join registered
        on registered.site_code = signal.site_code
        and registered.code = signal.equipment_code || '/' || signal.metric
    left join classes on classes.site_code = signal.site_code and classes.code = signal.equipment_code
    left join plausible on plausible.unit_code = signal.unit_code
),
signals as (
    select *, case when {{apart}} then metric else '' end as own_metric from described
),
groups as (
    select
        'hour' as grain,
        signals.site_code,
        signals.equipment_code || case when signals.own_metric = '' then '' else '/' || signals.own_metric end
            as subject_code,
        signals.equipment_class,
        signals.own_metric as metric,
        date_trunc('hour', reading.event_time) as period_start,
        count(*) as item_count,
        count(*) filter (where reading.value is null or reading.value in ('NaN', 'Infinity', '-Infinity'))
            as value_missing_count,
        count(*) filter (where reading.quality is null) as quality_missing_count,
        count(*) filter (where reading.quality < 0 or reading.quality > 1) as quality_outside_count,
        count(*) filter (where reading.value < signals.registered_low or reading.value > signals.registered_high)
            as outside_limits_count,
        count(*) filter (where reading.value < signals.plausible_low or reading.value > signals.plausible_high)
            as implausible_count
    from raw.readings as reading
    join signals on signals.signal_id = reading.signal_id
    where reading.event_time >= {{start}} and reading.event_time < {{end}}
    group by
        signals.site_code,
        signals.equipment_code,
        signals.equipment_class,
        signals.own_metric,
        date_trunc('hour', reading.event_time)
)
select
    *,
    period_start as first_hour,
    period_start as last_hour,
    {rate_pct("outside_limits_count", "item_count")} as outside_limits_pct,
    {rate_pct("implausible_count", "item_count")} as implausible_pct
from groups
"""

SUITE = Suite(
    name="readings",
    asset_key=("raw", "readings"),
    time_column="event_time",
    description="One row per equipment and hour; metrics with thresholds of their own have rows of their own.",
    scopes=("equipment_class", "metric"),
    query=_QUERY,
    expectations=(
        Expectation(
            name="values_are_present",
            column="value_missing_count",
            dimension="completeness",
            description="Every reading has a value that is a finite number.",
            mission=("S0-059",),
        ),
        Expectation(
            name="qualities_are_present",
            column="quality_missing_count",
            dimension="completeness",
            description="Every reading has a quality.",
            mission=("S0-059",),
        ),
        Expectation(
            name="qualities_are_ratios",
            column="quality_outside_count",
            dimension="validity",
            description="Every quality lies between 0 and 1.",
            mission=("S0-060", "S4-005"),
        ),
        Expectation(
            name="values_are_within_registered_limits",
            column="outside_limits_pct",
            dimension="validity",
            description="Few of the readings of an equipment and hour lie outside the limits registered for"
            " their signal.",
            mission=("S0-060", "S0-064", "C48"),
        ),
        Expectation(
            name="values_are_plausible_for_their_unit",
            column="implausible_pct",
            dimension="validity",
            description="Few of the readings of an equipment and hour lie outside what is physically plausible"
            " for their unit; only signals without registered limits count.",
            mission=("S0-060", "C48"),
        ),
    ),
)
