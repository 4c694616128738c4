"""GET last values, alarms and their changes; POST that an alarm was seen. The stream is in `stream.py`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from ingestion_api import cursors, openapi
from ingestion_api.contract import Severity
from ingestion_api.routes.access import admit, note, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.batches import After

router = APIRouter(tags=["alarms"])

Limit = Annotated[int, Query(ge=1, le=1_000, description="Most items of a page")]
Cursor = Annotated[str | None, Query(max_length=1_000, description="next_cursor of the page before")]
Equipment = Annotated[
    str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]+$", description="Of one machine alone")
]
Which = Annotated[Literal["active", "all"], Query(alias="state", description="Active alarms are not cleared yet")]
OfSeverity = Annotated[Severity | None, Query(description="Of one severity alone")]
AlarmId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/live", **openapi.answers("LivePage", "The newest reading of each signal, with the alarms on it"))
async def live(
    request: Request, equipment_code: Equipment = None, cursor: Cursor = None, limit: Limit = 1_000
) -> Response:
    """Return the last values of the key's site (S2-028)."""
    return await live_page(request, equipment_code, cursor, limit)


async def live_page(request: Request, equipment_code: str | None, cursor: str | None, limit: int) -> Response:
    """Answer with a page of last values."""
    credential = await admit(request, "read")
    after = None
    if cursor is not None:
        equipment, metric = cursors.decode(cursor, (str, str))
        after = str(equipment), str(metric)
    await services(request).last_values.flush()
    found = await services(request).alarm_desk.live(credential.site_code, equipment_code, after, limit)
    is_full = len(found) == limit
    next_cursor = cursors.encode((found[-1].equipment_code, found[-1].metric)) if is_full else None
    return json_answer({"items": found, "next_cursor": next_cursor}, headers={"Cache-Control": "no-store"})


@router.get("/alarms", **openapi.answers("AlarmPage", "Alarms, first raised first"))
async def list_alarms(
    request: Request, which: Which = "active", severity: OfSeverity = None, after: After = 0, limit: Limit = 100
) -> Response:
    """List the alarms of the key's site."""
    credential = await admit(request, "read")
    found = await services(request).alarm_desk.page(
        credential.site_code, is_active=which == "active", severity=severity, after=after, limit=limit
    )
    next_after = found[-1].alarm_id if len(found) == limit else None
    return json_answer({"items": found, "next_after": next_after})


@router.get("/alarms/changes", **openapi.answers("AlarmChangePage", "What became of alarms, in the order it did"))
async def alarm_changes(request: Request, after: After = 0, limit: Limit = 1_000) -> Response:
    """Return the changes that follow a cursor; none appears behind one that was returned."""
    credential = await admit(request, "read", "pull")
    own = services(request)
    mark = (await own.export.marks(credential.site_code)).changes
    found = await own.alarm_desk.changes(credential.site_code, after, limit, up_to=mark)
    next_after = found[-1].change_seq if len(found) == limit else None
    return json_answer({"items": found, "next_after": next_after})


@router.post("/alarms/{alarm_id}/acknowledge", **openapi.answers("Alarm", "The alarm as it now stands"))
async def acknowledge(request: Request, alarm_id: AlarmId) -> Response:
    """Note that somebody has seen the alarm; doing so again changes nothing."""
    credential = await admit(request, "registry")
    own = services(request)
    alarm = await own.alarm_desk.acknowledge(credential.site_code, alarm_id, credential.name, own.now())
    note(request, alarm_id=alarm_id)
    return json_answer(alarm)
