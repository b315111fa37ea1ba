"""What an encoder is for: models on top of one for segmentation, detection, super-resolution and clips, and judges."""

from .backbone import PyramidBackbone, keras_cv_backbone
from .clips import clip_classifier
from .measures import intersection_over_union, mean_average_precision, mean_iou, peak_signal_to_noise
from .resolution import super_resolution
from .segmentation import segmenter

__all__ = [
    "PyramidBackbone",
    "clip_classifier",
    "intersection_over_union",
    "keras_cv_backbone",
    "mean_average_precision",
    "mean_iou",
    "peak_signal_to_noise",
    "segmenter",
    "super_resolution",
]
