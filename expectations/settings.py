"""Settings of the expectations. Thresholds do not belong here, but the file of a plant's own is named here."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.settings import warehouse_dsn


class ExpectationsSettings(BaseSettings):
    """Where thresholds come from, where Data Docs go and how much of them is kept."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_EXPECTATIONS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    warehouse_url: str | None = Field(
        default=None, description="URL of the warehouse, as millrace_expectations; empty: the platform's"
    )
    thresholds: Path | None = Field(
        default=None,
        description="TOML file of the plant's own thresholds; empty: those of expectations/thresholds.toml",
    )
    data_docs_dir: Path = Field(
        default=Path(".millrace/data_docs"),
        description="Directory of the Data Docs, a static site; open its index.html",
    )
    data_docs_history: int = Field(
        default=30,
        ge=1,
        description="Validations of each suite that Data Docs keep; ops.validation_results keeps all for"
        " MILLRACE_VALIDATION_KEEP_DAYS",
    )

    def warehouse_dsn(self) -> str:
        """URL of the warehouse.

        Raises:
            warehouse.errors.NotStarted: The embedded database was never started.
        """
        return warehouse_dsn(self.warehouse_url)
