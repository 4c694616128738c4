"""How much to send at once and how long to wait after a failure (C5, S1-051). Sending belongs to `forwarder.py`."""

from random import Random

from edge_client.settings import EdgeSettings


class Pacing:
    """Batch size and backoff: both adapt to the answers.

    A batch starts small, doubles while a backlog drains, and halves when the API says that it is too much. The wait
    doubles with each failure in a row.
    """

    def __init__(self, settings: EdgeSettings, jitter: Random) -> None:
        self._settings = settings
        self._jitter = jitter
        self._failures = 0
        self.batch_size = min(settings.batch_min, settings.batch_max)

    def answered(self) -> None:
        """Learn that the API took a request: the next failure is the first again."""
        self._failures = 0

    def succeeded(self, pending: int) -> None:
        """Learn that a batch is stored and how many items still wait."""
        if pending >= self.batch_size:
            self.batch_size = min(self.batch_size * 2, self._settings.batch_max)
        elif pending == 0:
            self.batch_size = min(self._settings.batch_min, self._settings.batch_max)

    def found_too_large(self) -> None:
        """Learn that a batch was too large (413)."""
        self.batch_size = max(1, self.batch_size // 2)

    def failed(self, *, is_overloaded: bool, retry_after_s: float | None = None) -> float:
        """Learn that an attempt failed, and return how many seconds to wait.

        Args:
            is_overloaded: The API answered, but could not take the batch (429, 503).
            retry_after_s: What the API asked for. It is a lower limit: it knows better than the schedule.
        """
        if is_overloaded:
            self.batch_size = max(min(self._settings.batch_min, self.batch_size), self.batch_size // 2)
        nominal = min(self._settings.backoff_min_s * 2.0**self._failures, self._settings.backoff_max_s)
        self._failures = min(self._failures + 1, 30)
        # Half of the wait is random, so that devices that lost the API together do not come back together.
        wait_s = nominal * (0.5 + 0.5 * self._jitter.random())
        return wait_s if retry_after_s is None else max(wait_s, retry_after_s * (1 + 0.1 * self._jitter.random()))
