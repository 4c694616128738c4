"""Physically plausible ranges by unit, for signals without registered limits. Process limits do not belong here.

Wide on purpose: outside them a value is a broken wire, a wrong unit or a wrong scale, whatever the machine.
"""

# UCUM code: (lowest, highest). Relative pressures go down to a vacuum.
PLAUSIBLE_RANGES: dict[str, tuple[float, float]] = {
    "Cel": (-100, 2_000),
    "[degF]": (-150, 3_600),
    "K": (0, 2_300),
    "bar": (-1.1, 5_000),
    "mbar": (-1_100, 5_000_000),
    "Pa": (-110_000, 500_000_000),
    "kPa": (-110, 500_000),
    "MPa": (-0.11, 500),
    "mm/s": (-1_000, 1_000),
    "m/s": (-1_000, 1_000),
    "m/s2": (-50_000, 50_000),
    "um": (-100_000, 100_000),
    "mm": (-1_000_000, 1_000_000),
    "L/min": (-1_000_000, 1_000_000),
    "L/h": (-60_000_000, 60_000_000),
    "m3/h": (-100_000, 100_000),
    "{rpm}": (-200_000, 200_000),
    "/min": (-200_000, 200_000),
    "{rev}/min": (-200_000, 200_000),
    "Hz": (0, 10_000_000),
    "A": (-100_000, 100_000),
    "mA": (-100_000_000, 100_000_000),
    "V": (-1_000_000, 1_000_000),
    "W": (-1_000_000_000, 1_000_000_000),
    "kW": (-1_000_000, 1_000_000),
    "kW.h": (0, 1_000_000_000),
    "%": (-100, 1_000),
}


def values_list() -> str:
    """The table as rows of an SQL `values` list: unit, lowest, highest."""
    return ", ".join(f"('{unit}', {low}, {high})" for unit, (low, high) in PLAUSIBLE_RANGES.items())
