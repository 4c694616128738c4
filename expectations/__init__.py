"""Plausibility, completeness and lateness of loaded data. Shape and type are the contract's, keys are dbt's."""
