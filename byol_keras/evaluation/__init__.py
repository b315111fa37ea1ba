"""How good, and how healthy, a representation is."""

from .compression import Compression, CompressionRow, compression_curve
from .controls import pca, raw_pixels
from .diagnosis import Verdict, verdict
from .features import extract_features
from .health import alignment, effective_rank, normalized_std, representation_health, uniformity
from .intervals import interval
from .judging import judge
from .linear import linear_predictions, linear_probe
from .lookalikes import Pairs, Retrieval, retrieval, same_or_different
from .neighbours import knn_accuracy, knn_predictions
from .principal import PrincipalComponents
from .results import Evaluation, Row
from .subsets import split_labelled, subset
from .tables import table
from .untrained import untrained

__all__ = [
    "Compression",
    "CompressionRow",
    "Evaluation",
    "Pairs",
    "PrincipalComponents",
    "Retrieval",
    "Row",
    "Verdict",
    "alignment",
    "compression_curve",
    "effective_rank",
    "extract_features",
    "interval",
    "judge",
    "knn_accuracy",
    "knn_predictions",
    "linear_predictions",
    "linear_probe",
    "normalized_std",
    "pca",
    "raw_pixels",
    "representation_health",
    "retrieval",
    "same_or_different",
    "split_labelled",
    "subset",
    "table",
    "uniformity",
    "untrained",
    "verdict",
]
