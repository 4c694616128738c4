"""What can go wrong while validating. A failed expectation is a result, not an error, and does not belong here.

ExpectationsError
├── WindowInvalid
├── ThresholdsInvalid
├── WarehouseUnreachable
├── ValidationBroken
├── ReleaseInvalid
└── NothingHeld
"""


class ExpectationsError(Exception):
    """Base of everything this package raises itself."""


class WindowInvalid(ExpectationsError):
    """The window is empty, reversed or without a time zone."""


class ThresholdsInvalid(ExpectationsError):
    """A file of thresholds cannot be read, or says what cannot be."""


class WarehouseUnreachable(ExpectationsError):
    """The warehouse does not answer."""


class ValidationBroken(ExpectationsError):
    """Great Expectations could not evaluate an expectation, so nothing is known about the data."""


class ReleaseInvalid(ExpectationsError):
    """Hours cannot be let go without a person's name and a reason."""


class NothingHeld(ExpectationsError):
    """No hour of the site is held in the range that is to be let go."""
