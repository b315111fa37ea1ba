"""The whole of it in three minutes, on pictures that need no download."""

import os
from typing import Any

from ..export import saved_model
from .folder import RunFolder
from .loading import Run
from .pretrain import pretrain
from .progress import say, standard_console

__all__ = ["demo"]


def demo(folder: str, seed: int = 0, epochs: int | None = None, console: Any = None) -> RunFolder:
    """Trains on the built-in shapes by the recipe `demo`, judges, and writes everything that a run can leave.

    Args:
        folder: of the run.
        seed: of weights, order and views; the pictures are always the same.
        epochs: length of the run. Default: the recipe's.
        console: a `rich.console.Console`.
    """
    console = console or standard_console()
    console.print(
        "6,000 pictures are drawn: shapes in any colours, places and sizes. BYOL never sees which shape a picture "
        "shows; the labels judge it in the end.",
        highlight=False,
    )
    finished = pretrain(data="shapes", run=folder, recipe="demo", seed=seed, epochs=epochs, console=console)
    path = saved_model(Run(folder).encoder(), os.path.join(finished.export, "encoder"))
    say(console, f"SavedModel: {path}")
    return finished
