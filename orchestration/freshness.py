"""How long each layer of the warehouse counts as fresh. How far it is behind is measured in `lag`."""

from datetime import timedelta

import dagster as dg

# What is older than its window is looked at; what is three times as old is stale.
_STALE_AFTER = 3


def fresh_for(hours: float) -> dg.FreshnessPolicy:
    """The policy of a layer that is to be materialized at least once in so many hours."""
    window = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=_STALE_AFTER * window, warn_window=window)
