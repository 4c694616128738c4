"""Why a training runs, and which Dagster run it is part of. What comes of it is `ml.promotions`' to keep."""

from dataclasses import dataclass
from typing import Final

TRIGGERS: Final = ("initial", "schedule", "drift", "manual")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a training runs.

    Attributes:
        trigger: initial, schedule, drift or manual.
        episode_id: The drift episode it answers.
        dagster_run_id: The Dagster run it is part of.
        dagster_url: Where a browser finds that run.

    Raises:
        ValueError: The trigger is none of these.
    """

    trigger: str
    episode_id: str | None = None
    dagster_run_id: str | None = None
    dagster_url: str | None = None

    def __post_init__(self) -> None:
        if self.trigger not in TRIGGERS:
            raise ValueError(f"trigger {self.trigger!r} is none of {', '.join(TRIGGERS)}")
