"""What the rows of a batch are of. A device sends the same signals in the same order again and again.

So what follows from them alone is found out once, and kept with the layout: a third of the processor time of a push of
1,000 readings. Nothing that depends on a value or a time belongs here.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

SignalKey = tuple[str, str]
"""Equipment code and metric."""

# Looking up what is shorter costs as much as it saves.
_LEAST_ROWS = 32
_MOST_LAYOUTS = 64


@dataclass
class Layout:
    """The signals of a batch of one site, row by row.

    Attributes:
        is_recurring: Whether it came before, so that keeping something with it pays.
        passed: Names of the rules that none of its texts breaks; what is registered stays so.
        fitted_at: The change of the registry as of which every row was of a known signal, in its unit.
        limited: The quiet ranges of all signals, and of these rows those that have one, by row.
    """

    equipment_code: list[str]
    metric: list[str]
    unit_code: list[str | None]
    is_recurring: bool = field(default=False, compare=False)
    passed: set[str] = field(default_factory=set, compare=False)
    fitted_at: int = field(default=-1, compare=False)
    limited: tuple[object, list[tuple[int, float, float]]] = field(default=(None, []), compare=False)

    @cached_property
    def signals(self) -> list[SignalKey]:
        """The signal of each row."""
        return list(zip(self.equipment_code, self.metric, strict=True))

    @cached_property
    def last_rows(self) -> dict[SignalKey, int]:
        """The last row of each signal, in the order of the signals' names."""
        return dict(sorted(zip(self.signals, range(len(self.signals)), strict=True)))


class Layouts:
    """The layouts that came last. Bounded: a few hundred kB each, for batches of 1,000 rows."""

    def __init__(self) -> None:
        self._layouts: OrderedDict[tuple[object, ...], Layout] = OrderedDict()

    def known(self, site_code: str, layout: Layout) -> Layout:
        """Return the layout that is equal to this one and came before, or this one."""
        rows = len(layout.equipment_code)
        if rows < _LEAST_ROWS:
            return layout
        ends = layout.equipment_code[0], layout.metric[0], layout.equipment_code[-1], layout.metric[-1]
        key = site_code, rows, *ends
        before = self._layouts.get(key)
        if before is not None and before == layout:
            self._layouts.move_to_end(key)
            before.is_recurring = True
            return before
        self._layouts[key] = layout
        self._layouts.move_to_end(key)
        if len(self._layouts) > _MOST_LAYOUTS:
            self._layouts.popitem(last=False)
        return layout
