"""Detectors of anomalies, all behind `ml.detectors.protocol`."""
