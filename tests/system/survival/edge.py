"""An edge client as a process, and its source of numbered rows. Nothing of our packages is imported."""

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.system.survival.processes import run, start

START = datetime(2026, 1, 1, tzinfo=UTC)
METRICS = ("pressure", "flow")


@dataclass
class Edge:
    """One edge client and its source of numbered rows."""

    name: str
    folder: Path
    spool: Path
    environment: dict[str, str]
    log: Path
    rows: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def items(self) -> set[tuple[str, str, datetime]]:
        """Everything it has to send."""
        return {(self.name, m, START + timedelta(seconds=n)) for n in range(self.rows) for m in METRICS}

    def start(self) -> None:
        self.process = start(
            ["-m", "edge_client", "run", "--collector", "csv", "--folder", str(self.folder), "--once"],
            self.environment,
            self.log,
        )

    def status(self) -> dict[str, Any]:
        said = run(["-m", "edge_client", "status", "--json"], self.environment)
        return dict(json.loads(said))

    def is_done(self) -> bool:
        """Whether it ended by itself, with everything sent."""
        assert self.process is not None
        ended = self.process.poll()
        assert ended in (None, 0), f"{self.name} ended with {ended}:\n{self.log.read_text()[-3000:]}"
        return ended == 0
