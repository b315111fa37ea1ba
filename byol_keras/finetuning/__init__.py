"""From an encoder and a few labels to a classifier."""

from .classifier import Classifier
from .finetuning import finetune, finetuned_predictions

__all__ = ["Classifier", "finetune", "finetuned_predictions"]
