"""How long equipment will still run: forecasts with intervals from run-to-failure histories (ISO 13374 prognostics).

Anomaly detection does not belong here.
"""
