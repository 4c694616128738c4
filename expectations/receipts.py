"""Hours of receipt that brought rows to hours which wait for their rollup, and the days on which they lie.

A rate of what was refused, repeated or late is about what a source sent in an hour or on a day. It stands for all hours
that this changed, however old they are: each is held to the rates of its hours of receipt, and held back by no others.
"""

from typing import Final

ZONES: Final = """
    select distinct on (site_code) site_code, payload ->> 'time_zone' as time_zone
    from raw.registry_changes
    where entity = 'sites'
    order by site_code, change_seq desc
"""
"""SQL of the time zone of each registered site."""

RECEIPTS: Final = f"""
    select
        touched.site_code,
        touched.hour,
        received.received_hour,
        days.received_day
    from raw.touched_hours as touched
    cross join lateral unnest(touched.received_hours) as received (received_hour)
    left join ({ZONES}) as zones on zones.site_code = touched.site_code
    -- Where clocks are half an hour apart from UTC, midnight lies within an hour of it.
    cross join lateral (
        select distinct date_trunc('day', edges.instant, coalesce(zones.time_zone, 'UTC')) as received_day
        from (values (received.received_hour), (received.received_hour + interval '59 minutes')) as edges (instant)
    ) as days
    where
        touched.hour >= {{start}}
        and touched.hour < {{end}}
        and touched.summarized_count < touched.touch_count
        and touched.rolled_up_count < touched.touch_count
"""
"""SQL of hours that wait in a window, with their hours of receipt and the first instants (UTC) of the days on which
those lie by the site's calendar: site_code, hour, received_hour, received_day."""
