"""POST readings and events. The source documents' paths are in `aliases.py`, InfluxDB's in `influx.py`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.auth import Credential, Scope
from ingestion_api.batch import Stored
from ingestion_api.contract import API_PREFIX, Kind
from ingestion_api.formats.catalog import format_of
from ingestion_api.formats.encoding import decode, encoding_of
from ingestion_api.intake import Push
from ingestion_api.problems import REPEAT
from ingestion_api.routes.access import admit, idempotency_key, note, read_body, services
from ingestion_api.routes.answers import json_answer

router = APIRouter(tags=["push"])

SCOPES_OF: dict[Kind, Scope] = {"readings": "push_readings", "events": "push_events"}
# Decompressing this much may make the largest body there is: some 10 ms that others need not wait for.
_LARGE_ENCODED_BYTES = 4 * 1024

IsReplay = Annotated[bool, Query(description="The batch comes from a store-and-forward backlog (C48)")]
Equipment = Annotated[
    str | None, Query(min_length=1, max_length=200, description="What readings are of that name no equipment")
]
IsAtomic = Annotated[bool, Query(alias="atomic", description="One refused item refuses the whole batch (C4)")]


@router.post("/readings", **openapi.push("readings"))
async def push_readings(
    request: Request, is_replay: IsReplay = False, equipment_code: Equipment = None, is_atomic: IsAtomic = False
) -> Response:
    """Store readings: one item, an array of at most 1,000, or `{"readings": […]}`."""
    return answer(await take(request, "readings", is_replay, equipment_code, is_atomic))


@router.post("/events", **openapi.push("events"))
async def push_events(request: Request, is_replay: IsReplay = False, is_atomic: IsAtomic = False) -> Response:
    """Store events: one item, an array of at most 1,000, or `{"events": […]}`."""
    return answer(await take(request, "events", is_replay, None, is_atomic))


async def take(
    request: Request, kind: Kind, is_replay: bool = False, equipment_code: str | None = None, is_atomic: bool = False
) -> Stored:
    """Take in the batch that a request holds."""
    credential = await admit(request, SCOPES_OF[kind], is_checked_later=True)
    body_format = format_of(request.headers.get("content-type", ""))
    key = idempotency_key(request)
    push = Push(
        kind=kind,
        format=body_format,
        body=await decoded_body(request),
        idempotency_key=key,
        is_replay=is_replay,
        equipment_code=default_equipment(credential, kind, equipment_code),
        is_atomic=is_atomic,
    )
    note(request, kind=kind, bytes=len(push.body))
    stored = await services(request).intake.take(credential, push)
    receipt = stored.receipt
    note(request, batch_seq=receipt.batch_seq, accepted=receipt.accepted, quarantined=receipt.quarantined)
    return stored


def answer(stored: Stored) -> Response:
    """Answer with the receipt: 201 for a new batch, 200 for a repeat."""
    receipt = stored.receipt
    if stored.is_repeat:
        return json_answer(receipt, 200, REPEAT)
    return json_answer(receipt, 201, {"Location": f"{API_PREFIX}/batches/{receipt.batch_id}"})


def default_equipment(credential: Credential, kind: Kind, asked: str | None) -> str | None:
    """Say what readings are of that name no equipment: the request's word, else the key's."""
    return (asked or credential.equipment_code) if kind == "readings" else None


async def decoded_body(request: Request) -> bytes:
    """Read the body, and take its transfer encoding off.

    Raises:
        UnknownFormat: The encoding is not read here.
        TooLarge: The body is too long, as sent or decompressed.
        MalformedRequest: It cannot be decompressed.
    """
    encoding = encoding_of(request.headers.get("content-encoding", ""))
    max_bytes = services(request).settings.max_body_bytes
    body = await read_body(request, max_bytes)
    if encoding is None:
        return body
    if len(body) > _LARGE_ENCODED_BYTES:
        return await asyncio.to_thread(decode, encoding, body, max_bytes)
    return decode(encoding, body, max_bytes)
