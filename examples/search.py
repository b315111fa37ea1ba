"""One trial of the search for the CPU recipe: a setting, a budget of processor seconds, and how well it did.

    python examples/search.py --data tfds:cifar10 --epochs 36 --set view_size=24 --set batch_size=64

Settings differ in what a step costs. On a quiet machine `--cpu-seconds 240` makes trials equal in processor time: steps
are timed first, and the schedules fit to as many as the budget holds. On a shared one the cost of a step changes from
minute to minute and disturbs the trial more than its setting does: there `--epochs` fixes what is learned from, and the
cost is measured apart. The judge is the nearest neighbours (k 200, temperature 0.1) of the pictures to judge by among
those trained on, whole and at their own size. Results are in `examples/search.md`.
"""

import argparse
import ast
import json
import os

import keras
import numpy as np
import tensorflow as tf

import byol_keras as bk

SETTINGS = {
    "batch_size": 128,
    "rate": 0.4,  # at a batch of 128, in proportion to the batch
    "momentum": 0.9,
    "optimizer": "sgd",
    "weight_decay": 5e-4,
    "tau": 0.97,
    "warmup": 0.05,
    "view_size": 32,
    "area": (0.2, 1.0),
    "views": {},
    "widths": (16, 32, 64),
    "hidden": 1024,
    "output": 256,
    "crops": 0,  # further ones, which the online network alone sees
    "crop_size": 12,
    "crop_area": (0.05, 0.3),
    "seed": 0,
}
_WARM, _TIMED = 10, 50


class MoreCrops(bk.BYOL):
    """BYOL with further small crops of each picture: the online network predicts both targets from each of them."""

    def __init__(self, *parts, crops, **options):
        super().__init__(*parts, **options)
        self.crops = crops

    def _make_views(self, data, stream, index):
        self._small = [
            crop
            for number, make in enumerate(self.crops, 1000)
            for crop in make(data, seed=(number, tf.cast(index, "int32")))
        ]
        return super()._make_views(data, stream, index)

    def _objective(self, directions, training):
        total = super()._objective(directions, training)
        for crop in self._small:
            prediction = self._predict_target(crop, training)
            total += sum(tf.reduce_mean(self.loss_function(prediction, target)) for _, target in directions)
        return total / (1 + len(self._small))


class Stopwatch(keras.callbacks.Callback):
    """Processor seconds per step, without the first steps, which compile."""

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == _WARM:
            self.since = sum(os.times()[:2])
        if batch + 1 == _WARM + _TIMED:
            self.per_step = (sum(os.times()[:2]) - self.since) / _TIMED


def main() -> None:
    options = parse_options()
    setting = SETTINGS | dict(map(parse_setting, options.set))
    bk.set_precision("auto")
    (images, labels), (queries, truth) = (load(options.data, part) for part in (None, "test"))
    watch = Stopwatch()
    train(build(setting, 1000, images), images, setting, 1000, _WARM + _TIMED, watch)
    if options.epochs is None:
        steps = int(options.cpu_seconds / watch.per_step)
    else:
        steps = options.epochs * (len(images) // setting["batch_size"])
    model = build(setting, steps, images)
    train(model, images, setting, steps, steps)
    features = [bk.evaluation.extract_features(model, part) for part in (images, queries)]
    result = {
        "knn": round(100 * bk.evaluation.knn_accuracy(features[0], labels, features[1], truth), 2),
        "target_std": round(float(model.std_tracker.result()), 2),
        "linear": round(100 * bk.evaluation.linear_probe(features[0], labels, features[1], truth), 2),
        "epochs": round(steps * setting["batch_size"] / len(images), 1),
        "cpu_ms_per_picture": round(1000 * watch.per_step / setting["batch_size"], 3),
        "set": options.set,
    }
    print(json.dumps(result))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="shapes", help="labelled pictures of 32 pixels with a part to judge by")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--cpu-seconds", type=float, default=240.0, help="processor time of training")
    budget.add_argument("--epochs", type=int, help="passes over the pictures, instead of a time")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=f"of {', '.join(SETTINGS)}")
    return parser.parse_args()


def parse_setting(text: str) -> tuple:
    name, _, value = text.partition("=")
    if name not in SETTINGS:
        raise SystemExit(f"--set takes {', '.join(SETTINGS)}. Received: {name}")
    try:
        return name, ast.literal_eval(value)
    except ValueError:
        return name, value


def load(data: str, part: str | None) -> tuple[np.ndarray, np.ndarray]:
    images, labels, _ = bk.data.Pictures(bk.data.open_source(data, split=part), size=32).arrays()
    return images, labels


def build(setting: dict, steps: int, images: np.ndarray) -> bk.BYOL:
    keras.utils.set_random_seed(setting["seed"])
    encoder = bk.encoders.small_resnet((None, None, images.shape[-1]), widths=setting["widths"])
    views = bk.views.ImageViews(setting["view_size"], preset="cifar", area=setting["area"], **setting["views"])
    output = {"hidden": setting["hidden"], "output": setting["output"]}
    projector = bk.heads.projector(encoder.output_shape[-1], **output)
    predictor = bk.heads.predictor(setting["output"], **output)
    parts = {"views": views, "projector": projector, "predictor": predictor, "seed": setting["seed"]}
    if setting["crops"]:
        small = bk.views.ImageViews(setting["crop_size"], preset="cifar", area=setting["crop_area"], **setting["views"])
        model = MoreCrops(encoder, crops=[small] * (setting["crops"] // 2), **parts)
    else:
        model = bk.BYOL(encoder, **parts)
    model.compile(make_optimizer(setting, steps))
    return model


def make_optimizer(setting: dict, steps: int) -> keras.optimizers.Optimizer:
    rate = setting["rate"] * setting["batch_size"] / 128
    schedule = bk.schedules.WarmupCosine(rate, steps, int(setting["warmup"] * steps))
    momentum, decay = setting["momentum"], setting["weight_decay"]
    if setting["optimizer"] == "lars":
        return bk.LARS(schedule, weight_decay=decay, momentum=momentum, trust_coefficient=0.02)
    if setting["optimizer"] == "adamw":
        return keras.optimizers.AdamW(schedule, weight_decay=decay)
    return keras.optimizers.SGD(schedule, momentum=momentum, weight_decay=decay / (1 - momentum))


def train(
    model: bk.BYOL,
    images: np.ndarray,
    setting: dict,
    total: int,
    steps: int,
    *callbacks: keras.callbacks.Callback,
) -> None:
    ema = bk.callbacks.TargetEMA(setting["tau"], total_steps=total)
    options = {"batch_size": setting["batch_size"], "callbacks": [ema, *callbacks], "verbose": 0}
    model.fit(images, epochs=1, steps_per_epoch=steps, **options)


if __name__ == "__main__":
    main()
