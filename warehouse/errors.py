"""What can go wrong on the ground floor. Faults in a batch's items do not belong here.

WarehouseError
├── AggregateRefused
├── EmbeddedPostgresError
│   ├── BinariesMissing
│   ├── DataDirUnusable
│   ├── NotStarted
│   ├── PortTaken
│   ├── StartFailed
│   └── TooLittleDisk
├── BackupFailed
│   └── RestoreRefused
├── CopyRefused
├── MigrationError
├── LoadError
│   └── PageInconsistent
├── NamesUnreadable
├── NotErased
├── RolesNotMade
└── StorageError
    ├── ArchiveDamaged
    ├── ArchiveInconsistent
    ├── NothingArchived
    ├── NotOwner
    └── StorageBusy
"""


class WarehouseError(Exception):
    """Base of everything this package raises itself."""


class AggregateRefused(WarehouseError):
    """The continuous aggregate cannot be had here."""


class EmbeddedPostgresError(WarehouseError):
    """The embedded database cannot do what was asked."""


class BinariesMissing(EmbeddedPostgresError):
    """The PostgreSQL programs are not installed."""


class DataDirUnusable(EmbeddedPostgresError):
    """The data directory belongs to somebody else, or another version made it."""


class NotStarted(EmbeddedPostgresError):
    """There is no database yet in this data directory."""


class PortTaken(EmbeddedPostgresError):
    """Another program listens on the port."""


class StartFailed(EmbeddedPostgresError):
    """The server did not become ready, or did not end."""


class TooLittleDisk(EmbeddedPostgresError):
    """The disk is nearly full."""


class BackupFailed(WarehouseError):
    """A backup cannot be taken or restored."""


class RestoreRefused(BackupFailed):
    """Restoring would do harm, or there is nothing to restore."""


class CopyRefused(WarehouseError):
    """The marts cannot be shown as known at that moment, or under that name."""


class MigrationError(WarehouseError):
    """The database cannot be brought to the current revision."""


class RolesNotMade(WarehouseError):
    """The packages' roles cannot be given logins."""


class LoadError(WarehouseError):
    """A site cannot be loaded."""


class PageInconsistent(LoadError):
    """A pulled page contradicts its own ledger; nothing of it was stored."""


class NamesUnreadable(WarehouseError):
    """The file with workers' names is not there, or a line of it is bad."""


class NotErased(WarehouseError):
    """A worker cannot be erased as asked."""


class StorageError(WarehouseError):
    """Rows cannot be archived, restored or dropped."""


class ArchiveDamaged(StorageError):
    """A file of the archive is missing, or is not what was written."""


class ArchiveInconsistent(StorageError):
    """A file does not hold the rows that it should."""


class NothingArchived(StorageError):
    """The archive holds nothing of what was asked for."""


class NotOwner(StorageError):
    """The login does not own the raw tables."""


class StorageBusy(StorageError):
    """Another archiving, restoring or dropping is under way."""
