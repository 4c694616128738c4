"""Tell the person at the terminal what goes on. What is told is decided by the callers."""

import time

from rich.console import Console
from rich.status import Status

PLAIN_EVERY_S = 5.0


class Reporter:
    """Lines that stay and one line that changes; without a terminal, the changing line is printed now and then."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._printed_at = 0.0
        self._started_at = time.monotonic()

    def say(self, line: str) -> None:
        """Print one line that stays, with the seconds since the start."""
        self.console.print(f"[dim]{time.monotonic() - self._started_at:5.0f} s[/dim]  {line}")

    def update(self, line: str) -> None:
        """Show where long work stands."""
        if self.console.is_terminal:
            if self._status is None:
                self._status = self.console.status(line)
                self._status.start()
            self._status.update(line)
        elif time.monotonic() - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            self.say(line)

    def settle(self) -> None:
        """Take the changing line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
