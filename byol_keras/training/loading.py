"""A run that was made before, brought back."""

import keras
import tensorflow as tf

from ..callbacks import RunCheckpoint
from ..config import PretrainConfig
from ..export import behind
from ..model import BYOL
from ..precision import set_precision
from .building import build_model, initial_encoder
from .folder import RunFolder
from .kinds import kind_of
from .plan import Plan

__all__ = ["Run"]


class Run:
    """A run's folder with what it was asked to do and what it will do.

    Args:
        path: of the folder.
    """

    def __init__(self, path: str) -> None:
        self.folder = RunFolder(path)
        self.plan: Plan = self.folder.stored_plan()
        self.config = PretrainConfig.of(self.folder.stored_config())

    def model(self) -> BYOL:
        """The model as the newest checkpoint has it."""
        model = build_model(self.plan, self.folder.initial(self.config))
        if not RunCheckpoint(self.folder.checkpoints).restore(model):
            raise ValueError(f"`run` must hold a checkpoint that is whole. Received: {self.folder.path} without one")
        return model

    def beginning(self) -> keras.Model:
        """The network as it was before the first step, as training takes it."""
        return initial_encoder(self.plan, self.folder.initial(self.config))

    def untrained(self) -> keras.Model:
        """The encoder as it was before the first step, from raw examples on."""
        return self._behind_preprocessor(self.beginning())

    def encoder(self, network: str = "online") -> keras.Model:
        """The encoder that the run has come to.

        Args:
            network: `"online"`, or `"target"`, its slow average.
        """
        if network not in ("online", "target"):
            raise ValueError(f"`network` must be 'online' or 'target'. Received: network={network!r}")
        if network == "target":
            return self._finished(self.model().target_encoder)
        if not tf.io.gfile.exists(self.folder.encoder):
            return self._finished(self.model().encoder)
        set_precision(self.plan.precision)
        try:
            return keras.models.load_model(self.folder.encoder)
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"`run` must hold an encoder that can be read. Received: {self.folder.encoder}, which is damaged or of "
                f"other versions; without it the newest checkpoint is taken ({reason})"
            ) from None

    def _finished(self, encoder: keras.Model) -> keras.Model:
        """As `encoder.keras` would hold it."""
        return self._behind_preprocessor(kind_of(self.plan.kind).finished(encoder, self.plan))

    def _behind_preprocessor(self, encoder: keras.Model) -> keras.Model:
        return behind(kind_of(self.plan.kind).preprocessor(self.plan), encoder)
