"""A few megabytes kept back beside the spool: on a full disk they are given up, so that what is spooled can leave.

Deleting from a full disk needs room too, for SQLite writes before it frees. What fills the disk is not judged here.
"""

import os
import shutil
from pathlib import Path

RESERVE_BYTES = 8 * 1024 * 1024
BLOCK = bytes(64 * 1024)


class Reserve:
    """The file of the reserve, beside the spool's.

    Args:
        spool_path: The spool's file.
    """

    def __init__(self, spool_path: Path) -> None:
        self._path = spool_path.with_name(spool_path.name + ".reserve")

    def restore(self) -> bool:
        """Set the reserve aside again, if the disk has twice that to spare; return whether it is there."""
        try:
            if self._path.exists() and self._path.stat().st_size == RESERVE_BYTES:
                return True
            self._path.unlink(missing_ok=True)
            if shutil.disk_usage(self._path.parent).free < 2 * RESERVE_BYTES:
                return False
            with self._path.open("wb") as file:
                for _ in range(RESERVE_BYTES // len(BLOCK)):
                    file.write(BLOCK)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        """Free the reserve."""
        self._path.unlink(missing_ok=True)
