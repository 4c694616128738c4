"""POST what a sender had to discard, and GET what was reported: a loss is a number, never silence."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.contract import LossReport
from ingestion_api.errors import MalformedRequest
from ingestion_api.routes.access import admit, note, read_body, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.batches import After

router = APIRouter(prefix="/losses", tags=["losses"])

MAX_REPORT_BYTES = 10_000

Limit = Annotated[int, Query(ge=1, le=1_000, description="Most losses to return")]


@router.post("", **openapi.loss())
async def report_loss(request: Request) -> Response:
    """Report how many items will never be sent: a total that only grows; the highest one is kept."""
    credential = await admit(request, "push_readings", "push_events")
    report = _decode(await read_body(request, MAX_REPORT_BYTES))
    if report.kind == "readings":
        credential.require("push_readings")
    elif report.kind == "events":
        credential.require("push_events")
    now = services(request).now()
    loss = await services(request).losses.report(credential.site_code, credential.name, report, now)
    note(request, kind=loss.kind, reason=loss.reason, lost_total=loss.lost_total)
    return json_answer(loss)


@router.get("", **openapi.answers("LossPage", "The losses of the key's site, first reported first"))
async def list_losses(request: Request, after: After = 0, limit: Limit = 100) -> Response:
    """List what the senders of the key's site had to discard."""
    credential = await admit(request, "read", "pull")
    losses = await services(request).losses.page(credential.site_code, after, limit)
    next_after = losses[-1].loss_id if len(losses) == limit else None
    return json_answer({"items": losses, "next_after": next_after})


def _decode(body: bytes) -> LossReport:
    try:
        return msgspec.json.decode(body, type=LossReport)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is not a report of a loss: {error}") from error
