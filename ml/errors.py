"""What can go wrong in `ml`, drawn as a tree. Raising and handling do not belong here.

MlError
├── NotEnoughData        too little history to train or to judge a model
├── SensorMismatch       windows do not have the shape or the sensors a model was trained on
├── ModelTooOld          a model was stored by an earlier release, and lacks what this one needs
├── NotFitted            a detector is asked to score before it was fitted
├── GraphDisagrees       the ONNX graph of a model scores other than the model
├── TrainingInProgress   another training of the same model holds the lock
├── TrackingUnavailable  the MLflow server does not answer
└── NothingToRollBackTo  no earlier champion is recorded
"""


class MlError(Exception):
    """Anything that `ml` raises on purpose; its text is meant for a person."""


class NotEnoughData(MlError):
    """There is too little history to train or to judge a model."""


class SensorMismatch(MlError):
    """Windows do not have the shape or the sensors that a model was trained on."""


class ModelTooOld(MlError):
    """A model was stored by an earlier release, and lacks what this one needs; it has to be trained anew."""


class NotFitted(MlError):
    """A detector was asked to score or explain before it was fitted."""


class GraphDisagrees(MlError):
    """The ONNX graph of a model scores other than the model it was made from."""


class TrainingInProgress(MlError):
    """Another training of the same model is running; one of the two has to wait."""


class TrackingUnavailable(MlError):
    """The MLflow server does not answer or refused."""


class NothingToRollBackTo(MlError):
    """The promotion ledger knows no champion before the present one."""
