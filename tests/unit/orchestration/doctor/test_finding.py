"""The doctor finds the platform as the settings tell it, and as `make up` runs it."""

import json
import os
from pathlib import Path

from orchestration.doctor.finding import Patient
from orchestration.local.processes import Supervisor
from orchestration.settings import OrchestrationSettings
from warehouse.settings import WarehouseSettings

SITES = OrchestrationSettings(sites={"demo": "http://api:9000", "pune": "http://pune:9000"}, pull_keys={"pune": "k2"})


def test_a_site_is_asked_where_and_with_what_the_settings_say(tmp_path: Path) -> None:
    patient = Patient(WarehouseSettings(data_dir=tmp_path), orchestration=SITES)
    assert (patient.site("demo"), patient.site("pune")) == (("http://api:9000", ""), ("http://pune:9000", "k2"))


def test_the_site_that_runs_here_is_asked_as_its_processes_ask(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"dagster": "made", "edge": "other"}))
    supervisor = Supervisor(tmp_path / "run", dict(os.environ), print)
    supervisor.claim()
    try:
        patient = Patient(WarehouseSettings(data_dir=tmp_path), orchestration=SITES)
        assert patient.site("demo") == (f"http://127.0.0.1:{patient.api.port}", "made")
        assert patient.site("pune") == ("http://pune:9000", "k2")
    finally:
        supervisor.stop()
    stopped = Patient(WarehouseSettings(data_dir=tmp_path), orchestration=SITES)
    assert (stopped.is_supervised, stopped.site("demo")) == (False, ("http://api:9000", ""))
