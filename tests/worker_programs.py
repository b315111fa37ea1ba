"""What processes of a cluster run in tests: `python worker_programs.py NAME FOLDER`, with or without `TF_CONFIG`.

Each trains a model and leaves its weights and its log in FOLDER, named after the process' place in the cluster.
"""

import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from builders import pictures, vectors
from test_distribute import synchronized_encoder

import byol_keras as bk


def on_vectors(strategy):
    heads = {"hidden": 16, "output": 4, "synchronized": True}
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = bk.BYOL(
            synchronized_encoder(),
            # Values of other rows, which may lie with the other worker.
            views=bk.views.VectorViews(0.3, noise=0.1),
            projector=bk.heads.projector(5, **heads),
            predictor=bk.heads.predictor(4, **heads),
        )
        model.compile(bk.LARS(0.03, weight_decay=1e-3))
    # Two epochs of five steps, in an order of their own.
    return model, model.fit(vectors(40), batch_size=8, epochs=2, callbacks=[bk.callbacks.TargetEMA(0.9)], verbose=0)


def on_pictures(strategy):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        encoder = bk.encoders.small_resnet((16, 16, 3), widths=(8, 16), synchronized=True)
        heads = {"hidden": 32, "output": 8, "synchronized": True}
        model = bk.BYOL(
            encoder,
            # A pixel next to the threshold of solarizing may fall on either side of it, by the last digit.
            views=bk.views.ImageViews(16, preset="cifar", solarize=0.0),
            projector=bk.heads.projector(16, **heads),
            predictor=bk.heads.predictor(8, **heads),
        )
        model.compile(bk.LARS(0.05, weight_decay=1e-4))
    return model, model.fit(pictures(80), batch_size=8, callbacks=[bk.callbacks.TargetEMA(0.9)], verbose=0)


def main():
    name, folder, place, strategy = sys.argv[1], Path(sys.argv[2]), "alone", tf.distribute.get_strategy()
    if "TF_CONFIG" in os.environ:
        place = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    model, history = globals()[name](strategy)
    np.savez(folder / f"{place}.npz", *[weight.numpy() for weight in model.weights])
    (folder / f"{place}.json").write_text(json.dumps(history.history))


if __name__ == "__main__":
    main()
