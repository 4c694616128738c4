"""What the client of the ingestion API makes of an answer: what was asked for, or an error that says what to do next.

ClientError
├── ApiUnavailable   nothing is known to be stored: keep the data and try again
└── ApiRefused       the API answered that the request is wrong: trying again unchanged is useless
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import msgspec

from ingestion_api.contract import Problem

RETRYABLE = frozenset({408, 425, 429})

T = TypeVar("T")


class ClientError(Exception):
    """A request to the ingestion API did not succeed."""


class ApiUnavailable(ClientError):
    """The API could not be reached, is overloaded, failed (5xx), or its answer could not be understood.

    Attributes:
        retry_after_s: Seconds that the API asked to wait; None where it asked nothing.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ApiRefused(ClientError):
    """The API refused the request (4xx).

    Attributes:
        problem: What the API said, RFC 9457; `problem.status` is the HTTP status.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail} (request {problem.request_id or '?'})")
        self.problem = problem


def checked(response: httpx.Response) -> httpx.Response:
    """Return a successful response; raise what any other means."""
    status = response.status_code
    if response.is_success:
        return response
    if status in RETRYABLE or response.is_server_error:
        raise ApiUnavailable(f"{response.url} answered {status}", _retry_after_s(response))
    raise ApiRefused(problem_of(response))


def problem_of(response: httpx.Response) -> Problem:
    """Read what the API says is wrong; of an answer that is not its own, what can be seen."""
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError:  # a proxy in between answered
        return Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            detail=response.text[:200],
            instance=response.url.path,
            request_id=response.headers.get("X-Request-Id", ""),
        )


def decode(response: httpx.Response, kind: type[T]) -> T:
    """Read a successful answer.

    Raises:
        ApiUnavailable: It is not what the API would say.
    """
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:  # a captive portal's 200 acknowledges nothing
        raise ApiUnavailable(f"{response.url} answered with something unexpected: {error}") from error


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read Retry-After: seconds, or an HTTP date (RFC 9110, 10.2.3)."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    wait_s: float = (until - datetime.now(UTC)).total_seconds()
    return max(0.0, wait_s)
