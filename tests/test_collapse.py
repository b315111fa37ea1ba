"""What `target_std` shows: BYOL holds its spread, BYOL without a predictor loses it."""

import itertools

import keras
import numpy as np
import pytest

import byol_keras as bk
from byol_keras.callbacks import TargetEMA


def blobs(count=512, size=16):
    """Pictures of one bright Gaussian spot in a random place, colour and width."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    y, x = generator.uniform(3, size - 3, (2, count, 1, 1))
    width = generator.uniform(1, 4, (count, 1, 1))
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))[..., None]
    paper, ink = generator.uniform(0, 1, (2, count, 1, 1, 3))
    return (paper + spot * (ink - paper)).astype("float32")


def spread_over_epochs(predictor):
    keras.utils.set_random_seed(1)
    model = bk.BYOL(
        bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)),
        views=bk.views.ImageViews(16, preset="cifar"),
        projector=bk.heads.projector(16, hidden=128, output=32),
        predictor=predictor,
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    callbacks = [TargetEMA(0.9, "constant")]
    return model.fit(blobs(), batch_size=32, epochs=8, callbacks=callbacks, verbose=0).history["target_std"]


@pytest.mark.slow
def test_target_std__falls_without_a_predictor_and_holds_with_one():
    held = spread_over_epochs(bk.heads.predictor(32, hidden=128, output=32))
    fallen = spread_over_epochs(False)
    assert held[-1] > 0.5
    assert held[-1] > 0.9 * held[len(held) // 2]
    assert fallen[-1] < 0.5 * held[-1]
    assert all(later < earlier for earlier, later in itertools.pairwise(fallen))
