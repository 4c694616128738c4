"""What can go wrong on the ground floor. Faults in a batch's items do not belong here.

WarehouseError
├── EmbeddedPostgresError
│   ├── BinariesMissing
│   ├── DataDirUnusable
│   ├── NotStarted
│   ├── PortTaken
│   ├── StartFailed
│   └── TooLittleDisk
├── MigrationError
├── RolesNotMade
└── LoadError
    └── PageInconsistent
"""


class WarehouseError(Exception):
    """Base of everything this package raises itself."""


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


class MigrationError(WarehouseError):
    """The database cannot be brought to the current revision."""


class RolesNotMade(WarehouseError):
    """The packages' roles cannot be given logins."""


class LoadError(WarehouseError):
    """A site cannot be loaded."""


class PageInconsistent(LoadError):
    """A pulled page contradicts its own ledger; nothing of it was stored."""
