"""The wire schema, versioned as /api/v1: what a device sends and what it is answered.

Shape and type only. Whether an item is believed is decided in `rules.py`; how bytes become items, in `formats/`.
This module and `client.py` are all that the edge client imports.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

API_PREFIX = "/api/v1"
MAX_ITEMS = 1_000
MAX_BODY_BYTES = 5 * 1024 * 1024

Kind = Literal["readings", "events"]
LossKind = Literal["readings", "events", "unknown"]
DeviceTime = Annotated[datetime, Meta(tz=True)]
EventType = Literal["working", "idle", "absent", "down", "product_count", "scrap_count"]
Severity = Literal["critical", "high", "medium", "low"]
AlarmState = Literal["raised", "acknowledged", "cleared"]
Entity = Literal["sites", "work_centers", "work_units", "equipment", "signals", "workers", "shifts", "alarm_rules"]
ReasonCode = Literal[
    "malformed_item",
    "value_not_finite",
    "quality_out_of_range",
    "confidence_out_of_range",
    "duration_out_of_range",
    "units_out_of_range",
    "text_too_long",
    "text_not_storable",
    "event_time_in_future",
    "event_time_out_of_range",
    "unknown_equipment",
    "unknown_work_unit",
    "unknown_worker",
    "unit_mismatch",
]


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One value of one signal.

    `event_time` is the device's clock with an offset (RFC 3339); without it the API's receipt time is taken (C15).
    `unit_code` is UCUM. `quality` runs from 0 (useless) to 1 (good).
    """

    equipment_code: str
    metric: str
    value: float
    event_time: DeviceTime | None = None
    unit_code: str | None = None
    quality: float = 1.0


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One observed activity.

    Without `duration_s` the state lasts until the next state event of the same subject (C12): the worker, or the work
    unit where no worker is named. A `down` says that a work unit stands still because of a failure; its subject is
    always the work unit. The `units_produced` of a `scrap_count` are scrapped ones, produced and counted before.
    """

    source_code: str
    event_type: EventType
    event_time: DeviceTime | None = None
    work_unit_code: str | None = None
    worker_code: str | None = None
    duration_s: float | None = None
    units_produced: int | None = None
    confidence: float | None = None


class Refusal(Struct, frozen=True, kw_only=True):
    """One quarantined item: where it stood in the batch, a stable reason and a sentence."""

    index: int
    reason_code: ReasonCode
    detail: str


class BatchReceipt(Struct, frozen=True, kw_only=True):
    """The answer to a push. A repeat of the same batch gets the same receipt with status 200 instead of 201.

    `accepted + quarantined` equals the items in the batch. `idempotency_key` is the key under which the batch was first
    stored: a sender that reads another key than its own here has sent what somebody else had delivered before.
    """

    batch_id: UUID
    batch_seq: int
    kind: Kind
    idempotency_key: str | None
    received_at: datetime
    accepted: int
    quarantined: int
    refused: list[Refusal]


class BatchLedgerEntry(Struct, frozen=True, kw_only=True):
    """What the warehouse's ledger learns of a batch when it pulls it."""

    batch_seq: int
    batch_id: UUID
    kind: Kind
    origin: Literal["push", "release"]
    credential: str
    is_replay: bool
    received_at: datetime
    item_count: int
    accepted_count: int
    quarantined_count: int
    quarantine_reasons: dict[str, int]


class RegistryChange(Struct, frozen=True, kw_only=True):
    """One change of the registry, in the order it was made."""

    change_seq: int
    entity: Entity
    code: str
    payload: dict[str, object]
    changed_by: str
    changed_at: datetime


class AlarmChange(Struct, frozen=True, kw_only=True):
    """One step of an alarm's life, in the order they were made, with what the alarm is about.

    `changed_at` is the devices' time where a reading raised or cleared it, else the API's.
    """

    change_seq: int
    alarm_id: int
    transition: AlarmState
    changed_at: datetime
    value: float | None
    changed_by: str | None
    rule_code: str
    equipment_code: str
    metric: str
    severity: Severity


class LossReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many items a sender had to discard, counted since its beginning: reporting again adds nothing.

    `client_id` names who counts, such as one edge client's spool. `unknown` is for what was lost uncounted by kind.
    """

    client_id: Annotated[str, Meta(pattern="^[!-~]{1,200}$")]
    kind: LossKind
    reason: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
    lost_total: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    first_at: DeviceTime
    last_at: DeviceTime


class Loss(Struct, frozen=True, kw_only=True):
    """A reported loss as it stands: the highest total and the widest span of time that were reported."""

    loss_id: int
    client_id: str
    kind: LossKind
    reason: str
    lost_total: int
    credential: str
    first_at: datetime
    last_at: datetime
    reported_at: datetime


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details, with the request's id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    receipt: BatchReceipt | None = None
