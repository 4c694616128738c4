"""How far a site's API is ahead of what is loaded, or behind it."""

from orchestration.pending import SiteState


def test_a_site_is_behind_while_any_kind_is() -> None:
    state = SiteState("demo", stored={"readings": 7, "events": 4}, loaded={"readings": 7, "events": 3})
    assert state.is_behind
    assert state.ahead == []
    assert state.content == "events4-readings7"
    assert not SiteState("demo", stored={"readings": 7}, loaded={"readings": 7, "events": 3}).is_behind


def test_an_inbox_restored_from_an_older_backup_shows() -> None:
    """It gives out numbers again that the cursor has passed; what gets them would never be loaded (docs/backup.md)."""
    state = SiteState("demo", stored={"readings": 5, "events": 4}, loaded={"readings": 7, "events": 4})
    assert state.ahead == ["readings"]
    assert not state.is_behind


def test_a_site_that_does_not_answer_is_neither() -> None:
    state = SiteState("demo", stored={}, loaded={"readings": 7}, error="timed out")
    assert (state.is_behind, state.ahead) == (False, [])
