"""POST readings and events."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.auth import Scope
from ingestion_api.contract import API_PREFIX, Kind
from ingestion_api.formats.catalog import format_of
from ingestion_api.intake import Push
from ingestion_api.problems import REPEAT
from ingestion_api.routes.access import admit, idempotency_key, note, read_body, services
from ingestion_api.routes.answers import json_answer

router = APIRouter(tags=["push"])

SCOPES_OF: dict[Kind, Scope] = {"readings": "push_readings", "events": "push_events"}

IsReplay = Annotated[bool, Query(description="The batch comes from a store-and-forward backlog (C48)")]


@router.post("/readings", **openapi.push("readings"))
async def push_readings(request: Request, is_replay: IsReplay = False) -> Response:
    """Store readings: one item, an array of at most 1,000, or `{"readings": […]}`."""
    return await _push(request, "readings", is_replay)


@router.post("/events", **openapi.push("events"))
async def push_events(request: Request, is_replay: IsReplay = False) -> Response:
    """Store events: one item, an array of at most 1,000, or `{"events": […]}`."""
    return await _push(request, "events", is_replay)


async def _push(request: Request, kind: Kind, is_replay: bool) -> Response:
    credential = await admit(request, SCOPES_OF[kind], is_checked_later=True)
    headers = request.headers
    body_format = format_of(headers.get("content-type", ""), headers.get("content-encoding", ""))
    key = idempotency_key(request)
    body = await read_body(request, services(request).settings.max_body_bytes)
    note(request, kind=kind, bytes=len(body))
    push = Push(kind=kind, format=body_format, body=body, idempotency_key=key, is_replay=is_replay)
    stored = await services(request).intake.take(credential, push)
    receipt = stored.receipt
    note(request, batch_seq=receipt.batch_seq, accepted=receipt.accepted, quarantined=receipt.quarantined)
    if stored.is_repeat:
        return json_answer(receipt, 200, REPEAT)
    return json_answer(receipt, 201, {"Location": f"{API_PREFIX}/batches/{receipt.batch_id}"})
