"""The kinds of data that a run can learn from; everything else in `training` is the same for all of them."""

from .audio import AudioKind
from .kind import Kind
from .pictures import PicturesKind
from .sequences import SequencesKind
from .text import TextKind
from .vectors import VectorsKind

__all__ = ["Kind", "kind_of"]

_KINDS = {
    "pictures": PicturesKind(),
    "vectors": VectorsKind(),
    "sequences": SequencesKind(),
    "text": TextKind(),
    "audio": AudioKind(),
}


def kind_of(name: str) -> Kind:
    """The kind of that name in a configuration or a plan.

    Example:
    >>> kind_of("vectors").words.many
    'rows'
    """
    return _KINDS[name]
