"""Fitted models as ONNX graphs, for ONNX Runtime to judge with. Fitting and running them do not belong here."""
