"""The table that is printed and the file for comparison over time. Measuring does not belong here."""

import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class Row:
    """One thing measured, and whether it is what it must be; None where nothing is asked of it.

    Attributes:
        load: The machine's load average just after, the benchmark's own included.
    """

    name: str
    figures: str
    result: str
    wanted: str = ""
    is_reached: bool | None = None
    load: float = field(default_factory=lambda: os.getloadavg()[0])


@dataclass
class Report:
    """All rows, and where the time of a push goes."""

    rows: list[Row] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    load_before: tuple[float, float, float] = field(default_factory=os.getloadavg)

    def add(self, row: Row) -> None:
        """Take a row in."""
        self.rows.append(row)

    def as_dict(self) -> dict[str, object]:
        """Return everything, with the machine and the time."""
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "load_before": self.load_before,
            "rows": [asdict(row) for row in self.rows],
            "stages_us": self.stages,
        }

    def print(self) -> None:
        """Print the tables."""
        states = {True: "reached", False: "MISSED", None: ""}
        print(f"\n{os.cpu_count()} cores, load average before {self.load_before[0]:.2f}\n")
        lines = [("measured", "figures", "result", "wanted", "", "load")]
        for row in self.rows:
            lines.append((row.name, row.figures, row.result, row.wanted, states[row.is_reached], f"{row.load:.1f}"))
        widths = [max(len(line[column]) for line in lines) for column in range(6)]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if self.stages:
            print("\nWhere the time of a 1,000-reading push goes, one at a time (median, microseconds)\n")
            for name, microseconds in self.stages.items():
                print(f"{name:<40}{microseconds:>8,.0f}")
