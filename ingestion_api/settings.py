"""Settings of the ingestion API. Where the other databases are does not belong here; see `warehouse.settings`."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion_api.contract import MAX_BODY_BYTES, MAX_ITEMS
from warehouse.settings import WarehouseSettings


class IngestionApiSettings(BaseSettings):
    """Where the API listens, what it stores in, and how much it takes at once."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_API_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one")
    database_url: str | None = Field(default=None, description="URL of the API's database; empty: the embedded one")
    max_items: int = Field(default=MAX_ITEMS, ge=1, le=MAX_ITEMS, description="Most items in one batch (C5)")
    max_body_bytes: int = Field(default=MAX_BODY_BYTES, ge=1_024, description="Largest body, in bytes (C4)")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least serious log entry written"
    )

    def dsn(self) -> str:
        """URL of the API's database.

        Raises:
            warehouse.errors.NotStarted: The embedded database was never started.
        """
        # Both classes read the variable MILLRACE_API_DATABASE_URL; the other one checks it and names the driver.
        return WarehouseSettings(api_database_url=self.database_url).api_dsn()
