"""Definitions, loaded by themselves: each file wires the package of its own name. What is due is not decided here."""
