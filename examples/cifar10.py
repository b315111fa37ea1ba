"""CIFAR-10 without labels: raw pixels, an untrained network, BYOL, and the same network trained with all the labels.

    python examples/cifar10.py --minutes 15

The set is small on purpose, so that a laptop's processor will do: 10,000 of the 50,000 training pictures, 1,000 of each
class, drawn with a fixed seed (`--examples 50000` takes all of them). TFDS downloads CIFAR-10 (170 MB) when it is first
asked for; `--data FILE.npz` with the arrays x_train, y_train, x_test and y_test (or x_val and y_val) reads pictures
from there instead, and a folder with `train/CLASS/` and `test/CLASS/` will do as well.

BYOL gets the 10,000 pictures and nothing else. Labels come in when it is over: kNN (k 200, temperature 0.1) and a
linear classifier learn from those of the 10,000 and are asked about the test pictures. The supervised network sees
those labels all along and trains for as many seconds: it shows what labels are worth. How BYOL's settings were found is
in `examples/search.md`.
"""

import argparse
import json
import math
import time

import keras
import numpy as np
import rich
import tensorflow as tf

import byol_keras as bk

BATCH_SIZE = 128  # of the supervised network


def main() -> None:
    options = parse_options()
    images, labels = load(bk.data.open_source(options.data, data_dir=options.data_dir), options.examples)
    held_out = bk.data.open_source(options.data, split="test", data_dir=options.data_dir)
    test_images, test_labels = load(held_out, len(held_out))

    budget = {"minutes": options.minutes} if options.epochs is None else {"epochs": options.epochs}
    settings = {"recipe": options.recipe, "encoder": options.encoder, "size": 32, "seed": options.seed, **budget}
    run = bk.pretrain(data=images, run=options.run, resume=True, **settings)
    encoder = keras.models.load_model(run.encoder)
    print(f"{encoder.name}: {encoder.count_params():,} weights")

    with open(run.metrics) as journal:
        seconds = json.loads(list(journal)[-1])["seconds"]
    classifier = train_with_labels(encoder, images, labels, seconds, options.seed)

    networks = {
        "untrained": bk.evaluation.untrained(encoder, seed=options.seed),
        "BYOL": encoder,
        "supervised": classifier.get_layer(encoder.name),
    }
    features = {"raw pixels": (bk.evaluation.raw_pixels(images), bk.evaluation.raw_pixels(test_images))}
    for name, network in networks.items():
        features[name] = tuple(bk.evaluation.extract_features(network, part) for part in (images, test_images))
    found = bk.evaluation.judge(features, labels, test_labels, judges=("knn", "linear"), data=options.data)
    guesses = bk.evaluation.extract_features(classifier, test_images).argmax(axis=1)
    found = found.plus([bk.evaluation.Row.measured("supervised", "its own head", guesses == test_labels)])
    found.save(run.evaluation)
    rich.print(bk.evaluation.table(found))


def load(source: bk.data.Source, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """So many pictures of 32 by 32 pixels with their labels, the classes in proportion."""
    if examples < len(source):
        source = source.subset(bk.evaluation.subset(source.labels, examples / len(source)))
    images, labels, _ = bk.data.Pictures(source, size=32, channels=3).arrays()
    return images, labels


def train_with_labels(
    encoder: keras.Model, images: np.ndarray, labels: np.ndarray, seconds: float, seed: int
) -> keras.Model:
    """A network like `encoder` with a classifier on top, trained from scratch on crops and flips."""
    keras.utils.set_random_seed(seed)
    fresh = bk.evaluation.untrained(encoder, seed=seed)
    fresh.name = encoder.name
    head = keras.layers.Dense(int(labels.max()) + 1, activation="softmax", dtype="float32")
    classifier = keras.Sequential([keras.Input((32, 32, 3)), fresh, head])
    sgd = keras.optimizers.SGD(0.0, momentum=0.9, weight_decay=5e-3)
    classifier.compile(sgd, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    crops = bk.views.ImageViews(size=32, preset="cifar", area=(0.5, 1.0), jitter=0.0, grayscale=0.0, solarize=0.0)
    examples = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=seed).repeat()
    batches = examples.batch(BATCH_SIZE).enumerate().map(lambda i, batch: (crops(batch[0], (seed, i))[0], batch[1]))
    course = {"steps_per_epoch": max(1, len(images) // BATCH_SIZE), "epochs": 10**6}
    classifier.fit(
        batches.prefetch(2), callbacks=[FallingWithTheClock(0.2, seconds)], shuffle=False, verbose=0, **course
    )
    print(f"supervised: {len(classifier.history.epoch)} epochs in {seconds / 60:.1f} minutes")
    return classifier


class FallingWithTheClock(keras.callbacks.Callback):
    """A rate that falls from its peak to 0 as a cosine of the time that has passed, and then ends training."""

    def __init__(self, peak: float, seconds: float):
        super().__init__()
        self.peak, self.seconds = peak, seconds

    def on_train_begin(self, logs=None):
        self.began = time.monotonic()

    def on_train_batch_begin(self, batch, logs=None):
        share = min(1.0, (time.monotonic() - self.began) / self.seconds)
        self.model.optimizer.learning_rate = self.peak * (1 + math.cos(math.pi * share)) / 2

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = time.monotonic() - self.began >= self.seconds


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="tfds:cifar10", help="labelled pictures with a part to judge by")
    parser.add_argument("--data-dir", help="where tensorflow-datasets keeps its datasets")
    parser.add_argument("--examples", type=int, default=10_000, help="how many training pictures to take")
    parser.add_argument("--minutes", type=float, default=15, help="time to train BYOL for")
    parser.add_argument("--epochs", type=int, help="passes over the pictures, instead of minutes")
    parser.add_argument("--recipe", default="auto", help="settings of training, by name")
    parser.add_argument("--encoder", help="the network by name, instead of the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="what weights, order and views depend on")
    parser.add_argument("--run", default="runs/cifar10", help="folder for everything that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
