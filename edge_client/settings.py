"""What can be set about the edge client, from the environment or `.env`; a collector's options belong to `cli.py`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge_client.errors import ConfigurationError
from ingestion_api.contract import MAX_ITEMS

Seconds = Annotated[float, Field(gt=0)]


class EdgeSettings(BaseSettings):
    """Settings of the edge client."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_EDGE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    api_url: str = Field(
        "http://127.0.0.1:8000", pattern=r"^https?://\S+$", description="Where the ingestion API answers"
    )
    api_key: SecretStr | None = Field(None, description="API key with the scopes push and registry")
    site_code: str = Field("demo", min_length=1, description="Site under which the collector's equipment is registered")
    mqtt_password: SecretStr | None = Field(None, description="Password of --mqtt-user at the MQTT broker")
    spool_path: Path = Field(
        Path(".millrace/edge/spool.sqlite"), description="SQLite file that holds what is not sent yet"
    )
    batch_min: int = Field(100, ge=1, le=MAX_ITEMS, description="Items in a batch at first, and after a failure")
    batch_max: int = Field(MAX_ITEMS, ge=1, le=MAX_ITEMS, description="Items in a batch while a backlog drains")
    linger_s: float = Field(0.2, ge=0, description="Seconds that an incomplete batch waits for more items")
    request_timeout_s: Seconds = Field(
        30,
        description="Seconds of silence after which a request counts as failed; one that is answered bit by bit fails"
        " after four times as long",
    )
    backoff_min_s: Seconds = Field(
        1, description="Seconds to wait after the first failure; doubles with each further one"
    )
    backoff_max_s: Seconds = Field(300, description="Longest wait between two attempts, in seconds")
    probe_interval_s: Seconds = Field(
        30, description="Seconds between two looks at the API's readiness while it is down"
    )
    max_items: int = Field(10_000, ge=1, description="Most unsent items that the spool holds")
    max_bytes: int = Field(
        100_000_000,
        ge=1_000_000,
        description="Most bytes of unsent items that the spool holds; its file stays below twice that and 64 MiB",
    )
    discard_policy: Literal["wait", "discard_oldest", "discard_newest"] = Field(
        "wait",
        description="When the spool is full: `wait` holds the collector back (for sources that can be read again), "
        "`discard_oldest` drops the oldest unsent items, `discard_newest` those that come; what is dropped is counted "
        "as lost and reported to the API",
    )


def read_settings(**overrides: object) -> EdgeSettings:
    """Read the settings; an override that is None leaves the setting alone.

    Raises:
        ConfigurationError: A value is missing or wrong.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return EdgeSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"MILLRACE_EDGE_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"wrong settings: {wrong}") from error
