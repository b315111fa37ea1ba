"""A picture of view pairs, so that people see what the network sees."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..writing import replace_file
from .pixels import displayable

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["preview"]

HEADINGS = ("original", "view one", "view two")
CELL, GAP, MARGIN, HEADER = 176, 8, 32, 40
PAPER, INK = "#ffffff", "#5c6470"


def preview(
    originals: Sequence[np.ndarray], view_1: Sequence[np.ndarray], view_2: Sequence[np.ndarray], path: str | os.PathLike
) -> str:
    """Writes one PNG with a row for each picture: the original, then its two views.

    Pictures may have any size and any number of channels (of many the first three are shown, of one or two the
    first) and be uint8, uint16 or floats in [0, 1].

    Args:
        originals: pictures, as an array or as a list of arrays of different sizes.
        view_1: the first view of each.
        view_2: the second view of each.
        path: where the PNG goes.

    Returns:
        `path`.

    Example:
    >>> import tempfile
    >>> from PIL import Image
    >>> grey, views = np.zeros((2, 9, 7, 1), "uint8"), np.ones((2, 8, 8, 1), "float32")
    >>> Image.open(preview(grey, views, views, f"{tempfile.mkdtemp()}/views.png")).size
    (608, 464)
    """
    columns = (originals, view_1, view_2)
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(
            "`originals`, `view_1` and `view_2` must hold equally many pictures, at least one. "
            f"Received: lengths {lengths}"
        )
    sheet = _sheet(columns)
    replace_file(path, lambda file: sheet.save(file, "PNG", optimize=True))
    return os.fspath(path)


def _sheet(columns: Sequence[Sequence[np.ndarray]]) -> "Image.Image":
    from PIL import Image, ImageDraw, ImageFont

    step = CELL + GAP
    size = (2 * MARGIN + len(columns) * step - GAP, 2 * MARGIN + HEADER - GAP + len(columns[0]) * step)
    sheet = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=17)
    for number, (heading, column) in enumerate(zip(HEADINGS, columns, strict=True)):
        left = MARGIN + number * step
        draw.text((left, MARGIN), heading, fill=INK, font=font, anchor="lt")
        for row, picture in enumerate(column):
            _place(sheet, picture, left, MARGIN + HEADER - GAP + row * step)
    return sheet


def _place(sheet: "Image.Image", picture: np.ndarray, left: int, top: int) -> None:
    """Pastes a picture into the middle of its cell, as large as it fits; small ones keep their pixels' edges."""
    from PIL import Image

    image = Image.fromarray(displayable(picture))
    scale = CELL / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    kind = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS
    image = image.resize(size, kind)
    sheet.paste(image, (left + (CELL - size[0]) // 2, top + (CELL - size[1]) // 2))
