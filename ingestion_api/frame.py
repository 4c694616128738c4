"""What surrounds every request: its id, security headers, one line in the log, and an answer when all else failed.

A plain ASGI middleware, because Starlette's convenient one costs more than decoding a batch does.
"""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestion_api import problems
from ingestion_api.logs import log
from ingestion_api.metrics import Metrics
from ingestion_api.quotas import Quotas

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DOCS = "/docs"
_SERVER_ERROR = 500
_WORTH_A_LOOK = {401, 403, 429}
# S3-047; C35 drops X-XSS-Protection
_SECURITY = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
_CONTENT_SECURITY = (b"content-security-policy", b"default-src 'self'")
# Swagger UI's page holds a script, and its scripts set styles and draw pictures of their own.
_CONTENT_SECURITY_OF_DOCS = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
)


class Frame:
    """Wraps the application. `scope["state"]` gets `request_id`, and `facts` that endpoints add to for the log."""

    def __init__(self, app: ASGIApp, quotas: Quotas, metrics: Metrics) -> None:
        self._app = app
        self._quotas = quotas
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        facts: dict[str, Any] = {}
        scope.setdefault("state", {}).update(request_id=request_id, facts=facts)
        started_at = time.perf_counter()
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode()), *_SECURITY]
                message["headers"].append(_CONTENT_SECURITY_OF_DOCS if scope["path"] == _DOCS else _CONTENT_SECURITY)
                if credential := scope["state"].get("credential"):
                    message["headers"] += self._quotas.fields(credential)
            await send(message)

        try:
            await self._app(scope, receive, send_framed)
        except Exception:
            log.exception("request_failed", request_id=request_id, method=scope["method"], route=_route(scope))
            if status:  # too late for another answer: the server cuts the connection
                raise
            await problems.internal_error(scope["path"], request_id)(scope, receive, send_framed)
        seconds, route = time.perf_counter() - started_at, _route(scope)
        self._metrics.request(route, scope["method"], status, seconds)
        _say(status, route)(
            "request",
            request_id=request_id,
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            **facts,
        )


def _say(status: int, route: str) -> Callable[..., Any]:
    """Choose the level (S1-069): our failures are errors, refusals that somebody should look at are warnings."""
    if status >= _SERVER_ERROR:
        return log.error
    if status in _WORTH_A_LOOK:
        return log.warning
    return log.debug if route.startswith("/health") else log.info


def _request_id(scope: Scope) -> str:
    """Keep the sender's id, so that one id runs through its log and ours; otherwise make one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            sent: str = value.decode("latin-1")
            if _ACCEPTABLE_ID.fullmatch(sent):
                return sent
    return f"req-{secrets.token_hex(8)}"


def _route(scope: Scope) -> str:
    """Name the route, not the path: a path may hold a worker's code."""
    route = scope.get("route")
    return getattr(route, "path", "") or "none"
