"""Remaining life from raw rows to the maintenance plan, on real engines (C-MAPSS FD001), a cycle being an hour."""

import os
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import mlflow
import numpy as np
import pytest
from sqlalchemy import Engine, insert, make_url, text

from bench.ml.cmapss import read
from ml import promotions, registry, tracking
from ml.cause import Cause
from ml.errors import NotEnoughData
from ml.promote import carry_out
from ml.promotions import Decision
from ml.registry import Champion
from ml.rollback import roll_back, roll_back_critical
from ml.rul.predict import forecast_all
from ml.rul.tracking import PREFIX
from ml.rul.train import train
from ml.settings import MlSettings
from warehouse import tables
from warehouse.engine import create_engine
from warehouse.roles import ML

ROOT = Path(__file__).parents[3]
SITE, CLASS = "demo", "turbofan"
START = datetime(2026, 3, 1, tzinfo=UTC)
CYCLE = timedelta(hours=1)
SENSORS = {"T30": 2, "T50": 3, "Ps30": 10, "phi": 11, "P2": 4}  # the last never moves
FAILED, RUNNING, AGAIN = 11, 3, "T01"
LOAD_ELSEWHERE = """
import importlib.util, sys
sys.path.append(sys.argv[1])  # without the .pth files that put our code on the path
assert all(importlib.util.find_spec(name) is None for name in ("ml", "warehouse", "ingestion_api"))
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[2])
model = mlflow.pyfunc.load_model(sys.argv[3])
steps, channels = model.metadata.signature.inputs.inputs[0].shape[1:]
for count in (1, 2, 37):
    print(len(model.predict(numpy.full((count, steps, channels), 50.0, dtype=numpy.float32))))
"""
VIEWS = "+fct_equipment_remaining_life +fct_equipment_failures +features_equipment_readings"


@dataclass
class Fleet:
    """The warehouse with the engines, as its owner and as `ml`."""

    owner: Engine
    ml: Engine

    def rows(self, query: str) -> list[dict]:
        """Ask the owner."""
        with self.owner.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    def add(self, code: str, values: np.ndarray, start: datetime, *, fails: bool) -> None:
        """Write a life: readings in the middle of each cycle, and a `down` of an hour after the last."""
        with self.owner.begin() as connection:
            for sensor, column in SENSORS.items():
                signal = {"site_code": SITE, "equipment_code": code, "metric": sensor, "unit_code": "1"}
                known = text(
                    "select signal_id from raw.signals where equipment_code = :equipment_code and metric = :metric"
                )
                signal_id = connection.scalar(known, signal) or connection.scalar(
                    insert(tables.signals).values(signal).returning(tables.signals.c.signal_id)
                )
                common = {"signal_id": signal_id, "quality": 1.0, "item_index": 0, "is_server_time": False}
                common |= {"batch_seq": 1, "load_id": 1, "received_at": START, "recorded_at": START}
                times = [start + CYCLE * (cycle + 0.5) for cycle in range(len(values))]
                connection.execute(
                    insert(tables.readings),
                    [
                        common | {"event_time": at, "value": value}
                        for at, value in zip(times, values[:, column], strict=True)
                    ],
                )
            if fails:
                down = {"site_code": SITE, "source_code": "PLC", "is_server_time": False, "item_index": 0}
                down |= {"batch_seq": 1, "load_id": 1, "received_at": START, "recorded_at": START}
                down |= {"event_time": start + CYCLE * len(values), "event_type": "down", "worker_code": ""}
                connection.execute(insert(tables.events), [down | {"work_unit_code": f"U-{code}", "duration_s": 3600}])


@pytest.fixture
def fleet(warehouse_engine: Engine, warehouse_url: str, as_role: Callable[[str, str], str]) -> Iterator[Fleet]:
    """Eleven engines that failed, three that run; the first one failed and runs again."""
    try:
        data = read()
    except FileNotFoundError as error:
        pytest.skip(f"the C-MAPSS files are not there: {error}")
    codes = [f"T{number:02}" for number in range(1, FAILED + RUNNING + 1)]
    changes = [("sites", SITE, {"name": "Demo", "time_zone": "Asia/Kolkata"})]
    changes += [("work_units", f"U-{code}", {"name": code}) for code in codes]
    changes += [
        ("equipment", code, {"name": code, "equipment_class": CLASS, "work_unit_code": f"U-{code}"}) for code in codes
    ]
    with warehouse_engine.begin() as connection:
        connection.execute(
            insert(tables.warehouse_registry_changes),
            [
                {"site_code": SITE, "change_seq": number, "entity": entity, "code": code, "payload": payload}
                | {"changed_by": "test", "changed_at": START}
                for number, (entity, code, payload) in enumerate(changes)
            ],
        )
    fleet = Fleet(warehouse_engine, create_engine(as_role(ML, warehouse_url)))
    for code, history in zip(codes[:FAILED], data.training[:FAILED], strict=True):
        fleet.add(code, history.values, START, fails=True)
    lived = len(data.training[0].values)
    fleet.add(AGAIN, data.test[19].values, START + CYCLE * (lived + 1), fails=False)
    for code, number in zip(codes[FAILED:], (23, 30, 33), strict=True):
        fleet.add(code, data.test[number].values, START, fails=False)
    dbt(warehouse_url)
    yield fleet
    fleet.ml.dispose()


def dbt(url: str) -> None:
    """Build the views, with their tests."""
    target = make_url(url)
    environment = {"HOST": target.host, "PORT": target.port, "USER": target.username, "PASSWORD": target.password}
    environment |= {"DATABASE": target.database}
    places = ["--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(ROOT / "dbt_project")]
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "dbt.cli.main",
            "--quiet",
            "build",
            *places,
            "--indirect-selection",
            "cautious",
            "--select",
            *VIEWS.split(),
        ],
        env={**os.environ, **{f"MILLRACE_DBT_{name}": str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_engines_that_run_get_a_date_for_their_maintenance(
    fleet: Fleet, ml_settings: MlSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0-028, S2-069, issue 5: learnt from failures in the warehouse, forecast by Dagster, seen in the marts."""
    cause = Cause(trigger="manual", dagster_url="http://dagster.example/runs/run-1")
    outcome = train(fleet.ml, CLASS, cause, settings=ml_settings)
    assert (outcome.model_name, outcome.version, outcome.is_promoted) == (PREFIX + CLASS, 1, True), outcome.reason
    assert outcome.metrics["rmse"] < outcome.metrics["naive_rmse"]
    assert "'mean life minus age' on held-out equipment" in outcome.reason
    check_recorded(outcome.mlflow_run_id, ml_settings)

    monkeypatch.setenv("MILLRACE_ML_WAREHOUSE_URL", fleet.ml.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MILLRACE_ML_TRACKING_URI", ml_settings.tracking_uri)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # of what Dagster imports
        from orchestration.defs.remaining_life import remaining_life
        from orchestration.defs.resources import WarehouseResource

        done = dg.materialize([remaining_life], resources={"warehouse": WarehouseResource()})
    assert done.success
    found = {row["equipment_code"]: row for row in fleet.rows("select * from marts.fct_equipment_remaining_life")}
    assert set(found) == {AGAIN, "T12", "T13", "T14"}
    again = found[AGAIN]
    cycles = len(read().test[19].values)
    assert again["age_h"] == cycles  # since the failure, not since the first reading
    for row in found.values():
        assert 0 <= row["lower_h"] <= row["remaining_life_h"] <= row["upper_h"]
        assert row["remaining_life_h"] <= row["cap_h"]
        assert row["maintenance_due_at"] == row["as_of"] + timedelta(hours=row["lower_h"])
    # The truth of these three is 20, 8 and 21 cycles or so; near the end each of them is known to be there.
    assert max(found[code]["remaining_life_h"] for code in ("T12", "T13", "T14")) < 45
    before = fleet.rows("select * from ml.remaining_life order by 1, 2")
    assert forecast_all(fleet.ml, settings=ml_settings).equipment_count == 4
    assert fleet.rows("select * from ml.remaining_life order by 1, 2") == before
    check_the_champion_stays(fleet, ml_settings)


def check_the_champion_stays(fleet: Fleet, settings: MlSettings) -> None:
    """A training on the same failures has nothing to prove itself by."""
    second = train(fleet.ml, CLASS, Cause(trigger="schedule"), settings=settings)
    assert not second.is_promoted
    assert second.reason.endswith(" 0 machines have failed since the champion learnt, 6 are needed to compare the two.")
    (champion,) = registry.champions(settings, prefix=PREFIX)
    assert champion.version == 1
    first, kept = promotions.history(fleet.ml, PREFIX + CLASS)
    assert (first.is_promoted, kept.is_promoted, kept.champion_version) == (True, False, 1)
    longest = max(len(history.values) for history in read().training[:FAILED])
    assert first.data_until == kept.data_until == START + CYCLE * longest
    check_the_way_back(fleet, settings, first)


def check_the_way_back(fleet: Fleet, settings: MlSettings, first: Decision) -> None:
    """Once it is champion, one command takes it back."""
    source = tracking.connect(settings).get_model_version(first.model_name, "2").source
    assert source is not None
    third = replace(
        first, challenger_version=registry.register(first.model_name, source, {}), champion_version=1, decided_at=None
    )
    carry_out(fleet.ml, third, settings)
    assert registry.champion(CLASS, settings, prefix=PREFIX) == Champion(CLASS, PREFIX + CLASS, 3)
    assert roll_back_critical(fleet.ml, settings=settings) == []  # which is about confidence, and there is none here
    roll_back(fleet.ml, CLASS, reason="a try", prefix=PREFIX, settings=settings)
    assert registry.champion(CLASS, settings, prefix=PREFIX) == Champion(CLASS, PREFIX + CLASS, 1)


def check_recorded(run_id: str, settings: MlSettings) -> None:
    """What MLflow knows of the training."""
    client = tracking.connect(settings)
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == CLASS
    assert run.data.params.items() >= {"sensors": "Ps30,T30,T50,phi", "equipment_count": "11", "seed": "7"}.items()
    assert len(run.data.params["data_sha256"]) == 64
    assert {"data_from", "data_until", "as_of"} <= run.data.params.keys()
    assert run.data.tags["dagster_url"] == "http://dagster.example/runs/run-1"
    assert {"git_commit", "decision", "reason"} <= run.data.tags.keys()
    pictures = {file.path for file in client.list_artifacts(run_id)}
    assert pictures >= {f"{kind}_{name}.png" for kind in ("sequence", "boosted_trees")
                        for name in ("course", "predicted_over_true")}  # fmt: skip
    (champion,) = registry.champions(settings, prefix=PREFIX)
    model = mlflow.pyfunc.load_model(f"models:/{champion.model_name}@champion")
    windows = np.full((3, settings.rul_window_steps, 5), 50.0, dtype=np.float32)
    assert list(model.predict(windows).columns) == ["expected", "lower", "upper"]
    arguments = sysconfig.get_path("purelib"), settings.tracking_uri, f"models:/{champion.model_name}@champion"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOAD_ELSEWHERE, *arguments], capture_output=True, text=True
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == ["1", "2", "37"]


def test_too_few_failures_are_said_in_a_sentence(fleet: Fleet, ml_settings: MlSettings) -> None:
    with fleet.owner.begin() as connection:
        connection.execute(text("delete from raw.events where work_unit_code in ('U-T05', 'U-T06')"))
    with pytest.raises(NotEnoughData, match="9 pieces of equipment have readings up to a failure, 10 are needed"):
        train(fleet.ml, CLASS, Cause(trigger="manual"), settings=ml_settings)
    with pytest.raises(NotEnoughData, match="No equipment has readings up to a failure"):
        train(fleet.ml, "kettle", Cause(trigger="manual"), settings=ml_settings)
    assert fleet.rows("select * from ml.promotions") == []
