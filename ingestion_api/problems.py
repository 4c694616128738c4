"""Turns every failure into problem details (RFC 9457). Which failures there are is told in `errors.py`."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ingestion_api.contract import BatchReceipt, Problem
from ingestion_api.errors import IngestionError, MalformedRequest, NothingAcceptable, Unavailable
from ingestion_api.logs import log

MEDIA_TYPE = "application/problem+json"
REPEAT = {"Idempotent-Replayed": "true"}
INTERNAL_ERROR = 500
_INFLUX_PATHS = ("/write", "/query", "/api/v2/write")

_STORE_FAILED = (DBAPIError, psycopg.Error, PoolTimeout)
_FORESEEN = (IngestionError, HTTPException, RequestValidationError, ClientDisconnect, *_STORE_FAILED)
_STORE_IS_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


def install(app: FastAPI) -> None:
    """Let the application answer every foreseen failure with problem details; the others are `Frame`'s."""
    for failure in _FORESEEN:
        app.add_exception_handler(failure, _answer)


def internal_error(path: str, request_id: str) -> Response:
    """Build the answer to a failure nobody foresaw; what it was stands in the log, under the request's id."""
    detail = "something failed that should not; the API's log knows it by this request_id"
    return _problem(path, request_id, INTERNAL_ERROR, "internal-error", "Internal error", detail)


async def _answer(request: Request, error: Exception) -> Response:
    path, request_id = request.url.path, str(request.state.request_id)
    if isinstance(error, HTTPException):
        title = HTTPStatus(error.status_code).phrase
        slug = title.lower().replace(" ", "-")
        return _problem(path, request_id, error.status_code, slug, title, str(error.detail), error.headers)
    refusal = _refusal(error, request_id)
    headers, receipt = refusal.headers, None
    if isinstance(refusal, NothingAcceptable):
        receipt = refusal.receipt
        headers = REPEAT if refusal.is_repeat else {}
    return _problem(path, request_id, refusal.status, refusal.slug, refusal.title, str(refusal), headers, receipt)


def _refusal(error: Exception, request_id: str) -> IngestionError:
    """Say what a failure means to the sender; raise what nobody foresaw."""
    if isinstance(error, IngestionError) and error.status != INTERNAL_ERROR:
        return error
    if isinstance(error, RequestValidationError):
        return MalformedRequest("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
    if isinstance(error, ClientDisconnect):
        return MalformedRequest("the connection was closed before the whole body had arrived")
    # Whatever broke a connection is worth another try; so is a full disk, a lock not granted, a server that starts.
    if isinstance(error, _STORE_IS_AWAY) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        log.warning("store_unavailable", request_id=request_id, error=_first_line(error))
        return Unavailable("the database does not answer, so nothing is known to be stored; send it again later")
    raise error


def _first_line(error: Exception) -> str:
    """Say what the driver said. The whole text would quote the statement and its parameters (C40)."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]


def _problem(
    path: str,
    request_id: str,
    status: int,
    slug: str,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    receipt: BatchReceipt | None = None,
) -> Response:
    problem = Problem(
        type=f"urn:millrace:problem:{slug}",
        title=title,
        status=status,
        detail=detail,
        instance=path,
        request_id=request_id,
        receipt=receipt,
    )
    content: object = problem
    if path in _INFLUX_PATHS:  # its clients look for these members
        told = {"code": slug, "message": detail, "error": detail}
        content = {**msgspec.to_builtins(problem), **told}
    return Response(msgspec.json.encode(content), status, headers, MEDIA_TYPE)
