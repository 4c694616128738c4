"""The first page of Data Docs."""

from datetime import UTC, datetime

from expectations.docs_index import ValidationLine, render_index

LINE = ValidationLine(datetime(2026, 3, 2, 9, tzinfo=UTC), "ledger", "a--b", "validations/a:b.html", ())


def test_a_passed_window_is_linked() -> None:
    page = render_index([("ledger", "One row per source.")], [LINE])

    assert '<a href="expectations/ledger.html">ledger</a></td><td>One row per source.</td>' in page
    assert '<td class="passed"></td><td>2026-03-02 09:00:00</td>' in page
    assert '<a href="validations/a%3Ab.html">a--b</a>' in page


def test_a_failed_window_names_what_failed_and_nothing_is_taken_for_markup() -> None:
    line = ValidationLine(LINE.validated_at, "<b>", "a--b", "p.html", ("one", "<i>two</i>"))

    page = render_index([], [line])

    assert '<td class="failed">' in page
    assert "<td>one, &lt;i&gt;two&lt;/i&gt;</td>" in page
    assert "<td>&lt;b&gt;</td>" in page
