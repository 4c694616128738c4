"""What each look of the doctor is given, and what it returns. What is looked at stands in the files beside this one."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

from sqlalchemy import Connection, Engine, NullPool

from ingestion_api.settings import IngestionApiSettings
from orchestration.local.processes import is_supervised
from orchestration.settings import OrchestrationSettings
from warehouse.engine import create_engine
from warehouse.errors import NotStarted
from warehouse.roles import Database
from warehouse.settings import WarehouseSettings, warehouse_dsn

Status = Literal["ok", "warning", "failed"]
_CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        name: What holds where it is ok, such as `disks_have_room`.
        status: `failed`: the platform does not work, or soon will not. `warning`: somebody should know.
        says: What was found.
        do: What to do about it; empty where there is nothing to do.
        numbers: What was measured, by a name that ends in its unit.
    """

    name: str
    status: Status
    says: str
    do: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

    def named(self, name: str) -> "Finding":
        """The same under another name."""
        return replace(self, name=name)


@dataclass(frozen=True)
class Clocks:
    """This machine's two clocks at one moment, in seconds: that of the day, and the one that nobody can set."""

    wall_s: float
    monotonic_s: float

    @classmethod
    def now(cls) -> "Clocks":
        """What they show."""
        return cls(time.time(), time.monotonic())


@dataclass(frozen=True)
class Patient:
    """The platform as the settings of this process tell it.

    Attributes:
        started: The clocks when the examination began.
    """

    warehouse: WarehouseSettings = field(default_factory=WarehouseSettings)
    api: IngestionApiSettings = field(default_factory=IngestionApiSettings)
    orchestration: OrchestrationSettings = field(default_factory=OrchestrationSettings)
    started: Clocks = field(default_factory=Clocks.now)

    @cached_property
    def is_supervised(self) -> bool:
        """Whether `make up` or `make demo` is at work on this data directory."""
        return is_supervised(self.warehouse.data_dir / "run")

    @property
    def now(self) -> datetime:
        """The moment of the examination, UTC."""
        return datetime.fromtimestamp(self.started.wall_s, UTC)

    def named_urls(self) -> dict[Database, str | None]:
        """URLs of the four databases as set; None: embedded."""
        return {
            "api": self.warehouse.api_database_url,
            "warehouse": self.warehouse.warehouse_url,
            "dagster": self.warehouse.dagster_database_url,
            "mlflow": self.warehouse.mlflow_database_url,
        }

    def urls(self) -> dict[Database, str | None]:
        """URLs of the four databases; None of one that is not set and was never started here."""
        return {database: url or self._embedded(database) for database, url in self.named_urls().items()}

    def engine(self, database: Database = "warehouse", *, as_owner: bool = False) -> Engine:
        """An engine that keeps no connection and waits five seconds for one.

        Args:
            database: Which of the four.
            as_owner: Of the warehouse by its owner's login, where that is set.

        Raises:
            NotStarted: No URL of it is set, and it was never started here.
        """
        own_url = self.warehouse.storage_warehouse_url if as_owner and database == "warehouse" else None
        url = warehouse_dsn(own_url) if own_url else self.urls()[database]
        if url is None:
            raise NotStarted(f"no URL of the {database} database is set, and none was ever started here")
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S})

    @contextmanager
    def connected(self, database: Database = "warehouse", *, as_owner: bool = False) -> Iterator[Connection]:
        """A connection to a database. Raises as `engine`."""
        with self.engine(database, as_owner=as_owner).connect() as connection:
            yield connection

    def site(self, site_code: str) -> tuple[str, str]:
        """URL and key of a site's ingestion API; where it runs here, as the processes of `make up` know them."""
        url, key = self.orchestration.sites[site_code], self.orchestration.pull_key_for(site_code)
        if self.is_supervised and site_code == next(iter(self.orchestration.sites)):
            url = f"http://127.0.0.1:{self.api.port}"
            keys = self.warehouse.data_dir / "keys.json"
            if not key and keys.exists():
                key = json.loads(keys.read_text())["dagster"]
        return url, key

    def _embedded(self, database: Database) -> str | None:
        server = self.warehouse.embedded()
        return server.url(f"millrace_{database}") if server.cluster.exists() else None


def one_line(error: Exception) -> str:
    """What an error says, without the statement and the link that SQLAlchemy adds."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def duration(time: timedelta) -> str:
    """A duration as people say it, such as `4 min` or `2.5 h`."""
    minutes = time.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{time.days} d"
