"""GET health: whether the process lives, and whether it can do its work (C41)."""

from fastapi import APIRouter, Request, Response

from ingestion_api import openapi, readiness
from ingestion_api.errors import Unavailable
from ingestion_api.logs import log
from ingestion_api.routes.access import services
from ingestion_api.routes.answers import json_answer

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", **openapi.health())
async def live(_: Request) -> Response:
    """Say that the process answers; the database is not asked."""
    return json_answer({"status": "live"})


@router.get("", name="health", **openapi.health())
@router.get("/ready", **openapi.health())
async def ready(request: Request) -> Response:
    """Say whether batches can be stored."""
    try:
        await readiness.check(services(request).store)
    except Unavailable as error:
        log.warning("not_ready", request_id=request.state.request_id, error=str(error))
        # Anyone may ask; where the database is, is not anyone's business.
        raise Unavailable("the database cannot be worked with; the API's log says more") from error
    return json_answer({"status": "ready"})
