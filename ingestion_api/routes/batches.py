"""GET batches: pages of accepted items by cursor, how far there is to go, what became of one, and how all are doing."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ingestion_api import batch_items, openapi
from ingestion_api.contract import Kind
from ingestion_api.errors import MartsUnavailable
from ingestion_api.routes.access import admit, note, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.system_health import look

router = APIRouter(tags=["pull"])

ARROW = "application/vnd.apache.arrow.stream"

After = Annotated[int, Query(ge=0, le=2**63 - 2, description="Cursor: the last sequence number already seen")]
MaxItems = Annotated[int, Query(ge=1, le=1_000_000, description="Stop before the batch that would pass this many")]


@router.get("/batches", **openapi.arrow("Accepted items as an Arrow IPC stream; its schema's metadata holds the rest"))
async def pull_batches(request: Request, kind: Kind, after: After = 0, max_items: MaxItems = 100_000) -> Response:
    """Pull the accepted items of the batches that follow a cursor: whole batches, in order, none ever skipped."""
    credential = await admit(request, "pull")
    page = await services(request).export.page(credential.site_code, kind, after, max_items)
    services(request).metrics.pulled(credential.site_code, kind, after)
    note(request, kind=kind, after=after, bytes=len(page))
    return Response(page, media_type=ARROW)


@router.get("/batches/{batch_id}", **openapi.receipt())
async def read_batch(request: Request, batch_id: UUID) -> Response:
    """Return the receipt of one batch as it was, and what became of the batch in the warehouse (C4)."""
    credential = await admit(request, "push_readings", "push_events", "read", "pull")
    receipt = await services(request).inbox.receipt(credential.site_code, batch_id)
    try:
        settlement = await services(request).reads.settlement(credential.site_code, receipt.batch_seq)
    except MartsUnavailable as error:
        settlement = {"status": "unknown", "reason": str(error)}
    return json_answer({**msgspec.to_builtins(receipt), "settlement": settlement})


@router.get("/batches/{batch_id}/items", **openapi.answers("BatchItemPage", "Each item, in the order of the batch"))
async def read_batch_items(request: Request, batch_id: UUID) -> Response:
    """Return what became of each item of a batch (D2): quarantined, pending, accepted, revised or duplicate."""
    credential = await admit(request, "push_readings", "push_events", "read", "pull")
    own, site_code = services(request), credential.site_code
    receipt = await own.inbox.receipt(site_code, batch_id)
    (batch,), _ = await own.export.stored(site_code, receipt.kind, receipt.batch_seq - 1, receipt.batch_seq)
    columns = await asyncio.to_thread(batch.columns)
    versions: dict[int, bool] | Literal["pending", "unknown"] = "pending"
    try:
        settlement = await own.reads.settlement(site_code, receipt.batch_seq)
        if settlement["status"] == "settled":
            span = batch_items.span(receipt, columns)
            versions = await own.reads.versions(site_code, span) if span else {}
    except MartsUnavailable:
        versions = "unknown"
    return json_answer({"items": batch_items.items(receipt, columns, versions)})


@router.get("/cursors", **openapi.answers("Cursors", "The highest sequence numbers of the key's site"))
async def read_cursors(request: Request) -> Response:
    """Return how far the readings, events and registry changes of the key's site reach."""
    credential = await admit(request, "pull", "read")
    return json_answer(await services(request).export.cursors(credential.site_code))


@router.get("/system-health", **openapi.answers("SystemHealth", "How ingestion is doing at the key's site"))
async def read_system_health(request: Request) -> Response:
    """Return what came lately and what waits in quarantine."""
    credential = await admit(request, "read")
    own = services(request)
    return json_answer(await look(own.store, credential.site_code, own.now()))
