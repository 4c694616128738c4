"""What the edge client raises. Errors of the API's client are declared beside that client.

EdgeError
├── ConfigurationError   a setting, an option or an input is wrong: nothing was sent, a person must change it
└── SpoolError           the spool cannot be opened, read or written
    └── SpoolFull        the disk, or the spool's file, has no room: nothing is lost, waiting helps
"""


class EdgeError(Exception):
    """The edge client cannot go on; the message is one line that says what is wrong and what to do."""


class ConfigurationError(EdgeError):
    """A setting, an option or an input is wrong, and waiting does not help."""


class SpoolError(EdgeError):
    """The spool file cannot be used, or does not hold what it must."""


class SpoolFull(SpoolError):
    """There is no room on the disk. What was to be written is not in the spool, and can be written later."""
