"""Builds what loads touched, as the ledger tells it, in ranges of any length and order. Loads nothing."""

import random
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from random_plant import DAY, HOUR, ZONES
from sqlalchemy import Engine

from warehouse import ledger


def roll_up(engine: Engine, dbt: Any, dice: random.Random) -> None:
    """Build the hours that the loads touched, in ranges of any length and order."""
    ranges = []
    for pending in ledger.pending_ranges(engine, "rolled_up"):
        start = pending.start
        while start < pending.end:
            end = min(start + dice.choice([1, 12, 48]) * HOUR, pending.end)
            ranges.append((start, end))
            start = end
    dice.shuffle(ranges)
    for start, end in ranges:
        seen = ledger.seen(engine, "rolled_up", start, end)
        dbt("run", "--select", "tag:hourly", start_hour=start.isoformat(), end_hour=end.isoformat())
        ledger.settle(engine, "rolled_up", seen)
    assert ledger.pending_ranges(engine, "rolled_up") == []


def summarize(engine: Engine, dbt: Any, dice: random.Random) -> None:
    """Build the site-local dates of the rolled-up hours, in ranges of any length and order."""
    ranges = ledger.pending_ranges(engine, "summarized")
    hours = [r.start + n * HOUR for r in ranges for n in range((r.end - r.start) // HOUR)]
    instants = [hour + offset for hour in hours for offset in (timedelta(0), HOUR - timedelta(microseconds=1))]
    dates = sorted({instant.astimezone(ZoneInfo(zone)).date() for instant in instants for zone in ZONES.values()})
    seen = [ledger.seen(engine, "summarized", r.start, r.end) for r in ranges]
    spans: list[list[date]] = []
    for day in dates:
        if spans and spans[-1][-1] + DAY == day and len(spans[-1]) < dice.choice([1, 3]):
            spans[-1].append(day)
        else:
            spans.append([day])
    dice.shuffle(spans)
    for span in spans:
        dbt("run", "--select", "tag:daily", start_date=span[0], end_date=span[-1] + DAY)
    for snapshot in seen:
        ledger.settle(engine, "summarized", snapshot)
