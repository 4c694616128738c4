"""Erases a worker from the API's database: the code, a pseudonym, gives way to one that nobody can trace back (C39).

Totals stay true, since nothing is deleted: batches keep their items, their counts and the hash by which a repeat is
known. The warehouse's copy is `warehouse.erasure`'s. Backups keep the old code until they are pruned.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import zstandard
from sqlalchemy import Connection, Engine, Row, func, insert, select, text, update

from ingestion_api.batch import compressor
from ingestion_api.columns import EventColumns
from ingestion_api.contract import Event
from ingestion_api.errors import NoSuchWorker
from ingestion_api.formats import json
from ingestion_api.formats.catalog import PARSERS, read_alone
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import Unreadable
from ingestion_api.known_codes import ERASED
from ingestion_api.registry_log import LOCK_SPACE
from warehouse.tables import inbox_batches, quarantine, registry_changes, workers

# Bounds memory: a batch is 5 MiB at most.
_PAGE = 20


@dataclass(frozen=True)
class Erased:
    """What an erasure has done so far.

    Attributes:
        batch_count: Batches of events looked through.
        rewritten_count: Of these, the ones that named the worker.
    """

    batch_count: int = 0
    rewritten_count: int = 0


def new_pseudonym() -> str:
    """Make a code that tells nothing of the one it replaces."""
    return f"{ERASED}{secrets.token_hex(8)}"


def erase(
    engine: Engine,
    site_code: str,
    worker_code: str,
    pseudonym: str,
    progress: Callable[[Erased], None] = lambda erased: None,
) -> Erased:
    """Put a pseudonym in the place of a worker's code, in the registry, its log, the batches and the quarantine.

    May be interrupted and called again with the same pseudonym. Every API instance refuses the old code within a
    second, so that a device which goes on sending it fills the quarantine: take it off the device first.

    Args:
        engine: Of the API's database.
        site_code: Whose worker.
        worker_code: The code to forget.
        pseudonym: From `new_pseudonym`.
        progress: Called after each page of batches.

    Raises:
        NoSuchWorker: Nothing names either of the codes, refused items included.
    """
    with engine.begin() as connection:
        is_known = _rename(connection, site_code, worker_code, pseudonym)
    erased = Erased()
    after = 0
    while True:
        with engine.begin() as connection:
            batches = _page(connection, site_code, after)
            if not batches:
                break
            rewritten = sum(_rewrite(connection, batch, worker_code, pseudonym) for batch in batches)
        after = batches[-1].batch_seq
        erased = Erased(erased.batch_count + len(batches), erased.rewritten_count + rewritten)
        progress(erased)
    if not is_known and not erased.rewritten_count:
        raise NoSuchWorker(f"nothing at site {site_code!r} names a worker {worker_code!r}: nothing was changed")
    return erased


def _rename(connection: Connection, site_code: str, worker_code: str, pseudonym: str) -> bool:
    """Rename the worker in the registry and its log; return whether the registry knows one of the codes."""
    connection.execute(
        text("select pg_advisory_xact_lock(:space, hashtext(:site_code))"),
        {"space": LOCK_SPACE, "site_code": site_code},
    )
    of_site = workers.c.site_code == site_code
    # Since when somebody works here may say who they are; department and shift are what totals go by.
    renamed = (
        update(workers)
        .where(of_site, workers.c.worker_code == worker_code)
        .values(worker_code=pseudonym, active_since=None, updated_at=func.now())
        .returning(workers.c.department, workers.c.shift_code)
    )
    row = connection.execute(renamed).one_or_none()
    if row is None:
        known = select(workers.c.worker_code).where(of_site, workers.c.worker_code == pseudonym)
        return connection.execute(known).one_or_none() is not None
    connection.execute(
        text(
            """
            update registry.changes set
                code = :pseudonym,
                payload = payload || jsonb_build_object('worker_code', cast(:pseudonym as text), 'active_since', null)
            where site_code = :site_code and entity = 'workers' and code = :worker_code
            """
        ),
        {"site_code": site_code, "worker_code": worker_code, "pseudonym": pseudonym},
    )
    # By this entry running instances see that a code they remember is gone.
    entry = {"site_code": site_code, "worker_code": pseudonym, "active_since": None, **row._mapping}
    change = {"site_code": site_code, "entity": "workers", "code": pseudonym, "payload": entry, "changed_by": "erasure"}
    connection.execute(insert(registry_changes).values(change))
    return True


def _page(connection: Connection, site_code: str, after: int) -> Sequence[Row[Any]]:
    columns = inbox_batches.c
    wanted = select(columns.batch_seq, columns.format, columns.payload, columns.equipment_code, columns.credential)
    wanted = wanted.add_columns(columns.received_at, columns.item_count)
    wanted = wanted.where(columns.site_code == site_code, columns.kind == "events", columns.batch_seq > after)
    return connection.execute(wanted.order_by(columns.batch_seq).limit(_PAGE)).all()


def _rewrite(connection: Connection, batch: Row[Any], worker_code: str, pseudonym: str) -> bool:
    """Rewrite a batch as JSON, and what it has in quarantine, if it names the worker; return whether it does."""
    context = Context(
        equipment_code=batch.equipment_code or "", source_code=batch.credential, received_at=batch.received_at
    )
    columns = cast(EventColumns, PARSERS[batch.format]("events", zstandard.decompress(batch.payload), context).columns)
    chosen = (quarantine.c.batch_seq == batch.batch_seq, quarantine.c.kind == "events")
    refused = connection.execute(
        select(quarantine.c.quarantine_id, quarantine.c.item_index, quarantine.c.detail, quarantine.c.item)
        .where(*chosen)
        .order_by(quarantine.c.item_index)
    ).all()
    told = _Word(worker_code, pseudonym)
    if worker_code not in columns.worker_code and not any(told.is_in(item.item, item.detail) for item in refused):
        return False
    columns.worker_code = [pseudonym if code == worker_code else code for code in columns.worker_code]
    body = _body(columns, batch.item_count)
    where = inbox_batches.c.batch_seq == batch.batch_seq
    connection.execute(update(inbox_batches).where(where).values(format="json", payload=compressor.compress(body)))
    for item in refused:
        original = _item(batch.format, item.item, context, told)
        mine = quarantine.c.quarantine_id == item.quarantine_id
        connection.execute(update(quarantine).where(mine).values(item=original, detail=told.replace(item.detail)))
    return True


class _Word:
    """A worker's code where it stands as a word of its own: W1 is not in W11, nor in LINE-W1."""

    def __init__(self, worker_code: str, pseudonym: str) -> None:
        pattern = rf"(?<![\w-]){re.escape(worker_code)}(?![\w-])"
        self._in_text, self._in_bytes = re.compile(pattern), re.compile(pattern.encode())
        self.worker_code, self.pseudonym = worker_code, pseudonym

    def is_in(self, original: bytes, detail: str) -> bool:
        """Tell whether an item or the sentence about it names the worker."""
        return bool(self._in_bytes.search(original) or self._in_text.search(detail))

    def replace(self, sentence: str) -> str:
        """Put the pseudonym in the place of the code."""
        return self._in_text.sub(self.pseudonym, sentence)

    def replace_bytes(self, original: bytes) -> bytes:
        """As `replace`."""
        return self._in_bytes.sub(self.pseudonym.encode(), original)


def _body(columns: EventColumns, item_count: int) -> bytes:
    """Write all that could be read, each item where it stood; what could not be read stays unreadable."""
    items: list[msgspec.Raw] = [msgspec.Raw(b"null")] * item_count
    rows = msgspec.json.decode(json.write(columns, range(len(columns.item_index))), type=list[msgspec.Raw])
    for index, row in zip(columns.item_index, rows, strict=True):
        items[index] = row
    return msgspec.json.encode(items)


def _item(body_format: str, original: bytes, context: Context, told: _Word) -> bytes:
    """Write one refused item as JSON, as its batch now is; of what cannot be read, the bytes that name the worker."""
    item = read_alone(body_format, "events", original, context)
    if isinstance(item, Unreadable):
        return told.replace_bytes(original)
    if isinstance(item, Event) and item.worker_code == told.worker_code:
        item = msgspec.structs.replace(item, worker_code=told.pseudonym)
    return msgspec.json.encode(item)
