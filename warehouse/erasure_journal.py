"""The archive's own record of erasures, so that one outlives a database that is brought back to before it (C39).

`erasures.jsonl` in the archive's directory has a line for each erasure and for each file that was written anew. It
names no erased code: a slow, salted hash of it is enough to know the code again. Erasing is done elsewhere.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_NAME = "erasures.jsonl"


@dataclass(frozen=True)
class ErasedWorker:
    """An erasure that was asked for; `code_hash` is the erased code's, by scrypt with `salt`, both hexadecimal."""

    site_code: str
    pseudonym: str
    salt: str
    code_hash: str

    def is_of(self, worker_code: str) -> bool:
        """Whether it is this code that was erased."""
        return secrets.compare_digest(self.code_hash, _hash(worker_code, self.salt))


@dataclass(frozen=True)
class RenewedFile:
    """A file that took another one's place; paths are relative to the archive's directory."""

    former_path: str
    former_sha256: str
    path: str
    sha256: str
    checksum: str
    byte_count: int


def note_worker(directory: Path, site_code: str, worker_code: str, pseudonym: str) -> None:
    """Record an erasure before it is done, unless it is recorded."""
    for known in workers(directory):
        if (known.site_code, known.pseudonym) == (site_code, pseudonym) and known.is_of(worker_code):
            return
    salt = secrets.token_hex(16)
    _append(directory, asdict(ErasedWorker(site_code, pseudonym, salt, _hash(worker_code, salt))))


def note_file(directory: Path, file: RenewedFile) -> None:
    """Record a file that was written anew, before any ledger names it."""
    _append(directory, asdict(file))


def workers(directory: Path) -> list[ErasedWorker]:
    """The erasures, oldest first."""
    return [ErasedWorker(**line) for line in _lines(directory) if "pseudonym" in line]


def files(directory: Path) -> list[RenewedFile]:
    """The files that were written anew, oldest first."""
    return [RenewedFile(**line) for line in _lines(directory) if "former_path" in line]


def _hash(worker_code: str, salt: str) -> str:
    # Codes are short: some milliseconds and 4 MiB a guess. Knowing one again after a rewind costs a guess a worker.
    return hashlib.scrypt(worker_code.encode(), salt=bytes.fromhex(salt), n=2**12, r=8, p=1, dklen=32).hex()


def _append(directory: Path, line: dict[str, Any]) -> None:
    path = directory / _NAME
    # What a writer that was killed began ends here: a line is whole, or it is none.
    start = "\n" if path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size else ""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{start}{json.dumps(line)}\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(directory: Path) -> Iterator[dict[str, Any]]:
    path = directory / _NAME
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # begun by a writer that was killed: what it would have recorded was not done
