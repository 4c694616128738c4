"""Progress as lines in a file, and as one line on a terminal."""

from io import StringIO

from edge_client.progress import ProgressPrinter
from edge_client.spool_rows import Counters


class Terminal(StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True


def test_a_file_gets_one_line_per_change() -> None:
    out = StringIO()
    printer = ProgressPrinter(out, 10.0, Counters(collected=100, accepted=100))
    count = Counters(collected=2_100, accepted=1_090, quarantined=10)
    printer.show(count, 0.5, 12.0)
    printer.show(count, 0.5, 12.0)
    printer.say("hello")
    printer.end()
    assert out.getvalue().splitlines() == [
        "edge: 2,100 collected, 1,100 sent (500/s), 10 quarantined, 0 repeated, 1,000 pending",
        "edge: hello",
    ]


def test_what_should_not_happen_is_shown_when_it_does() -> None:
    out = StringIO()
    count = Counters(collected=30, rejected=10, lost=20, skipped=3)
    ProgressPrinter(out, 0.0, Counters()).show(count, 1.0, 1.0)
    assert out.getvalue().endswith("0 pending, 10 rejected, 20 lost, 3 skipped\n")


def test_a_terminal_gets_a_bar_of_what_is_read_and_sent() -> None:
    out = Terminal()
    printer = ProgressPrinter(out, 0.0, Counters())
    printer.show(Counters(collected=1_000, accepted=500), 0.5, 1.0)
    assert out.getvalue().startswith("\r[######..................]  25% edge: 1,000 collected")
    printer.show(Counters(), 0.0, 1.0)
    printer.end()
    assert out.getvalue().endswith("\n")
