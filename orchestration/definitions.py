"""The code location: everything in `defs/`, and what concerns every asset. Nothing is registered by hand."""

import gc
from pathlib import Path

import dagster as dg

# What is loaded stays: looking for garbage in it takes a seventh of the time, and every run loads it.
gc.disable()
# A run is a process of its own already; another process for each step would double its start of many seconds.
defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    dg.Definitions(executor=dg.in_process_executor),
)
gc.enable()
