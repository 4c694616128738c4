"""Windows, detectors, training, scoring and drift. It reads the marts and writes the `ml` schema."""
