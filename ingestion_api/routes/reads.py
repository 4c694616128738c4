"""GET what the warehouse made of the data: KPIs, readings and anomalies, each under the documents' paths too (C7)."""

import hashlib
from datetime import UTC, date
from email.utils import format_datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from ingestion_api import openapi
from ingestion_api.contract import Severity
from ingestion_api.reads import ANOMALIES, MAINTENANCE_EVENTS, READINGS, SITE, WORK_UNITS, WORKERS, Listing
from ingestion_api.routes.access import admit, note, services
from ingestion_api.routes.answers import JSON

router = APIRouter(tags=["read"])

_V1 = "/api/v1"
_CODE = r"^[^\x00]+$"
Cursor = Annotated[str | None, Query(max_length=1_000, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most rows of a page")]
Code = Annotated[str, Query(min_length=1, max_length=200, pattern=_CODE)]
PathCode = Annotated[str, Path(min_length=1, max_length=200, pattern=_CODE)]
OptionalCode = Annotated[str | None, Query(min_length=1, max_length=200, pattern=_CODE)]
FromDate = Annotated[date | None, Query(alias="from", description="First day, local to the site")]
ToDate = Annotated[date | None, Query(alias="to", description="Day after the last one")]
FromTime = Annotated[AwareDatetime | None, Query(alias="from", description="First instant")]
ToTime = Annotated[AwareDatetime | None, Query(alias="to", description="Instant after the last one")]
OfSeverity = Annotated[Severity | None, Query(description="Of one severity alone")]
IsResolved = Annotated[bool | None, Query(description="true: only what is over; false: only what stands")]
Stream = Annotated[
    Literal["edge_classifier", "champion"], Query(description="Whose confidence: that of events, or of our own scores")
]
_CACHE = {"Cache-Control": "private, max-age=60"}
_HEALTH = openapi.answers("ModelHealth", "How sure the models were on the newest day with data (S1-056)")
_PAGE = openapi.answers("ReadPage", "A page of rows; how far they reach, and when they were computed")


async def _page(request: Request, listing: Listing, cursor: str | None, limit: int, **fixed: Any) -> Response:
    """Answer with a page, or with 304 where the client holds it already."""
    credential = await admit(request, "read")
    given = {name: value for name, value in fixed.items() if value is not None}
    body = await services(request).reads.page(listing, credential.site_code, {**given, "limit": limit}, cursor)
    note(request, view=listing.view, bytes=len(body))
    page = msgspec.json.decode(body)
    # Weak: computing the same rows again changes computed_at, and nothing that matters.
    told = msgspec.json.encode([page["items"], page["next_cursor"], page["data_as_of"]])
    headers = {"ETag": f'W/"{_digest(told)}"', **_CACHE}
    if page["next_cursor"] is not None:
        following = request.url.include_query_params(cursor=page["next_cursor"])
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return _conditional(request, body, headers)


def _conditional(request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """Answer with the body, or with 304 where the client holds it already."""
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def _digest(told: bytes) -> str:
    return hashlib.sha256(told).hexdigest()[:32]


@router.get(f"{_V1}/kpis/workers", **_PAGE)
async def worker_kpis(
    request: Request, start: FromDate = None, end: ToDate = None, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Return the workers' KPIs by day (C10)."""
    return await _page(request, WORKERS, cursor, limit, from_=start, to_=end)


@router.get(f"{_V1}/kpis/work-units", **_PAGE)
async def work_unit_kpis(
    request: Request, start: FromDate = None, end: ToDate = None, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Return the work units' KPIs by day."""
    return await _page(request, WORK_UNITS, cursor, limit, from_=start, to_=end)


@router.get(f"{_V1}/kpis/site", **_PAGE)
async def site_kpis(
    request: Request, start: FromDate = None, end: ToDate = None, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Return the site's KPIs by day."""
    return await _page(request, SITE, cursor, limit, from_=start, to_=end)


@router.get("/metrics/workers/{code}", name="worker metrics", tags=["compatibility"], **_PAGE)
@router.get("/api/metrics/workers/{code}", name="api worker metrics", tags=["compatibility"], **_PAGE)
@router.get(f"{_V1}/kpis/workers/{{code}}", **_PAGE)
async def one_workers_kpis(
    request: Request,
    code: PathCode,
    start: FromDate = None,
    end: ToDate = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Return one worker's KPIs by day (S3-011)."""
    return await _page(request, WORKERS, cursor, limit, code=code, from_=start, to_=end)


@router.get(f"{_V1}/kpis/work-units/{{code}}", **_PAGE)
async def one_work_units_kpis(
    request: Request,
    code: PathCode,
    start: FromDate = None,
    end: ToDate = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Return one work unit's KPIs by day."""
    return await _page(request, WORK_UNITS, cursor, limit, code=code, from_=start, to_=end)


@router.get("/api/sensor-history", name="sensor history", tags=["compatibility"], **_PAGE)
@router.get(f"{_V1}/readings", **_PAGE)
async def readings(
    request: Request,
    equipment_code: Code,
    metric: Code,
    start: FromTime = None,
    end: ToTime = None,
    cursor: Cursor = None,
    limit: Limit = 1_000,
) -> Response:
    """Return the readings of one signal, oldest first (S2-029)."""
    fixed = {"equipment_code": equipment_code, "metric": metric, "from_": start, "to_": end}
    return await _page(request, READINGS, cursor, limit, **fixed)


@router.get("/api/anomaly-history", name="anomaly history", tags=["compatibility"], **_PAGE)
@router.get(f"{_V1}/anomalies", **_PAGE)
async def anomalies(
    request: Request,
    equipment_code: OptionalCode = None,
    start: FromTime = None,
    end: ToTime = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Return the anomalies, oldest first (S2-030)."""
    return await _page(request, ANOMALIES, cursor, limit, equipment_code=equipment_code, from_=start, to_=end)


@router.get("/api/maintenance-events", name="maintenance event list", tags=["compatibility"], **_PAGE)
@router.get(f"{_V1}/maintenance-events", **_PAGE)
async def maintenance_events(
    request: Request,
    equipment_code: OptionalCode = None,
    severity: OfSeverity = None,
    is_resolved: IsResolved = None,
    start: FromTime = None,
    end: ToTime = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Return what calls for maintenance, with its estimated cost, oldest first (S2-031)."""
    fixed = {"equipment_code": equipment_code, "severity": severity, "is_resolved": is_resolved}
    return await _page(request, MAINTENANCE_EVENTS, cursor, limit, **fixed, from_=start, to_=end)


@router.get("/api/metrics/model-health", name="model health metrics", tags=["compatibility"], **_HEALTH)
@router.get(f"{_V1}/models/health", **_HEALTH)
async def model_health(request: Request, stream: Stream = "edge_classifier") -> Response:
    """Return the health of the models; `Last-Modified` says how far the data reach, since the body is S1-056's own."""
    credential = await admit(request, "read")
    body, data_as_of = await services(request).reads.model_health(credential.site_code, stream)
    headers = {"ETag": f'"{_digest(body)}"', **_CACHE}
    if data_as_of is not None:
        headers["Last-Modified"] = format_datetime(data_as_of.astimezone(UTC), usegmt=True)
    return _conditional(request, body, headers)
