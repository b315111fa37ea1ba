"""What a scan has found, for the eye."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..data.scan import Scan
from ..data.skipping import printable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["findings"]

_SHOWN = 10
_NAMES = 3
# Pillow's words for how a picture is stored, in other words.
_MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with alpha",
    "P": "palette",
    "PA": "palette with alpha",
    "RGB": "colour",
    "RGBA": "colour with alpha",
    "I;16": "grey of 16 bits",
}


def findings(scan: Scan, size: int) -> "Table":
    """A table of `rich`: what was found in the data, one fact in each line.

    Names of files and classes are shown as text whatever they hold: markup stays text, control characters are escaped.

    Args:
        scan: what `data.scanning.scan` returns.
        size: side in pixels that the pictures would be trained at.
    """
    from rich.table import Table
    from rich.text import Text

    drawn = Table("data", "found")
    for name, text in _rows(scan, size):
        drawn.add_row(name, Text(text))
    return drawn


def _rows(scan: Scan, size: int) -> Iterator[tuple[str, str]]:
    yield "source", printable(scan.name)
    yield "pictures", f"{scan.examples:,}"
    yield "broken", _broken(scan)
    if not scan.readable:
        return
    height, width = zip(scan.smallest, scan.median, scan.largest, strict=True)
    sizes = [f"{wide} x {high}" for wide, high in zip(width, height, strict=True)]
    yield "sizes", sizes[0] if len(set(sizes)) == 1 else "smallest {}, median {}, largest {}".format(*sizes)
    yield "tiny", f"{scan.tiny(size):,}" + (f", for training at {size} px" if scan.tiny(size) else "")
    yield "duplicates", _duplicates(scan)
    yield "formats", _listed(scan.kinds)
    yield "colours", _listed({_MODES.get(mode, mode): count for mode, count in scan.modes.items()})
    yield "depth", _listed({"8 bits": scan.readable - scan.deep, "16 bits or floats": scan.deep})
    yield "classes", "no labels" if scan.classes is None else _classes(scan.classes, scan.readable)


def _broken(scan: Scan) -> str:
    lines = [f"{scan.broken:,}" + (f", {scan.broken / scan.examples:.1%} of all" if scan.broken else "")]
    lines += [f"{printable(path)} {printable(reason)}" for path, reason in scan.reasons[:_SHOWN]]
    return "\n".join([*lines, *_more(scan.broken - len(lines) + 1)])


def _duplicates(scan: Scan) -> str:
    found = scan.duplicates
    lines = [f"{found.copies:,}" + (f" superfluous copies, in {found.groups:,} groups" if found.copies else "")]
    for names in found.named[:_NAMES]:
        shown = " = ".join(map(printable, names[:_NAMES]))
        lines.append(shown + (" = ..." if len(names) > _NAMES else ""))
    return "\n".join([*lines, *_more(found.groups - len(lines) + 1)])


def _classes(classes: Mapping[str, int], readable: int) -> str:
    unknown = readable - sum(classes.values())
    largest_first = sorted(classes.items(), key=lambda item: -item[1])
    lines = [f"{len(classes):,}", *(f"{printable(name)}: {count:,}" for name, count in largest_first[:_SHOWN])]
    more = _more(len(classes) - len(lines) + 1)
    return "\n".join([*lines, *more, *([f"without a class: {unknown:,}"] if unknown else [])])


def _more(count: int) -> list[str]:
    return [f"and {count:,} more"] if count else []


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
