"""What waits to be done, read from the sites' APIs and the warehouse. Whether it is tried now is decided in `attempts`.

Everything here is light enough for a sensor's tick: no statement reads more than the ledger or one index.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from ingestion_api.client import ClientError, IngestionClient
from warehouse import ledger

_MOST_AT_ONCE = 256


@dataclass(frozen=True)
class SiteState:
    """How far a site's API is and how far we have loaded it, by kind; `error` where the API did not answer."""

    site_code: str
    stored: Mapping[str, int]
    loaded: Mapping[str, int]
    error: str | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the API holds something that we have not loaded."""
        return any(position > self.loaded.get(kind, 0) for kind, position in self.stored.items())

    @property
    def ahead(self) -> list[str]:
        """Kinds of which we have loaded more than the API ever took in: it was restored from an older backup."""
        return sorted(kind for kind, position in self.stored.items() if position < self.loaded.get(kind, 0))

    @property
    def content(self) -> str:
        """Names what there is to load."""
        return "-".join(f"{kind}{position}" for kind, position in sorted(self.stored.items()))


@dataclass(frozen=True)
class Promotion:
    """A model that became champion, or scores beside one.

    Attributes:
        since: The newest reading that a model beside the champion was trained on, UTC: only what follows counts. None
            for a champion.
    """

    promotion_id: int
    equipment_class: str
    model_name: str
    version: int
    decided_at: datetime
    since: datetime | None = None

    @property
    def role(self) -> str:
        """Names what the version is, such as `anomaly-pump/shadow`; champions bear the model's name alone."""
        return f"{self.model_name}/shadow" if self.since else self.model_name


@dataclass(frozen=True)
class Episode:
    """A drift episode that no training has answered."""

    episode_id: str
    equipment_class: str


def site_states(
    engine: Engine, site_codes: Iterable[str], connect: Callable[[str], IngestionClient]
) -> list[SiteState]:
    """Ask every site at once, so that those that do not answer cost one timeout together."""
    loaded = loaded_positions(engine)

    def ask(site_code: str) -> SiteState:
        try:
            with connect(site_code) as client:
                return SiteState(site_code, client.cursors(), loaded.get(site_code, {}))
        except ClientError as error:
            return SiteState(site_code, {}, loaded.get(site_code, {}), error=str(error))

    codes = list(site_codes)
    # A thread each, as they do nothing but wait.
    with ThreadPoolExecutor(min(len(codes), _MOST_AT_ONCE) or 1) as pool:
        return list(pool.map(ask, codes))


def loaded_positions(engine: Engine) -> dict[str, dict[str, int]]:
    """The cursors: how far each site is loaded, by kind."""
    positions: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for row in connection.execute(text("select site_code, kind, position from raw.cursors")):
            positions.setdefault(row.site_code, {})[row.kind] = row.position
    return positions


def last_loaded(engine: Engine) -> dict[str, datetime]:
    """When each site's cursors moved last, UTC."""
    query = text("select site_code, max(updated_at) as moved_at from raw.cursors group by site_code")
    with engine.connect() as connection:
        return {row.site_code: row.moved_at for row in connection.execute(query)}


def registry_position(engine: Engine) -> str | None:
    """Names how far the registry of every site is loaded, such as `demo:12`; None where nothing is."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select site_code, position from raw.cursors"
                " where kind = 'registry' and position > 0 order by site_code"
            )
        ).all()
    return ",".join(f"{site_code}:{position}" for site_code, position in rows) or None


def site_zones(engine: Engine) -> list[ZoneInfo]:
    """The time zones of the sites, also those they had before: their dates are built anew too. UTC without any."""
    query = "select distinct payload ->> 'time_zone' from raw.registry_changes where entity = 'sites' order by 1"
    with engine.connect() as connection:
        names = [name for name in connection.scalars(text(query)) if name is not None]
    return [ZoneInfo(name) for name in names or ["UTC"]]


def equipment_classes(engine: Engine) -> list[str]:
    """The equipment classes of all sites."""
    with engine.connect() as connection:
        if not _exists(connection, "marts.dim_equipment"):
            return []
        return list(connection.scalars(text("select distinct equipment_class from marts.dim_equipment order by 1")))


def has_signs_of_failure(engine: Engine) -> bool:
    """Whether the first daily build has made what the health of equipment is read from."""
    with engine.connect() as connection:
        return _exists(connection, "marts.fct_maintenance_events")


def classes_with_failures(engine: Engine, least: int = 10) -> list[str]:
    """The equipment classes of which at least so many pieces have failed."""
    with engine.connect() as connection:
        if not _exists(connection, "marts.fct_equipment_failures"):
            return []
        rows = connection.scalars(
            text("""
                select equipment_class from marts.fct_equipment_failures
                group by equipment_class
                having count(distinct (site_code, equipment_code)) >= :least
                order by equipment_class
            """),
            {"least": least},
        )
        return list(rows)


def has_remaining_life_model(engine: Engine) -> bool:
    """Whether any model of remaining life was ever made champion."""
    query = "select exists (select from ml.promotions where is_promoted and model_name like 'rul-%')"
    with engine.connect() as connection:
        return bool(connection.scalar(text(query)))


def newest_promotions(engine: Engine) -> list[Promotion]:
    """The decisions that made each present champion, and each challenger that scores beside one."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                select distinct on (model_name, is_shadow)
                    promotion_id, model_name, challenger_version, decided_at, is_shadow, data_until
                from ml.promotions as p
                where model_name like 'anomaly-%' and (
                    is_promoted
                    or (
                        is_shadow
                        -- It ends with the next decision about it, with the next to score beside and the next champion.
                        and not exists (
                            select from ml.promotions as later
                            where later.model_name = p.model_name and later.promotion_id > p.promotion_id
                                and (
                                    later.is_promoted
                                    or later.is_shadow
                                    or later.challenger_version = p.challenger_version
                                )
                        )
                    )
                )
                order by model_name, is_shadow, promotion_id desc
            """)
        )
        return [
            Promotion(
                row.promotion_id,
                row.model_name.removeprefix("anomaly-"),
                row.model_name,
                row.challenger_version,
                row.decided_at,
                row.data_until if row.is_shadow else None,
            )
            for row in rows
        ]


def old_hours_pending(engine: Engine) -> int:
    """Hours that wait for their rollup, without those that wait for a restore or are held back.

    Nor with the newest: those wait again with every load.
    """
    with engine.connect() as connection:
        count: int = connection.scalar(
            text(f"""
                select count(*)
                from raw.touched_hours
                where summarized_count < touch_count and rolled_up_count < touch_count
                    and hour < now() - interval '2 hours'
                    and not ops.is_frozen(site_code, cast(hour at time zone 'UTC' as date))
                    and not {ledger.WAITS_TO_BE_LET_GO}
            """)
        )
        return count


def waiting_hours(engine: Engine, now: datetime) -> tuple[datetime, datetime]:
    """From the first to the last hour that waits for its rollup, half-open; the present hour where none does."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    ranges = ledger.pending_ranges(engine, "rolled_up") or [ledger.HourRange(hour, hour + timedelta(hours=1))]
    return ranges[0].start, ranges[-1].end


def unanswered_episodes(engine: Engine) -> list[Episode]:
    """Open drift episodes that no training has answered, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
                select e.episode_id, e.equipment_class
                from ml.drift_episodes as e
                where e.recovered_at is null
                    and not exists (select from ml.promotions as p where p.episode_id = e.episode_id)
                order by e.detected_at, e.episode_id
            """)
        )
        return [Episode(row.episode_id, row.equipment_class) for row in rows]


def _exists(connection: Connection, table: str) -> bool:
    return connection.scalar(text("select to_regclass(:table) is not null"), {"table": table}) is True
