"""GET the quarantine, and release from it."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.contract import ReasonCode
from ingestion_api.errors import MalformedRequest
from ingestion_api.quarantine import ReleaseRequest
from ingestion_api.routes.access import admit, note, read_body, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.batches import After

router = APIRouter(prefix="/quarantine", tags=["quarantine"])

Status = Literal["open", "released", "discarded"]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most items to return")]


@router.get("", **openapi.answers("QuarantinePage", "The items, oldest first"))
async def list_quarantine(
    request: Request,
    status: Status = "open",
    reason_code: ReasonCode | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> Response:
    """List quarantined items with the reason and the start of their original bytes."""
    credential = await admit(request, "read", "registry")
    items = await services(request).quarantine.page(credential.site_code, status, reason_code, after, limit)
    next_after = items[-1].quarantine_id if len(items) == limit else None
    return json_answer({"items": items, "next_after": next_after})


@router.post("/release", **openapi.release())
async def release(request: Request) -> Response:
    """Judge open items again by the registry as it is now; what passes flows on as a new batch."""
    credential = await admit(request, "registry")
    wanted = _decode(await read_body(request, services(request).settings.max_body_bytes))
    now = services(request).now()
    done = await services(request).quarantine.release(credential.site_code, credential.name, wanted, now)
    note(request, released=done.released, still_refused=len(done.refused))
    return json_answer(done)


def _decode(body: bytes) -> ReleaseRequest:
    try:
        wanted = msgspec.json.decode(body, type=ReleaseRequest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is not a release request: {error}") from error
    if bool(wanted.ids) == (wanted.reason_code is not None):
        raise MalformedRequest("name either ids or a reason_code")
    return wanted
