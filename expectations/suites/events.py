"""What the activity events of a window must look like. Keys, types and refused items are checked elsewhere.

A camera is a source that sent a confidence in the window: other sources, such as a counter, know no confidence.
"""

from typing import Final

from expectations.suites.rates import rate_pct
from expectations.suites.suite import Expectation, Suite
from warehouse.load_events import MAX_STATE_GAP_S

# C8: under this confidence an event is uncertain.
UNCERTAIN_BELOW: Final = 0.7
# C12: no state lasts longer than a day.
LONGEST_DURATION_S: Final = 24 * 3600

_QUERY = f"""
with events as (
    select
        event.*,
        bool_or(event.confidence is not null) over (partition by event.site_code, event.source_code) as is_camera
    from (
        select site_code, source_code, event_type, event_time, duration_s, units_produced, confidence
        from raw.events
        where event_time >= {{start}} and event_time < {{end}}
    ) as event
),
groups as (
    select
        'hour' as grain,
        site_code,
        source_code as subject_code,
        date_trunc('hour', event_time) as period_start,
        -- An event ends the state before it and begins one of its own, as the loader reckons the hours it touches.
        min(date_trunc('hour', event_time - interval '{MAX_STATE_GAP_S} seconds')) as first_hour,
        max(date_trunc('hour', event_time - interval '1 microsecond' + interval '1 second'
            * greatest(least(coalesce(duration_s, 0), {LONGEST_DURATION_S}), {MAX_STATE_GAP_S}))) as last_hour,
        count(*) as item_count,
        count(*) filter (where is_camera) as camera_count,
        count(*) filter (where is_camera and confidence is null) as confidence_missing_count,
        count(*) filter (where confidence < 0 or confidence > 1) as confidence_outside_count,
        count(*) filter (where confidence < {UNCERTAIN_BELOW}) as uncertain_count,
        count(*) filter (where units_produced < 0) as units_negative_count,
        count(*) filter (where duration_s < 0 or duration_s > {LONGEST_DURATION_S}) as duration_outside_count,
        count(*) filter (where event_type in ('product_count', 'scrap_count') and units_produced is null)
            as units_missing_count
    from events
    group by site_code, source_code, date_trunc('hour', event_time)
)
select
    *,
    subject_code as source,
    {rate_pct("confidence_missing_count", "camera_count")} as confidence_missing_pct,
    {rate_pct("uncertain_count", "camera_count")} as uncertain_pct
from groups
"""

SUITE = Suite(
    name="events",
    asset_key=("raw", "events"),
    time_column="event_time",
    description="One row per source and hour.",
    scopes=("source",),
    query=_QUERY,
    expectations=(
        Expectation(
            name="confidences_are_present",
            column="confidence_missing_pct",
            dimension="completeness",
            description="Few of a camera's events lack a confidence: without one the gate at 0.7 is blind.",
            mission=("S0-059", "S1-004", "C8", "C48"),
        ),
        Expectation(
            name="confidences_are_ratios",
            column="confidence_outside_count",
            dimension="validity",
            description="Every confidence lies between 0 and 1.",
            mission=("S0-060", "S1-004"),
        ),
        Expectation(
            name="uncertain_events_are_few",
            column="uncertain_pct",
            dimension="validity",
            description="Few of a camera's events are uncertain (confidence under 0.7) and so left out of KPIs.",
            mission=("S1-013", "C8"),
        ),
        Expectation(
            name="units_are_not_negative",
            column="units_negative_count",
            dimension="validity",
            description="No event takes units back.",
            mission=("S0-060", "S3-015"),
        ),
        Expectation(
            name="durations_are_within_a_day",
            column="duration_outside_count",
            dimension="validity",
            description="Every duration lies between 0 and 24 hours.",
            mission=("S0-060", "C12"),
        ),
        Expectation(
            name="counts_carry_units",
            column="units_missing_count",
            dimension="consistency",
            description="Every product_count and scrap_count says how many units.",
            mission=("S0-063", "S1-003"),
        ),
    ),
)
