"""An encoder's features in two dimensions, to look at."""

from dataclasses import dataclass

import numpy as np

from ..evaluation import PrincipalComponents
from ..evaluation.directions import directions

__all__ = ["Plane", "lay_out"]

MOST_POINTS = 1000
FEWEST_FOR_NEIGHBOURS = 50


@dataclass(frozen=True)
class Plane:
    """Points of a map.

    Args:
        points: array of shape `(m, 2)`.
        indices: which example each point is.
        method: how they were laid out, in words.

    Example:
    >>> lay_out(np.eye(5)).points.shape, lay_out(np.zeros((5, 3)))
    ((5, 2), None)
    """

    points: np.ndarray
    indices: np.ndarray
    method: str


def lay_out(features: np.ndarray) -> Plane | None:
    """A map on which examples of similar features lie near each other; None where there is nothing to tell apart.

    Directions are what counts, as in the loss and in the nearest neighbours. From 50 examples on UMAP where it is
    installed (`pip install "byol-keras[umap]"`), else t-SNE; the two main components below. Of more than a thousand
    examples every n-th is taken.

    Args:
        features: array of shape `(n, d)`. Rows that are not finite are left out.
    """
    finite = np.flatnonzero(np.isfinite(features).all(axis=1))
    indices = finite[np.unique(np.linspace(0, len(finite) - 1, min(len(finite), MOST_POINTS)).astype(int))]
    rows = directions(np.asarray(features)[indices]).numpy().astype("float64")
    if len(rows) < 3 or rows.std(axis=0).max() < 1e-6:
        return None
    components = _components(rows)
    if len(rows) < FEWEST_FOR_NEIGHBOURS:
        return Plane(components[:, :2], indices, "the two main components of the features")
    points, method = _by_neighbours(components)
    return Plane(points, indices, f"{method} of the features: who is near whom means something, distances do not")


def _components(rows: np.ndarray, count: int = 50) -> np.ndarray:
    kept = min(count, *rows.shape)
    return np.pad(PrincipalComponents(rows, kept)(rows), ((0, 0), (0, max(0, 2 - kept))))


def _by_neighbours(rows: np.ndarray) -> tuple[np.ndarray, str]:
    try:
        from umap import UMAP
    # What it drags in, all of torch where that is installed, may be broken in ways of its own.
    except Exception:
        return _tsne(rows), "t-SNE"
    return UMAP(random_state=0, n_jobs=1).fit_transform(rows), "UMAP"


def _tsne(rows: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # Its many short parallel loops wait for each other for minutes where other programs want the cores too.
    with threadpool_limits(1):
        return TSNE(perplexity=min(30.0, len(rows) / 4), init="pca", random_state=0).fit_transform(rows)
