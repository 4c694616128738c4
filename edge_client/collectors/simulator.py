"""A plant that needs no hardware: three days of readings and events for demos and tests (S2-004).

The same seed and end give the same bytes. What the plant is and does is told in the modules beside this one.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from edge_client.collectors.collector import Chunk, Registration
from edge_client.collectors.history import History, Tally
from edge_client.collectors.plant import WORK_UNITS, registrations
from edge_client.errors import ConfigurationError

PART = "plant"
CLOCK_AHEAD = timedelta(hours=2)  # a clock on summer time that calls it UTC


class SimulatorOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen about the simulated plant.

    Attributes:
        site_code: The site it is registered as.
        seed: Of everything random.
        hours: How much history.
        pumps: How many pumps, 1 to 6.
        end: When the history ends; None for now.
    """

    site_code: str = "demo"
    seed: int = 42
    hours: int = 72
    pumps: int = 6
    end: datetime | None = None


class Position(Struct, frozen=True):
    """How far the history is handed over, and which history: `end` must not move when the client starts again."""

    end: datetime
    wrong_clock: datetime
    pieces: int = 0


class Simulator:
    """The simulated plant as a collector.

    Args:
        options: The plant.
        now: The clock.

    Raises:
        ConfigurationError: An option is out of range.
    """

    def __init__(self, options: SimulatorOptions, now: Callable[[], datetime]) -> None:
        if not 1 <= options.pumps <= len(WORK_UNITS):
            raise ConfigurationError(f"--pumps {options.pumps}: the plant has room for 1 to {len(WORK_UNITS)}")
        if not 1 <= options.hours <= 24 * 366:
            raise ConfigurationError(f"--hours {options.hours}: 1 to {24 * 366} are possible")
        self._options = options
        self._now = now

    @property
    def name(self) -> str:
        """Names the plant and its options."""
        end = "now" if self._options.end is None else self._options.end.isoformat()
        return f"simulator seed={self._options.seed} hours={self._options.hours} pumps={self._options.pumps} end={end}"

    def describe(self) -> Iterator[Registration]:
        """Yield the plant's registry entries."""
        return registrations(self._options.site_code, self._options.pumps)

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield what follows `after`; what came before is simulated again, for the rest depends on it."""
        start = msgspec.json.decode(after[PART], type=Position) if PART in after else self._start()
        history = self._history(start)
        for number, piece in enumerate(history, start=1):
            if number > start.pieces:
                yield Chunk(
                    kind=piece.kind,
                    items=piece.items,
                    is_replay=piece.is_replay,
                    part=PART,
                    position=msgspec.json.encode(Position(start.end, start.wrong_clock, number)).decode(),
                    fraction=number / len(history),
                )

    def tally(self) -> Tally:
        """Simulate the whole history, and count it."""
        total = Tally()
        for piece in self._history(self._start()):
            total.add(piece.tally)
        return total

    def _start(self) -> Position:
        now = self._now().astimezone(UTC)
        end = (self._options.end or now).astimezone(UTC).replace(second=0, microsecond=0)
        return Position(end=end, wrong_clock=max(end, now.replace(microsecond=0)) + CLOCK_AHEAD)

    def _history(self, start: Position) -> History:
        return History(
            seed=self._options.seed,
            hours=self._options.hours,
            pumps=self._options.pumps,
            end=start.end,
            wrong_clock=start.wrong_clock,
        )
