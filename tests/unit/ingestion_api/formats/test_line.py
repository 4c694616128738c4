"""InfluxDB line protocol: names, numbers, escapes, times, and how a body is cut."""

from datetime import UTC, datetime

import pytest

from ingestion_api.columns import ReadingColumns
from ingestion_api.errors import TooLarge, UnknownFormat
from ingestion_api.formats.context import Context
from ingestion_api.formats.line import PARSERS, chunks
from ingestion_api.formats.parsed import ParsedBody

CONTEXT = Context(max_items=10, equipment_code="pump-9")
TIME = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
SECONDS = int(TIME.timestamp())


def lines(body: str, precision: str = "ns") -> ParsedBody:
    return PARSERS[f"line_{precision}"]("readings", body.encode(), CONTEXT)


def rows(parsed: ParsedBody) -> list[tuple[str, str, float]]:
    assert isinstance(parsed.columns, ReadingColumns)
    columns = parsed.columns
    return list(zip(columns.equipment_code, columns.metric, columns.value, strict=True))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flow value=1.5", ("pump-9", "flow", 1.5)),
        ("flow,host=h value=1", ("h", "flow", 1.0)),
        ("flow,host=h,equipment=e value=1", ("e", "flow", 1.0)),
        ("flow,host=h,equipment=e,equipment_code=c value=1", ("c", "flow", 1.0)),
        ("cpu,cpu=cpu0,host=h usage=2", ("h", "cpu_usage{cpu=cpu0}", 2.0)),
        ("a\\ b,x\\,y=p\\=q f\\ g=-1.5e3", ("pump-9", "a b_f g{x,y=p=q}", -1500.0)),
        ("m value=42i", ("pump-9", "m", 42.0)),
        ("m value=42u", ("pump-9", "m", 42.0)),
        ("m value=T", ("pump-9", "m", 1.0)),
        ("m value=false", ("pump-9", "m", 0.0)),
    ],
)
def test_names_and_numbers(line: str, expected: tuple[str, str, float]) -> None:
    assert rows(lines(line)) == [expected]


@pytest.mark.parametrize(
    ("precision", "ticks"),
    [("ns", 10**9), ("us", 10**6), ("ms", 10**3), ("s", 1), ("min", 1 / 60), ("h", 1 / 3600)],
)
def test_every_precision(precision: str, ticks: float) -> None:
    seconds = SECONDS if precision != "h" else SECONDS // 3600 * 3600
    parsed = lines(f"m value=1 {round(seconds * ticks)}", precision)
    assert parsed.columns.event_time == [datetime.fromtimestamp(seconds, UTC)]


@pytest.mark.parametrize(
    ("line", "reason_code"),
    [
        ('m value="text, with = and spaces"', "malformed_item"),
        ('m value="two\nlines"', "malformed_item"),
        ("m value=NaN", "value_not_finite"),
        ("m value=1e999", "value_not_finite"),
        ("m value=-inf", "value_not_finite"),
        ("m value=1_0", "malformed_item"),
        ("m", "malformed_item"),
        (",a=b value=1", "malformed_item"),
        ("m, value=1", "malformed_item"),
        ("m value=1 -99999999999999999999", "event_time_out_of_range"),
        ('m value="open', "malformed_item"),
    ],
)
def test_one_bad_field_harms_no_other(line: str, reason_code: str) -> None:
    parsed = lines(f"good value=1\n{line}\ngood value=2")
    assert [(refusal.index, refusal.reason_code) for refusal in parsed.unreadable] == [(1, reason_code)]
    assert parsed.originals()[1] == line.encode()
    assert [value for _, _, value in rows(parsed)] == [1.0, 2.0]


def test_each_field_is_an_item_with_its_line_s_tags_and_time() -> None:
    parsed = lines(f'# a comment\n\n m,host=h a=1,b="x",c=3 {SECONDS}\r\n', "s")
    assert parsed.originals() == (
        f"m,host=h a=1 {SECONDS}".encode(),
        f'm,host=h b="x" {SECONDS}'.encode(),
        f"m,host=h c=3 {SECONDS}".encode(),
    )
    assert rows(parsed) == [("h", "m_a", 1.0), ("h", "m_c", 3.0)]


def test_item_limit_is_exact() -> None:
    assert lines("\n".join(["m a=1,b=2"] * 5)).item_count == 10
    with pytest.raises(TooLarge):
        lines("\n".join(["m a=1,b=2"] * 5 + ["m a=1"]))


def test_events_are_not_line_protocol() -> None:
    with pytest.raises(UnknownFormat):
        PARSERS["line_ns"]("events", b"m v=1", CONTEXT)


def test_a_body_is_cut_between_lines() -> None:
    """C5: Telegraf's thousand lines of several fields are more readings than a batch holds."""
    body = b"m a=1,b=2\n" * 7 + b'm a="x\ny",b=2'
    parts = chunks(body, 4)
    assert b"".join(parts) == body
    assert [part.count(b"a=") for part in parts] == [2, 2, 2, 2]
    assert chunks(b"", 4) == [b""]
