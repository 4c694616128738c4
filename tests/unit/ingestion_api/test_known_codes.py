"""What the rules know of the registry."""

from ingestion_api.known_codes import KnownCodes


def test_each_change_is_learned_where_it_belongs() -> None:
    known = KnownCodes()
    known.learn("sites", "demo", None, 1)
    known.learn("equipment", "pump-1", None, 2)
    known.learn("signals", "pump-1/motor/current", "A", 5)
    known.learn("work_units", "S3", None, 3)
    known.learn("workers", "W114", None, 4)
    assert known == KnownCodes(True, {"pump-1"}, {"S3"}, {"W114"}, {("pump-1", "motor/current"): "A"}, change_seq=5)


def test_entities_that_no_rule_asks_for_only_move_the_cursor() -> None:
    known = KnownCodes()
    known.learn("shifts", "night", None, 7)
    known.learn("work_centers", "line-a", None, 8)
    assert known == KnownCodes(change_seq=8)


def test_a_unit_that_was_changed_does_not_fit_any_more() -> None:
    known = KnownCodes()
    known.learn("signals", "pump-1/flow", "m3/h", 1)
    known.learn("signals", "pump-1/flow", "l/s", 2)

    assert known.fitting == {("pump-1", "flow", None), ("pump-1", "flow", "l/s")}
