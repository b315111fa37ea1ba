"""Pictures with the pictures that the encoder takes to be most like them."""

from itertools import zip_longest

import numpy as np

from ..evaluation.directions import directions
from .markup import Html, join, readable, tag
from .material import Material
from .pixels import data_uri, thumbnail

__all__ = ["gallery", "nearest", "pair_grid", "shared_class"]

NEIGHBOURS = 8
QUERIES = 8
PAIRS = 12
PIXELS = 96


def nearest(features: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """For each example the indices of the most similar others by cosine, the most similar first.

    Examples whose features are not finite are nobody's neighbours; what is listed for them means nothing.

    Args:
        features: array of shape `(n, d)`.
        count: neighbours of each, or fewer where there are fewer.

    Example:
    >>> nearest(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), count=1).ravel().tolist()
    [1, 0, 1]
    """
    usable = np.isfinite(features).all(axis=1)
    unit = directions(np.where(usable[:, None], features, 0.0)).numpy()
    cosines = unit @ unit.T
    cosines[:, ~usable] = -2.0
    np.fill_diagonal(cosines, -3.0)
    return np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, max(usable.sum() - 1, 0))]


def shared_class(material: Material, neighbours: np.ndarray) -> tuple[float, float] | None:
    """The share of neighbours of their query's class, and the share that chance would give; None without labels."""
    if material.labels is None or not np.any(material.labels >= 0):
        return None
    labels = material.labels
    known = (labels >= 0) & material.finite
    pairs = known[:, None] & known[neighbours]
    same = (labels[:, None] == labels[neighbours]) & pairs
    counts, total = np.unique(labels[known], return_counts=True)[1], known.sum()
    chance = (counts * (counts - 1)).sum() / max(total * (total - 1), 1)
    return same.sum() / max(pairs.sum(), 1), float(chance)


def gallery(material: Material, neighbours: np.ndarray) -> Html:
    """One card for each query: the picture, large, beside its neighbours.

    Args:
        material: the pictures.
        neighbours: what `nearest` found.
    """
    return tag("div", *(_card(material, query, neighbours[query]) for query in _queries(material)), class_="gallery")


def _queries(material: Material) -> np.ndarray:
    """Queries chosen without looking at what the encoder made of them: in turn from each class, or evenly."""
    usable = np.flatnonzero(material.finite)
    count = min(QUERIES, len(usable))
    if material.labels is None:
        return usable[np.linspace(0, len(usable) - 1, count).astype(int)]
    members = [usable[material.labels[usable] == label] for label in np.unique(material.labels)]
    in_turn = [index for turn in zip_longest(*members) for index in turn if index is not None]
    return np.array(in_turn[:count])


def _card(material: Material, query: int, neighbours: np.ndarray) -> Html:
    label = material.label_name(query)
    kinds = [_kind(material, query, index) for index in neighbours]
    pictures = [_picture(material, query, "query", "Query")]
    for place, (index, kind) in enumerate(zip(neighbours, kinds, strict=True), start=1):
        pictures.append(_picture(material, index, kind, f"Neighbour {place}"))
    same = tag("span", f"{kinds.count('same')} of {len(kinds)} share its class") if label is not None else Html()
    title = tag("b", tag("bdi", readable(label if label is not None else material.name(query), 60)))
    return tag("figure", tag("div", *pictures, class_="neighbours"), tag("figcaption", title, same))


def _kind(material: Material, query: int, neighbour: int) -> str:
    if material.labels is None or min(material.labels[query], material.labels[neighbour]) < 0:
        return "plain"
    return "same" if material.labels[query] == material.labels[neighbour] else "other"


def _picture(material: Material, index: int, kind: str, role: str) -> Html:
    label = material.label_name(index)
    text = readable(f"{role}: {material.name(index)}" + (f" ({label})" if label is not None else ""), 200)
    return tag("img", class_=kind, src=_source(material.pictures[index]), alt=text, title=text, loading="lazy")


def _source(picture: np.ndarray) -> Html:
    return data_uri(thumbnail(picture, PIXELS))


def pair_grid(first: np.ndarray, second: np.ndarray, one: str = "picture") -> Html:
    """Two views of each of a few pictures, or of drawings of another kind of example, side by side."""
    pairs = []
    for number in range(min(PAIRS, len(first))):
        sides = ((view[number], word) for view, word in ((first, "first"), (second, "second")))
        images = [
            tag("img", src=_source(view), alt=f"{one.capitalize()} {number + 1}, {word} view") for view, word in sides
        ]
        pairs.append(tag("div", join(*images), class_="pair"))
    return tag("div", *pairs, class_="pairs")
