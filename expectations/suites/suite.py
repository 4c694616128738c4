"""What a suite is made of. What it expects belongs in the file of its table; how it is evaluated, in `validate.py`.

A suite reads its table once: `query` turns the window into one row per group, such as a source and an hour, with a
column for each measure. Every expectation then bounds one of these columns in every group.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """An upper bound that a measure keeps in every group.

    Attributes:
        name: Stable: results, asset checks and alerts refer to it.
        column: The measure, a column of the suite's query that is never NULL.
        severity: `critical` holds the hours of a failed group back; `warning` only shows.
        description: One sentence for the Dagster UI and Data Docs.
        mission: The requirements it serves.
        below: The measure must be less than this; the bound itself fails (C48).
        at_most: The measure may reach this.
    """

    name: str
    column: str
    severity: Severity
    description: str
    mission: tuple[str, ...]
    below: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.below is None) == (self.at_most is None):
            raise ValueError(f"{self.name}: give exactly one of below and at_most")

    @property
    def limit(self) -> float:
        """The bound, strict or not."""
        bound = self.below if self.below is not None else self.at_most
        assert bound is not None  # noqa: S101 - __post_init__ refuses anything else
        return bound

    @property
    def is_strict(self) -> bool:
        """Whether the bound itself fails."""
        return self.below is not None


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The expectations on one table.

    Attributes:
        name: Stable, the name of its file.
        asset_key: The Dagster asset it judges: schema and table.
        time_column: The column that the window bounds.
        description: What one row of the query stands for.
        query: SQL with `{start}` and `{end}`, the half-open window. It yields the columns of `GROUP_COLUMNS` and one
            for each measure; rows at grain `hour` partition the items of the window. `first_hour` and `last_hour` are
            the hours that figures are computed of from the group's rows, NULL where the group does not know them.
        expectations: In the order they are shown.
    """

    name: str
    asset_key: tuple[str, str]
    time_column: str
    description: str
    query: str
    expectations: tuple[Expectation, ...]


# What names a group in every suite. Grain is `hour` (one subject) or `day` (the whole site, by its own calendar).
GROUP_COLUMNS = ("grain", "site_code", "subject_code", "period_start", "item_count")
