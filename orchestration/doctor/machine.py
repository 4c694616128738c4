"""What the doctor sees of this machine: installed versions, ports, disks. Databases and queues are elsewhere."""

import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

import httpx
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from orchestration.doctor.finding import Finding, Patient
from orchestration.local.processes import answers, port_is_free
from warehouse.postgres_cluster import MIN_FREE_BYTES

ROOT: Final = Path(__file__).resolve().parents[2]
PINNED: Final = ("dagster", "dbt-core", "dbt-postgres", "great_expectations", "mlflow", "torch")
_LOOPBACK = "127.0.0.1"
_GIB = 1024**3
# A week of a small plant, its WAL and a base backup.
_LOW_BYTES = 5 * _GIB


def versions_are_pinned(_: Patient, root: Path = ROOT, packages: Sequence[str] = PINNED) -> Finding:
    """Python and the large packages are of the set that is known to work together (`constraints.txt`)."""
    python = ".".join(map(str, sys.version_info[:3]))
    wanted_python = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
    if python not in SpecifierSet(wanted_python):
        return Finding("", "failed", f"Python {python}; needed is {wanted_python}", "rm -rf .venv; make setup")
    pins = _pins(root / "constraints.txt")
    found, wrong, missing = [f"Python {python}"], [], []
    for name in packages:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        found.append(f"{name} {installed}")
        pinned = pins.get(canonicalize_name(name))
        # Builds for another processor bear a local version, such as 2.13.0+cpu.
        if pinned is None or Version(Version(installed).public) != Version(pinned):
            wrong.append(f"{name} is {installed}, constraints.txt says {pinned or 'nothing'}")
    if missing:
        return Finding("", "failed", f"not installed: {', '.join(missing)}", "rm .venv/.installed; make setup")
    if wrong:
        return Finding("", "warning", "; ".join(wrong), "rm .venv/.installed; make setup")
    return Finding("", "ok", ", ".join(found))


def ports_are_ours(patient: Patient) -> Finding:
    """On each port of `make up` our own service answers, or nobody listens and it can start."""
    settings, server = patient.orchestration, patient.warehouse.embedded()
    logs = patient.warehouse.data_dir / "run" / "logs"
    places = {
        "the ingestion API": (patient.api.port, "MILLRACE_API_PORT", "/health/live", '"live"'),
        "MLflow": (settings.mlflow_port, "MILLRACE_MLFLOW_PORT", "/health", "OK"),
        "Dagster": (settings.dagster_port, "MILLRACE_DAGSTER_PORT", "/server_info", "dagster_version"),
        "Data Docs": (settings.data_docs_port, "MILLRACE_DATA_DOCS_PORT", "", ""),
        "Dagster's code server": (settings.code_server_port, "MILLRACE_CODE_SERVER_PORT", "", ""),
    }
    free, ours, others = [], [], []
    for name, (port, setting, path, word) in places.items():
        if port_is_free(_LOOPBACK, port):
            free.append(f"{name} ({port})")
        elif _is_itself(port, path, word):
            ours.append(f"{name} ({port})")
        else:
            others.append((f"{name} ({port})", setting))
    if server.cluster.exists() and server.is_running():
        ours.append(f"PostgreSQL ({server.port})")
    elif server.cluster.exists() or patient.warehouse.needs_embedded():
        if port_is_free(_LOOPBACK, server.port):
            free.append(f"PostgreSQL ({server.port})")
        else:
            others.append((f"PostgreSQL ({server.port})", "MILLRACE_POSTGRES_PORT"))
    numbers = {"answering_count": len(ours), "taken_count": len(others)}
    if others:
        says = (
            f"something else listens, or ours does not answer, on the port of {', '.join(name for name, _ in others)}"
        )
        do = f"stop it, or set {', '.join(setting for _, setting in others)}; ours write logs in {logs}"
        demo = patient.warehouse.data_dir / "demo"
        if demo.exists():
            do += f"; where it is make demo that runs: MILLRACE_DATA_DIR={demo} make doctor"
        return Finding("", "failed", says, do, numbers)
    if free and patient.is_supervised:
        do = f"read its log in {logs}; the supervisor starts again what dies"
        return Finding("", "failed", f"Millrace runs, but nobody listens for {', '.join(free)}", do, numbers)
    told = [f"{', '.join(ours)} answer" if ours else "nothing of the platform listens on this machine"]
    told += [f"free: {', '.join(free)}"] if free else []
    return Finding("", "ok", "; ".join(told), "" if ours else "make up starts it here", numbers)


def disks_have_room(patient: Patient, low_bytes: int = _LOW_BYTES, least_bytes: int = MIN_FREE_BYTES) -> Finding:
    """There is room where the platform writes: PostgreSQL does not start with less than 1 GiB."""
    free = {}
    for name, directory in _directories(patient):
        place = next(parent for parent in (directory, *directory.parents) if parent.exists())
        free[name] = (directory, shutil.disk_usage(place).free)
    says = "; ".join(f"{room / _GIB:.1f} GiB free for {directory}" for directory, room in free.values())
    numbers = {f"{name}_free_gib": room / _GIB for name, (_, room) in free.items()}
    least = min(room for _, room in free.values())
    if least >= low_bytes:
        return Finding("", "ok", says, "", numbers)
    do = "free some room, or see docs/storage.md: how old raw rows are archived elsewhere and deleted"
    return Finding("", "failed" if least < least_bytes else "warning", says, do, numbers)


def _directories(patient: Patient) -> Iterator[tuple[str, Path]]:
    yield "data", patient.warehouse.data_dir.resolve()
    yield "archive", patient.warehouse.archive().resolve()
    if patient.warehouse.backup_dir is not None:
        yield "backup", patient.warehouse.backup_dir.expanduser().resolve()


def _is_itself(port: int, path: str, word: str) -> bool:
    if not path:
        return answers(f"tcp://{_LOOPBACK}:{port}")
    try:
        return word in httpx.get(f"http://{_LOOPBACK}:{port}{path}", timeout=5, trust_env=False).text
    except httpx.HTTPError:
        return False


def _pins(path: Path) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pins = [Requirement(line) for line in lines if line]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
