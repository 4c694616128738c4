"""A clock that stands still until told, and an API in memory that can be told to fail."""

import hashlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest

from edge_client.collectors.collector import Chunk
from edge_client.settings import EdgeSettings
from edge_client.spool import Spool
from ingestion_api.client import ApiRefused, ApiUnavailable, PushOutcome
from ingestion_api.contract import BatchReceipt, Entity, Kind, LossReport, Problem

NOON = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


class FakeClock:
    """Both clocks of the forwarder; `advance` moves them."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def time(self) -> float:
        return NOON.timestamp() + self.elapsed_s

    def monotonic(self) -> float:
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        self.elapsed_s += seconds


class Push(msgspec.Struct, frozen=True):
    """One push as the API saw it."""

    kind: str
    body: bytes
    key: str | None
    is_replay: bool

    @property
    def items(self) -> list[object]:
        decoded: list[object] = msgspec.json.decode(self.body)
        return decoded


class FakeApi:
    """Stores batches once, by key and by content, as the real one does; items that say `bad` are quarantined.

    `script` holds what becomes of the next pushes, in turn: None for the usual, an exception to raise, or a pair
    ("lose", exception) to store the batch and raise instead of answering.
    """

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.stored: dict[str, tuple[Push, BatchReceipt]] = {}
        self.registered: list[tuple[str, str]] = []
        self.script: deque[Exception | tuple[str, Exception] | None] = deque()
        self.put_script: deque[Exception] = deque()
        self.loss_script: deque[Exception] = deque()
        self.losses: list[LossReport] = []
        self.ready = True
        self.probes = 0
        self.on_push: Callable[[], None] = lambda: None

    def push(
        self, kind: Kind, body: bytes, *, idempotency_key: str | None = None, is_replay: bool = False
    ) -> PushOutcome:
        push = Push(kind, body, idempotency_key, is_replay)
        self.pushes.append(push)
        self.on_push()
        step = self.script.popleft() if self.script else None
        if isinstance(step, Exception):
            raise step
        outcome = self._store(push, kind)
        if step is not None:
            raise step[1]
        return outcome

    def _store(self, push: Push, kind: Kind) -> PushOutcome:
        content = f"{kind} {hashlib.sha256(push.body).hexdigest()}"
        if content in self.stored:
            return PushOutcome(status=200, receipt=self.stored[content][1], is_repeat=True)
        bad = sum(1 for item in push.items if isinstance(item, dict) and item.get("bad"))
        receipt = receipt_for(kind, len(push.items) - bad, bad, push.key)
        self.stored[content] = (push, receipt)
        return PushOutcome(status=422 if bad == len(push.items) else 201, receipt=receipt, is_repeat=False)

    def put(self, entity: Entity, code: str, payload: dict[str, object]) -> dict[str, object]:
        if self.put_script:
            raise self.put_script.popleft()
        self.registered.append((entity, code))
        return payload

    def report_loss(self, report: LossReport) -> None:
        if self.loss_script:
            raise self.loss_script.popleft()
        self.losses.append(report)

    def is_ready(self) -> bool:
        self.probes += 1
        return self.ready

    def items(self, kind: str) -> list[object]:
        """Every stored item of a kind, in the order it came."""
        return [item for push, _ in self.stored.values() if push.kind == kind for item in push.items]


def receipt_for(kind: Kind, accepted: int, quarantined: int, key: str | None) -> BatchReceipt:
    return BatchReceipt(
        batch_id=uuid4(),
        batch_seq=1,
        kind=kind,
        idempotency_key=key,
        received_at=NOON,
        accepted=accepted,
        quarantined=quarantined,
        refused=[],
    )


def unreachable(cause: Exception | None = None) -> ApiUnavailable:
    """What the client raises when nobody listens."""
    error = ApiUnavailable("POST http://api: connection refused")
    error.__cause__ = cause or httpx.ConnectError("connection refused")
    return error


def overloaded(retry_after_s: float | None = None) -> ApiUnavailable:
    """What the client raises for a 429 or 503."""
    return ApiUnavailable("http://api/readings answered 503", retry_after_s)


def refused(status: int) -> ApiRefused:
    """What the client raises for another 4xx."""
    return ApiRefused(
        Problem(type="about:blank", title="No", status=status, detail="no", instance="/", request_id="r1")
    )


def chunk(
    first: int, last: int, *, kind: Kind = "readings", is_replay: bool = False, bad: tuple[int, ...] = ()
) -> Chunk:
    """Items numbered first to last; the numbers in `bad` will be quarantined."""
    items = [msgspec.json.encode({"n": n, "bad": True} if n in bad else {"n": n}) for n in range(first, last + 1)]
    return Chunk(kind=kind, items=items, is_replay=is_replay, part="part", position=str(last), fraction=0.5)


def numbers(push: Push) -> list[int]:
    """The numbers of a push's items."""
    return [item["n"] for item in push.items if isinstance(item, dict)]


def real_pending(spool: Spool) -> int:
    """How many items the file itself holds."""
    with sqlite3.connect(spool._path) as sql:
        count: int = sql.execute("select count(*) from items").fetchone()[0]
    sql.close()
    return count


class Kit:
    """What the tests build with; here because test folders are no packages."""

    unreachable = staticmethod(unreachable)
    overloaded = staticmethod(overloaded)
    refused = staticmethod(refused)
    chunk = staticmethod(chunk)
    numbers = staticmethod(numbers)
    receipt = staticmethod(receipt_for)
    real_pending = staticmethod(real_pending)


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def spool_path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@pytest.fixture
def spool(spool_path: Path) -> Iterator[Spool]:
    spool = Spool(spool_path)
    yield spool
    spool.close()


@pytest.fixture
def settings(spool_path: Path) -> EdgeSettings:
    return EdgeSettings(_env_file=None, spool_path=spool_path, linger_s=0)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings come from the test alone: no variable of the shell, no `.env` of the checkout."""
    for name in EdgeSettings.model_fields:
        monkeypatch.delenv(f"MILLRACE_EDGE_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
