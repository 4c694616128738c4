"""Who may do what, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ingestion_api.auth import SCOPES, Credential, create_key, list_keys, revoke_key, rotate_key
from ingestion_api.errors import KeyNameTaken, NoSuchKey, Unauthenticated
from ingestion_api.key_ring import KeyRing
from ingestion_api.store import Store

READING = {"equipment_code": "pump-1", "metric": "pressure", "value": 1}
DOORS = [
    ("POST", "/readings", {"push_readings"}),
    ("POST", "/events", {"push_events"}),
    ("GET", "/batches?kind=readings", {"pull"}),
    ("GET", "/batches/00000000-0000-0000-0000-000000000007", {"push_readings", "push_events", "read", "pull"}),
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


def test_a_browser_that_follows_a_link_is_asked_for_the_key(shared_plant: Any) -> None:
    """Links in Dagster lead to the pages of batches; a script that asks without a key makes no browser ask."""
    cursors, key = f"{shared_plant.url}/api/v1/cursors", shared_plant.key("pull")
    opened = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
    # Over plain http, to another machine, browsers send no Sec-Fetch.
    plain = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for headers in (opened, plain):
        asked = httpx.get(cursors, headers=headers)
        assert (asked.status_code, asked.headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
        assert httpx.get(cursors, headers=headers, auth=("anyone", key)).status_code == 200
    for headers in ({"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Mode": "cors", **plain}, {"Accept": "*/*"}):
        assert httpx.get(cursors, headers=headers).headers["www-authenticate"] == "Bearer"
    pushed = httpx.post(f"{shared_plant.url}/api/v1/readings", json=READING, headers=plain)
    assert pushed.headers["www-authenticate"] == "Bearer"


def test_a_remembered_password_writes_nothing_for_another_sites_page(shared_plant: Any) -> None:
    url, auth = f"{shared_plant.url}/api/v1/quarantine/release", ("anyone", shared_plant.key("admin"))
    for site, status in (("cross-site", 401), ("same-site", 401), ("same-origin", 400), ("none", 400)):
        sent = httpx.post(url, json={}, auth=auth, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})
        assert sent.status_code == status, site
    strangers = ("http://evil.example", "null", f"{shared_plant.url}0", "http://")
    for origin, status in ((shared_plant.url, 400), *((stranger, 401) for stranger in strangers)):
        assert httpx.post(url, json={}, auth=auth, headers={"Origin": origin}).status_code == status, origin
    assert httpx.post(url, json={}, auth=auth).status_code == 400  # let in, and found empty


def test_pages_of_named_origins_may_write_with_a_password(plant: Any) -> None:
    ours = "https://live.plant.example"
    with type(plant)(plant.database_url, plant.engine, cors_origins=ours).running() as api:
        url, auth = f"{api.url}/api/v1/quarantine/release", ("anyone", plant.key("admin"))
        for origin, status in ((ours, 400), ("https://evil.example", 401)):
            headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert httpx.post(url, json={}, auth=auth, headers=headers).status_code == status, origin


def in_key_ring(plant: Any, steps: Callable[[KeyRing, list[float]], Awaitable[None]]) -> None:
    """Run steps on a key ring of their own, whose clock they set."""

    async def run() -> None:
        store, clock = Store(plant.database_url), [0.0]
        await steps(KeyRing(store, lambda: clock[0]), clock)
        await store.close()

    asyncio.run(run())


def test_key_is_believed_for_five_seconds_where_it_is_looked_at_again_and_nowhere_else(plant: Any) -> None:
    key = plant.key("pull", name="lost")

    async def steps(ring: KeyRing, clock: list[float]) -> None:
        found = await ring.authenticate(key)
        assert found == Credential("lost", "demo", frozenset({"pull"}), requests_per_min=0)
        with plant.engine.begin() as connection:
            revoke_key(connection, "lost")
        clock[0] = 4.9
        assert (await ring.authenticate(key, is_checked_later=True)).name == "lost"
        clock[0] = 5.0
        with pytest.raises(Unauthenticated):
            await ring.authenticate(key, is_checked_later=True)
        clock[0] = 0.1
        with pytest.raises(Unauthenticated):
            await ring.authenticate(key)

    in_key_ring(plant, steps)


@pytest.fixture
def twins(plant: Any) -> Iterator[tuple[str, str]]:
    """Addresses of two instances over one store."""
    with type(plant)(plant.database_url, plant.engine).running() as other:
        yield f"{plant.url}/api/v1", f"{other.url}/api/v1"


def statuses(twins: tuple[str, str], key: str) -> set[int]:
    """Push, push again and read at both."""
    headers = {"X-API-Key": key}
    body = {**READING, "event_time": datetime.now(UTC).isoformat()}
    pushed = [httpx.post(f"{url}/readings", json=body, headers=headers).status_code for url in twins * 2]
    return {*pushed, *(httpx.get(f"{url}/cursors", headers=headers).status_code for url in twins)}


def test_revoked_key_is_refused_by_the_next_request_on_every_instance(plant: Any, twins: tuple[str, str]) -> None:
    """Both have just seen the key, and have it in memory."""
    key = plant.key("push", "read", name="stolen")
    assert statuses(twins, key) == {200, 201}
    with plant.engine.begin() as connection:
        revoke_key(connection, "stolen")
    assert statuses(twins, key) == {401}
    with plant.engine.connect() as connection:
        assert connection.execute(text("select count(*) from inbox.batches")).scalar_one() == 1


def test_rotated_key_works_until_its_grace_ends_and_then_nowhere(plant: Any, twins: tuple[str, str]) -> None:
    first = plant.key("push", "read", name="rotated")
    assert statuses(twins, first) == {200, 201}
    with plant.engine.begin() as connection:
        second = rotate_key(connection, "rotated", timedelta(hours=1))
    assert statuses(twins, first) == statuses(twins, second) == {200, 201}
    with plant.engine.begin() as connection:
        connection.execute(text("update inbox.api_keys set old_key_expires_at = now() - interval '1 second'"))
    assert (statuses(twins, first), statuses(twins, second)) == ({401}, {200, 201})
    with plant.engine.begin() as connection:
        third = rotate_key(connection, "rotated", timedelta(0))
    assert (statuses(twins, second), statuses(twins, third)) == ({401}, {200, 201})


def test_key_expires_by_itself(plant: Any, twins: tuple[str, str]) -> None:
    key = plant.key("push", "read", name="guest")
    assert statuses(twins, key) == {200, 201}
    with plant.engine.begin() as connection:
        connection.execute(text("update inbox.api_keys set expires_at = now() where name = 'guest'"))
    assert statuses(twins, key) == {401}


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
    assert (row.site_code, row.scopes, row.revoked_at is not None) == ("demo", ["push_readings", "push_events"], True)
