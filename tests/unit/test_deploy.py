"""What spreads the platform over machines cannot be run here; it must be valid, complete and equal to what runs."""

import json
import re
import tomllib
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
from dagster_postgres.utils import pg_url_from_config
from kubernetes import client as kubernetes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ONE_MACHINE: dict[str, Any] = yaml.safe_load((ROOT / "orchestration" / "dagster.yaml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "helm" / "dagster-values.yaml").read_text())
(CODE,) = VALUES["dagster-user-deployments"]["deployments"]
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())


def _objects(*names: str) -> list[dict[str, Any]]:
    return [
        one
        for name in names
        for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text())
        if one is not None
    ]


SECRETS = {one["metadata"]["name"]: one for one in _objects("secrets.example.yaml")}
MANIFESTS = {f"{one['kind']} {one['metadata']['name']}": one for one in _objects(*KUSTOMIZATION["resources"])}
PODS: dict[str, dict[str, Any]] = {
    name: one["spec"]["template"] for name, one in MANIFESTS.items() if one["kind"] in ("Deployment", "Job")
}
CONTAINERS = [
    container
    for pod in PODS.values()
    for container in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"])
]


def _accept(kind: str, manifest: dict[str, Any]) -> None:
    """Let Kubernetes' own client judge: what its model does not know is refused, and what it needs must be there."""
    model = getattr(kubernetes, f"V1{kind}")
    k8s_model_from_dict(model, k8s_snake_case_dict(model, manifest))


every = pytest.mark.parametrize("name", MANIFESTS)


def test_with_celery_the_instance_differs_in_its_launcher_and_how_many_runs_there_are() -> None:
    celery = yaml.safe_load((DEPLOY / "celery" / "dagster.yaml").read_text())
    assert celery.pop("run_launcher")["class"] == "WatchedCeleryRunLauncher"
    assert celery["concurrency"]["runs"].pop("max_concurrent_runs") >= 3
    assert celery == _shared("run_launcher")


def test_on_kubernetes_the_instance_differs_in_what_the_chart_writes_itself() -> None:
    instance = json.loads(json.dumps(VALUES["additionalInstanceConfig"]))
    assert instance["concurrency"]["runs"].pop("max_concurrent_runs") >= 3
    assert instance == _shared("run_launcher", "storage", "telemetry")
    assert VALUES["telemetry"] == ONE_MACHINE["telemetry"]
    # The chart would write these keys a second time.
    daemon = VALUES["dagsterDaemon"]
    assert not any(daemon[section]["enabled"] for section in ("runCoordinator", "runMonitoring", "runRetries"))
    assert not any(daemon[section]["useThreads"] for section in ("sensors", "schedules"))


def _shared(*without: str) -> dict[str, Any]:
    """What every instance has in common."""
    shared = json.loads(json.dumps(ONE_MACHINE))
    del shared["concurrency"]["runs"]["max_concurrent_runs"]
    return {key: value for key, value in shared.items() if key not in without}


def test_the_chart_takes_the_values() -> None:
    jsonschema.validate(VALUES, json.loads((ROOT / "tests" / "data" / "dagster_chart_values.json").read_text()))
    assert f"--version {version('dagster')} " in (DEPLOY / "helm" / "dagster-values.yaml").read_text()


def test_the_launcher_of_kubernetes_takes_its_configuration() -> None:
    """As the chart hands it on, to the real launcher; Dagster's own names for the same."""
    given = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    config = {
        "load_incluster_config": given["loadInclusterConfig"],
        "image_pull_policy": given["imagePullPolicy"],
        "service_account_name": "millrace-dagster",
        "dagster_home": VALUES["global"]["dagsterHome"],
        "instance_config_map": "millrace-dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "run_k8s_config": {
            "container_config": given["runK8sConfig"]["containerConfig"],
            "pod_spec_config": given["runK8sConfig"]["podSpecConfig"],
        },
    }
    outcome = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), config)
    assert outcome.success, outcome.errors
    assert VALUES["global"]["postgresqlSecretName"] in SECRETS
    assert VALUES["global"]["dagsterHome"] in COMPOSE["x-platform"]["build"]["dockerfile_inline"]


def test_runs_are_given_what_the_code_server_is_given() -> None:
    context = K8sContainerContext.create_from_config(
        {
            "k8s": {
                "env_secrets": [secret["name"] for secret in CODE["envSecrets"]],
                "env_vars": [f"{name}={value}" for name, value in CODE["env"].items()],
                "volumes": CODE["volumes"],
                "volume_mounts": CODE["volumeMounts"],
                "resources": CODE["resources"],
            }
        }
    )
    spec = context.run_k8s_config
    assert {mount["mount_path"] for mount in spec.container_config["volume_mounts"]} == {
        mount.partition(":")[2]
        for mount in COMPOSE["services"]["dagster-code"]["volumes"]
        if not mount.startswith("dagster:")
    }
    _accept("PodSecurityContext", CODE["podSecurityContext"])


def test_the_code_server_is_given_what_compose_gives_it() -> None:
    (secret,) = (SECRETS[reference["name"]] for reference in CODE["envSecrets"])
    given = {**CODE["env"], **secret["stringData"]}
    theirs = dict(COMPOSE["services"]["dagster-code"]["environment"])
    # The chart's own: where the code server is, where its storage is.
    for name in (
        "MILLRACE_CODE_SERVER_HOST",
        "MILLRACE_CODE_SERVER_PORT",
        "MILLRACE_DAGSTER_STORAGE_URL",
        "DAGSTER_HOME",
    ):
        del theirs[name]
    assert given.keys() == theirs.keys()
    same = [name for name, value in theirs.items() if "$" not in str(value) and "timescaledb" not in str(value)]
    assert {name: given[name] for name in same} == {name: theirs[name] for name in same}
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert CODE["name"] == location["grpc_server"]["location_name"]
    assert CODE["dagsterApiGrpcArgs"][:2] == ["--module-name", "orchestration.definitions"]
    assert find_spec(CODE["dagsterApiGrpcArgs"][1])


def test_the_storage_notifies_through_psycopg2() -> None:
    database = VALUES["postgresql"]
    url = pg_url_from_config(
        {
            "postgres_db": {
                "username": database["postgresqlUsername"],
                "password": "secret",
                "hostname": database["postgresqlHost"],
                "db_name": database["postgresqlDatabase"],
                "port": 5432,
                "scheme": database["postgresqlScheme"],
            }
        }
    )
    assert url == "postgresql+psycopg2://millrace_dagster:secret@postgresql.example.com:5432/millrace_dagster"


def test_one_setting_makes_the_pages_read_only() -> None:
    """The same as in compose, whose test asks the webserver's own command line."""
    name = "DAGSTER_WEBSERVER_READ_ONLY"
    assert VALUES["dagsterWebserver"]["env"][name] == "false"
    assert name in COMPOSE["services"]["dagster-webserver"]["environment"]


@every
def test_kubernetes_takes_the_manifest(name: str) -> None:
    manifest = MANIFESTS[name]
    _accept(manifest["kind"], manifest)
    assert manifest["apiVersion"].rpartition("/")[2] == "v1"


def test_the_secrets_are_such_and_hold_none() -> None:
    for secret in SECRETS.values():
        _accept("Secret", secret)
        for key, value in secret["stringData"].items():
            if re.search("URL$|URI$", key) and value:
                assert ":<password>@" in value
            elif re.search("PASSWORD|KEY|password", key):
                assert value == "" or re.fullmatch("<.*>", value)


def test_what_a_pod_names_is_there() -> None:
    claims = {one["metadata"]["name"] for one in MANIFESTS.values() if one["kind"] == "PersistentVolumeClaim"}
    maps = {one["name"] for one in KUSTOMIZATION["configMapGenerator"]}
    volumes = [*CODE["volumes"], *(volume for pod in PODS.values() for volume in pod["spec"].get("volumes", []))]
    assert {
        volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume
    } == claims
    assert {volume["configMap"]["name"] for volume in volumes if "configMap" in volume} == maps
    used = {source["secretRef"]["name"] for container in CONTAINERS for source in container.get("envFrom", [])}
    assert used | {"millrace-runs", "millrace-dagster-postgresql"} == set(SECRETS)
    for pod in PODS.values():
        declared = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        containers = (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"])
        assert declared == {mount["name"] for container in containers for mount in container.get("volumeMounts", [])}


def test_services_lead_to_pods_and_the_ingress_to_services() -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS.values() if one["kind"] == "Service"}
    for service in services.values():
        (pod,) = (pod for pod in PODS.values() if pod.get("metadata", {}).get("labels") == service["selector"])
        ports = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["ports"]} <= ports
    led = {}
    for rule in MANIFESTS["Ingress millrace"]["spec"]["rules"]:
        (path,) = rule["http"]["paths"]
        backend = path["backend"]["service"]
        led[rule["host"]] = backend["name"]
        assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["ports"]}
    assert led == {
        "api.example.com": "ingestion-api",
        "dagster.example.com": "millrace-proxy",
        "data-docs.example.com": "millrace-proxy",
        "mlflow.example.com": "millrace-proxy",
    }
    assert {CODE["env"][f"MILLRACE_{name}_URL"] for name in ("DAGSTER", "DATA_DOCS", "MLFLOW")} < {
        f"https://{host}" for host in led
    }


def test_the_proxy_is_that_of_compose() -> None:
    theirs = (DEPLOY / "proxy" / "nginx.conf").read_text()
    here = (DEPLOY / "kubernetes" / "nginx.conf").read_text()
    resolver = r"    # Names are found again.*\n    resolver .*\n\n"
    server = re.compile(r" +set \$pages (\S+);\n(.*?\n    }\n)", re.DOTALL)
    theirs, resolvers = re.subn(resolver, "", theirs)
    theirs, servers = server.subn(lambda found: found[2].replace("$pages", found[1]), theirs)
    assert (resolvers, servers) == (1, 2)
    port = VALUES["dagsterWebserver"]["service"]["port"]
    theirs = theirs.replace("http://dagster-webserver:3000", f"http://millrace-dagster-webserver:{port}")
    theirs = re.sub(r"\A(#.*\n)+", "", theirs)
    assert re.sub(r"\A(#.*\n)+", "", here) == theirs


def test_commands_are_installed_and_images_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    scripts = {script.name for script in entry_points(group="console_scripts")}
    for container in CONTAINERS:
        assert container["image"] == "millrace" or re.search(r":\d+\.\d+\.\d+", container["image"])
        if container["image"] == "millrace":
            program, *rest = container["command"]
            assert program in scripts or (program == "python" and find_spec(f"{rest[1]}.__main__"))
    assert {image["newTag"] for image in KUSTOMIZATION["images"]} == {project}
    for part in (CODE, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]):
        assert part["image"]["tag"] == project


def test_three_instances_of_the_api_serve() -> None:
    """C19."""
    assert MANIFESTS["Deployment ingestion-api"]["spec"]["replicas"] == 3
