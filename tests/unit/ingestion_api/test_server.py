"""Which socket a worker gets. That workers serve is tested with real processes."""

from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ingestion_api.server import _Workers


@dataclass
class Worker:
    """As far as the supervisor looks at it; `exitcode` is set where it died."""

    exitcode: int | None = None
    parent_conn: Connection = field(default_factory=lambda: Pipe()[0])


def supervisor(processes: list[Any]) -> _Workers:
    workers = object.__new__(_Workers)  # a real one takes the signals of this process
    workers._listeners = ["first", "second", "third"]  # type: ignore[list-item]
    workers.processes = processes
    return workers


def test_each_worker_gets_a_socket_of_its_own() -> None:
    started: list[Any] = []
    for expected in ("first", "second", "third"):
        assert supervisor(started).sockets == [expected]
        started.append(Worker())


def test_a_successor_gets_the_socket_of_the_one_it_replaces_also_while_another_is_dead() -> None:
    dead, replaced = Worker(exitcode=-9), Worker(exitcode=-9)
    replaced.parent_conn.close()  # as the supervisor does when it replaces one
    assert supervisor([dead, Worker(), replaced]).sockets == ["third"]
