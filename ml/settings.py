"""Settings of training, scoring, drift detection and the report. Where the databases are is the warehouse's to know."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.settings import WarehouseSettings, warehouse_dsn


class MlSettings(BaseSettings):
    """How models are trained and judged. A change takes effect with the next training or scoring."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_ML_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    warehouse_url: str | None = Field(
        default=None, description="URL of the warehouse, as millrace_ml; empty: the platform's"
    )
    tracking_uri: str = Field(default="http://127.0.0.1:5001", description="MLflow tracking server and model registry")
    grid_s: float | None = Field(
        default=None,
        gt=0,
        description="Sampling grid of the windows, seconds; empty: the median sampling interval of the data",
    )
    history_days: float = Field(
        default=90.0, gt=0, description="Days before the newest reading that a training may use"
    )
    max_windows: int = Field(
        default=20_000, ge=500, description="Windows held in memory by a training; more history is thinned by a stride"
    )
    epochs: int = Field(
        default=15, ge=1, description="Most passes of the autoencoder over its data; it stops early by itself"
    )
    seed: int = Field(
        default=7, description="Seed of weights, order and injected faults: same data and seed, same model"
    )
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads of a training, and pieces of equipment scored at a time; more only help on idle cores",
    )
    threshold_percentile: float = Field(
        default=99.0,
        gt=50,
        lt=100,
        description="Percentile of the held-out normal scores above which a window is an anomaly",
    )
    false_alarm_cap: float = Field(
        default=0.10, gt=0, le=1, description="Share of normal windows that a champion may at most flag"
    )
    shadow_h: float = Field(
        default=24.0,
        ge=0,
        description="Hours of data for which a challenger that passed the gate scores beside the champion before it is "
        "promoted; 0: none",
    )
    rollback_days: float = Field(
        default=7.0,
        ge=0,
        description="Days of data after a promotion in which a champion whose confidence turns critical is rolled back "
        "by itself; 0: never",
    )
    rul_step_s: float = Field(
        default=3_600.0, gt=0, description="Step of remaining life, seconds: readings are averaged over it"
    )
    rul_window_steps: int = Field(default=60, ge=2, description="Steps that a forecast of remaining life looks back")
    rul_cap_h: float | None = Field(
        default=None,
        gt=0,
        description="Remaining life above which nothing is told apart, hours; empty: 0.6 of the mean life",
    )
    rul_epochs: int = Field(default=12, ge=1, description="Passes of the model of remaining life over its data")

    reports_dir: Path | None = Field(
        default=None, description="Directory of the weekly model performance reports; empty: reports in data_dir"
    )

    def reports_folder(self) -> Path:
        """Where reports are written."""
        return self.reports_dir or WarehouseSettings().data_dir / "reports"

    def warehouse_dsn(self) -> str:
        """URL of the warehouse.

        Raises:
            warehouse.errors.NotStarted: The embedded database was never started.
        """
        return warehouse_dsn(self.warehouse_url)
