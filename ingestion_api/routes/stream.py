"""GET the stream of what happens: server-sent events. What is in it is decided in `tails.py`."""

import re
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from ingestion_api import openapi
from ingestion_api.errors import MalformedRequest
from ingestion_api.export import Marks
from ingestion_api.routes.access import admit, services, stands
from ingestion_api.tails import Event

router = APIRouter(tags=["alarms"])

HEARTBEAT_S = 15.0
_POSITION = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/stream", **openapi.events("Events `readings` and `alarm`, as they happen"))
async def stream(request: Request) -> StreamingResponse:
    """Follow the last values of each batch and what becomes of alarms (S3-052)."""
    credential = await admit(request, "read")
    after = _position(request.headers.get("last-event-id"))
    tail = services(request).tails.of(credential.site_code)

    async def lines() -> AsyncIterator[bytes]:
        checked_at = time.monotonic()
        async for event in tail.events(after, HEARTBEAT_S):
            yield b": here\n\n" if event is None else _written(event)
            if time.monotonic() - checked_at >= HEARTBEAT_S:
                checked_at = time.monotonic()
                if not await stands(request):
                    return

    return StreamingResponse(lines(), media_type="text/event-stream", headers=_HEADERS)


def _position(last_event_id: str | None) -> Marks | None:
    if not last_event_id:
        return None
    if not (found := _POSITION.fullmatch(last_event_id)):
        raise MalformedRequest("Last-Event-ID: take it from the id of an event, unchanged")
    return Marks(int(found[1]), int(found[2]))


def _written(event: Event) -> bytes:
    position = f"{event.position.readings}.{event.position.changes}"
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (position.encode(), event.name.encode(), event.data)
