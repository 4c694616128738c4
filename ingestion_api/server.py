"""Runs the application under uvicorn, and says in one line why it cannot. Commands are in `__main__`."""

import asyncio
import errno
import socket

import uvicorn
from fastapi import FastAPI

from ingestion_api import logs, readiness
from ingestion_api.app import create_app
from ingestion_api.errors import CannotListen
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import open_store

# Longer than any sender's pause between two batches: a connection closed by us just as it is used looks like a failure.
KEEP_ALIVE_S = 75
BACKLOG = 2_048


def serve(settings: IngestionApiSettings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        CannotListen: The port is taken, or the address is not this machine's.
        Unavailable: The database does not answer.
        NotMigrated: It has no tables.
        warehouse.errors.NotStarted: The embedded database was never started.
    """
    listener = _listen(settings)
    asyncio.run(_check_store(settings))
    logs.configure(settings.log_level)
    host, port = listener.getsockname()[:2]
    print(f"The ingestion API listens on http://{host}:{port}, described at /docs.", flush=True)
    build_server(create_app(settings)).run(sockets=[listener])


def build_server(app: FastAPI) -> uvicorn.Server:
    """Return the server of an application, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S)
    )


def _listen(settings: IngestionApiSettings) -> socket.socket:
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    # Connections of the server before this one may still be closing.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(f"{where} is taken: stop what listens there, or set MILLRACE_API_PORT") from error
        raise CannotListen(f"cannot listen on {where}: {error.strerror or error}; set MILLRACE_API_HOST") from error
    return listener


async def _check_store(settings: IngestionApiSettings) -> None:
    store = open_store(settings)
    try:
        await readiness.check(store)
    finally:
        await store.close()
