"""The physics of a simulated pump: ten correlated sensors around the figures of S2-005..014, and a bearing that fails.

Which pumps there are is in `plant.py`; what goes wrong on the way to the API, in `mishaps.py`.
"""

from datetime import datetime, tzinfo
from math import exp, pi, sin
from random import Random

CASING_LAG, BEARING_LAG = 0.06, 0.04  # share of the way to the steady temperature that one minute covers


class Pump:
    """One pump, read minute by minute.

    Args:
        rng: The pump's own source of chance.
        time_zone: In which its hall has day and night.
        fault: From when to when its bearing wears out; None for a healthy pump.
    """

    def __init__(self, rng: Random, time_zone: tzinfo, fault: tuple[datetime, datetime] | None) -> None:
        self._rng = rng
        self._time_zone = time_zone
        self._fault = fault
        self._trim = rng.uniform(-1, 1)  # no two pumps are alike
        self._wander = 0.0
        self._bearing_rise: float | None = None  # kelvin above the ambience, like the next
        self._casing_rise = 0.0

    def read(self, at: datetime) -> tuple[float, ...]:
        """Return the values of `plant.SENSORS`, in their order and units. The times must rise by a minute."""
        local = at.astimezone(self._time_zone)
        hour = local.hour + local.minute / 60
        noise = self._rng.gauss
        load, wear = self._load(hour), self._wear(at)

        ambient = 23.0 + 4.5 * sin((hour - 9) / 24 * 2 * pi) + 0.2 * self._wander
        bearing_rise = 34.5 + 17.0 * load + 1.2 * self._trim + 27.0 * wear
        casing_rise = 21.0 + 16.0 * load + 0.8 * self._trim + 6.0 * wear
        if self._bearing_rise is None:
            self._bearing_rise, self._casing_rise = bearing_rise, casing_rise
        self._bearing_rise += BEARING_LAG * (bearing_rise - self._bearing_rise)
        self._casing_rise += CASING_LAG * (casing_rise - self._casing_rise)

        rpm = 1_499.0 - 22.0 * load - 4.0 * wear + noise(0, 0.8)
        flow = 170.0 * load * rpm / 1_480.0 - 3.0 * wear + noise(0, 1.0)
        bearing = ambient + self._bearing_rise + noise(0, 0.25)
        return (
            round(rpm, 1),
            round(bearing, 2),
            round(4.9 - 0.009 * bearing + noise(0, 0.02), 3),
            round(1.6 + 1.35 * load + 0.1 * self._trim + 7.0 * wear + abs(noise(0, 0.08 + 0.5 * wear)), 3),
            round(flow, 2),
            round(2.2 - 0.45 * load + noise(0, 0.01), 3),
            round(9.0 - 0.0001 * flow * flow - 0.4 * wear + noise(0, 0.02), 3),
            round(9.0 + 22.5 * load + 2.2 * wear + noise(0, 0.15), 2),
            round(ambient + self._casing_rise + noise(0, 0.2), 2),
            round(ambient + noise(0, 0.1), 2),
        )

    def _load(self, hour: float) -> float:
        """Return the load factor: lower at night and in breaks, wandering all the time."""
        self._wander = 0.97 * self._wander + self._rng.gauss(0, 0.24)
        load = 0.86 + 0.03 * self._trim + 0.02 * self._wander
        if hour >= 22 or hour < 6:
            load -= 0.08
        if 0.0 <= (hour % 4) - 2.0 < 0.25:  # every four hours a line stands for a quarter
            load -= 0.12
        return min(max(load, 0.4), 1.05)

    def _wear(self, at: datetime) -> float:
        """Return how worn the bearing is, 0 to 1: slow at first, then faster."""
        if self._fault is None or at <= self._fault[0]:
            return 0.0
        share = min((at - self._fault[0]) / (self._fault[1] - self._fault[0]), 1.0)
        return (exp(2 * share) - 1) / (exp(2) - 1)
