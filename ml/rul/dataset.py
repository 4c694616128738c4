"""All that one training of remaining life sees. Fitting on it and judging by it do not belong here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from ml.rul.histories import History, Samples, samples_of, sha256
from ml.rul.lives import Life, lives_of, read_history, sensors_of
from ml.rul.sensors import informative
from ml.settings import MlSettings

CAP_OF_MEAN_LIFE: Final = 0.6


@dataclass(frozen=True)
class TrainingLives:
    """Lives that ended; times are UTC.

    Attributes:
        lives: In the order of their histories.
        histories: With every metric.
        metrics: In the order of the histories' columns.
        samples: Cut from them, with the informative sensors only.
        sensors: These, in the order of the samples' last axis.
        cap: Remaining steps above which nothing is told apart.
        stride: One window is taken every so many steps.
        sha256: Of the histories with the informative sensors: the same data give the same digest.
        as_of: What the warehouse knew at this moment.
    """

    lives: tuple[Life, ...]
    histories: tuple[History, ...]
    metrics: tuple[str, ...]
    samples: Samples
    sensors: tuple[str, ...]
    step_s: float
    cap: float
    stride: int
    sha256: str
    as_of: datetime

    @property
    def started_at(self) -> datetime:
        """When the first life began."""
        return min(life.started_at for life in self.lives)

    @property
    def ended_at(self) -> datetime:
        """The last failure."""
        return max(life.ended_at for life in self.lives if life.ended_at is not None)


def read_lives(connection: Connection, equipment_class: str, settings: MlSettings) -> TrainingLives:
    """Read the lives that ended, and settle sensors, cap and stride by them.

    Args:
        connection: In a transaction that sees one snapshot (REPEATABLE READ).
        equipment_class: Whose.
        settings: Step, window, cap, and how many windows are kept.

    Raises:
        NotEnoughData: No life ended.
    """
    metrics = sensors_of(connection, equipment_class)
    lives = [life for life in lives_of(connection, equipment_class) if life.ended_at is not None]
    histories = [read_history(connection, life, metrics, settings.rul_step_s) for life in lives]
    total = sum(len(history.values) for history in histories)
    stride = max(1, -(-total // settings.max_windows))
    columns = informative(histories) if histories else []
    chosen = [History(one.owner, one.values[:, columns]) for one in histories]
    samples = samples_of(chosen, settings.rul_window_steps, stride)
    mean_life = total / len(histories)
    return TrainingLives(
        lives=tuple(lives),
        histories=tuple(histories),
        metrics=metrics,
        samples=samples,
        sensors=tuple(metrics[column] for column in columns),
        step_s=settings.rul_step_s,
        cap=settings.rul_cap_h * 3_600 / settings.rul_step_s if settings.rul_cap_h else CAP_OF_MEAN_LIFE * mean_life,
        stride=stride,
        sha256=sha256(chosen),
        as_of=connection.execute(text("select now()")).scalar_one(),
    )
