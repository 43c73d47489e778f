"""Which of the primary strategy's trades to take: training, storing and asking the meta model.

Belongs here: everything between a training set and a probability. Does not belong here: labels
(`rooney_core.labeling`), verdicts on a model (`rooney_core.gates`).

Only what the trader needs is imported here; training is `rooney_core.modeling.training`, which
loads scikit-learn and Optuna.
"""

from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.model_row import META_MODEL_SCHEMA, model_version

__all__ = ["META_MODEL_SCHEMA", "MetaModel", "model_version"]
