"""Shows on stderr how collecting and sending go on. The figures come from the spool."""

from typing import TextIO

from edge_client.spool_rows import Counters

BAR = 24


class ProgressPrinter:
    """One line every now and then; on a terminal one line that is written over, with a bar.

    Args:
        out: Where to write.
        now: Seconds at the start, on any clock.
        before: The counts at the start; the rate is about what came since.
    """

    def __init__(self, out: TextIO, now: float, before: Counters) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._started_at = now
        self._sent_before = before.sent
        self._shown = ""

    def show(self, count: Counters, fraction: float, now: float) -> None:
        """Show where things stand.

        Args:
            count: The counts.
            fraction: Share of the source that is read.
            now: Seconds, on the clock of the start.
        """
        rate = (count.sent - self._sent_before) / max(now - self._started_at, 0.001)
        line = (
            f"edge: {count.collected:,} collected, {count.sent:,} sent ({rate:,.0f}/s), "
            f"{count.quarantined:,} quarantined, {count.repeated:,} repeated, {count.pending:,} pending"
        )
        for name in ("rejected", "lost", "skipped"):
            if figure := getattr(count, name):
                line += f", {figure:,} {name}"
        if self._is_terminal:
            done = fraction * (1 - count.pending / count.collected) if count.collected else 0.0
            full = round(done * BAR)
            self._out.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {done:4.0%} {line}\x1b[K")
        elif line != self._shown:
            self._out.write(line + "\n")
        self._shown = line
        self._out.flush()

    def say(self, sentence: str) -> None:
        """Write a sentence on a line of its own."""
        self._out.write(("\r\x1b[K" if self._is_terminal else "") + f"edge: {sentence}\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._is_terminal and self._shown:
            self._out.write("\n")
            self._out.flush()
