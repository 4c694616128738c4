"""The typed client of the ingestion API: push batches, register equipment, pull by cursor.

Retrying, spooling and loading do not belong here; the module needs httpx and msgspec alone (pyarrow only to pull). What
becomes of answers, and the errors, are in `client_answers.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from ingestion_api.client_answers import ApiRefused, ApiUnavailable, ClientError, checked, decode, problem_of
from ingestion_api.contract import (
    API_PREFIX,
    AlarmChange,
    BatchLedgerEntry,
    BatchReceipt,
    Entity,
    Kind,
    Loss,
    LossReport,
    RegistryChange,
)

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow

__all__ = ["ApiRefused", "ApiUnavailable", "ClientError", "IngestionClient", "Pull", "PushOutcome"]

NOTHING_ACCEPTABLE = 422
# Of one answer that brings data: 100,000 readings are some 5 MB, three minutes at 256 kbit/s; the bodies of as many
# items are 500 MiB at most.
PAGE_S = 300
PAGE_BYTES = 2**30
# Of any other request: connecting, sending, waiting for the answer and reading it may each take the client's timeout.
_PHASES = 4


class PushOutcome(Struct, frozen=True, kw_only=True):
    """A batch that is durably stored, and what became of its items.

    `status` is 201 for a new batch, 200 for a repeat, 422 where every item was quarantined; all three are final.
    """

    status: int
    receipt: BatchReceipt
    is_repeat: bool


class Pull(Struct, frozen=True, kw_only=True):
    """One page of accepted items (`table`), the ledger of its batches, and where the next page starts."""

    table: pyarrow.Table
    batches: list[BatchLedgerEntry]
    next_cursor: int
    has_more: bool


class _Changes(Struct):
    changes: list[RegistryChange]


class _AlarmChanges(Struct):
    items: list[AlarmChange]


class IngestionClient:
    """One API key's view of one ingestion API. Usable from one thread at a time; close it or use `with`.

    Args:
        base_url: Of the API.
        api_key: Sent with each request.
        timeout_s: How long the API may be silent. What is sent is answered within four times as long, to the last byte.
    """

    def __init__(self, base_url: str, api_key: str, timeout_s: float = 30) -> None:
        self._base_url, self._timeout_s = base_url, timeout_s
        self._headers = {"Authorization": f"Bearer {api_key}", "User-Agent": "millrace"}
        self._http = self._connections()

    def _connections(self) -> httpx.Client:
        # trust_env would let a .netrc entry replace the API key and send loopback calls through a proxy.
        return httpx.Client(base_url=self._base_url, timeout=self._timeout_s, trust_env=False, headers=self._headers)

    def __enter__(self) -> IngestionClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def push(
        self, kind: Kind, body: bytes, *, idempotency_key: str | None = None, is_replay: bool = False
    ) -> PushOutcome:
        """Push one batch: a JSON item, an array of at most 1,000 items, or `{"readings": […]}`.

        Args:
            kind: What the items are; decides the endpoint.
            body: The JSON bytes. A retry must send the same bytes.
            idempotency_key: Names the batch, at most 200 printable ASCII characters. Send it with every retry.
            is_replay: The batch comes from a store-and-forward backlog.

        Returns:
            The stored batch's receipt, also where each item of it was quarantined.

        Raises:
            ApiUnavailable: Not known to be stored; send it again later.
            ApiRefused: Nothing was stored, and sending it again unchanged is useless.
        """
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        params = {"is_replay": "true"} if is_replay else {}
        response = self._send("POST", f"/{kind}", params=params, headers=headers, content=body)
        is_repeat = response.headers.get("Idempotent-Replayed") == "true"
        if response.status_code == NOTHING_ACCEPTABLE:
            problem = problem_of(response)
            if problem.receipt is None:
                raise ApiRefused(problem)
            return PushOutcome(status=response.status_code, receipt=problem.receipt, is_repeat=is_repeat)
        receipt = decode(checked(response), BatchReceipt)
        return PushOutcome(status=response.status_code, receipt=receipt, is_repeat=is_repeat)

    def put(self, entity: Entity, code: str, payload: Mapping[str, object]) -> dict[str, object]:
        """Register or replace one entity of the key's site; putting the same payload again changes nothing.

        Args:
            entity: The registry table.
            code: The entity's code; `equipment_code/metric` for signals.
            payload: The other columns.

        Returns:
            The full row as it now stands.

        Raises:
            ApiUnavailable: Try again later.
            ApiRefused: The payload is wrong, or the key may not write the registry.
        """
        parts = code.split("/", 1) if entity == "signals" else [code]
        path = "/".join([entity.replace("_", "-"), *(quote(part, safe="") for part in parts)])
        response = self._send("PUT", f"/{path}", json=dict(payload))
        return decode(checked(response), dict[str, object])

    def pull(self, kind: Kind, after: int, *, max_items: int = 100_000) -> Pull:
        """Pull the accepted items of the batches that follow a cursor, whole batches only, within `PAGE_S` seconds.

        Args:
            kind: Readings or events.
            after: `next_cursor` of the page before; 0 to start at the beginning.
            max_items: Where to stop; a page always holds at least one batch if there is one.

        Raises:
            ApiUnavailable: Try again later.
            ApiRefused: The key may not pull, or a parameter is wrong.
        """
        import pyarrow

        params = {"kind": kind, "after": after, "max_items": max_items}
        response = checked(self._get("/batches", PAGE_S, params))
        try:
            with pyarrow.ipc.open_stream(response.content) as stream:
                table = stream.read_all()
            about = table.schema.metadata
            return Pull(
                table=table,
                batches=msgspec.json.decode(about[b"millrace.batches"], type=list[BatchLedgerEntry]),
                next_cursor=int(about[b"millrace.next_cursor"]),
                has_more=about[b"millrace.has_more"] == b"true",
            )
        except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError) as error:  # OSError: cut short
            raise ApiUnavailable(f"{response.url} answered with something that is not a page: {error}") from error

    def pull_registry_changes(self, after: int, *, limit: int = 1_000) -> Sequence[RegistryChange]:
        """Pull the registry changes that follow a cursor, in order; empty when caught up.

        Raises:
            ApiUnavailable: Try again later.
            ApiRefused: The key may not pull, or a parameter is wrong.
        """
        response = self._get("/registry/changes", PAGE_S, {"after": after, "limit": limit})
        return decode(checked(response), _Changes).changes

    def pull_alarm_changes(self, after: int, *, limit: int = 1_000) -> Sequence[AlarmChange]:
        """Pull the alarm changes that follow a cursor, in order; empty when caught up. Raises as the registry's."""
        response = self._get("/alarms/changes", PAGE_S, {"after": after, "limit": limit})
        return decode(checked(response), _AlarmChanges).items

    def cursors(self) -> dict[str, int]:
        """Return the highest number stored for the key's site, by `readings`, `events`, `registry` and `alarms`.

        All of the answer has to come within the client's timeout: who looks at many sites cannot wait for one of which
        a byte comes now and then.

        Raises:
            ApiUnavailable: Try again later.
            ApiRefused: The key may not pull.
        """
        return decode(checked(self._get("/cursors", self._timeout_s)), dict[str, int])

    def report_loss(self, report: LossReport) -> Loss:
        """Report items that will never be sent; the API keeps the highest total of each client, kind and reason.

        Returns:
            The loss as it now stands.

        Raises:
            ApiUnavailable: Try again later.
            ApiRefused: The key may not push this kind, or the API is too old to take reports.
        """
        response = self._send("POST", "/losses", json=msgspec.to_builtins(report))
        return decode(checked(response), Loss)

    def is_ready(self) -> bool:
        """Tell whether the API answers and can reach its database."""
        try:
            return self._ask("GET", "/health/ready", self._timeout_s).status_code == httpx.codes.OK
        except ApiUnavailable:
            return False

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._ask(method, f"{API_PREFIX}{path}", _PHASES * self._timeout_s, **request)

    def _get(self, path: str, within_s: float, params: Mapping[str, str | int] | None = None) -> httpx.Response:
        return self._ask("GET", f"{API_PREFIX}{path}", within_s, params=params)

    def _ask(self, method: str, path: str, within_s: float, **request: Any) -> httpx.Response:
        """Return an answer once all of it is here.

        Raises:
            ApiUnavailable: The look-up of the name, the connection and the answer took longer together, or it is too
                large.
        """
        # A timeout of httpx begins anew with each byte, and none ends the look-up of a name: a thread does it all, and
        # is waited for. One that is given up ends with its connection.
        answer: Future[httpx.Response] = Future()
        http, until = self._http, time.monotonic() + within_s

        def ask() -> None:
            try:
                answer.set_result(_read(http, method, path, until, request))
            except Exception as error:
                answer.set_exception(error)

        Thread(target=ask, name="ingestion-api-answer", daemon=True).start()
        try:
            return answer.result(within_s)
        except TimeoutError as error:
            self._http = self._connections()
            http.close()
            late = f"not all of the answer within {within_s:g} s"
            raise ApiUnavailable(f"{method} {self._base_url}: {late}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ApiUnavailable(f"{method} {self._base_url}: {str(error) or type(error).__name__}") from error


def _read(http: httpx.Client, method: str, path: str, until: float, request: Mapping[str, Any]) -> httpx.Response:
    with http.stream(method, path, **request) as response:
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > PAGE_BYTES:
                raise ApiUnavailable(f"{response.url} answered with more than {PAGE_BYTES} bytes")
            if time.monotonic() > until:
                raise TimeoutError
    response.headers.pop("Content-Encoding", None)  # undone by now
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        content=b"".join(parts),
        request=response.request,
        extensions=response.extensions,
    )
