"""The entities of the registry: their payloads and what makes one valid. Storing them does not belong here."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from msgspec import Meta, Struct
from sqlalchemy import Table

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.contract import DeviceTime, Entity
from ingestion_api.entity_payload import Label, Payload
from ingestion_api.errors import InvalidEntity
from warehouse import tables

_MAX_CODE = 200
_UNFIT_FOR_A_PATH = re.compile(r"[/\x00-\x1f\x7f�]")
_UNFIT_FOR_A_METRIC = re.compile(r"[\x00-\x1f\x7f�]")

LocalTime = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="HH:MM in the site's time zone")
]
Rate = Annotated[float, Meta(ge=0)]


class Site(Payload, frozen=True, kw_only=True):
    """A plant, with the time zone its days and shifts are counted in.

    Workers are ranked by output only where `is_worker_ranking_allowed`: that is personal data (C39).
    """

    name: Label
    time_zone: Label
    is_worker_ranking_allowed: bool = False

    def __post_init__(self) -> None:
        if self.time_zone not in _time_zones():
            raise ValueError(f"time_zone {self.time_zone!r} is not an IANA time zone, such as Europe/Berlin")


class WorkCenter(Payload, frozen=True, kw_only=True):
    """A line or cell: work units under one control."""

    name: Label
    area_code: Label | None = None


class WorkUnit(Payload, frozen=True, kw_only=True):
    """A station where work is done."""

    name: Label
    work_center_code: Label | None = None
    target_units_per_h: Rate | None = None


class Equipment(Payload, frozen=True, kw_only=True):
    """A machine; its class decides which model watches it."""

    name: Label
    equipment_class: Label
    work_unit_code: Label | None = None


class Signal(Payload, frozen=True, kw_only=True):
    """One metric of one machine, with its unit (UCUM) and physically plausible limits."""

    unit_code: Label | None = None
    low_limit: float | None = None
    high_limit: float | None = None
    is_reviewed: bool = True

    def __post_init__(self) -> None:
        if self.low_limit is not None and self.high_limit is not None and self.low_limit > self.high_limit:
            raise ValueError(f"low_limit {self.low_limit} is above high_limit {self.high_limit}")


class Worker(Payload, frozen=True, kw_only=True):
    """A person, by pseudonym: a name has no place here (C39)."""

    department: Label | None = None
    shift_code: Label | None = None
    active_since: DeviceTime | None = None


class Shift(Payload, frozen=True, kw_only=True):
    """A span of the working day; an end before the start lies on the next day."""

    name: Label
    starts_at_local: LocalTime
    ends_at_local: LocalTime


@dataclass(frozen=True)
class Shape:
    """How an entity is stored: its table, the columns of its code and the type of the rest."""

    entity: Entity
    table: Table
    code_columns: tuple[str, ...]
    payload: type[Struct]

    @property
    def path(self) -> str:
        """The entity's path below the API's prefix."""
        return self.entity.replace("_", "-")

    def keys(self, site_code: str, codes: tuple[str, ...]) -> dict[str, str]:
        """Name the primary key of one row.

        Raises:
            InvalidEntity: A code is empty, too long, or could not be named in a path.
        """
        for name, code in zip(self.code_columns, codes, strict=True):
            _check_code(name, code)
        named: dict[str, str] = dict(zip(self.code_columns, codes, strict=True))
        return {"site_code": site_code, **named}


SHAPES: tuple[Shape, ...] = (
    Shape("sites", tables.sites, ("site_code",), Site),
    Shape("work_centers", tables.work_centers, ("work_center_code",), WorkCenter),
    Shape("work_units", tables.work_units, ("work_unit_code",), WorkUnit),
    Shape("equipment", tables.equipment, ("equipment_code",), Equipment),
    Shape("signals", tables.api_signals, ("equipment_code", "metric"), Signal),
    Shape("workers", tables.workers, ("worker_code",), Worker),
    Shape("shifts", tables.shifts, ("shift_code",), Shift),
    Shape("alarm_rules", tables.alarm_rules, ("rule_code",), AlarmRule),
)


def _check_code(name: str, code: str) -> None:
    unfit: Any = _UNFIT_FOR_A_METRIC if name == "metric" else _UNFIT_FOR_A_PATH
    if not code or len(code) > _MAX_CODE or unfit.search(code):
        raise InvalidEntity(f"{name} {code[:_MAX_CODE]!r} must have 1 to {_MAX_CODE} characters, no slash, no control")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
