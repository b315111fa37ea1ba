"""What a report shows beside the files of the run folder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .wording import KINDS, Words

__all__ = ["Material"]


@dataclass(frozen=True)
class Material:
    """A sample of pictures with what the trained encoder made of them.

    Args:
        pictures: array of shape `(n, height, width, channels)`, uint8 or floats in [0, 1], about a thousand at most; of
            many channels the first three are shown, of one or two the first.
        features: array of shape `(n, d)`, the trained encoder's.
        labels: integer array of shape `(n,)`; a negative label means that there is none. Default None.
        class_names: names by label. Default None: "class 3".
        names: file names, which may hold any text. Default empty: positions are shown.
        view_pairs: two arrays of views of the same pictures, uint8 or floats in [0, 1]. Default None.
        words: what the examples are called, of which these may be drawings. Default: pictures.

    Example:
    >>> material = Material(np.zeros((5, 8, 8, 3), "uint8"), np.eye(5), labels=np.array([0, 0, 1, 1, -1]))
    >>> material.label_name(2), material.label_name(4), material.name(3)
    ('class 1', None, 'picture 3')
    """

    pictures: np.ndarray
    features: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    names: Sequence[str] = ()
    view_pairs: tuple[np.ndarray, np.ndarray] | None = None
    words: Words = KINDS["pictures"]

    def __post_init__(self) -> None:
        given = {"features": self.features, "labels": self.labels, "names": self.names if len(self.names) else None}
        for name, value in given.items():
            if value is not None and len(value) != len(self.pictures):
                raise ValueError(
                    f"`{name}` must have one entry for each of the {len(self.pictures)} pictures. "
                    f"Received: {len(value)} entries"
                )
        if np.ndim(self.pictures) != 4 or np.ndim(self.features) != 2:
            raise ValueError(
                "`pictures` must have shape (n, height, width, channels) and `features` (n, d). "
                f"Received: shapes {np.shape(self.pictures)} and {np.shape(self.features)}"
            )
        if self.view_pairs is not None and len(self.view_pairs[0]) != len(self.view_pairs[1]):
            raise ValueError(
                "`view_pairs` must be two arrays of the same length. "
                f"Received: lengths {len(self.view_pairs[0])} and {len(self.view_pairs[1])}"
            )

    @property
    def finite(self) -> np.ndarray:
        """Of which pictures the features are finite, as booleans."""
        return np.isfinite(self.features).all(axis=1)

    def name(self, index: int) -> str:
        """What to call a picture."""
        return str(self.names[index]) if len(self.names) else f"{self.words.one} {index}"

    def label_name(self, index: int) -> str | None:
        """The class of a picture in words, or None where it has none."""
        if self.labels is None or self.labels[index] < 0:
            return None
        label = int(self.labels[index])
        return str(self.class_names[label]) if self.class_names and label < len(self.class_names) else f"class {label}"
