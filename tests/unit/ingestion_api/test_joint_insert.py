"""Who waits together is stored together, and what is wrong with one batch stays with that one."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ingestion_api.joint_insert import COLUMNS, JointInsert

Row = dict[str, Any]
POISON = b"poison"


class Database:
    """Answers statements when it is let; a row with a poisonous payload fails its statement."""

    def __init__(self, error: psycopg.Error | None = None) -> None:
        self.groups: list[int] = []
        self.stored: dict[bytes, int] = {}
        self.may_answer = asyncio.Event()
        self._error = error or psycopg.DataError("poison")

    async def rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        assert f"${len(values)}::" in statement and f"${len(values) + 1}::" not in statement
        width = 1 + len(COLUMNS)
        rows = [dict(zip(COLUMNS, values[at + 1 : at + width], strict=True)) for at in range(2, len(values), width)]
        self.groups.append(len(rows))
        await self.may_answer.wait()
        if any(row["payload"] == POISON for row in rows):
            raise self._error
        new = []
        for one in rows:
            if one["content_hash"] not in self.stored:
                self.stored[one["content_hash"]] = len(self.stored) + 1
                new.append((one["batch_id"], self.stored[one["content_hash"]]))
        return new


def row(payload: bytes = b"", site_code: str = "demo", content_hash: bytes | None = None) -> Row:
    told = {"space": 1, "key_hash": None, "site_code": site_code, "payload": payload, "batch_id": uuid4()}
    return {**dict.fromkeys(COLUMNS), **told, "content_hash": content_hash or told["batch_id"]}


async def add(database: Database, rows: Sequence[Row]) -> list[Any]:
    """Add rows, all before the database answers."""
    joint = JointInsert(database)  # type: ignore[arg-type]
    adding = [asyncio.create_task(joint.add(one)) for one in rows]
    await asyncio.sleep(0.01)
    database.may_answer.set()
    found = await asyncio.gather(*adding, return_exceptions=True)
    assert joint._queues == {}
    return found


def run(rows: Sequence[Row], error: psycopg.Error | None = None) -> tuple[Database, list[Any]]:
    async def both() -> tuple[Database, list[Any]]:
        database = Database(error)
        return database, await add(database, rows)

    return asyncio.run(both())


def test_what_waits_for_the_statement_under_way_is_stored_by_the_next() -> None:
    database, numbers = run([row() for _ in range(6)])
    assert database.groups == [6] or database.groups == [1, 5]
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_a_group_is_bounded_by_number_and_by_bytes() -> None:
    database, numbers = run([row() for _ in range(40)])
    assert max(database.groups) == 16
    assert sorted(numbers) == list(range(1, 41))
    database, numbers = run([row(b"x" * 200_000) for _ in range(3)])
    assert database.groups == [1, 1, 1]
    assert numbers == [1, 2, 3]


def test_sites_do_not_wait_for_each_other() -> None:
    database, numbers = run([row(site_code=site_code) for site_code in "abab"])
    assert sorted(database.groups) in ([2, 2], [1, 1, 1, 1])
    assert sorted(numbers) == [1, 2, 3, 4]


def test_what_is_stored_already_has_no_number() -> None:
    """Also where the first stands in the same statement."""
    _, numbers = run([row(), row(content_hash=b"twice"), row(content_hash=b"twice"), row()])
    assert numbers == [1, 2, None, 3]


@pytest.mark.parametrize("place", range(5))
def test_what_is_wrong_with_one_batch_stays_with_it(place: int) -> None:
    rows = [row() for _ in range(5)]
    rows[place] = row(POISON)
    database, numbers = run(rows)
    assert isinstance(numbers.pop(place), psycopg.DataError)
    assert sorted(numbers) == [1, 2, 3, 4]
    assert len(database.stored) == 4


def test_a_store_that_is_away_is_asked_once_for_all() -> None:
    database, numbers = run([row(), *(row(POISON) for _ in range(4))], psycopg.OperationalError("away"))
    assert all(isinstance(number, psycopg.OperationalError) for number in numbers[1:])
    assert len(database.groups) <= 2


def test_one_that_does_not_wait_any_more_harms_nobody() -> None:
    async def both() -> None:
        database = Database()
        joint = JointInsert(database)  # type: ignore[arg-type]
        adding = [asyncio.create_task(joint.add(row())) for _ in range(4)]
        await asyncio.sleep(0.01)
        adding[2].cancel()
        database.may_answer.set()
        found = await asyncio.gather(*adding, return_exceptions=True)
        assert isinstance(found.pop(2), asyncio.CancelledError)
        assert all(isinstance(number, int) for number in found)

    asyncio.run(both())


def test_who_waits_too_long_is_told_and_not_stored() -> None:
    """The batch on its way is waited for, since nobody knows yet; the ones behind it are not stored later."""

    async def both() -> Database:
        database = Database()
        joint = JointInsert(database, patience_s=0.05)  # type: ignore[arg-type]
        first = asyncio.create_task(joint.add(row()))
        await asyncio.sleep(0.01)
        behind = await asyncio.gather(*(joint.add(row()) for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in behind] == [PoolTimeout] * 3
        assert not first.done()
        database.may_answer.set()
        assert await first == 1
        return database

    assert len(asyncio.run(both()).stored) == 1


class Busy(Database):
    """Answers at once, but for a statement with a poisonous payload, which waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer.set()
        self.may_go_on = asyncio.Event()

    async def rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if POISON in values:
            await self.may_go_on.wait()
        return await super().rows(statement, [b"" if value == POISON else value for value in values])


def test_a_slow_statement_does_not_hold_up_what_is_behind_it() -> None:
    async def both() -> None:
        database = Busy()
        joint = JointInsert(database)  # type: ignore[arg-type]
        slow = asyncio.create_task(joint.add(row(POISON)))
        await asyncio.sleep(0.01)
        assert sorted(await asyncio.gather(*(joint.add(row()) for _ in range(3)))) == [1, 2, 3]  # type: ignore[type-var]
        assert await joint.add(row()) == 4
        database.may_go_on.set()
        assert await slow == 5
        assert joint._queues == {}

    asyncio.run(both())


@pytest.mark.parametrize("kind", [psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable])
def test_who_waits_for_another_transaction_harms_nobody(kind: type[psycopg.Error]) -> None:
    _, numbers = run([row(), row(), row(POISON), row()], kind("waited"))
    assert isinstance(numbers.pop(2), kind)
    assert sorted(numbers) == [1, 2, 3]
