"""Was the primary strategy's trade worth taking? Trades as labelled samples with their spans.

Belongs here: labels, spans, weights and the window of each sample. Does not belong here: what is
known at the signal (`rooney_core.features`), or learning from it (`rooney_core.modeling`).
"""

from rooney_core.labeling.settings import LabelSettings
from rooney_core.labeling.training_set import build_training_set
from rooney_core.labeling.triple_barrier import LABELS_SCHEMA, label_trades
from rooney_core.labeling.uniqueness import average_uniqueness

__all__ = [
    "LABELS_SCHEMA",
    "LabelSettings",
    "average_uniqueness",
    "build_training_set",
    "label_trades",
]
