"""Settings of the ingestion API. Where the other databases are does not belong here; see `warehouse.settings`."""

import re
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingestion_api.contract import MAX_BODY_BYTES, MAX_ITEMS
from warehouse.settings import WarehouseSettings

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


class IngestionApiSettings(BaseSettings):
    """Where the API listens, what it stores in, and how much it takes at once."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_API_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one")
    # One: the demo shares a laptop with Dagster, and one does ten times what C18 asks for.
    workers: int = Field(default=1, ge=1, le=64, description="Processes that serve, about one per core")
    database_url: str | None = Field(default=None, description="URL of the API's database; empty: the embedded one")
    warehouse_url: str | None = Field(
        default=None, description="URL of the warehouse that is read, by a member of bi_reader; empty: the platform's"
    )
    max_items: int = Field(default=MAX_ITEMS, ge=1, le=MAX_ITEMS, description="Most items in one batch (C5)")
    max_body_bytes: int = Field(default=MAX_BODY_BYTES, ge=1_024, description="Largest body, in bytes (C4)")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least serious log entry written"
    )

    requests_per_min: int = Field(default=1_000, ge=0, description="Requests a key may send in a minute (C3); 0: any")
    items_per_min: int = Field(
        default=1_000_000, ge=0, description="Items a key may push in a minute (C3, S0-047); 0: any number"
    )
    unauthenticated_per_min: int = Field(
        default=100, ge=1, description="Requests an address may send in a minute without a good key (C3, S1-009)"
    )
    demo_mode: bool = Field(default=False, description="Let anybody on this machine push and read without a key (C38)")
    demo_site: str = Field(default="demo", description="The one site that demo mode opens")
    cors_origins: str = Field(
        default="", description="Origins whose pages may call, comma-separated, such as https://live.plant.example"
    )
    management_host: str = Field(default="127.0.0.1", description="Address of /metrics; reachable by Prometheus alone")
    management_port: int = Field(default=9464, ge=0, le=65535, description="Port of /metrics and health; 0: none")

    @field_validator("cors_origins")
    @classmethod
    def _named_origins(cls, text: str) -> str:
        for origin in _parts(text):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin: write scheme://host[:port], never *")
        return text

    def origins(self) -> list[str]:
        """The origins of `cors_origins`."""
        return _parts(self.cors_origins)

    def dsn(self) -> str:
        """URL of the API's database.

        Raises:
            warehouse.errors.NotStarted: The embedded database was never started.
        """
        # Both classes read the variable MILLRACE_API_DATABASE_URL; the other one checks it and names the driver.
        return WarehouseSettings(api_database_url=self.database_url).api_dsn()


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
