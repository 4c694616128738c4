"""What a suite is made of. What it expects belongs in the file of its table; how it is evaluated, in `validate.py`.

A suite reads its table once: `query` turns the window into one row per group, such as a source and an hour, with a
column for each measure. Every expectation then bounds one of these columns in every group.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]
Dimension = Literal["completeness", "validity", "timeliness", "uniqueness", "consistency"]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """A measure that keeps an upper bound in every group. The bound, and how bad it is to break it, are a `Threshold`.

    Attributes:
        name: Stable: results, asset checks and alerts refer to it.
        column: The measure, a column of the suite's query that is never NULL.
        dimension: Of data quality (S0-059..063).
        description: One sentence for the Dagster UI and Data Docs.
        mission: The requirements it serves.
    """

    name: str
    column: str
    dimension: Dimension
    description: str
    mission: tuple[str, ...]

    @property
    def limit_column(self) -> str:
        """The column with the limit of each group, beside the measure."""
        return f"{self.name}_limit"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The expectations on one table.

    Attributes:
        name: Stable, the name of its file.
        asset_key: The Dagster asset it judges: schema and table.
        time_column: The column that the window bounds.
        description: What one row of the query stands for.
        scopes: By what a threshold may tell groups apart, besides their site: equipment_class, metric, source. Columns
            of the query; metric and source are empty in groups of several.
        query: SQL with `{start}` and `{end}`, the half-open window, and `{apart}`, which says whether a metric or a
            source has thresholds of its own. It yields the columns of `GROUP_COLUMNS`, of the scopes and one for each
            measure; rows at grain `hour` partition the items that are looked at. `first_hour` and `last_hour` are the
            hours that figures are computed of from the group's rows, NULL where the group does not know them.
        expectations: In the order they are shown.
    """

    name: str
    asset_key: tuple[str, str]
    time_column: str
    description: str
    scopes: tuple[str, ...]
    query: str
    expectations: tuple[Expectation, ...]


# What names a group in every suite. Grain is `hour` (one subject) or `day` (the whole site, by its own calendar).
GROUP_COLUMNS = ("grain", "site_code", "subject_code", "period_start", "item_count")
