"""PostgreSQL's disk fills up and is freed again: 503 meanwhile, and afterwards each item is stored once."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SEED = int(os.environ.get("MILLRACE_SURVIVAL_SEED", "1"))
ROWS = 4_000
SIZE_MIB = 1_400  # PostgreSQL is not started with less than 1 GiB free
ROOM_KIB = 256


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk in memory, in a place that PostgreSQL's account can enter."""
    place = Path(tempfile.mkdtemp(prefix="millrace-disk-", dir="/var/tmp"))
    place.chmod(0o755)
    command = ["/bin/mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=755", "millrace", str(place)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True) if os.geteuid() == 0 else None
    if mounted is None or mounted.returncode != 0:
        place.rmdir()
        pytest.skip(f"a disk can be mounted by root only: {mounted.stderr.strip() if mounted else 'this is not root'}")
    yield place
    subprocess.run(["/bin/umount", "--lazy", str(place)], check=True)
    place.rmdir()


def test_full_disk_of_the_database(small_disk: Path, make_plant: Callable[..., Any]) -> None:
    """C4, DESIGN 6: a full disk stops the intake and loses nothing."""
    plant = make_plant(SEED, data_dir=small_disk / "data")
    plant.start()
    for number in range(2):
        plant.add_edge(f"line-{number}", ROWS)
    for edge in plant.edges:
        edge.start()
    plant.wait_for(lambda: plant.stored() >= 500, "500 items are stored")
    shrink(small_disk)
    refusal = plant.wait_for(lambda: refused(plant), "the API says that it cannot store")
    assert int(refusal["retry_after"]) > 0
    assert httpx.get(f"{plant.url}/health/live").status_code == 200
    free(small_disk)
    plant.finish()
    plant.check()


def shrink(disk: Path) -> None:
    """Leave it hardly any room: what another program's log does overnight."""
    used_kib = -(-shutil.disk_usage(disk).used // 1024)
    subprocess.run(["/bin/mount", "-o", f"remount,size={used_kib + ROOM_KIB}k", str(disk)], check=True)


def free(disk: Path) -> None:
    subprocess.run(["/bin/mount", "-o", f"remount,size={SIZE_MIB}m", str(disk)], check=True)


def refused(plant: Any) -> dict[str, Any] | None:
    """The first 503 that a client was given."""
    return next((exchange for exchange in plant.exchanges() if exchange.get("status") == 503), None)
