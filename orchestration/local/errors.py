"""What stops the platform on one machine. Each message says in one line what to do."""


class LocalPlatformError(Exception):
    """Base of the errors below."""


class PortTaken(LocalPlatformError):
    """Something else listens where one of our processes should."""


class DataDirectoryUnusable(LocalPlatformError):
    """The data directory belongs to something else, or to another run that is still going on."""


class ProcessFailed(LocalPlatformError):
    """A process does not start, or keeps dying."""


class DocsNotBuilt(LocalPlatformError):
    """dbt could not build the documentation of the models."""


class DemoStalled(LocalPlatformError):
    """The demo's input is in, but the platform did not finish its work in time."""
