"""InfluxDB's paths, so that its clients and Telegraf push unchanged. How lines are read is in `formats/line.py`.

A write is answered 204 once every line is stored, accepted or quarantined: Telegraf drops what a 400 or 422 answers,
and items in quarantine are neither lost nor better when they are sent again. A body of more readings than one batch
holds is stored as several; a part that fails is sent again with the others, which are then repeats.
"""

import re
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.errors import MalformedRequest, NothingAcceptable, RateLimited, SiteNotRegistered, Unavailable
from ingestion_api.formats.line import chunks
from ingestion_api.intake import Push
from ingestion_api.routes.access import admit, note, read_body, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.push import Equipment, decoded_body, default_equipment

router = APIRouter(tags=["influx"])

# InfluxDB's names of the clock's steps, both versions', and ours.
PRECISIONS = {
    "": "line_ns",
    "n": "line_ns",
    "ns": "line_ns",
    "u": "line_us",
    "us": "line_us",
    "µ": "line_us",
    "ms": "line_ms",
    "s": "line_s",
    "m": "line_min",
    "h": "line_h",
}
_CREATE_DATABASE = re.compile(r"\s*create\s+database\b", re.IGNORECASE)
_VERSION = {"X-Influxdb-Version": "1.8.10", "X-Influxdb-Build": "Millrace"}
_MAX_QUERY_BYTES = 10_000

Precision = Annotated[str, Query(max_length=2, description="What a time counts: ns, us, ms, s, m or h")]


@router.post("/api/v2/write", **openapi.write_lines())
async def write_v2(request: Request, precision: Precision = "", equipment_code: Equipment = None) -> Response:
    """Store line protocol as InfluxDB 2 takes it; `org` and `bucket` say nothing here, the key knows its site."""
    await _write(request, precision, equipment_code)
    return Response(status_code=204)


@router.post("/write", **openapi.write_lines())
async def write_v1(request: Request, precision: Precision = "", equipment_code: Equipment = None) -> Response:
    """Store line protocol as InfluxDB 1 takes it; `db` says nothing here, the password is the key.

    Telegraf's output for InfluxDB 1 drops a batch at any 4xx: what is worth another try is answered 503.
    """
    try:
        await _write(request, precision, equipment_code)
    except (SiteNotRegistered, RateLimited) as error:
        raise Unavailable(str(error)) from error
    return Response(status_code=204)


@router.get("/ping", **openapi.nothing("It answers"))
@router.head("/ping", include_in_schema=False)
async def ping(_: Request) -> Response:
    """Say that the process answers, as InfluxDB does."""
    return Response(status_code=204, headers=_VERSION)


@router.get("/query", name="query", **openapi.query_lines())
@router.post("/query", **openapi.query_lines())
async def query(request: Request) -> Response:
    """Agree to CREATE DATABASE, which Telegraf sends before it writes; nothing else is answered."""
    statement = request.query_params.get("q", "")
    if request.method == "POST" and not statement:
        statement = await _form_statement(request)
    if not _CREATE_DATABASE.match(statement):
        raise MalformedRequest("only CREATE DATABASE is answered here; readings are pulled from /api/v1")
    return json_answer({"results": [{"statement_id": 0}]})


async def _write(request: Request, precision: str, equipment_code: str | None) -> None:
    credential = await admit(request, "push_readings", is_checked_later=True)
    try:
        line_format = PRECISIONS[precision]
    except KeyError:
        raise MalformedRequest(f"precision {precision!r} is none of ns, us, ms, s, m, h") from None
    own = services(request)
    body = await decoded_body(request)
    accepted = quarantined = 0
    for part in chunks(body, own.settings.max_items):
        push = Push(
            kind="readings",
            format=line_format,
            body=part,
            idempotency_key=None,
            is_replay=False,
            equipment_code=default_equipment(credential, "readings", equipment_code),
        )
        try:
            receipt = (await own.intake.take(credential, push)).receipt
        except NothingAcceptable as nothing:
            receipt = nothing.receipt
        accepted += receipt.accepted
        quarantined += receipt.quarantined
    note(request, kind="readings", bytes=len(body), accepted=accepted, quarantined=quarantined)


async def _form_statement(request: Request) -> str:
    form = parse_qs((await read_body(request, _MAX_QUERY_BYTES)).decode("utf-8", "replace"), max_num_fields=10)
    return form.get("q", [""])[0]
