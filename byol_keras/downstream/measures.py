"""How good segmentation, detection and super-resolution are, by the measures that papers report."""

from collections.abc import Mapping

import numpy as np

__all__ = ["intersection_over_union", "mean_average_precision", "mean_iou", "peak_signal_to_noise"]

Boxes = Mapping[str, np.ndarray]


def mean_iou(truth: np.ndarray, found: np.ndarray, classes: int) -> float:
    """Intersection over union of the pixels of a class, the mean over those that occur in either.

    Args:
        truth: classes of pixels, integers from 0 on, of any shape.
        found: classes that a model gives the same pixels.
        classes: number of classes.

    Example:
    >>> mean_iou(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), classes=2)  # 1 of 2, and 2 of 3
    0.5833333333333333
    """
    truth, found = (_as_classes(*each, classes) for each in (("truth", truth), ("found", found)))
    _check_same_shape(truth, found)
    confusion = np.bincount(classes * truth.ravel() + found.ravel(), minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return float(np.mean(hits[union > 0] / union[union > 0]))


def _as_classes(name: str, values: np.ndarray, classes: int) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iub" or not values.size or values.min() < 0 or values.max() >= classes:
        span = f" from {values.min()} to {values.max()}" if values.size else ""
        raise ValueError(
            f"`{name}` must hold integers from 0 to {classes - 1}: leave out pixels without a class, and take the "
            f"`argmax` of probabilities. Received: {values.dtype} of shape {values.shape}{span}"
        )
    return values.astype(int)


def _check_same_shape(truth: np.ndarray, found: np.ndarray) -> None:
    if truth.shape != found.shape:
        raise ValueError(f"`found` must have the shape of `truth`, {truth.shape}. Received: shape {found.shape}")


def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of every box with every other, of shape `(n, m)`.

    Args:
        boxes: left, top, right and bottom, of shape `(n, 4)`.
        others: the same, of shape `(m, 4)`.

    Example:
    >>> intersection_over_union(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]))
    array([[1.        , 0.33333333, 0.        ]])
    """
    boxes, others = np.asarray(boxes, float)[:, None], np.asarray(others, float)[None]
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    common = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(each[..., 2:] - each[..., :2], axis=-1) for each in (boxes, others)]
    return common / np.maximum(areas[0] + areas[1] - common, 1e-12)


def mean_average_precision(truth: Boxes, found: Boxes, overlap: float = 0.5) -> float:
    """Area under the curve of precision over recall, the mean over classes that occur in the truth.

    Boxes are taken from the surest to the least sure. One is right if a box of its class in the truth that no surer one
    has taken overlaps it enough. Precision at a recall is the best at that recall or more.

    Args:
        truth: `"boxes"` as left, top, right and bottom, of shape `(pictures, most, 4)`, and `"classes"`, of shape
            `(pictures, most)`, -1 where there is none.
        found: the same, as many as a detector finds, and its `"confidence"` in each, of shape `(pictures, most)`:
            what `keras_cv.models.RetinaNet.predict` returns for boxes in "xyxy".
        overlap: least intersection over union of a right box, in (0, 1]. Default 0.5.

    Example:
    >>> truth = {"boxes": np.array([[[0, 0, 4, 4], [5, 5, 9, 9]]]), "classes": np.array([[0, 0]])}
    >>> found = {"boxes": truth["boxes"][:, :1], "classes": np.array([[0]]), "confidence": np.array([[0.9]])}
    >>> mean_average_precision(truth, found)  # all right, but half of them not found
    0.5
    """
    if not 0 < overlap <= 1:
        raise ValueError(f"`overlap` must be in (0, 1]. Received: overlap={overlap}")
    classes = np.asarray(truth["classes"])
    kinds = np.unique(classes[classes >= 0])
    if not len(kinds):
        raise ValueError("`truth` must hold a box. Received: truth without one")
    if len(found["boxes"]) != len(truth["boxes"]):
        raise ValueError(
            "`found` must be of the pictures that `truth` is of. "
            f"Received: {len(found['boxes'])} pictures for {len(truth['boxes'])}"
        )
    return float(np.mean([_average_precision(truth, found, kind, overlap) for kind in kinds]))


def _average_precision(truth: Boxes, found: Boxes, kind: int, overlap: float) -> float:
    hits, sure, total = [], [], 0
    for picture in range(len(truth["boxes"])):
        wanted = np.asarray(truth["boxes"][picture])[np.asarray(truth["classes"][picture]) == kind]
        mine = np.asarray(found["classes"][picture]) == kind
        boxes, confidence = (np.asarray(found[name][picture])[mine] for name in ("boxes", "confidence"))
        order = np.argsort(-confidence, kind="stable")
        hits.append(_taken(intersection_over_union(boxes[order], wanted), overlap))
        sure.append(confidence[order])
        total += len(wanted)
    hits = np.concatenate(hits)[np.argsort(-np.concatenate(sure), kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_from_here * hits).sum() / total)


def _taken(overlaps: np.ndarray, least: float) -> np.ndarray:
    """Which boxes, the surest first, find one of the truth that is still free."""
    overlaps, hits = overlaps.copy(), np.zeros(len(overlaps), bool)
    for row, mine in enumerate(overlaps):
        if mine.size and mine.max() >= least:
            hits[row] = True
            overlaps[:, mine.argmax()] = -1
    return hits


def peak_signal_to_noise(truth: np.ndarray, found: np.ndarray) -> float:
    """The mean over pictures of `-10 log10(mean squared error)`, in decibels, of pixels in [0, 1].

    Args:
        truth: pictures, uint8 or floats in [0, 1], of shape `(n, ...)`.
        found: what a model makes of them, likewise; what overshoots [0, 1] is cut off.

    Example:
    >>> round(peak_signal_to_noise(np.zeros((1, 2, 2, 3)), np.full((1, 2, 2, 3), 0.1)), 6)
    20.0
    """
    truth, found = (_as_fractions(each) for each in (truth, found))
    _check_same_shape(truth, found)
    if not (truth.size and truth.min() >= 0 and truth.max() <= 1):
        span = f" from {truth.min()} to {truth.max()}" if truth.size else ""
        raise ValueError(f"`truth` must be uint8 or floats in [0, 1]. Received: shape {truth.shape}, floats{span}")
    error = np.square(truth - np.clip(found, 0, 1)).reshape(len(truth), -1).mean(axis=1)
    # Equal pictures would be infinitely good.
    return float(np.mean(-10 * np.log10(np.maximum(error, 1e-10))))


def _as_fractions(pictures: np.ndarray) -> np.ndarray:
    pictures = np.asarray(pictures)
    return pictures / 255.0 if pictures.dtype == np.uint8 else pictures.astype(float)
