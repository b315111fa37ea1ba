"""What a run came to, as a page and as a picture."""

from .material import Material
from .page import write_report
from .preview import preview

__all__ = ["Material", "preview", "write_report"]
