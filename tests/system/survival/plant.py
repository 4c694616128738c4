"""A small plant that can be hurt: PostgreSQL, the API, a bad network and edge clients, each a process of its own.

Nothing of our packages is imported: processes are started by their command lines, and what is stored is pulled over
HTTP. Each client reads CSV files of numbered rows, so that every item has an identity: (equipment, metric, event time).
"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pyarrow

from tests.system.survival.edge import METRICS, START, Edge
from tests.system.survival.processes import free_ports, is_free, run, start

PATIENT = {"BACKOFF_MIN_S": "0.05", "BACKOFF_MAX_S": "0.5", "PROBE_INTERVAL_S": "0.2", "REQUEST_TIMEOUT_S": "5"}
SMALL_BATCHES = {"BATCH_MIN": "20", "BATCH_MAX": "40", "LINGER_S": "0.02"}
STORED = (200, 201, 422)


@dataclass
class Plant:
    """PostgreSQL and the API, and what can be done to them."""

    home: Path
    data_dir: Path
    seed: int
    workers: int = 1
    ports: dict[str, int] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    api: subprocess.Popen[bytes] | None = None
    proxy: subprocess.Popen[bytes] | None = None
    pull_key: str = ""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.ports = dict(zip(("postgres", "api", "proxy"), free_ports(3), strict=True))
        self.environment = {
            "MILLRACE_DATA_DIR": str(self.data_dir),
            "MILLRACE_POSTGRES_PORT": str(self.ports["postgres"]),
            "MILLRACE_API_PORT": str(self.ports["api"]),
            "MILLRACE_API_LOG_LEVEL": "warning",
            "MILLRACE_API_MANAGEMENT_PORT": "0",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    # --- starting ---

    def start(self, malice: float = 0.0) -> None:
        self.start_postgres()
        run(["-m", "warehouse", "migrate"], self.environment)
        self.start_api()
        self.pull_key = self.make_key("pull", "pull")
        command = [str(Path(__file__).with_name("proxy.py")), str(self.ports["proxy"]), str(self.ports["api"])]
        command += [str(self.seed), str(self.home / "proxy.jsonl"), str(malice)]
        self.proxy = start(command, {}, self.home / "proxy.log")

    def start_postgres(self) -> None:
        run(["-m", "warehouse", "start"], self.environment)

    def start_api(self) -> None:
        workers = ["--workers", str(self.workers)] if self.workers > 1 else []
        self.api = start(["-m", "ingestion_api", "serve", *workers], self.environment, self.home / "api.log")
        self.wait_for(self.is_ready, "the API is ready", 60)

    def is_ready(self) -> bool:
        assert self.api is not None
        assert self.api.poll() is None, f"seed {self.seed}: the API ended\n{self.said()}"
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def make_key(self, name: str, scopes: str) -> str:
        command = ["-m", "ingestion_api", "keys", "create", "--name", name, "--site", "demo", "--scopes", scopes]
        # One minute's allowance is for devices; these clients hurry.
        return run([*command, "--requests-per-min", "0", "--items-per-min", "0"], self.environment).split()[-1]

    def add_edge(self, name: str, rows: int, **settings: str) -> Edge:
        folder = self.home / name / "source"
        folder.mkdir(parents=True)
        lines = (f"{(START + timedelta(seconds=n)).isoformat()},{n},{-n}\n" for n in range(rows))
        (folder / f"{name}.csv").write_text(f"time,{','.join(METRICS)}\n" + "".join(lines))
        chosen = {**PATIENT, **SMALL_BATCHES, **settings}
        environment = {
            **{f"MILLRACE_EDGE_{setting}": value for setting, value in chosen.items()},
            "MILLRACE_EDGE_API_URL": f"http://127.0.0.1:{self.ports['proxy']}",
            "MILLRACE_EDGE_API_KEY": self.make_key(name, "push,registry"),
            "MILLRACE_EDGE_SPOOL_PATH": str(self.home / name / "spool.sqlite"),
        }
        edge = Edge(name, folder, self.home / name / "spool.sqlite", environment, self.home / f"{name}.log", rows)
        self.edges.append(edge)
        return edge

    # --- hurting ---

    def kill_api(self) -> None:
        """Kill it with all its workers, and start it again."""
        assert self.api is not None
        os.killpg(self.api.pid, signal.SIGKILL)
        self.api.wait()
        self.start_api()

    def kill_worker(self) -> None:
        """Kill one of several workers: nobody starts it again but the API itself."""
        assert self.api is not None
        children = psutil.Process(self.api.pid).children()
        victim = self.random.choice([one for one in children if "spawn_main" in " ".join(one.cmdline())])
        victim.kill()

    def kill_supervisor(self) -> None:
        """Kill what the workers belong to and only that: they must leave the port, or nobody could start it again."""
        assert self.api is not None
        self.api.kill()
        self.api.wait()
        self.wait_for(lambda: is_free(self.ports["api"]), "the workers have left the port", 30)
        self.start_api()

    def kill_postgres(self) -> None:
        os.kill(self.postmaster(), signal.SIGKILL)
        self.start_postgres()

    def kill_edge(self) -> None:
        """Kill one of the clients, if it still runs, and start it again."""
        edge = self.random.choice(self.edges)
        assert edge.process is not None
        if edge.process.poll() is None:
            edge.process.kill()
            edge.process.wait()
            edge.start()

    def postmaster(self) -> int:
        return int((self.cluster() / "postmaster.pid").read_text().splitlines()[0])

    def cluster(self) -> Path:
        """PostgreSQL's own folder, which is elsewhere where root's folders are closed to others."""
        note = self.data_dir / "postgres.place"
        return (Path(note.read_text().strip()) if note.exists() else self.data_dir) / "postgres"

    # --- looking ---

    def wait_for(self, condition: Callable[[], Any], what: str, limit_s: float = 120) -> Any:
        deadline = time.monotonic() + limit_s
        while not (seen := condition()):
            assert time.monotonic() < deadline, f"seed {self.seed}: not within {limit_s} s: {what}\n{self.said()}"
            time.sleep(0.02)
        return seen

    def said(self) -> str:
        """The ends of all logs."""
        logs = sorted(self.home.glob("*.log")) + sorted(self.home.glob("*.jsonl"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        password = (self.data_dir / "postgres.password").read_text().strip()
        with psycopg.connect(
            host="127.0.0.1",
            port=self.ports["postgres"],
            user="millrace",
            password=password,
            dbname="millrace_api",
            connect_timeout=5,
        ) as connection:
            return connection.execute(sql).fetchall()

    def stored(self) -> int:
        """How many items the inbox holds; progress is told by this, not by the clock."""
        return int(self.rows("select coalesce(sum(item_count), 0) from inbox.batches")[0][0])

    def pulled(self) -> Counter[tuple[str, str, datetime]]:
        """How often each item is in the inbox, read as the loader reads it: page by page over HTTP."""
        seen: Counter[tuple[str, str, datetime]] = Counter()
        after, has_more = 0, True
        with httpx.Client(headers={"Authorization": f"Bearer {self.pull_key}"}, timeout=60) as http:
            while has_more:
                params = {"kind": "readings", "after": after, "max_items": 5_000}
                response = http.get(f"{self.url}/api/v1/batches", params=params)
                assert response.status_code == 200, response.text
                with pyarrow.ipc.open_stream(response.content) as stream:
                    table = stream.read_all()
                columns = (table.column(name).to_pylist() for name in ("equipment_code", "metric", "event_time"))
                seen.update(zip(*columns, strict=True))
                after = int(table.schema.metadata[b"millrace.next_cursor"])
                has_more = table.schema.metadata[b"millrace.has_more"] == b"true"
        return seen

    def exchanges(self) -> list[dict[str, Any]]:
        """What the network did, in order."""
        lines = (self.home / "proxy.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def acknowledged(self) -> set[str]:
        """Keys of the batches whose acknowledgement was handed to a client."""
        return {e["key"] for e in self.exchanges() if e.get("is_delivered") and e["key"] and e.get("status") in STORED}

    def finish(self) -> None:
        """Wait until each client has sent everything, and end the network with what it still holds back."""
        for edge in self.edges:
            self.wait_for(edge.is_done, f"{edge.name} is done", 150)
        time.sleep(2)  # longer than the proxy holds a request back

    def check(self) -> None:
        """Hold to account: `sent = stored + reported lost`, for each client, to the item, and nothing twice."""
        seen = self.pulled()
        twice = [item for item, count in seen.items() if count > 1]
        assert not twice, f"seed {self.seed}: {len(twice)} items are stored twice, such as {twice[:3]}"
        everything = set().union(*(edge.items for edge in self.edges))
        assert seen.keys() <= everything, "the inbox holds what nobody sent"
        for edge in self.edges:
            status, stored = edge.status(), sum(1 for item in seen if item[0] == edge.name)
            told = f"seed {self.seed}, {edge.name}: {stored} stored, {status}\n{self.said()}"
            assert status["collected"] == len(edge.items), told
            assert stored + status["lost"] == len(edge.items), told
            assert status["sent"] == stored, told
            assert status["accepted"] + status["quarantined"] + status["repeated"] == status["sent"], told
            assert (status["pending"], status["rejected"], status["quarantined"]) == (0, 0, 0), told
        keys = {key for (key,) in self.rows("select idempotency_key from inbox.batches")}
        assert self.acknowledged() <= keys, f"seed {self.seed}: an acknowledged batch is not in the inbox"

    def close(self) -> None:
        for process in [*(edge.process for edge in self.edges), self.proxy, self.api]:
            if process is not None and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if (self.data_dir / "postgres.password").exists():
            run(["-m", "warehouse", "stop"], self.environment)
            shutil.rmtree(self.cluster().parent, ignore_errors=True)
