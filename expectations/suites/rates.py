"""Rates as the suites measure them. What a rate may be stands in `thresholds.toml`.

All are percentages of all items of a group, never of its non-NULL items (C47).
"""

# In a group smaller than this a single bad item does not trip a rate; two do.
MIN_ITEMS = 20


def is_forgiven(bad: str, total: str) -> str:
    """SQL of whether a group is empty, or so small that its bad items do not count."""
    return f"({total} = 0 or ({total} < {MIN_ITEMS} and {bad} <= 1))"


def rate_pct(bad: str, total: str) -> str:
    """SQL of the share of bad items in a group, in percent, never NULL.

    Numeric, not float, so that 10 of 100 is exactly 10.
    """
    return f"case when {is_forgiven(bad, total)} then 0.0 else cast({bad} as numeric) * 100 / {total} end"
