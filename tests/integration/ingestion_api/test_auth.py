"""Who may do what, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ingestion_api.auth import SCOPES, Credential, KeyRing, create_key, list_keys, revoke_key
from ingestion_api.errors import KeyNameTaken, NoSuchKey, Unauthenticated
from ingestion_api.store import Store

READING = {"equipment_code": "pump-1", "metric": "pressure", "value": 1}
DOORS = [
    ("POST", "/readings", {"push"}),
    ("POST", "/events", {"push"}),
    ("GET", "/batches?kind=readings", {"pull"}),
    ("GET", "/batches/00000000-0000-0000-0000-000000000007", {"push", "read", "pull"}),
    ("GET", "/cursors", {"pull", "read"}),
    ("GET", "/registry/changes", {"pull"}),
    ("GET", "/equipment", {"registry", "read"}),
    ("GET", "/equipment/pump-1", {"registry", "read"}),
    ("PUT", "/equipment/pump-1", {"registry"}),
    ("GET", "/quarantine", {"registry", "read"}),
    ("POST", "/quarantine/release", {"registry"}),
]


@pytest.mark.parametrize(("method", "path", "scopes"), DOORS)
def test_each_door_opens_to_its_scopes_alone(shared_plant: Any, method: str, path: str, scopes: set[str]) -> None:
    """S3-041, S3-042, C38."""
    body = b"{}" if method != "GET" else None
    assert httpx.request(method, f"{shared_plant.url}/api/v1{path}", content=body).status_code == 401
    for scope in SCOPES:
        status = shared_plant.http(scope).request(method, path, content=body).status_code
        assert (status != 403) == (scope in scopes or scope == "admin"), (scope, status)
        assert status != 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic bXI6"},
        {"Authorization": "Bearer mr_nonsense"},
        {"X-API-Key": "mr_nonsense"},
        {"X-API-Key": "\xff"},
    ],
)
def test_who_is_not_known_gets_401_and_learns_how(shared_plant: Any, headers: dict[str, str]) -> None:
    response = httpx.get(
        f"{shared_plant.url}/api/v1/cursors", headers=[(k, v.encode("latin-1")) for k, v in headers.items()]
    )
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


def test_both_headers_carry_a_key(shared_plant: Any) -> None:
    key = shared_plant.key("pull")
    for headers in ({"Authorization": f"Bearer {key}"}, {"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert httpx.get(f"{shared_plant.url}/api/v1/cursors", headers=headers).status_code == 200


def in_key_ring(plant: Any, steps: Callable[[KeyRing, list[float]], Awaitable[None]]) -> None:
    """Run steps on a key ring of their own, whose clock they set."""

    async def run() -> None:
        store, clock = Store(plant.database_url), [0.0]
        await steps(KeyRing(store, lambda: clock[0]), clock)
        await store.close()

    asyncio.run(run())


def test_revoked_key_is_refused_within_five_seconds(plant: Any) -> None:
    key = plant.key("pull", name="lost")

    async def steps(ring: KeyRing, clock: list[float]) -> None:
        assert await ring.authenticate(key) == Credential("lost", "demo", frozenset({"pull"}))
        with plant.engine.begin() as connection:
            revoke_key(connection, "lost")
        clock[0] = 4.9
        assert (await ring.authenticate(key)).name == "lost"
        clock[0] = 5.0
        with pytest.raises(Unauthenticated):
            await ring.authenticate(key)

    in_key_ring(plant, steps)


def test_use_is_noted_once_a_minute(plant: Any) -> None:
    key = plant.key("pull", name="used")
    age = text("update inbox.api_keys set last_used_at = now() - :age * interval '1 second' where name = 'used'")
    since = text("select extract(epoch from now() - last_used_at) from inbox.api_keys where name = 'used'")

    async def steps(ring: KeyRing, clock: list[float]) -> None:
        for seconds, is_noted in ((None, True), (50, False), (70, True)):
            with plant.engine.begin() as connection:
                connection.execute(age, {"age": seconds})
            clock[0] += 10
            await ring.authenticate(key)
            with plant.engine.begin() as connection:
                assert (connection.execute(since).scalar_one() < 40) == is_noted

    in_key_ring(plant, steps)


def test_key_is_256_random_bits_and_only_its_hash_is_kept(plant: Any) -> None:
    first, second = plant.key("push"), plant.key("push")
    assert first != second
    assert first.startswith("mr_")
    assert len(first) == len("mr_") + 43
    with plant.engine.connect() as connection:
        dump = connection.execute(text("select string_agg(k::text, ' ') from inbox.api_keys k")).scalar_one()
    assert first not in dump
    assert first.removeprefix("mr_") not in dump


def test_names_are_never_used_twice(plant: Any) -> None:
    """Batches are known by the name of the key that brought them."""
    plant.key("push", name="edge")
    with plant.engine.begin() as connection:
        revoke_key(connection, "edge")
    with plant.engine.begin() as connection, pytest.raises(KeyNameTaken):
        create_key(connection, "edge", "demo", ["push"])
    with plant.engine.begin() as connection, pytest.raises(NoSuchKey):
        revoke_key(connection, "edge")
    with plant.engine.begin() as connection:
        row = next(row for row in list_keys(connection) if row.name == "edge")
    assert (row.site_code, row.scopes, row.revoked_at is not None) == ("demo", ["push"], True)
