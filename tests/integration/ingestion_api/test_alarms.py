"""What pushes do to alarms: raised and cleared once, whoever pushes where, together with the batch or not at all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

START = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
HOT = {
    "name": "Bearing too hot",
    "equipment_class": "pump",
    "metric": "bearing_temperature",
    "kind": "limit",
    "severity": "critical",
    "limit": 85,
    "hysteresis": 2,
}


@pytest.fixture
def hot(plant: Any) -> Any:
    """A plant whose pumps have a limit of 85."""
    put(plant, HOT)
    return plant


def put(api: Any, rule: dict[str, Any], code: str = "hot") -> None:
    assert api.http("registry").put(f"/alarm-rules/{code}", json=rule).status_code in (200, 201)


def push(client: httpx.Client, *values: float, second: float = 0, pump: str = "pump-1", **params: Any) -> int:
    items = [
        {
            "equipment_code": pump,
            "metric": "bearing_temperature",
            "value": value,
            "event_time": (START + timedelta(seconds=second + number)).isoformat(),
        }
        for number, value in enumerate(values)
    ]
    return client.post("/readings", json=items, params=params).status_code


def changes(api: Any) -> list[tuple[str, float, float | None]]:
    with api.engine.connect() as connection:
        rows = connection.execute(text("select * from inbox.alarm_changes order by change_seq")).mappings()
        return [(row["transition"], (row["changed_at"] - START).total_seconds(), row["value"]) for row in rows]


def alarms(api: Any) -> list[Any]:
    with api.engine.connect() as connection:
        rows = connection.execute(text("select * from inbox.alarms order by alarm_id")).mappings()
        return [(row["equipment_code"], row["severity"], row["state"], row["raised_value"]) for row in rows]


def test_a_limit_is_raised_at_its_value_and_cleared_beyond_the_hysteresis(hot: Any) -> None:
    """S2-042, C26: 85 fires a limit of 85."""
    client = hot.http()
    for second, value in enumerate([84.9, 85.0, 91.0, 83.0, 82.9, 83.5]):
        assert push(client, value, second=second) == 201
    assert changes(hot) == [("raised", 1.0, 85.0), ("cleared", 4.0, 82.9)]
    assert alarms(hot) == [("pump-1", "critical", "cleared", 85.0)]


def test_an_offset_that_postgresql_does_not_read_raises_too(hot: Any) -> None:
    item = {"equipment_code": "pump-1", "metric": "bearing_temperature", "value": 90}
    times = ["2026-02-06T10:30:00+23:59", "2026-02-06T10:30:00-15:59"]
    client = hot.http()
    for at in times:
        assert client.post("/readings", json=[{**item, "event_time": at}]).status_code == 201
    never = {**item, "event_time": "9999-12-31T23:59:59-10:00"}  # has no UTC, and is refused
    assert client.post("/readings", json=[never, {**item, "event_time": times[1], "value": 91}]).status_code == 201
    shown = client.get("/live").json()["items"]
    assert [one["event_time"] for one in shown] == ["2026-02-07T02:29:00Z"]
    assert [alarm["raised_at"] for alarm in shown[0]["alarms"]] == ["2026-02-05T10:31:00Z"]


def test_one_batch_may_raise_and_clear_several_times(hot: Any) -> None:
    assert push(hot.http(), 90, 80, 90, 80, 90) == 201
    assert [change for change, _, _ in changes(hot)] == ["raised", "cleared"] * 2 + ["raised"]
    assert [state for _, _, state, _ in alarms(hot)] == ["cleared", "cleared", "raised"]


def test_late_repeated_refused_and_replayed_readings_raise_nothing(hot: Any) -> None:
    client = hot.http()
    assert push(client, 70, second=100) == 201
    assert push(client, 90, second=50) == 201
    assert push(client, 95, second=200, is_replay=True) == 201
    assert push(client, 90, second=300, pump="pump-9") == 422
    assert push(client, 90, second=50) == 200
    assert changes(hot) == []


def test_a_duration_is_counted_from_batch_to_batch(plant: Any) -> None:
    put(plant, {**HOT, "duration_s": 10})
    client = plant.http()
    for second, value in [(0, 90), (9, 90), (10, 91)]:
        push(client, value, second=second)
    assert changes(plant) == [("raised", 10.0, 91.0)]


def test_a_flat_line_is_seen_though_no_value_breaks_a_limit(plant: Any) -> None:
    flat = {name: value for name, value in HOT.items() if name != "limit"}
    put(plant, {**flat, "kind": "flat_line", "hysteresis": 0.5, "duration_s": 10})
    client = plant.http()
    for second, value in [(0, 70), (6, 70.2), (10, 70.1), (11, 71)]:
        push(client, value, second=second)
    assert changes(plant) == [("raised", 10.0, 70.1), ("cleared", 11.0, 71.0)]


def test_two_instances_raise_and_clear_one_alarm_once(hot: Any) -> None:
    other = type(hot)(hot.database_url, hot.engine)
    with other.running():
        key = {"Authorization": f"Bearer {hot.key()}"}
        one, two = (httpx.Client(base_url=f"{api.url}/api/v1", headers=key) for api in (hot, other))
        with one, two:
            for second, value in enumerate([80, 86, 87, 88, 89, 84, 82, 80, 80]):
                assert push((one, two)[second % 2], value, second=second) == 201
    assert changes(hot) == [("raised", 1.0, 86.0), ("cleared", 6.0, 82.0)]


def test_pushes_at_once_neither_wait_in_a_circle_nor_raise_twice(hot: Any) -> None:
    clients = [hot.http() for _ in range(6)]
    both = ["pump-1", "pump-2"]

    def send(number: int) -> int:
        names = both if number % 2 else both[::-1]
        items = [
            {
                "equipment_code": pump,
                "metric": "bearing_temperature",
                "value": 90.0,
                "event_time": (START + timedelta(seconds=number)).isoformat(),
            }
            for pump in names
        ]
        return clients[number % 6].post("/readings", json=items).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, range(48))) == {201}
    assert [change for change, _, _ in changes(hot)] == ["raised", "raised"]


def test_a_failing_transaction_leaves_neither_batch_nor_alarm(hot: Any) -> None:
    client = hot.http()
    assert push(client, 70) == 201
    with hot.engine.begin() as connection:
        connection.execute(text("alter table inbox.alarm_changes add constraint none check (value < 90)"))
    assert push(client, 90, second=1) == 500
    with hot.engine.begin() as connection:
        assert connection.execute(text("select count(*) from inbox.batches")).scalar_one() == 1
        assert connection.execute(text("select value from inbox.last_values")).scalars().all() == [70.0]
        connection.execute(text("alter table inbox.alarm_changes drop constraint none"))
    assert alarms(hot) == []
    assert push(client, 90, second=1) == 201
    assert len(alarms(hot)) == 1


def test_changes_are_pulled_by_cursor(hot: Any) -> None:
    """D3: alarms travel the registry's road; the key that pulls needs no other scope."""
    push(hot.http(), 85)
    push(hot.http(), 70, second=1)
    client = hot.client("pull")
    raised, cleared = client.pull_alarm_changes(0)
    assert (raised.transition, raised.value, raised.changed_at, raised.severity) == ("raised", 85, START, "critical")
    assert (cleared.alarm_id, cleared.transition) == (raised.alarm_id, "cleared")
    assert client.pull_alarm_changes(0, limit=1) == [raised]
    assert client.pull_alarm_changes(raised.change_seq) == [cleared]
    assert client.pull_alarm_changes(cleared.change_seq) == []
    assert client.cursors()["alarms"] == cleared.change_seq
