"""How many days rows stay where neither a setting nor a rule says otherwise (C2). The rules are `retention_rules`'."""

from typing import Final

# Five and seven years, with their leap days.
HOURLY_KEEP_DAYS: Final = 1826
ALARM_KEEP_DAYS: Final = 2557
# A month longer than a year, so that a month can be compared with the same one of the year before.
VALIDATION_KEEP_DAYS: Final = 400

HOURLY_AFTER_RAW_DAYS: Final = 8
"""How much longer hours must stay than raw rows: averages over a week, of a date that begins on the day before."""
