"""A site whose rows break a threshold waits, and the others flow on; counted in every layer, as the sensors run it.

Three sites behind one API. As in test_flow.py the shift ends now, at six in the evening by the plants' clock.
"""

import re
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import unquote, urlsplit

import dagster as dg
import pytest
from typer.testing import CliRunner

from expectations.__main__ import app
from expectations.settings import ExpectationsSettings
from orchestration.defs import dbt_project
from orchestration.defs.partitions import hour_tags
from orchestration.doctor.finding import Patient
from orchestration.doctor.queues import no_hour_is_held
from tests.integration.orchestration.three_sites import EACH, HOUR, LIMIT, NOW, SITES, START, Sites, readings, sites
from warehouse import ledger

__all__ = ["sites"]


def told_of_holds(sites: Sites) -> list[dict[str, object]]:
    """The events of `ops/holds`, newest first."""
    found = sites.plant.instance.fetch_observations(dg.AssetKey(["ops", "holds"]), limit=100).records
    return [
        {name: value.value for name, value in record.asset_observation.metadata.items()}
        for record in found
        if record.asset_observation
    ]


def test_a_site_that_breaks_a_threshold_stops_at_staging_and_the_others_flow_on(sites: Sites) -> None:
    """S0-060, S0-064, C48: of south no reading of its bad hour, and nothing of its date, is in any mart."""
    everything = dict.fromkeys(SITES, 3.0 * EACH)
    without = everything | {"south": 2.0 * EACH}
    assert sites.counts() == {
        "raw": everything,
        "staging": everything,
        "rollups": without,
        "live": without,
        "readings": without,
        "features": without,
        "daily": {"north": 3.0 * EACH, "west": 3.0 * EACH},
        "kpis": {"north": 2.0, "west": 2.0},
    }
    bad = START + 2 * HOUR
    assert [tuple(row) for row in sites.holds()] == [
        ("south", "values_are_within_registered_limits", bad, True, None, None)
    ]


def test_the_health_of_the_equipment_is_of_readings_that_are_not_held(sites: Sites) -> None:
    """S0-036. Of the last hour of south none counts; the others were measured in it."""
    half_hourly = sites.plant.at_the_hour("half_hourly_equipment_health")
    assert sites.plant.run(half_hourly.run_requests[0], "equipment_health").success
    newest = sites.plant.rows("select site_code, last_reading_at from marts.fct_equipment_health_summary")
    bad = START + 2 * HOUR
    assert {site: at >= bad for site, at in newest} == {"north": True, "south": False, "west": True}


def test_the_mart_of_validations_tells_what_was_measured_where(sites: Sites) -> None:
    """D10: by site, with the dimension, the limit and the figure; what failed is what is held."""
    found = sites.plant.rows(
        "select site_code, expectation, dimension, severity, item_count, failed_group_count, measured, bound"
        " from marts.fct_validations where not is_met"
    )
    assert {tuple(row) for row in found} == {
        ("south", "values_are_within_registered_limits", "validity", "critical", 3 * EACH, 1, 100.0, "< 10")
    }
    counts = "select count(distinct expectation), count(distinct dimension) from marts.fct_validations"
    assert [tuple(row) for row in sites.plant.rows(f"{counts} where site_code = 'north' and is_met")] == [(14, 5)]


def test_a_check_links_the_page_of_its_own_validation(sites: Sites) -> None:
    key = dg.AssetCheckKey(dg.AssetKey(["raw", "readings"]), "values_are_within_registered_limits")
    history = sites.plant.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    events = [record.event.dagster_event.event_specific_data for record in history if record.event]
    (check, *_) = [each for each in events if isinstance(each, dg.AssetCheckEvaluation) and not each.passed]
    address = urlsplit(check.metadata["data_docs"].url)
    page = ExpectationsSettings().data_docs_dir.joinpath(*unquote(address.path).split("/"))
    assert page.parts[page.parts.index("validations") + 1] == "readings"
    assert key.name in page.read_text()


def test_a_mart_links_the_validations_that_let_its_hours_through(sites: Sites) -> None:
    """One for each suite, those of the run that built the hour; a date has many, and what is no mart has none."""
    key = dg.AssetKey(["marts", "fct_sensor_readings_hourly"])
    (newest,) = sites.plant.instance.fetch_materializations(key, limit=1).records
    built = newest.asset_materialization
    assert built is not None
    links = dict(re.findall(r"\[(.*?)\]\((.*?)\)", built.metadata["validated_by"].value))
    assert list(links) == ["raw.batches", "raw.events", "raw.readings"]
    query = "select distinct validated_at from ops.validation_results where dagster_run_id = :run"
    (validated,) = sites.plant.rows(query, run=newest.run_id)
    for table, suite in {"raw.batches": "ledger", "raw.events": "events", "raw.readings": "readings"}.items():
        path = unquote(urlsplit(links[table]).path).split("/")
        assert path[path.index("validations") + 1] == suite
        assert ExpectationsSettings().data_docs_dir.joinpath(*path).exists()
        started = datetime.strptime(path[-2], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        assert timedelta(0) <= validated.validated_at - started < timedelta(minutes=5)
    (daily,) = sites.plant.instance.fetch_materializations(
        dg.AssetKey(["marts", "fct_sensor_readings_daily"]), 1
    ).records
    assert daily.asset_materialization is not None
    assert daily.asset_materialization.metadata["data_docs"].value.endswith("/index.html")
    for other in (["marts", "dim_sites_history"], ["intermediate", "int_states_resolved"]):
        (record,) = sites.plant.instance.fetch_materializations(dg.AssetKey(other), limit=1).records
        assert record.asset_materialization is not None
        assert "validated_by" not in record.asset_materialization.metadata


def test_the_page_of_holds_tells_what_the_run_held(sites: Sites) -> None:
    bad = START + 2 * HOUR
    first, newest = told_of_holds(sites)[-1], told_of_holds(sites)[0]
    assert (first["held_hours_before"], first["held_hours"], newest["held_hours"]) == (0, 1, 1)
    line = rf"south | values\_are\_within\_registered\_limits | 1 | {bad:%F %H:%M} | {bad:%F %H:%M}"
    assert line in str(newest["held"]).splitlines()


def test_the_sensor_and_the_commands_say_what_waits_and_why(sites: Sites) -> None:
    message = sites.plant.tick("on_touched_hours").skip_message
    assert "1 hour of site south from" in message
    assert "held back by values_are_within_registered_limits: python -m expectations holds" in message
    assert "…" not in CliRunner().invoke(app, ["holds"], env={"COLUMNS": "80"}).output
    listed = CliRunner().invoke(app, ["holds"], env={"COLUMNS": "160"})
    assert listed.exit_code == 0
    assert "values_are_within_registered_limits" in listed.output
    assert "P1" in listed.output
    finding = no_hour_is_held(Patient())
    assert (finding.status, finding.numbers) == ("warning", {"south_values_are_within_registered_limits_held_count": 1})
    assert "python -m expectations holds" in finding.do


def test_a_release_needs_a_name_a_reason_and_something_to_release(sites: Sites) -> None:
    def refused(site: str, by: str, reason: str) -> str:
        window = ["--from", START.isoformat(), "--to", NOW.isoformat()]
        outcome = CliRunner().invoke(app, ["release", "--site", site, *window, "--by", by, "--reason", reason])
        assert outcome.exit_code == 2
        return outcome.stderr

    assert "needs a name" in refused("south", " ", "because")
    assert "needs a reason" in refused("south", "Ada", "")
    assert "name of a person" in refused("south", "validation", "because")
    assert "no hour of site 'north' is held" in refused("north", "Ada", "because")
    assert "held of south" in refused("north", "Ada", "because")


def test_what_is_released_reaches_every_mart(sites: Sites) -> None:
    """The release is audited; the sensors pick the hours up by themselves, and the same check holds them no more."""
    window = ["--from", START.isoformat(), "--to", NOW.isoformat()]
    by = ["--by", "Ada", "--reason", "the pump runs on test"]
    outcome = CliRunner().invoke(app, ["release", "--site", "south", *window, *by])
    assert outcome.exit_code == 0, outcome.output
    sites.flow()

    counts = sites.counts()
    kpis = counts.pop("kpis")
    assert kpis == dict.fromkeys(SITES, 2.0)
    assert counts == dict.fromkeys(counts, dict.fromkeys(SITES, 3.0 * EACH))
    (hold,) = sites.holds()
    assert (hold.is_open, hold.released_by, hold.reason) == (False, "Ada", "the pump runs on test")
    # Judged again, failed again, and not held again.
    failed = "select count(*) from ops.validation_results where not is_success and severity = 'critical'"
    assert sites.plant.rows(failed)[0][0] >= 2
    assert "nothing is due" in sites.plant.tick("on_touched_hours").skip_message
    assert no_hour_is_held(Patient()).status == "ok"


def test_marts_keep_what_they_had_until_newer_rows_are_judged_or_let_go(sites: Sites) -> None:
    """S0-064: bad rows about hours that are long rolled up. One site mends them (D4), of another they are let go.

    A release is about the rows that somebody saw: south's newer ones are held again.
    """
    sites.push("west", "readings", readings(1, -50.0, offset=1))
    sites.push("south", "readings", readings(2, LIMIT + 2, offset=1))
    sites.flow()
    held = sites.counts()
    # The hours were let through once: rollups keep them as they were, and so do the dates. What is read from raw when
    # it is asked for leaves them out.
    expected = {"raw": 4.0, "staging": 4.0, "rollups": 3.0, "live": 3.0, "readings": 2.0, "features": 2.0, "daily": 3.0}
    for site in ("west", "south"):
        assert {layer: held[layer][site] / EACH for layer in expected} == expected
    assert Counter(row.site_code for row in sites.holds() if row.is_open) == {"west": 1, "south": 1}

    assert not sites.release("south", "").success
    assert sites.release("south", "calibrated meanwhile").success
    newest, one_before = told_of_holds(sites)[:2]
    assert (newest["held_hours_before"], newest["held_hours"]) == (2, 1)
    assert (newest["released_by"], newest["reason"]) == ("Grace", "calibrated meanwhile")
    assert "released_by" not in one_before
    assert "south" not in str(newest["held"])
    sites.push("west", "readings", readings(1, 50.0, offset=1))
    sites.flow()
    newest = told_of_holds(sites)[0]
    assert (newest["held_hours_before"], newest["held_hours"], newest["held"]) == (1, 0, "nothing")
    counts = sites.counts()
    for site, each in {"north": 3.0, "south": 4.0, "west": 4.0}.items():
        assert {counts[layer][site] / EACH for layer in expected} == {each}
    assert [(row.site_code, row.released_by, row.reason) for row in sites.holds()] == [
        ("south", "Ada", "the pump runs on test"),
        ("south", "Grace", "calibrated meanwhile"),
        ("west", "validation", "passed when it was judged again"),
    ]


def test_rows_that_land_between_the_check_and_the_rollup_let_no_held_hour_through(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0-064: a good row comes once the hour is held, before dbt reads. The next run judges it; the hour waits on."""
    before, engine, values = sites.counts(), sites.plant.engine, count(51)
    sites.push("north", "readings", readings(2, LIMIT + 1, offset=1))
    sites.roll_up(monkeypatch, lambda: sites.push("north", "readings", readings(2, float(next(values)))[:1]))
    in_marts = {"rollups", "live", "daily"}
    assert {layer: sites.counts()[layer] for layer in in_marts} == {layer: before[layer] for layer in in_marts}
    assert sites.counts()["readings"]["north"] == 2.0 * EACH
    # It may bring the hour after it, into which its last value lasts.
    assert ledger.pending_ranges(engine, "rolled_up")[0].start == START + 2 * HOUR
    assert ledger.pending_ranges(engine, "summarized") == []

    sites.flow()
    assert {layer: sites.counts()[layer] for layer in in_marts} == {layer: before[layer] for layer in in_marts}
    assert ledger.pending_ranges(engine, "rolled_up") == []
    assert "north" in {row.site_code for row in sites.holds() if row.is_open}
    sites.push("north", "readings", readings(2, 50.0, offset=1))
    sites.flow()
    assert {sites.counts()[layer]["north"] for layer in in_marts} == {4.0 * EACH}


def test_the_first_bad_rows_that_land_between_the_check_and_the_rollup_are_in_no_table(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S0-064: the hour passed a moment before. What was judged is rolled up, and then all is judged."""
    before = sites.counts()
    sites.push("north", "readings", readings(0, 50.0, offset=1)[:10])
    # Among them are revisions of those ten: their old values count.
    bad = [readings(0, LIMIT + 1, offset=1)]

    def load() -> None:
        if bad:
            sites.push("north", "readings", bad.pop())

    sites.roll_up(monkeypatch, load)
    judged = before["rollups"]["north"] + 10
    assert sites.counts()["raw"]["north"] == before["raw"]["north"] + EACH
    assert sites.counts()["rollups"]["north"] == judged
    # Scores and models are of what was judged, too; of a reading that was revised since, of neither version.
    assert sites.counts()["features"]["north"] == before["features"]["north"]
    highest = "select max(max_value) from marts.fct_sensor_readings_hourly where site_code = 'north'"
    assert sites.plant.rows(highest)[0][0] < LIMIT

    sites.flow()
    assert "north" in {row.site_code for row in sites.holds() if row.is_open}
    assert sites.counts()["rollups"]["north"] == judged
    assert sites.plant.rows(highest)[0][0] < LIMIT
    sites.push("north", "readings", readings(0, 50.0, offset=1))
    sites.flow()
    assert sites.counts()["daily"]["north"] == before["daily"]["north"] + EACH


def test_a_backfill_of_marts_alone_is_held_to_the_thresholds(sites: Sites) -> None:
    """docs/backfill.md: `tag:hourly` has no checks among its assets; what it settles was judged all the same."""
    from orchestration.definitions import defs

    before = sites.counts()["rollups"]
    sites.push("west", "readings", readings(1, LIMIT + 2, offset=1))
    sites.push("north", "readings", readings(1, 50.0, offset=1))
    with warnings.catch_warnings():
        # As Plant.run does; the job of all assets also tells what it will be called one day.
        warnings.simplefilter("default")
        backfill = defs.get_implicit_global_asset_job_def().execute_in_process(
            instance=sites.plant.instance,
            asset_selection=list(dbt_project.hourly.keys),
            # Up to the hour of receipt, which may be the next one by now.
            tags=dict(hour_tags(START, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + HOUR)),
        )
    assert {step.step_key for step in backfill.get_step_success_events()} == {"dbt_hourly"}
    assert ledger.pending_ranges(sites.plant.engine, "rolled_up") == []
    assert sites.counts()["rollups"] == before | {"north": before["north"] + EACH}
    assert "west" in str(told_of_holds(sites)[0]["held"])
    held = [(row.hour, row.expectation) for row in sites.holds() if row.is_open and row.site_code == "west"]
    assert held == [(START + HOUR, "values_are_within_registered_limits")]


def test_a_batch_about_yesterday_that_is_mostly_refused_changes_no_mart(sites: Sites) -> None:
    """C47: no run over yesterday takes in its hour of receipt. The yesterday of another site goes on."""
    before, yesterday = sites.counts()["rollups"], -24
    refused = [reading | {"value": "broken"} for reading in readings(yesterday, 0.0) * 20]
    sites.push("west", "readings", [*readings(yesterday, 50.0), *refused])
    sites.push("north", "readings", readings(yesterday, 50.0))
    sites.flow()
    assert sites.counts()["rollups"] == before | {"north": before["north"] + EACH}
    held = {(row.site_code, row.expectation) for row in sites.holds() if row.hour == START + yesterday * HOUR}
    assert held == {("west", "invalid_rate_is_low")}
