"""What a run came to, as a page and as a picture."""

from .material import Material
from .page import write_report
from .preview import preview
from .record import read_run

__all__ = ["Material", "preview", "read_run", "write_report"]
