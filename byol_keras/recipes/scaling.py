"""A rule for people whose batch, budget or data nobody has published a recipe for."""

import math

import numpy as np

from ..arguments import check_positive
from .published import PAPER, PRESETS
from .recipe import Recipe

__all__ = ["scaled"]


def scaled(batch_size: int, epochs: int, dataset_size: int) -> Recipe:
    """A recipe for any batch, length and data, derived from the paper's four.

    - Base rate and decay are interpolated in `log(epochs)` between the paper's presets (40 to 1000 epochs; its ends
      beyond). Settings for 1000 epochs are wrong for 200.
    - The rate grows with the batch, as everywhere in the paper.
    - The target should look back over as many *examples*, whatever the batch: `tau ** (batch_size / 4096)`. This
      gives the 0.9995 that the paper chose for batch 512 at 1000 epochs.
    - But never over more than 1/300 of the run, the longest memory among the paper's presets (100 of 31,200 steps at
      100 epochs is 1/312): with little data a target that remembers 10,000 steps would never move. In runs of less than
      3,000 steps it remembers 10, since without a memory BYOL learns nothing (the paper's table 5: tau 0.9 gives 68.4%
      where 0 gives 0.3%).
    - Warm-up is 10 epochs, or a tenth of a shorter run.

    It has been checked against the paper's numbers, not tuned: a measured recipe for your data is better.

    Args:
        batch_size: examples per optimizer step.
        epochs: length of the run.
        dataset_size: number of training examples.

    Example:
    >>> recipe = scaled(batch_size=512, epochs=1000, dataset_size=1_281_167)
    >>> round(recipe.learning_rate, 3), round(recipe.tau, 4)
    (0.4, 0.9995)
    """
    check_positive(batch_size=batch_size, epochs=epochs, dataset_size=dataset_size)
    steps = max(epochs * (dataset_size // batch_size), 1)
    remembered = min(1.0 / (1.0 - _interpolated("tau", epochs) ** (batch_size / 4096)), max(steps / 300, 10.0))
    return Recipe(
        name=f"scaled-{batch_size}-{epochs}",
        source=f"byol_keras' scaling rule on {PAPER}",
        epochs=epochs,
        batch_size=batch_size,
        base_rate=_interpolated("base_rate", epochs),
        weight_decay=_interpolated("weight_decay", epochs),
        tau=1.0 - 1.0 / remembered,
        warmup_epochs=min(10, math.ceil(epochs / 10)),
        view_options={"preset": "imagenet"},
    )


def _interpolated(name: str, epochs: int) -> float:
    lengths = np.log([preset.epochs for preset in PRESETS])
    return float(np.interp(np.log(epochs), lengths, [getattr(preset, name) for preset in PRESETS]))
