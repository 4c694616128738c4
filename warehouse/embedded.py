"""The database for laptops, tests and CI: a real PostgreSQL on loopback, in a data directory of its own (D8).

Schemas and roles do not belong here; `migrate.py` makes them.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, NullPool, text
from sqlalchemy.exc import OperationalError

from warehouse.engine import create_engine
from warehouse.errors import DataDirUnusable, NotStarted, PortTaken, StartFailed
from warehouse.file_lock import locked
from warehouse.postgres_binaries import Account, program_directory, reachable_home, unprivileged_account
from warehouse.postgres_cluster import (
    create_cluster,
    ensure_password,
    port_taken,
    refuse_full_disk,
    refuse_taken_port,
    refuse_unusable,
    server_environment,
)
from warehouse.postgres_log import last_line, rotate
from warehouse.postgres_parameters import HOST, server_parameters
from warehouse.postgres_process import (
    end,
    find_postmaster,
    forget_stale_postmaster,
    kill_orphans,
    orphans,
)

USER = "millrace"
_ORPHAN_PATIENCE_S = 5.0
_STOP_TIMEOUT_S = 60.0


class EmbeddedPostgres:
    """One PostgreSQL server on one data directory. Any number of processes may start it; the first one does.

    Args:
        data_dir: Holds the cluster, its password (`postgres.password`, mode 0600) and its log (`postgres.log`).
        port: Loopback port.
        start_timeout_s: Limit for one start, crash recovery included.
        parameters: Server parameters that win over the defaults.
        backup_dir: Where WAL is archived and base backups are kept (`backup.py`); None: nowhere.
    """

    def __init__(
        self,
        data_dir: str | Path,
        port: int,
        start_timeout_s: float = 120,
        *,
        parameters: Mapping[str, str] | None = None,
        backup_dir: Path | None = None,
    ) -> None:
        self.data_dir = Path(data_dir).expanduser().resolve()
        self.port = port
        self.start_timeout_s = start_timeout_s
        self.backup_dir = backup_dir
        self._own_parameters = dict(parameters or {})

    @property
    def log_file(self) -> Path:
        """What the server writes about itself."""
        return self.data_dir / "postgres.log"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own directory. Outside the data directory only where root's server could not enter that."""
        note = self.data_dir / "postgres.place"
        home = Path(note.read_text().strip()) if note.exists() else self.data_dir
        return home / "postgres"

    @property
    def password_file(self) -> Path:
        """Holds the owner's password, mode 0600."""
        return self.data_dir / "postgres.password"

    def with_parameters(self, parameters: Mapping[str, str], start_timeout_s: float) -> "EmbeddedPostgres":
        """The same server, to be started with more parameters."""
        parameters = {**self._own_parameters, **parameters}
        return EmbeddedPostgres(
            self.data_dir, self.port, start_timeout_s, parameters=parameters, backup_dir=self.backup_dir
        )

    def programs(self) -> Path:
        """The directory of PostgreSQL's programs, as this process may run them.

        Raises:
            BinariesMissing: They are not installed.
        """
        return program_directory(self.cluster.parent, None)

    def start(self) -> None:
        """Start the server, or adopt the one that already runs on this data directory.

        Raises:
            PortTaken: Another program listens on the port, or this server runs on another one.
            DataDirUnusable: Another version, another account or another program made the data directory.
            TooLittleDisk: Less than 1 GiB is free.
            BinariesMissing: PostgreSQL's programs are not installed.
            StartFailed: The server did not become ready in time.
            BackupFailed: It could not archive WAL.
        """
        with self._locked():
            deadline = time.monotonic() + self.start_timeout_s
            refuse_unusable(self.cluster, self.password_file)
            if self._adopt(deadline):
                return
            account = unprivileged_account(self.cluster)
            home = reachable_home(self.data_dir, account)
            refuse_full_disk(home)
            self._end_orphans(deadline)  # they may hold the port
            refuse_taken_port(HOST, self.port)
            programs = program_directory(home, account)
            if not self.cluster.exists():
                create_cluster(self.cluster, USER, ensure_password(self.password_file), programs, account)
            self._launch(programs, account, deadline)

    def stop(self) -> None:
        """Stop the server with a fast shutdown: sessions are ended, nothing committed is lost. No server, no deed.

        Raises:
            StartFailed: The server did not end.
        """
        if not self.data_dir.exists():
            return
        with self._locked():
            self._stop()

    def remove(self) -> None:
        """Stop the server and delete its cluster, password and log. The data is gone."""
        if not self.data_dir.exists():
            return
        with self._locked():
            self._stop()
            home = self.cluster.parent
            if home != self.data_dir:
                shutil.rmtree(home)
            for path in (*self.data_dir.glob("postgres*"), *self.data_dir.glob("programs[-.]*")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def is_running(self) -> bool:
        """Whether the server of this data directory answers on the port."""
        found = find_postmaster(self.cluster)
        return bool(found and found.is_ready and found.port == self.port and self._answer() is None)

    def postmaster_pid(self) -> int | None:
        """Process id of the running server's main process."""
        return found.pid if (found := find_postmaster(self.cluster)) else None

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database on this server, password included.

        Raises:
            NotStarted: The data directory holds no database yet.
        """
        return self._url(database).render_as_string(hide_password=False)

    def ensure_database(self, name: str) -> None:
        """Create a database unless it is there. The server must run."""
        engine = create_engine(self._url("postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        quoted = '"' + name.replace('"', '""') + '"'
        with self._locked(), engine.connect() as connection:
            known = text("select 1 from pg_database where datname = :name")
            if connection.execute(known, {"name": name}).first() is None:
                connection.execute(text(f"create database {quoted}"))

    # --- parts of start ---

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.data_dir / "postgres.lock"
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            lock.touch(0o600)
        except OSError as error:
            raise DataDirUnusable(
                f"{self.data_dir} cannot be used ({error.strerror}): set MILLRACE_DATA_DIR to a directory of yours."
            ) from error
        try:
            with locked(lock, self.start_timeout_s + _STOP_TIMEOUT_S):
                yield
        except TimeoutError as error:
            raise StartFailed(f"{error}: end it, then retry.") from error

    def _adopt(self, deadline: float) -> bool:
        """Wait for a server that is there but starting or ending; True once it is ready to use."""
        refusal: str | None = "it is starting"
        while (postmaster := find_postmaster(self.cluster)) is not None:
            if postmaster.is_ready and postmaster.port != self.port:
                raise PortTaken(
                    f"The server of {self.data_dir} already runs on port {postmaster.port}: "
                    f"set MILLRACE_POSTGRES_PORT to {postmaster.port}, or stop it first (python -m warehouse stop)."
                )
            if postmaster.is_ready and (refusal := self._answer()) is None:
                return True
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"The server of {self.data_dir} runs but does not answer ({refusal}): {last_line(self.log_file)}"
                )
            time.sleep(0.1)
        return False

    def _end_orphans(self, deadline: float) -> None:
        """Wait for what a killed server left behind, then end it: a new one cannot start beside it."""
        patience_ends = time.monotonic() + _ORPHAN_PATIENCE_S
        while orphans(self.cluster):
            if time.monotonic() > patience_ends:
                kill_orphans(self.cluster)
            if time.monotonic() > deadline:
                raise StartFailed(f"Processes of an earlier server still use {self.cluster}: end them, then retry.")
            time.sleep(0.1)
        forget_stale_postmaster(self.cluster)

    def _launch(self, programs: Path, account: Account | None, deadline: float) -> None:
        log_start = rotate(self.log_file)
        command = [str(programs / "postgres"), "-D", str(self.cluster), "-p", str(self.port)]
        for name, value in server_parameters(self.backup_dir, self.cluster, account, self._own_parameters).items():
            command += ["-c", f"{name}={value}"]
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=server_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **(account.process_options() if account else {}),
            )
        self._await_ready(process, log_start, deadline)

    def _await_ready(self, process: subprocess.Popen[bytes], log_start: int, deadline: float) -> None:
        while True:
            if process.poll() is not None:
                written = self.log_file.read_bytes()[log_start:].decode(errors="replace")
                if "could not bind" in written:
                    raise port_taken(HOST, self.port)
                raise StartFailed(f"PostgreSQL ended while starting (log: {self.log_file}): {last_line(self.log_file)}")
            postmaster = find_postmaster(self.cluster)
            if postmaster is not None and postmaster.is_ready and self._answer() is None:
                # The server outlives us: it is not waited for, and the interpreter must not warn of that.
                process.returncode = 0
                return
            if time.monotonic() > deadline:
                self._stop()
                raise StartFailed(
                    f"PostgreSQL was not ready within {self.start_timeout_s:g} s (log: {self.log_file}): "
                    "set MILLRACE_POSTGRES_START_TIMEOUT_S higher if the disk is slow."
                )
            time.sleep(0.05)

    def _stop(self) -> None:
        postmaster = find_postmaster(self.cluster)
        if postmaster is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate shutdown
            if end(postmaster, how, _STOP_TIMEOUT_S / 2):
                return
        raise StartFailed(f"The server of {self.data_dir} (process {postmaster.pid}) does not end.")

    # --- password, connection, log ---

    def _url(self, database: str) -> URL:
        try:
            password = self.password_file.read_text()
        except FileNotFoundError as error:
            raise NotStarted(
                f"There is no database in {self.data_dir} yet: start it (python -m warehouse start), "
                "or set the database URLs to a server of your own."
            ) from error
        except PermissionError as error:
            raise DataDirUnusable(f"{self.password_file} cannot be read: it belongs to another account.") from error
        return URL.create("postgresql+psycopg", USER, password, HOST, self.port, database)

    def _answer(self) -> str | None:
        """None where our own server answers on the port, else what was heard instead."""
        engine = create_engine(self._url("postgres"), poolclass=NullPool, connect_args={"connect_timeout": 5})
        try:
            with engine.connect() as connection:
                directory = connection.scalar(text("select current_setting('data_directory')"))
        except OperationalError as error:
            return str(error.orig).strip()
        return None if Path(str(directory)) == self.cluster else f"{directory} answers instead"
