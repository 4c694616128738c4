"""Names stand in one table, which only its readers may read (C39, S1-018, S3-022)."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from warehouse.errors import NamesUnreadable
from warehouse.worker_names import import_names


@pytest.fixture
def names(tmp_path: Path) -> Path:
    file = tmp_path / "names.csv"
    file.write_text("worker_code,department,name\nW1,A,Ada Lovelace\nW2,A,Grace Hopper\n", encoding="utf-8-sig")
    return file


def read(engine: Engine, role: str) -> list[str]:
    with engine.begin() as connection:
        connection.execute(text(f"set local role {role}"))
        return list(connection.scalars(text("select name from restricted.worker_names order by worker_code")))


def test_names_are_imported_and_replaced(warehouse_engine: Engine, names: Path) -> None:
    assert import_names(warehouse_engine, "demo", names) == 2
    names.write_text("worker_code,name\nW2,Grace B. M. Hopper\n")
    assert import_names(warehouse_engine, "demo", names) == 1
    assert read(warehouse_engine, "worker_names_reader") == ["Ada Lovelace", "Grace B. M. Hopper"]


def test_bi_reader_reads_no_name(warehouse_engine: Engine, names: Path) -> None:
    import_names(warehouse_engine, "demo", names)
    with pytest.raises(ProgrammingError, match="permission denied"):
        read(warehouse_engine, "bi_reader")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("worker_code;name\nW1;Ada\n", "needs the columns worker_code and name"),
        ("worker_code,name\nW1,Ada\nW2,\n", "line 3: worker_code or name is empty"),
        ("worker_code,name\nW1\n", "line 2: worker_code or name is empty"),
    ],
)
def test_a_bad_file_changes_nothing(warehouse_engine: Engine, names: Path, content: str, complaint: str) -> None:
    names.write_text(content)
    with pytest.raises(NamesUnreadable, match=complaint):
        import_names(warehouse_engine, "demo", names)
    assert read(warehouse_engine, "worker_names_reader") == []


def test_a_missing_file_is_named(warehouse_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NamesUnreadable, match=r"names\.csv cannot be read"):
        import_names(warehouse_engine, "demo", tmp_path / "names.csv")
