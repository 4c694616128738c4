"""Sensors and schedules whose pages in Dagster say what they are for: what their docstrings say."""

import inspect
from collections.abc import Callable
from typing import Any

import dagster as dg

Look = Callable[..., Any]


def sensor(**options: Any) -> Callable[[Look], dg.SensorDefinition]:
    """As `dg.sensor`, which takes no description from the docstring."""
    return lambda look: dg.sensor(description=inspect.getdoc(look), **options)(look)


def schedule(**options: Any) -> Callable[[Look], dg.ScheduleDefinition]:
    """As `dg.schedule`, which takes no description from the docstring."""
    return lambda look: dg.schedule(description=inspect.getdoc(look), **options)(look)
