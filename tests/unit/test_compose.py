"""docker-compose.yml cannot be run by the tests; what it names must at least exist, and it must keep its promises."""

import re
import shlex
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from dagster_webserver.cli import cli as webserver
from sqlalchemy import make_url

from orchestration import settings_reference
from orchestration.local.platform import TOOLS as TOOLS_TOLD
from warehouse.roles import DAGSTER, DBT, EXPECTATIONS, INGESTION, LOADER, ML, MLFLOW, PACKAGES, TOOLS, logins

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PROXY = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
DOCKERFILE: str = COMPOSE["x-platform"]["build"]["dockerfile_inline"]

ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS)
every = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def _interpolated(text: str) -> str:
    """What compose reads when no variable is set."""
    return re.sub(r"\$\{(\w+)(?::?-([^}]*)|:?\?[^}]*)?\}", lambda match: match.group(2) or "", text)


def _arguments(service: dict[str, Any]) -> list[str]:
    return [part for argument in service.get("command", []) for part in str(argument).split("=", 1)]


def test_the_services_are_those_of_the_platform() -> None:
    assert set(SERVICES) == {
        "timescaledb",
        "migrate",
        "logins",
        "ingestion-api",
        "mlflow",
        "dagster-code",
        "dagster-webserver",
        "dagster-daemon",
        "proxy",
    }


@ours
def test_a_command_is_installed(service: dict[str, Any]) -> None:
    program, *rest = _arguments(service)
    scripts = {script.name for script in entry_points(group="console_scripts")}

    if program == "python":
        assert rest[0] == "-m"
        assert find_spec(f"{rest[1]}.__main__")
    else:
        assert program in scripts
    if "--module-name" in rest:
        assert find_spec(rest[rest.index("--module-name") + 1])
    if "-w" in rest:
        assert (ROOT / rest[rest.index("-w") + 1]).is_file()


@ours
def test_every_variable_is_read_by_somebody(service: dict[str, Any]) -> None:
    known = {setting.variable for section in settings_reference.sections() for setting in section.settings}
    known |= set(re.findall(r"env_var\('(\w+)'", (ROOT / "dbt_project" / "profiles.yml").read_text()))
    for file in ("workspace.yaml", "orchestration/dagster.yaml"):
        known |= set(re.findall(r"env: (\w+)", (ROOT / file).read_text()))

    given = {name for name in service["environment"] if name.startswith("MILLRACE_")}

    assert given <= known


def test_a_service_is_given_its_own_logins_and_no_others() -> None:
    """DESIGN 4: each package connects with a role that may write its own schemas only; docs/access.md."""
    logins = {
        name: {
            found for value in service["environment"].values() for found in re.findall(r"://(\w+):[^@]*@", str(value))
        }
        | {value for variable, value in service["environment"].items() if variable == "MILLRACE_DBT_USER"}
        for name, service in OURS.items()
    }

    assert logins == {
        "migrate": {"millrace"},
        "logins": {"millrace"},
        "ingestion-api": {INGESTION},
        "mlflow": {MLFLOW},
        "dagster-code": {DAGSTER, LOADER, DBT, EXPECTATIONS, ML, "millrace"},
        "dagster-webserver": {DAGSTER},
        "dagster-daemon": {DAGSTER},
    }


def test_the_nightly_care_of_storage_can_do_its_work() -> None:
    """C2: as the owner, in that variable alone, and in the archive that the owner's commands use too."""
    service, owner = SERVICES["dagster-code"], SERVICES["migrate"]
    given = [name for name, value in service.get("environment", {}).items() if "://millrace:" in str(value)]
    assert given == ["MILLRACE_STORAGE_WAREHOUSE_URL"]
    url = str(service["environment"]["MILLRACE_STORAGE_WAREHOUSE_URL"])
    assert url == re.sub(r":\?[^}]*}", "}", owner["environment"]["MILLRACE_WAREHOUSE_URL"])
    archive = service["environment"]["MILLRACE_ARCHIVE_DIR"]
    assert f"{owner['environment']['MILLRACE_DATA_DIR']}/archive" == archive
    assert f"archive:{archive}" in service["volumes"] and f"archive:{archive}" in owner["volumes"]


def test_a_login_comes_with_its_own_password_and_reaches_the_right_variable() -> None:
    """What compose gives is what `python -m warehouse roles` would write."""
    passwords = {role: f"${{{role.upper()}_PASSWORD}}" for role in (*PACKAGES, *TOOLS)}
    databases = ("api", "warehouse", "dagster", "mlflow")
    places = {name: make_url(f"postgresql+psycopg://x@timescaledb:5432/millrace_{name}") for name in databases}
    wanted = {name: value for login in logins(places, passwords).values() for name, value in login.items()}
    given = {}
    for service in (SERVICES["ingestion-api"], SERVICES["mlflow"], SERVICES["dagster-code"]):
        given |= {name: re.sub(r":\?[^}]*}", "}", str(value)) for name, value in service.get("environment", {}).items()}

    assert {name: unquote(value) for name, value in wanted.items() if name in given} == {
        name: value for name, value in given.items() if name in wanted
    }
    assert len(given.keys() & wanted.keys()) >= 11


def test_the_location_is_called_as_in_the_workspace() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (server,) = [entry["grpc_server"] for entry in workspace["load_from"]]
    arguments = _arguments(OURS["dagster-code"])
    environment = OURS["dagster-code"]["environment"]

    assert arguments[arguments.index("--location-name") + 1] == server["location_name"]
    assert arguments[arguments.index("--port") + 1] == environment[server["port"]["env"]]
    assert environment[server["host"]["env"]] in SERVICES


@every
def test_ports_are_open_on_this_machine_alone_and_somebody_listens(service: dict[str, Any]) -> None:
    for mapping in service.get("ports", []):
        address, published, target = _interpolated(mapping).split(":")
        assert address == "127.0.0.1"
        assert int(published) > 1024
        told = [*_arguments(service), str(service.get("environment", {}).get("MILLRACE_API_PORT"))]
        told += re.findall(r"listen (\d+);", PROXY) if service["image"].startswith("nginx:") else []
        assert target in told or service["image"].startswith("timescale/")


@every
def test_a_service_that_stays_is_watched(service: dict[str, Any]) -> None:
    if service["restart"] == "no":
        assert "healthcheck" not in service
        return
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["healthcheck"]["retries"] > 1


@every
def test_dependencies_volumes_and_configs_are_declared(service: dict[str, Any]) -> None:
    for name, dependency in service.get("depends_on", {}).items():
        is_watched = "healthcheck" in SERVICES[name]
        assert dependency["condition"] == ("service_healthy" if is_watched else "service_completed_successfully")
    for mount in service.get("volumes", []):
        volume, path, *options = mount.split(":")
        assert volume in COMPOSE["volumes"]
        # Who writes makes the folder, with its rights; who reads comes later.
        assert "timescale" in service["image"] or path in DOCKERFILE
        assert ("nginx" in service["image"]) == (options == ["ro"])
    for config in service.get("configs", []):
        source = COMPOSE["configs"][config["source"]]
        is_written_here = "content" in source or (ROOT / source["file"]).is_file()
        assert is_written_here or source["file"].removeprefix(".") in (ROOT / ".gitignore").read_text().split()


def test_the_databases_are_those_the_urls_name() -> None:
    created = set(re.findall(r"create database (\w+);", COMPOSE["configs"]["databases"]["content"]))
    created.add(SERVICES["timescaledb"]["environment"]["POSTGRES_DB"])
    urls = [value for value in OURS["migrate"]["environment"].values() if "@timescaledb:5432/" in str(value)]

    assert created == {url.rpartition("/")[2] for url in urls}


@every
def test_no_secret_is_written_down(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        if re.search("PASSWORD|KEY|SECRET|TOKEN", name):
            assert re.fullmatch(r"\$\{\w+[^}]*\}", str(value))
            assert not _interpolated(str(value))
        assert not re.search(r"://\w+:[^$@]+@", str(value))


@every
def test_an_image_is_pinned(service: dict[str, Any]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    pinned = {"millrace": version}.get(service["image"].partition(":")[0])

    assert re.search(r":\d+\.\d+\.\d+", service["image"])
    assert pinned is None or service["image"].endswith(f":{pinned}")
    assert re.search(r"^FROM python:3\.1[12]-slim-\w+$", DOCKERFILE, re.MULTILINE)


def test_the_image_is_built_from_the_checkout() -> None:
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = shlex.split(line)
        assert all((ROOT / source).exists() for source in sources)
    pins = re.findall(r"torch==[\d.]+", (ROOT / "pyproject.toml").read_text())
    assert "pip install --no-deps -e ." in DOCKERFILE
    assert set(re.findall(r"torch==[\d.]+", DOCKERFILE)) == set(pins)
    assert {".env", ".git", ".millrace", ".venv"} <= set((ROOT / ".dockerignore").read_text().split())


@ours
def test_nothing_reports_home(service: dict[str, Any]) -> None:
    environment = service["environment"]

    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == environment["GX_ANALYTICS_ENABLED"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "timescaledb.telemetry_level=off" in SERVICES["timescaledb"]["command"]


def test_links_lead_to_the_ports_that_are_published() -> None:
    for name, port in zip(("dagster", "mlflow", "data_docs"), SERVICES["proxy"]["ports"], strict=True):
        address, _, _ = port.rpartition(":")
        assert SERVICES["dagster-code"]["environment"][f"MILLRACE_{name.upper()}_URL"] == f"http://{address}"


def test_runs_are_given_what_they_are_given_on_one_machine() -> None:
    """The tools are told the same by `make up` and here."""
    told = {name: value for name, value in TOOLS_TOLD.items() if name != "PYTHONUNBUFFERED"}
    assert SERVICES["dagster-code"]["environment"].items() >= told.items()
    assert "PYTHONUNBUFFERED=1" in DOCKERFILE


def test_nobody_reaches_the_pages_of_dagster_and_mlflow_but_by_the_proxy() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == [
        "timescaledb",
        "ingestion-api",
        "proxy",
    ]
    upstreams = dict(re.findall(r"listen (\d+);\s+set \$pages http://([\w-]+):", PROXY))
    assert upstreams == {"3000": "dagster-webserver", "5001": "mlflow"}


@pytest.mark.parametrize(("setting", "is_read_only"), [("", False), ("false", False), ("true", True)])
def test_one_setting_makes_the_pages_of_dagster_read_only(
    monkeypatch: pytest.MonkeyPatch, setting: str, is_read_only: bool
) -> None:
    """As the webserver's own command line understands it."""
    service = SERVICES["dagster-webserver"]
    given = service["environment"]["DAGSTER_WEBSERVER_READ_ONLY"]
    assert given == "${MILLRACE_DAGSTER_READ_ONLY:-false}"
    monkeypatch.setenv("DAGSTER_WEBSERVER_READ_ONLY", setting or _interpolated(given))
    program, *arguments = _arguments(service)
    command = webserver.make_context(program, arguments, auto_envvar_prefix="DAGSTER_WEBSERVER")
    assert command.params["read_only"] is is_read_only
