"""What is said of a site whose batches wait. Real inboxes and ledgers are asked in the integration tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.doctor.finding import Patient
from orchestration.doctor.queues import judged, no_hour_is_held
from orchestration.pending import SiteState

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
JUST_NOW = NOW - timedelta(seconds=20)


@pytest.mark.parametrize(
    ("stored", "loaded", "loaded_at", "status", "said"),
    [
        (7, 7, NOW - timedelta(days=9), "ok", "all is loaded"),
        (9, 7, JUST_NOW, "ok", "behind by at most 2 of readings"),
        (9, 7, NOW - timedelta(minutes=20), "warning", "behind by at most 2 of readings, last loaded 20 min ago"),
        (9, 0, None, "warning", "behind by at most 9 of readings, never loaded"),
        # Other sites of the same API take numbers too: how many of them lie between says nothing.
        (90_000, 7, JUST_NOW, "ok", "behind by at most 89,993 of readings"),
        (90_000, 7, NOW - timedelta(minutes=15), "warning", "behind by at most 89,993 of readings"),
        (5, 7, JUST_NOW, "failed", "more readings are loaded than"),
    ],
)
def test_a_site_of_which_something_waits_is_judged_by_when_it_was_loaded(
    stored: int, loaded: int, loaded_at: datetime | None, status: str, said: str
) -> None:
    state = SiteState("demo", {"readings": stored, "events": 1}, {"readings": loaded, "events": 1})
    found, says, do = judged(state, loaded_at, NOW)
    assert found == status
    assert said in says
    assert bool(do) == (status != "ok")


def test_a_silent_api_fails() -> None:
    status, says, do = judged(SiteState("demo", {}, {"readings": 7}, error="timed out"), JUST_NOW, NOW)
    assert (status, "timed out" in says, "MILLRACE_SITES" in do) == ("failed", True, True)


def test_thresholds_that_are_not_right_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All hours wait for them."""
    path = tmp_path / "own.toml"
    path.write_text('thresholds = [{ expectation = "rate_is_low", below = 3 }]')
    monkeypatch.setenv("MILLRACE_EXPECTATIONS_THRESHOLDS", str(path))
    finding = no_hour_is_held(Patient())
    assert finding.status == "failed"
    assert f"{path}: line 1 of the list, 'rate_is_low': there is no such expectation" in finding.says
