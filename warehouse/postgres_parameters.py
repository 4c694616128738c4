"""Server parameters of the embedded PostgreSQL: those of a laptop, and those that archive WAL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from warehouse.backup_place import BackupPlace
from warehouse.postgres_binaries import Account

HOST: Final = "127.0.0.1"
_PARAMETERS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "jit": "off",
    # A client that was killed must not keep its locks until its statement ends.
    "client_connection_check_interval": "5s",
}


def server_parameters(
    backup_dir: Path | None, cluster: Path, account: Account | None, own: Mapping[str, str]
) -> dict[str, str]:
    """The parameters that a server is started with; prepares the place that WAL is archived in.

    Args:
        backup_dir: Where WAL is archived; None: nowhere.
        cluster: PostgreSQL's own directory.
        account: The account that the server runs under; None: that of this process.
        own: Parameters that win over all others.

    Raises:
        BackupFailed: The server could not archive WAL there.
    """
    archive: dict[str, str] = {}
    if backup_dir is not None:
        place = BackupPlace.of_cluster(backup_dir, cluster)
        place.prepare(account)
        archive = place.archive_parameters()
    return {**_PARAMETERS, **archive, **own}
