"""What the loader takes for granted of the models: which hours it touches depends on it (D6)."""

from pathlib import Path

import yaml

from warehouse.load_events import MAX_STATE_GAP_S

PROJECT = Path(__file__).parents[3] / "dbt_project" / "dbt_project.yml"
DAY_S = 86_400


def test_no_state_reaches_further_than_the_loader_touches() -> None:
    """C12: a state that were believed for longer would change hours that nobody builds again."""
    known = yaml.safe_load(PROJECT.read_text())["vars"]
    assert known["max_state_gap_s"] <= MAX_STATE_GAP_S
    # A day is what ops.is_frozen reckons with (revision 0008).
    assert known["max_state_duration_s"] <= DAY_S
    # Alarms cleared within a day are marked as brief and not looked at (warehouse/load_alarms.py).
    assert known["standing_after_s"] >= DAY_S
