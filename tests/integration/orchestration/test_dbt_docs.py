"""The documentation of the models: one page, with a warehouse or without, served on loopback."""

import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from orchestration.local.dbt_docs import build, open_server, reachable_warehouse
from orchestration.local.errors import PortTaken
from warehouse.settings import WarehouseSettings


def test_the_page_tells_every_mart_without_a_warehouse(tmp_path: Path, free_port: int) -> None:
    nowhere = WarehouseSettings(warehouse_url=f"postgresql://nobody@127.0.0.1:{free_port}/none")
    assert reachable_warehouse(nowhere) is None
    site = build(None, tmp_path)
    page = (site / "index.html").read_text()
    marts = [path.stem for path in Path("dbt_project/models/marts").rglob("*.sql")]
    assert marts and [name for name in marts if f"model.millrace.{name}" not in page] == []
    assert "Least-squares slope of the daily means" in page
    assert [path.name for path in site.iterdir()] == ["index.html"]


def test_the_page_tells_the_tables_of_a_warehouse(tmp_path: Path, warehouse_url: str) -> None:
    dsn = reachable_warehouse(WarehouseSettings(warehouse_url=warehouse_url))
    assert dsn is not None
    page = (build(dsn, tmp_path) / "index.html").read_text()
    # A comment that no file of the project holds: it comes from the database's catalog.
    assert "UCUM, as first seen" in page and "reason_code: item count" in page
    assert str(dsn.split(":")[2].split("@")[0]) not in page  # the password


def test_readers_are_answered_on_loopback_and_a_taken_port_is_told(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "index.html").write_text("docs")
    with open_server(tmp_path, free_port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/") as answer:
            assert answer.read() == b"docs"
        with pytest.raises(PortTaken, match="DOCS_PORT"):
            open_server(tmp_path, free_port)
        server.shutdown()
    with socket.create_server(("127.0.0.1", free_port)), pytest.raises(PortTaken):
        open_server(tmp_path, free_port)
