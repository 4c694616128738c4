"""Nothing needs the internet once it is installed: a process that has a loopback and no other network does it all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Root may have a network of its own; others need to be root of their own for it, under their own number, as PostgreSQL
# refuses to run under root's.
ALONE = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"])]
SESSION = """
import errno, fcntl, socket, struct, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

with socket.socket() as device:  # ip link set lo up
    fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", 0x1))
with socket.socket() as outside:
    assert outside.connect_ex(("192.0.2.1", 443)) == errno.ENETUNREACH

from expectations.data_docs import open_context
from expectations.thresholds import read
from expectations.validate import validate_window
from warehouse.drill import free_port
from warehouse.embedded import EmbeddedPostgres
from warehouse.migrate import migrate

scratch = Path(sys.argv[1])
server = EmbeddedPostgres(scratch / "postgres", free_port(), parameters={"fsync": "off"})
server.start()
try:
    server.ensure_database("offline")
    url = server.url("offline")
    migrate(url, "warehouse")
    now = datetime.now(UTC)
    validation = validate_window(url, now - timedelta(hours=1), now, docs_dir=scratch / "docs")
    assert validation.warnings == ()
    assert open_context(read()).config.analytics_enabled is False
    print(f"{len(validation.results)} expectations")
finally:
    server.remove()

from dbt import tracking
from dbt.cli.main import dbtRunner

places = ["--target-path", str(scratch / "target"), "--log-path", str(scratch)]
project = ["--project-dir", "dbt_project", "--profiles-dir", "dbt_project", *places]
assert dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", *project]).success
assert tracking.active_user.do_not_track
print("dbt parsed")

from ml.settings import MlSettings
from ml.tracking import connect

connect(MlSettings(tracking_uri=f"sqlite:///{scratch}/mlflow.db")).create_experiment("offline")
from mlflow.telemetry.utils import is_telemetry_disabled

assert is_telemetry_disabled()
print("MLflow answers")

from dagster_shared.telemetry import get_telemetry_enabled_from_dagster_yaml
from orchestration.definitions import defs

assert get_telemetry_enabled_from_dagster_yaml() is False
print(f"{len(defs.resolve_all_job_defs())} jobs")
"""


def test_expectations_dbt_mlflow_and_dagster_need_no_network(tmp_path: Path) -> None:
    """S0-057. Nor does any of them report its usage: each is asked itself."""
    allowed = shutil.which("unshare") and subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode
    if allowed != 0:
        pytest.skip("this machine lets nobody have a network of his own")
    session = [*ALONE, sys.executable, "-c", SESSION, str(tmp_path)]
    # Whoever calls a tool by himself has none of the variables that `make up` and the containers set.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "DAGSTER_HOME": str(ROOT / "orchestration"),
    }
    outcome = subprocess.run(session, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr[-3_000:]
    assert [line.split(" ", 1)[1] for line in outcome.stdout.splitlines()[-4:]] == [
        "expectations",
        "parsed",
        "answers",
        "jobs",
    ]
