"""Runs the application under uvicorn, and says in one line why it cannot. Commands are in `__main__`.

With several workers, each is a process with a listening socket of its own: of one that all share, the worker that wakes
first takes every connection (15 of 16 in a benchmark). The sockets stay open in the supervisor, which replaces a worker
that dies: what was sent to the dead one is sent again, what waits to be accepted is taken by the next.
"""

import asyncio
import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from ingestion_api import demo, logs, management, metrics, readiness
from ingestion_api.app import create_app
from ingestion_api.errors import CannotListen
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import open_store

# Longer than any sender's pause between two batches: a connection closed by us just as it is used looks like a failure.
KEEP_ALIVE_S = 75
WORKER_PATIENCE_S = 60
# Longer than any answer but a stream takes; a worker's streams are cut after it.
SHUTDOWN_S = 10
BACKLOG = 2_048
# Objects between two collections: a push of 1,000 readings makes some 2,000, hardly ever in a circle.
GC_THRESHOLD = 20_000


def serve(settings: IngestionApiSettings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        DemoModeExposed: Anybody may push, and not only from this machine.
        CannotListen: The port is taken, or the address is not this machine's.
        Unavailable: The database does not answer.
        NotMigrated: It has no tables.
        warehouse.errors.NotStarted: The embedded database was never started.
    """
    listeners = _listen(settings)
    asyncio.run(_check_store(settings))
    logs.configure(settings.log_level)
    host, port = listeners[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"The ingestion API listens on http://{shown}:{port}, described at /docs.", flush=True)
    if settings.workers == 1:
        app = create_app(settings)
        _spare_collector()
        with management.serving(settings, app.state.services.metrics.registry):
            build_server(app).run(sockets=listeners)
    else:
        _serve_by_workers(settings, listeners)


def _serve_by_workers(settings: IngestionApiSettings, listeners: list[socket.socket]) -> None:
    """Serve by several processes that count into one directory, which this process answers Prometheus from."""
    demo.check(settings)
    with tempfile.TemporaryDirectory(prefix="millrace-metrics-") as directory:
        metrics.share_between_processes(Path(directory))
        with management.serving(settings, metrics.shared_registry(Path(directory))):
            _Workers(_config(partial(_create_worker, settings), settings.workers), listeners).run()


class _Workers(Multiprocess):
    """Gives each worker its listening socket, and the successor of one that died the same."""

    def __init__(self, config: uvicorn.Config, listeners: list[socket.socket]) -> None:
        self._listeners = listeners
        super().__init__(config, listeners)

    @property
    def sockets(self) -> list[socket.socket]:
        """What the process that is made next listens on."""
        # The supervisor kills what it replaces, dead or not, which closes this end; another may have died meanwhile.
        replaced = (index for index, process in enumerate(self.processes) if process.parent_conn.closed)
        return [self._listeners[next(replaced, len(self.processes)) % len(self._listeners)]]

    @sockets.setter
    def sockets(self, _: list[socket.socket]) -> None:
        pass

    def handle_hup(self) -> None:
        """Go on: workers cannot be added or exchanged while they live, for there is a socket for each."""

    handle_ttin = handle_ttou = handle_hup


def build_server(app: FastAPI) -> uvicorn.Server:
    """Return the server of an application, not yet running."""
    server = uvicorn.Server(_config(app))
    # Streams never end by themselves, and the server waits for open answers before it tells the application.
    app.state.services.tails.is_stopping = lambda: server.should_exit
    return server


def _config(app: FastAPI | partial[FastAPI], workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, partial),
        workers=workers,
        # Importing counts: on a busy machine the default 5 s kill every worker before it serves.
        timeout_worker_healthcheck=WORKER_PATIENCE_S,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _create_worker(settings: IngestionApiSettings) -> FastAPI:
    """Build the application of one of several processes; runs in that process."""
    logs.configure(settings.log_level)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = create_app(settings)
    _spare_collector()
    return app


def _spare_collector() -> None:
    """Let the garbage collector look at what requests leave, and not at all that was imported.

    Looking at what lives for ever, several times a push, took a fifth of the processor time of 1,000 readings.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def _end_with_parent() -> None:
    """Stop gracefully once the supervisor is gone: nobody else would, and the port would stay taken."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _listen(settings: IngestionApiSettings) -> list[socket.socket]:
    """Listen on a socket for each worker; the system spreads connections over them."""
    where = f"{settings.host}:{settings.port}"
    try:
        first = _bind(settings, settings.port)
        if settings.workers == 1 or not sys.platform.startswith("linux"):  # other systems let the last socket have all
            listeners = [first]
        else:
            # The first found the port free, as none of these would: what reuses a port shares it with a server before.
            port = first.getsockname()[1]
            first.close()
            listeners = [_bind(settings, port, is_shared=True) for _ in range(settings.workers)]
        for listener in listeners:
            listener.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(f"{where} is taken: stop what listens there, or set MILLRACE_API_PORT") from error
        raise CannotListen(f"cannot listen on {where}: {error.strerror or error}; set MILLRACE_API_HOST") from error
    return listeners


def _bind(settings: IngestionApiSettings, port: int, *, is_shared: bool = False) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    # Connections of the server before this one may still be closing.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, port))
    except OSError:
        listener.close()
        raise
    return listener


async def _check_store(settings: IngestionApiSettings) -> None:
    store = open_store(settings)
    try:
        await readiness.check(store)
    finally:
        await store.close()
