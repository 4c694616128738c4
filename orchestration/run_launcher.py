"""Starts runs on the code server and knows when their process is gone. What a run does is not here.

Dagster's own launcher cannot tell whether a run still has a process, so a run whose code server was killed with it
stays "started" for ever, and every sensor that waits for it waits for ever. This one asks the code server; run
monitoring (dagster.yaml) then fails the run, and it is tried again.
"""

import json

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import ConfigurableClassData, deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher with a health check of run processes.

    A run that the code server does not know is dead: run processes die with their code server, because the supervisor
    stops its process group and a container stops whole.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Let run monitoring ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that started the run whether its process lives.

        A code server that does not answer proves nothing: it may be starting again, or busy.
        """
        client = _code_server_of(run)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not started through a code server")
        try:
            known = deserialize_value(client.get_current_runs(), GetCurrentRunsResult).current_runs
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the code server does not answer")
        if run.run_id in known:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the run's process is gone")


def _code_server_of(run: DagsterRun) -> DagsterGrpcClient | None:
    if GRPC_INFO_TAG not in run.tags:
        return None
    address = json.loads(run.tags[GRPC_INFO_TAG])
    return DagsterGrpcClient(
        port=address.get("port"),
        socket=address.get("socket"),
        host=address.get("host") or "localhost",
        use_ssl=bool(address.get("use_ssl")),
    )
