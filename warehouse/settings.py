"""Settings of the databases. Which database holds what is told in `tables`; how to connect, in `engine.py`."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.embedded import EmbeddedPostgres
from warehouse.keep_days import ALARM_KEEP_DAYS, HOURLY_AFTER_RAW_DAYS, HOURLY_KEEP_DAYS, VALIDATION_KEEP_DAYS
from warehouse.roles import DAGSTER, DBT, EXPECTATIONS, INGESTION, LOADER, ML, MLFLOW, Database

API_DATABASE = "millrace_api"
WAREHOUSE_DATABASE = "millrace_warehouse"
DAGSTER_DATABASE = "millrace_dagster"
MLFLOW_DATABASE = "millrace_mlflow"
DATABASES = (API_DATABASE, WAREHOUSE_DATABASE, DAGSTER_DATABASE, MLFLOW_DATABASE)


class WarehouseSettings(BaseSettings):
    """Where the four databases are. A URL set here turns the embedded database off for that one."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default=Path(".millrace"), description="Directory of everything the platform keeps on this machine"
    )
    # Below the ports that systems hand out to outgoing connections: one of those may hold it when we start.
    postgres_port: int = Field(default=15432, ge=1, le=65535, description="Loopback port of the embedded PostgreSQL")
    postgres_start_timeout_s: float = Field(
        default=120,
        gt=0,
        description="How long the embedded PostgreSQL may take to start; crash recovery on a slow disk counts",
    )
    backup_dir: Path | None = Field(
        default=None,
        description="Directory, best on another disk, of the embedded PostgreSQL's base backups and archived WAL;"
        " empty: it is not backed up",
    )
    backups_kept: int = Field(default=7, ge=1, description="Base backups that are kept, each with all WAL after it")
    warehouse_url: str | None = Field(default=None, description="URL of the warehouse; empty: embedded")
    api_database_url: str | None = Field(
        default=None, description="URL of the ingestion API's database; empty: embedded"
    )
    dagster_database_url: str | None = Field(default=None, description="URL of Dagster's database; empty: embedded")
    mlflow_database_url: str | None = Field(default=None, description="URL of MLflow's database; empty: embedded")
    storage_warehouse_url: str | None = Field(
        default=None,
        description="URL of the warehouse as its owner, to archive, compress and drop raw rows; empty: warehouse_url",
    )
    archive_dir: Path | None = Field(
        default=None, description="Directory of archived raw rows (Parquet); empty: archive in data_dir"
    )
    cold_after_days: int = Field(
        default=7, ge=1, description="Days after which raw rows are archived, and compressed where the server can"
    )
    raw_keep_days: int = Field(
        default=180, ge=1, description="Days that raw rows stay in the warehouse where no retention rule says otherwise"
    )
    drop_raw: bool = Field(
        default=False,
        description="Whether raw rows past their retention are deleted every day, once archive and rollups cover them",
    )
    hourly_keep_days: int = Field(
        default=HOURLY_KEEP_DAYS,
        ge=1,
        description="Days that hourly rollups stay where no retention rule says otherwise; daily ones stay for ever",
    )
    drop_hourly: bool = Field(
        default=False,
        description="Whether hourly rollups past their retention are deleted every day, once daily marts cover them and"
        " their raw rows have gone",
    )
    alarm_keep_days: int = Field(
        default=ALARM_KEEP_DAYS,
        ge=1,
        description="Days after their end that alarms stay where no retention rule says otherwise",
    )
    drop_alarms: bool = Field(
        default=False,
        description="Whether alarms past their retention are deleted every day, once the archive has them and the hours"
        " that count them have gone",
    )
    validation_keep_days: int = Field(
        default=VALIDATION_KEEP_DAYS,
        ge=1,
        description="Days after which results of validations are deleted, unless an hour is held by them still",
    )
    hourly_aggregate_schema: str | None = Field(
        default=None,
        description="Schema of the continuous aggregate sensor_readings_hourly (community TimescaleDB); empty: none",
    )

    @field_validator("warehouse_url", "api_database_url", "dagster_database_url", "mlflow_database_url")
    @classmethod
    def _driver_is_named(cls, url: str | None) -> str | None:
        # Each tool reads a bare scheme as a driver of its own choice.
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
            raise ValueError("must look like postgresql://user:password@host:port/database")
        return f"postgresql+psycopg://{rest}"

    @model_validator(mode="after")
    def _hours_outlive_raw_rows(self) -> "WarehouseSettings":
        least = self.raw_keep_days + HOURLY_AFTER_RAW_DAYS
        if self.drop_hourly and self.hourly_keep_days < least:
            raise ValueError(
                f"MILLRACE_HOURLY_KEEP_DAYS is {self.hourly_keep_days}; it must be {least} or more,"
                f" {HOURLY_AFTER_RAW_DAYS} days longer than MILLRACE_RAW_KEEP_DAYS:"
                " what is computed of the days after a deleted one still reads it"
            )
        return self

    @property
    def logins_file(self) -> Path:
        """Where the packages' logins are kept, mode 0600."""
        return self.data_dir / "logins.json"

    def embedded(self) -> EmbeddedPostgres:
        """The embedded server of these settings, started or not."""
        return EmbeddedPostgres(
            self.data_dir, self.postgres_port, self.postgres_start_timeout_s, backup_dir=self.backup_dir
        )

    def needs_embedded(self) -> bool:
        """Whether any of the four databases is the embedded one."""
        urls = (self.warehouse_url, self.api_database_url, self.dagster_database_url, self.mlflow_database_url)
        return any(url is None for url in urls)

    def archive(self) -> Path:
        """Directory of the archive, existing or not."""
        return self.archive_dir or self.data_dir / "archive"

    def warehouse_dsn(self) -> str:
        """URL of the warehouse.

        Raises:
            NotStarted: The embedded database was never started.
        """
        return self.warehouse_url or self.embedded().url(WAREHOUSE_DATABASE)

    def api_dsn(self) -> str:
        """URL of the ingestion API's database. Raises as `warehouse_dsn`."""
        return self.api_database_url or self.embedded().url(API_DATABASE)

    def dagster_dsn(self) -> str:
        """URL of Dagster's own storage. Raises as `warehouse_dsn`."""
        return self.dagster_database_url or self.embedded().url(DAGSTER_DATABASE)

    def mlflow_dsn(self) -> str:
        """URL of MLflow's backend store. Raises as `warehouse_dsn`."""
        return self.mlflow_database_url or self.embedded().url(MLFLOW_DATABASE)

    def dsns(self) -> dict[Database, str]:
        """URLs of the four databases. Raises as `warehouse_dsn`."""
        return {
            "api": self.api_dsn(),
            "warehouse": self.warehouse_dsn(),
            "dagster": self.dagster_dsn(),
            "mlflow": self.mlflow_dsn(),
        }


def warehouse_dsn(own_url: str | None) -> str:
    """URL of the warehouse: a package's own, checked as the platform's is, or the platform's where it has none.

    Raises:
        NotStarted: The embedded database was never started.
    """
    # Given None, the settings would look no further.
    settings = WarehouseSettings(warehouse_url=own_url) if own_url else WarehouseSettings()
    return settings.warehouse_dsn()


class RoleSettings(BaseSettings):
    """Passwords that `python -m warehouse roles` gives the packages' logins; empty: it makes them up and keeps them."""

    model_config = SettingsConfigDict(
        env_prefix="MILLRACE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    ingestion_password: SecretStr | None = Field(default=None, description="Password of the login millrace_ingestion")
    loader_password: SecretStr | None = Field(default=None, description="Password of the login millrace_loader")
    dbt_password: SecretStr | None = Field(default=None, description="Password of the login millrace_dbt")
    expectations_password: SecretStr | None = Field(
        default=None, description="Password of the login millrace_expectations"
    )
    ml_password: SecretStr | None = Field(default=None, description="Password of the login millrace_ml")
    dagster_password: SecretStr | None = Field(default=None, description="Password of the login millrace_dagster")
    mlflow_password: SecretStr | None = Field(default=None, description="Password of the login millrace_mlflow")

    def passwords(self) -> dict[str, str]:
        """The passwords that are set, by role."""
        chosen = {
            INGESTION: self.ingestion_password,
            LOADER: self.loader_password,
            DBT: self.dbt_password,
            EXPECTATIONS: self.expectations_password,
            ML: self.ml_password,
            DAGSTER: self.dagster_password,
            MLFLOW: self.mlflow_password,
        }
        return {role: password.get_secret_value() for role, password in chosen.items() if password}
