"""Every threshold of the suites, in one place. Plausible ranges of units do not belong here, see `plausible_ranges.py`.

All rates are percentages of all items of a group, never of its non-NULL items (C47), and strict: the threshold itself
fails (C48).
"""

# S0-064: quarantined items, of those received. Implausible values and missing confidences are held to the same.
INVALID_PCT = 10.0
# S0-065: items that were stored before, of those received.
DUPLICATE_PCT = 5.0
# S0-066, C17: the 95th percentile of lateness is under 60 minutes. By nearest rank this is the same as: at most 5 % of
# the items came 60 minutes after their event or later. Counts add up over batches, hours and days; percentiles do not.
LATE_PCT = 5.0
# C8: under this confidence an event is uncertain. A camera with a quarter of such events deserves a look.
UNCERTAIN_BELOW = 0.7
UNCERTAIN_PCT = 25.0
# C12: no state lasts longer than a day.
LONGEST_DURATION_S = 24 * 3600
# In a group smaller than this a single bad item does not trip a rate; two do.
MIN_ITEMS = 20


def rate_pct(bad: str, total: str) -> str:
    """SQL of the share of bad items in a group, in percent, never NULL.

    Numeric, not float, so that 10 of 100 is exactly 10.
    """
    return (
        f"case when {total} = 0 or ({total} < {MIN_ITEMS} and {bad} <= 1) then 0.0"
        f" else cast({bad} as numeric) * 100 / {total} end"
    )
