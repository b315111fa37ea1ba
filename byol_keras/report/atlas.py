"""The map of an embedding as the page shows it: points coloured by class, or the pictures themselves."""

import numpy as np

from .markup import Html, readable, tag
from .material import Material
from .pixels import data_uri, thumbnail
from .plane import Plane
from .plots import CLASS_COLOURS, scatter, swatch

__all__ = ["atlas"]

COLUMNS, ROWS, CELL = 26, 18, 36


def atlas(material: Material, plane: Plane) -> Html:
    """Points with a legend where there are labels, else the pictures at their places."""
    if material.labels is not None and np.any(material.labels[plane.indices] >= 0):
        return _by_class(material, plane)
    return tag(
        "img",
        src=_mosaic(material, plane),
        alt=f"The {material.words.many}, similar ones near each other",
        class_="map",
    )


def _by_class(material: Material, plane: Plane) -> Html:
    """The commonest classes in a colour each, in the order of their labels; all others, and pictures of none, grey."""
    labels = material.labels[plane.indices]
    classes, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    ranked = np.argsort(-sizes * (classes >= 0), kind="stable")
    shown = np.sort(ranked[: min(len(CLASS_COLOURS), np.sum(classes >= 0))])
    groups = [np.flatnonzero(labels == classes[number]) for number in shown]
    rest = np.flatnonzero(~np.isin(labels, classes[shown]))
    total = int(np.sum(classes >= 0))
    description = f"Map of {len(labels)} {material.words.many} in {total} classes by the similarity of their features"
    names = [material.label_name(plane.indices[first[number]]) for number in shown]
    keys = [(swatch(number), tag("bdi", readable(name, 40))) for number, name in enumerate(names)]
    if len(rest):
        others = total - len(shown)
        kinds = [f"{others} other class{'es' * (others > 1)}"] * (others > 0) + ["no class"] * (total < len(classes))
        keys.append((swatch(len(CLASS_COLOURS)), " or ".join(kinds)))
    drawing = scatter(plane.points, groups, rest, description)
    legend = tag("ul", *(tag("li", *key) for key in keys), class_="key")
    return tag("div", tag("div", drawing, class_="map"), legend, class_="atlas")


def _mosaic(material: Material, plane: Plane) -> Html:
    """One picture in each cell that a point falls into, on nothing."""
    from PIL import Image

    low, high = plane.points.min(axis=0), plane.points.max(axis=0)
    cells = np.round((plane.points - low) / np.maximum(high - low, 1e-12) * (COLUMNS - 1, ROWS - 1)).astype(int)
    canvas = Image.new("RGBA", (COLUMNS * CELL, ROWS * CELL))
    for (column, row), index in dict(zip(map(tuple, cells), plane.indices, strict=True)).items():
        canvas.paste(thumbnail(material.pictures[index], CELL - 2), (column * CELL, (ROWS - 1 - row) * CELL))
    return data_uri(canvas)
