"""The paths of the source documents, each as an alias of a canonical one (C7). What they do is done there.

Aliases stay: they carry a link to their successor and no `Deprecation` field (C42), since nothing replaces them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from fastapi import APIRouter, Request, Response

from ingestion_api import openapi
from ingestion_api.batch import Stored
from ingestion_api.contract import API_PREFIX, Kind
from ingestion_api.routes.alarms import Cursor, Limit, live_page
from ingestion_api.routes.alarms import Equipment as OneMachine
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.batches import read_system_health
from ingestion_api.routes.push import Equipment, answer, take

router = APIRouter(tags=["compatibility"])


@dataclass(frozen=True, kw_only=True)
class PushAlias:
    """A path that takes batches.

    Attributes:
        status: How a new batch is answered there; a repeat is a 200 anywhere but where it is queued.
        answer: Makes the answer that the path's document shows.
    """

    path: str
    kind: Kind
    source: str
    status: int
    answer: Callable[[Stored], Response]


def _queued(stored: Stored) -> Response:
    """Say that the batch is queued, which it is: durably, for the warehouse (C4)."""
    receipt = stored.receipt
    location = {"Location": f"{API_PREFIX}/batches/{receipt.batch_id}"}
    return json_answer({"status": "queued", **msgspec.to_builtins(receipt)}, 202, location)


def _outcomes(stored: Stored) -> Response:
    """Answer a batch with its outcomes (C4)."""
    return json_answer(stored.receipt, 200, {"Location": f"{API_PREFIX}/batches/{stored.receipt.batch_id}"})


PUSH_ALIASES: tuple[PushAlias, ...] = (
    PushAlias(path="/api/ingest", kind="readings", source="S2-003", status=201, answer=answer),
    PushAlias(path="/api/events", kind="events", source="S1-048", status=202, answer=_queued),
    PushAlias(path="/api/events/batch", kind="events", source="S1-052", status=200, answer=_outcomes),
    PushAlias(path="/events", kind="events", source="S3-010", status=201, answer=answer),
    PushAlias(path="/events/", kind="events", source="S3-010", status=201, answer=answer),
)


def linked(response: Response, canonical: str) -> Response:
    """Name the canonical path in an alias's answer."""
    response.headers["Link"] = f'<{canonical}>; rel="successor-version"'
    return response


def _endpoint(alias: PushAlias) -> Callable[..., object]:
    async def push(request: Request, equipment_code: Equipment = None) -> Response:
        stored = await take(request, alias.kind, equipment_code=equipment_code)
        return linked(alias.answer(stored), f"{API_PREFIX}/{alias.kind}")

    push.__doc__ = f"Store {alias.kind}, as `POST {API_PREFIX}/{alias.kind}` does ({alias.source})."
    return push


for _alias in PUSH_ALIASES:
    router.post(_alias.path, name=f"push {_alias.kind} {_alias.path}", **openapi.push(_alias.kind, _alias.status))(
        _endpoint(_alias)
    )


@router.get("/api/live-data", **openapi.answers("LivePage", "The newest reading of each signal, with the alarms on it"))
async def live_data(
    request: Request, equipment_code: OneMachine = None, cursor: Cursor = None, limit: Limit = 1_000
) -> Response:
    """Return last values, as `GET /api/v1/live` does (S2-028)."""
    return linked(await live_page(request, equipment_code, cursor, limit), f"{API_PREFIX}/live")


@router.get("/api/system-health", **openapi.answers("SystemHealth", "How ingestion is doing at the key's site"))
async def system_health(request: Request) -> Response:
    """Return what came lately and what waits, as `GET /api/v1/system-health` does (S2-032)."""
    return linked(await read_system_health(request), f"{API_PREFIX}/system-health")
