"""Lineage of columns, read from SQL as dbt compiles it."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration import column_lineage
from orchestration.column_lineage import lineage_of


def node(name: str, parents: list[str], columns: list[str], materialized: str = "view") -> dict[str, Any]:
    return {
        "name": name,
        "schema": "staging",
        "resource_type": "model",
        "config": {"materialized": materialized},
        "depends_on": {"nodes": parents},
        "columns": {column: {"data_type": "text"} for column in columns},
    }


SOURCE = {"name": "signals", "schema": "raw", "resource_type": "source"}
MANIFEST = {
    "sources": {"source.m.signals": SOURCE},
    "nodes": {
        "model.m.renamed": node("renamed", ["source.m.signals"], ["code", "unit"]),
        "model.m.inlined": node("inlined", ["model.m.renamed"], [], "ephemeral"),
        "model.m.mart": node("mart", ["model.m.inlined"], []),
        "model.m.stage": node("stage", ["source.m.signals"], []),
    },
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for what was worked out, of a project that stays the same."""
    monkeypatch.setattr(column_lineage, "_CACHE", tmp_path / "cache")
    monkeypatch.setattr(column_lineage, "project_hash", lambda: "abc")
    return tmp_path / "cache" / "abc"


def compiled(tmp_path: Path, sql: str) -> Path:
    path = tmp_path / "compiled.sql"
    path.write_text(sql)
    return path


def test_columns_come_from_the_parents_of_ephemeral_models(tmp_path: Path) -> None:
    """Whatever the database is called, and through CTEs, functions and windows."""
    sql = """
        with __dbt__cte__inlined as (select code, upper(unit) as unit from "some_db"."staging"."renamed"),
        counted as (select *, count(*) over (partition by code) as n from __dbt__cte__inlined)
        select code, unit || code as label, n, 1 as one from counted
    """
    assert lineage_of(MANIFEST, "model.m.mart", compiled(tmp_path, sql)) == {
        "code": [("model.m.renamed", "code")],
        "label": [("model.m.renamed", "code"), ("model.m.renamed", "unit")],
        "n": [("model.m.renamed", "code")],
        "one": [],
    }


def test_a_source_has_the_columns_that_its_migration_declares(tmp_path: Path) -> None:
    lineage = lineage_of(MANIFEST, "model.m.stage", compiled(tmp_path, 'select * from "db"."raw"."signals"'))
    assert lineage["signal_id"] == [("source.m.signals", "signal_id")]


def test_it_is_worked_out_once_for_each_state_of_the_project(tmp_path: Path, cache: Path) -> None:
    first = lineage_of(MANIFEST, "model.m.mart", compiled(tmp_path, 'select code from "staging"."renamed"'))
    assert json.loads((cache / "model.m.mart.json").read_text()) == {"code": [["model.m.renamed", "code"]]}
    assert lineage_of(MANIFEST, "model.m.mart", compiled(tmp_path, "select 1 as other")) == first
    assert [path.name for path in cache.iterdir()] == ["model.m.mart.json"]


@pytest.mark.parametrize("sql", ["select nothing from staging.renamed", "select ((", ""])
def test_sql_that_cannot_be_followed_has_none(tmp_path: Path, cache: Path, sql: str) -> None:
    assert lineage_of(MANIFEST, "model.m.mart", compiled(tmp_path, sql)) == {}
    assert not cache.exists()


def test_a_place_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    sql = compiled(tmp_path, 'select code from "staging"."renamed"')
    assert lineage_of(MANIFEST, "model.m.mart", sql) == {"code": [("model.m.renamed", "code")]}
