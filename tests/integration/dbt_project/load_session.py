"""Loads sites in processes that are killed, one command a line of JSON from stdin. What is loaded, the test says.

Each load is a process of its own, forked from this one, which has nothing but the loader in it.
"""

import json
import os
import pickle
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, event

from warehouse.engine import create_engine
from warehouse.load import load_site


def main() -> None:
    """Answer each command with what became of the load: `loaded`, `killed` or `failed`."""
    for line in sys.stdin:
        command = json.loads(line)
        process = os.fork()
        if not process:
            _load(command)
        if command["die_after_s"] is not None:
            time.sleep(command["die_after_s"])
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if was_killed else "loaded" if status == 0 else "failed", flush=True)


def _load(command: dict[str, Any]) -> None:
    """Load a pickled inbox; at statement or commit number `die_at` the process kills itself."""
    try:
        engine = create_engine(command["url"], poolclass=NullPool)
        left = command["die_at"]

        def die(*_: object) -> None:
            nonlocal left
            if left is not None:
                left -= 1
                if left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(engine, moment, die)
        inbox = pickle.loads(Path(command["inbox"]).read_bytes())  # noqa: S301
        load_site(engine, inbox, inbox.site_code)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
