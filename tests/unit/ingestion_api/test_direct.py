"""How a statement is written for the driver; running it is tested by every push."""

from ingestion_api.direct import for_driver


def test_for_driver_leaves_casts_and_percent_signs_alone() -> None:
    assert for_driver("select :a_b, x::text, 5 % 2, :c, cast(:a_b as bytea)") == (
        "select $1, x::text, 5 % 2, $2, cast($1 as bytea)",
        ["a_b", "c"],
    )
