"""The suites, one file per table, as pure data. Evaluating them needs Great Expectations: see `validate.py`."""

from expectations.suites import events, ledger, readings
from expectations.suites.suite import Dimension, Expectation, Severity, Suite

SUITES: dict[str, Suite] = {suite.name: suite for suite in (readings.SUITE, events.SUITE, ledger.SUITE)}

__all__ = ["SUITES", "Dimension", "Expectation", "Severity", "Suite"]
