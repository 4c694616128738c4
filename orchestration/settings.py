"""Settings of orchestration: sites, ports, how often sensors look. Where the databases are is the warehouse's."""

from datetime import date

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class OrchestrationSettings(BaseSettings):
    """What Dagster needs to know. A change takes effect when the code location is loaded again."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    sites: dict[str, str] = Field(
        default={"demo": "http://127.0.0.1:8000"},
        description="JSON: site code to the URL of its ingestion API; each site is a Dagster partition",
    )
    pull_key: SecretStr = Field(
        default=SecretStr(""), description="API key (scope pull) of each site that pull_keys does not name"
    )
    pull_keys: dict[str, SecretStr] = Field(default={}, description="JSON: site code to its own API key (scope pull)")
    dagster_port: int = Field(default=3000, ge=1, le=65535, description="Port of the Dagster webserver")
    dagster_read_only: bool = Field(
        default=False,
        description="Whether the Dagster webserver only shows: nobody launches, stops or deletes anything by it",
    )
    dagster_keep_days: int = Field(
        default=30,
        ge=15,
        description="Days that Dagster remembers runs, but for trainings and for those that the newest data came from",
    )
    code_server_port: int = Field(default=4266, ge=1, le=65535, description="Loopback port of Dagster's code server")
    mlflow_port: int = Field(default=5001, ge=1, le=65535, description="Port of the MLflow server")
    mlflow_url: str | None = Field(
        default=None, description="MLflow as a browser reaches it, for links; empty: http://127.0.0.1:<mlflow_port>"
    )
    dagster_url: str | None = Field(
        default=None, description="Dagster as a browser reaches it, for links; empty: http://127.0.0.1:<dagster_port>"
    )
    data_docs_port: int = Field(default=8591, ge=1, le=65535, description="Port of the Data Docs")
    data_docs_url: str | None = Field(
        default=None,
        description="Data Docs as a browser reaches them, for links; empty: http://127.0.0.1:<data_docs_port>",
    )
    site_pages: dict[str, str] = Field(
        default={},
        description="JSON: site code to its ingestion API as a browser reaches it, for links; others: as in sites",
    )
    sensor_interval_s: int = Field(default=30, ge=5, description="Seconds between two looks of a Dagster sensor")
    api_timeout_s: float = Field(
        default=10, gt=0, le=15, description="How long a sensor waits for a site's API to answer"
    )
    partitions_start: date = Field(
        default=date(2020, 1, 1),
        description="First day of the hourly and daily partitions; earlier hours are not rolled up",
    )
    ranges_per_tick: int = Field(
        default=3, ge=1, description="Rollup runs one look at the touched-hours ledger may ask for"
    )
    hours_per_run: int = Field(default=168, ge=1, description="Longest range of hours one rollup run takes")
    retry_delay_s: float = Field(
        default=60, gt=0, description="Wait before a sensor asks again for a run that failed; doubles with each failure"
    )
    training_min_hours: int = Field(
        default=24, ge=1, description="Hours of readings an equipment class needs before its first model"
    )
    alert_url: SecretStr = Field(
        default=SecretStr(""), description="Webhook that is told of failed runs, as JSON by POST; empty: the log alone"
    )
    alert_timeout_s: float = Field(default=5, gt=0, le=10, description="How long the webhook has to take an alert")
    lag_interval_s: int = Field(default=300, ge=30, description="Seconds between two measurements of the lag")
    lag_warn_s: float = Field(
        default=3600, gt=0, description="Wait of a load, a rollup or a daily mart above which the lag checks warn"
    )
    fresh_raw_h: float = Field(
        default=24, ge=0.1, description="Hours after a load in which raw tables are fresh; stale after three times that"
    )
    fresh_hourly_h: float = Field(
        default=24, ge=0.1, description="As fresh_raw_h, of hourly rollups; raise it where a plant rests for days"
    )
    fresh_daily_h: float = Field(default=48, ge=0.1, description="As fresh_raw_h, of daily marts")

    def pull_key_for(self, site_code: str) -> str:
        """The API key that pulls a site."""
        return self.pull_keys.get(site_code, self.pull_key).get_secret_value()

    def mlflow_base_url(self) -> str:
        """MLflow's address as links show it."""
        return (self.mlflow_url or f"http://127.0.0.1:{self.mlflow_port}").rstrip("/")

    def data_docs_base_url(self) -> str:
        """The Data Docs' address as links show it."""
        return (self.data_docs_url or f"http://127.0.0.1:{self.data_docs_port}").rstrip("/")

    def site_page(self, site_code: str) -> str:
        """The address of a site's ingestion API as links show it."""
        return self.site_pages.get(site_code, self.sites[site_code]).rstrip("/")

    def dagster_base_url(self) -> str:
        """Dagster's address as links show it."""
        return (self.dagster_url or f"http://127.0.0.1:{self.dagster_port}").rstrip("/")
