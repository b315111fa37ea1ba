"""What else learns without labels, to stand beside BYOL in a table: pictures put together again, and the next step."""

from .decoders import decoder_for
from .next_step import NextStep
from .reconstruction import Reconstruction
from .series import LastStep

__all__ = ["LastStep", "NextStep", "Reconstruction", "decoder_for"]
