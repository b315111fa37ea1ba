"""Refusals of features and labels that can't be judged."""

import numpy as np

__all__ = ["as_features", "as_labels", "check_same_length", "check_same_width"]


def as_features(features: object, argument: str) -> np.ndarray:
    """`features` as finite float32 vectors, one per row; anything else is refused by the name `argument`."""
    features = np.asarray(features)
    # NumPy itself does not know bfloat16.
    is_numbers = features.dtype.kind in "fiub" or features.dtype.name == "bfloat16"
    if features.ndim != 2 or 0 in features.shape or not is_numbers:
        raise ValueError(
            f"`{argument}` must be vectors, an array of shape (examples, features) with at least one of each. "
            f"Received: {argument} of shape {features.shape} and dtype {features.dtype}"
        )
    features = features.astype("float32", copy=False)
    bad = len(features) - np.count_nonzero(np.isfinite(features).all(axis=1))
    if bad:
        raise ValueError(
            f"`{argument}` must be finite float32 numbers. Received: NaN or infinity in {bad} of "
            f"{len(features)} vectors"
        )
    return features


def as_labels(labels: object, argument: str) -> np.ndarray:
    """`labels` as int64 of shape (examples,); a column of them, as in Keras' datasets, is flattened."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"`{argument}` must be integer classes, an array of shape (examples,). "
            f"Received: {argument} of shape {labels.shape} and dtype {labels.dtype}"
        )
    if len(labels) == 0 or labels.min() < 0:
        received = "no labels" if len(labels) == 0 else f"the label {labels.min()}"
        raise ValueError(f"`{argument}` must be classes from 0 on, at least one of them. Received: {received}")
    return labels.astype("int64")


def check_same_length(labels: np.ndarray, features: np.ndarray, argument: str) -> None:
    """Refuses labels that are not one per example."""
    if len(labels) != len(features):
        raise ValueError(
            f"`{argument}` must have one label per example. Received: {len(labels)} labels for {len(features)} examples"
        )


def check_same_width(bank: np.ndarray, queries: np.ndarray) -> None:
    """Refuses vectors of two lengths."""
    if bank.shape[1] != queries.shape[1]:
        raise ValueError(
            "`queries` must have as many features as `bank`. Received: queries with "
            f"{queries.shape[1]}, bank with {bank.shape[1]}"
        )
