"""The proxy of docker-compose.yml as nginx runs it: who has no password gets nothing, who has one gets all."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
ANNA = ("anna", "correct horse")


class Pages(BaseHTTPRequestHandler):
    """Stands for Dagster and MLflow: tells what it was asked, and lets a websocket through."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.write(self.rfile.read(4).upper())
            self.close_connection = True
            return
        told = "\n".join(f"{name.lower()}: {value}" for name, value in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, int]]:
    """The ports of Dagster, MLflow and the Data Docs as nginx serves them, by the project's own configuration."""
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    home = tmp_path_factory.mktemp("proxy")
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        thread = threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        dagster, mlflow, docs, alive = _free(), _free(), _free(), _free()
        (home / "data_docs").mkdir()
        (home / "data_docs" / "index.html").write_text("<h1>Data Docs</h1>")
        # As docs/access.md says.
        command = ["openssl", "passwd", "-6", "-stdin"]
        hashed = subprocess.run(command, input=ANNA[1], capture_output=True, text=True, check=True)
        (home / "users").write_text(f"{ANNA[0]}:{hashed.stdout}")
        here = {
            r"http://(dagster-webserver|mlflow):\d+": f"http://127.0.0.1:{pages.server_port}",
            "/etc/nginx/users": str(home / "users"),
            "listen 3000;": f"listen 127.0.0.1:{dagster};",
            "listen 5001;": f"listen 127.0.0.1:{mlflow};",
            "listen 8591;": f"listen 127.0.0.1:{docs};",
            "/var/lib/millrace/data_docs": str(home / "data_docs"),
            "127.0.0.1:8080": f"127.0.0.1:{alive}",
        }
        configuration = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
        for pattern, replacement in here.items():
            configuration, count = re.subn(pattern, replacement, configuration)
            assert count, pattern
        # Its workers are another account, which cannot enter the folder of the tests.
        places = "".join(
            f"{name}_temp_path {home}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (home / "nginx.conf").write_text("user root;\n" + configuration.replace("http {\n", f"http {{\n{places}", 1))
        command = [NGINX, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "log")]
        server = subprocess.Popen([*command, "-g", f"daemon off; pid {home}/pid;"])
        try:
            _until(lambda: httpx.get(f"http://127.0.0.1:{alive}/", trust_env=False).status_code == 204)
            yield dagster, mlflow, docs
        finally:
            server.terminate()
            server.wait(20)
            pages.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def proxy(doors: tuple[int, int, int]) -> tuple[int, int]:
    """The ports of Dagster and MLflow."""
    return doors[:2]


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if is_true():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def get(port: int, **more: Any) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}/runs?q=1", trust_env=False, **more)


@pytest.mark.parametrize("credentials", [None, ("anna", "wrong"), ("eve", ANNA[1]), ("", "")])
def test_without_name_and_password_nothing_is_served(proxy: tuple[int, int], credentials: Any) -> None:
    for port in proxy:
        answer = get(port, auth=credentials)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Millrace"'
        assert "host:" not in answer.text


def test_with_them_all_is_served_and_the_password_stays_at_the_door(proxy: tuple[int, int]) -> None:
    for port in proxy:
        answer = get(port, auth=ANNA)
        assert answer.status_code == 200
        told = dict(line.split(": ", 1) for line in answer.text.splitlines())
        # MLflow looks at the name it is called by.
        assert told["host"] == f"127.0.0.1:{port}"
        assert told["x-forwarded-user"] == "anna"
        assert "authorization" not in told


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        # As behind whoever ends TLS.
        ("https://127.0.0.1:{port}", 200),
        ("https://evil.example", 403),
        ("http://127.0.0.1", 403),
        ("http://127.0.0.1:{port}.evil.example", 403),
        ("http://evil.example/127.0.0.1:{port}", 403),
        ("null", 403),
    ],
)
def test_the_page_of_another_site_changes_nothing(proxy: tuple[int, int], origin: str, status: int) -> None:
    """A browser sends the password by itself, whoever makes it ask."""
    for port in proxy:
        url, headers = f"http://127.0.0.1:{port}/graphql?query=mutation", {"Origin": origin.format(port=port)}
        assert httpx.post(url, headers=headers, auth=ANNA, trust_env=False).status_code == status


@pytest.mark.parametrize("path", ["/graphql?query=mutation", "/%67raphql?%71uery=mutation", "//graphql?query=mutation"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_alone_asks_dagster_for_nothing(proxy: tuple[int, int], method: str, path: str) -> None:
    """A picture of another site's page has no origin."""
    with socket.create_connection(("127.0.0.1", proxy[0]), timeout=20) as connection:
        login = "Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl"
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{login}\r\n\r\n".encode())
        assert connection.recv(4096).split()[1] == b"403"


def test_a_large_artifact_passes(proxy: tuple[int, int]) -> None:
    url = f"http://127.0.0.1:{proxy[1]}/api/2.0/mlflow-artifacts/artifacts/model"
    assert httpx.put(url, content=bytes(8 << 20), auth=ANNA, trust_env=False).status_code == 204


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ("", b"401"),
        ("Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\nOrigin: http://here\r\n", b"101"),
        ("Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\nOrigin: http://evil.example\r\n", b"403"),
    ],
)
def test_a_websocket_passes_with_a_password_only(proxy: tuple[int, int], credentials: str, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", proxy[0]), timeout=20) as connection:
        request = (
            f"GET /graphql HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{credentials}\r\n"
        )
        connection.sendall(request.encode() + b"ping")
        said = b""
        while part := connection.recv(4096):
            said += part
            if said.endswith(b"PING"):
                break
    assert said.split()[1] == status
    assert said.endswith(b"PING") == (status == b"101")


def test_data_docs_are_shown_as_pages_to_who_may_see_them(doors: tuple[int, int, int]) -> None:
    url = f"http://127.0.0.1:{doors[2]}/"
    assert httpx.get(url, trust_env=False).status_code == 401
    page = httpx.get(url, auth=ANNA, trust_env=False)
    assert (page.status_code, page.headers["content-type"], page.text) == (200, "text/html", "<h1>Data Docs</h1>")
    assert httpx.get(url + "..%2fusers", auth=ANNA, trust_env=False).status_code in (400, 403, 404)
