"""The entities: written, read, listed, and every change told to those who follow."""

from typing import Any

import pytest

from ingestion_api.client import ApiRefused
from ingestion_api.contract import Entity

ENTITIES: list[tuple[Entity, str, dict[str, Any]]] = [
    ("sites", "demo", {"name": "Demo", "time_zone": "America/New_York", "is_worker_ranking_allowed": True}),
    ("work_centers", "line-a", {"name": "Line A", "area_code": "hall 1"}),
    ("work_units", "S4", {"name": "Station 4", "work_center_code": "line-a", "target_units_per_h": 90.0}),
    ("equipment", "pump 3", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "S4"}),
    ("signals", "pump-1/motor/current", {"unit_code": "A", "low_limit": 0.0, "high_limit": 40.0, "is_reviewed": True}),
    ("workers", "W7", {"department": "assembly", "shift_code": "night", "active_since": "2025-09-01T00:00:00Z"}),
    ("shifts", "night", {"name": "Night", "starts_at_local": "22:00", "ends_at_local": "06:00"}),
    (
        "alarm_rules",
        "bearing-hot",
        {
            "name": "Bearing too hot",
            "equipment_class": "pump",
            "metric": "bearing_temperature",
            "kind": "limit",
            "severity": "critical",
            "operator": ">=",
            "limit": 85.0,
            "duration_s": 10.0,
            "hysteresis": 2.0,
            "is_enabled": True,
        },
    ),
]
KEYS = {
    "sites": [],
    "work_centers": ["work_center_code"],
    "work_units": ["work_unit_code"],
    "equipment": ["equipment_code"],
    "signals": ["equipment_code", "metric"],
    "workers": ["worker_code"],
    "shifts": ["shift_code"],
    "alarm_rules": ["rule_code"],
}


@pytest.mark.parametrize(("entity", "code", "payload"), ENTITIES, ids=[entity for entity, _, _ in ENTITIES])
def test_each_entity_is_written_read_and_logged(plant: Any, entity: Entity, code: str, payload: dict[str, Any]) -> None:
    client, http = plant.client(), plant.http()
    last = client.cursors()["registry"]
    row = {"site_code": "demo", **dict(zip(KEYS[entity], code.split("/", 1), strict=False)), **payload}
    assert client.put(entity, code, payload) == row
    path = f"/{entity.replace('_', '-')}"
    assert http.get(f"{path}/{code}").json() == row
    assert row in http.get(path).json()["items"]
    changes = client.pull_registry_changes(last)
    assert [(change.entity, change.code, change.payload) for change in changes] == [(entity, code, row)]
    assert client.put(entity, code, payload) == row
    assert client.pull_registry_changes(changes[-1].change_seq) == []


def test_new_is_201_and_known_is_200(plant: Any) -> None:
    """S3-018: PUT is idempotent."""
    http = plant.http()
    statuses = [http.put("/work-units/S9", json={"name": name}).status_code for name in ("Nine", "Nine", "Number nine")]
    assert statuses == [201, 200, 200]
    assert len(plant.client().pull_registry_changes(0)) == 5 + 2


def test_put_replaces_the_whole_entity(plant: Any) -> None:
    client = plant.client()
    client.put("work_units", "S9", {"name": "Nine", "target_units_per_h": 5})
    assert client.put("work_units", "S9", {"name": "Nine"})["target_units_per_h"] is None


def test_lists_are_paged_by_code(plant: Any) -> None:
    client, http = plant.client(), plant.http()
    for metric in ("a", "b/c", "b", "d"):
        client.put("signals", f"pump-1/{metric}", {})
    client.put("signals", "pump-2/a", {})
    got, after = [], ""
    while after is not None:
        page = http.get("/signals", params={"limit": 2, "after": after}).json()
        got += [f"{item['equipment_code']}/{item['metric']}" for item in page["items"]]
        after = page["next_after"]
    assert sorted(got) == ["pump-1/a", "pump-1/b", "pump-1/b/c", "pump-1/d", "pump-2/a"]
    assert len(got) == 5


def test_what_an_entity_rests_on_must_be_there(api: Any, plant: Any) -> None:
    with pytest.raises(ApiRefused, match="equipment 'pump-8'") as refused:
        plant.client().put("signals", "pump-8/pressure", {})
    assert refused.value.problem.status == 409
    with pytest.raises(ApiRefused, match="site 'elsewhere'") as refused:
        plant.client(site="elsewhere").put("workers", "W1", {})
    assert refused.value.problem.status == 409


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/sites/demo", b'{"name":"Demo","time_zone":"Mars/Olympus"}', 422),
        ("/shifts/day", b'{"name":"Day","starts_at_local":"8:00","ends_at_local":"16:00"}', 422),
        ("/equipment/x", b'{"name":"X"}', 422),
        ("/equipment/x", b"{", 400),
        ("/equipment/x", b"\xff", 400),
        ("/equipment/x", b"", 400),
        ("/equipment/" + "x" * 201, b'{"name":"X","equipment_class":"pump"}', 422),
        ("/equipment/%00", b'{"name":"X","equipment_class":"pump"}', 422),
        ("/equipment/%FF", b'{"name":"X","equipment_class":"pump"}', 422),
        ("/equipment/a%2Fb", b'{"name":"X","equipment_class":"pump"}', 404),
        ("/equipment/x", b'{"name":"\\ud800","equipment_class":"pump"}', 400),
        ("/signals/pump-1/x", b'{"low_limit":NaN}', 400),
        ("/workers/W1", b'{"name":"Erika Mustermann"}', 422),
    ],
)
def test_what_may_not_be_registered(shared_plant: Any, path: str, body: bytes, status: int) -> None:
    http = shared_plant.http()
    before = shared_plant.client().cursors()["registry"]
    answer = http.put(path, content=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert shared_plant.client().cursors()["registry"] == before


def test_nobody_there_is_404(plant: Any) -> None:
    assert plant.http().get("/workers/nobody").status_code == 404


def test_other_site_is_out_of_reach(plant: Any) -> None:
    other = plant.http(site="elsewhere")
    assert other.put("/sites/demo", json={"name": "Mine", "time_zone": "UTC"}).status_code == 403
    assert other.get("/sites/demo").status_code == 403
    assert other.get("/equipment").json()["items"] == []
    assert other.get("/equipment/pump-1").status_code == 404
    assert other.get("/registry/changes").json() == {"changes": []}


def test_changes_are_paged(plant: Any) -> None:
    client = plant.client()
    everything = client.pull_registry_changes(0)
    got, cursor = [], 0
    while page := client.pull_registry_changes(cursor, limit=2):
        got += page
        cursor = page[-1].change_seq
    assert got == everything
    assert {change.changed_by for change in got} == {got[0].changed_by}
