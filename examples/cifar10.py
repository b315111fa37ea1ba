"""CIFAR-10 without labels: raw pixels, an untrained network, BYOL, and the same network trained with all the labels.

    python examples/cifar10.py --minutes 15

The set is small on purpose, so that a laptop's processor will do: 10,000 of the 50,000 training pictures, 1,000 of each
class, drawn with a fixed seed (`--examples 50000` takes all of them). TFDS downloads CIFAR-10 (170 MB) when it is first
asked for; `--data FILE.npz` with the arrays x_train, y_train, x_test and y_test (or x_val and y_val) reads pictures
from there instead, and a folder with `train/CLASS/` and `test/CLASS/` will do as well.

BYOL gets the 10,000 pictures and nothing else. Labels come in when it is over: kNN (k 200, temperature 0.1) and a
linear classifier learn from those of the 10,000 and are asked about the test pictures. The supervised network sees
those labels all along, for about as long: it shows what labels are worth. How BYOL's settings were found is in
`examples/search.md`.
"""

import argparse
import time

import keras
import numpy as np
import rich

import byol_keras as bk

# Of a step of BYOL and of a supervised one: forward passes, and backward passes, which take twice as long.
BYOL_COST, SUPERVISED_COST = 4 + 2 * 2, 1 + 2


def main() -> None:
    options = parse_options()
    images, labels = load(bk.data.open_source(options.data, data_dir=options.data_dir), options.examples)
    held_out = bk.data.open_source(options.data, split="test", data_dir=options.data_dir)
    test_images, test_labels = load(held_out, len(held_out))

    budget = {"minutes": options.minutes} if options.epochs is None else {"epochs": options.epochs}
    settings = {"recipe": options.recipe, "size": 32, "seed": options.seed, **budget}
    run = bk.pretrain(data=images, run=options.run, resume=True, **settings)
    encoder = keras.models.load_model(run.encoder)
    print(f"{encoder.name}: {encoder.count_params():,} weights")

    began = time.monotonic()
    epochs = round(run.stored_plan().epochs * BYOL_COST / SUPERVISED_COST)
    classifier = train_with_labels(encoder, images, labels, epochs, options.seed)
    print(f"supervised: {epochs} epochs in {(time.monotonic() - began) / 60:.1f} minutes")

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
    encoder: keras.Model, images: np.ndarray, labels: np.ndarray, epochs: int, seed: int
) -> keras.Model:
    """A network like `encoder`, trained from scratch with the usual recipe: crops and flips, a falling rate."""
    crops = bk.views.ImageViews(size=32, preset="cifar", area=(0.5, 1.0), jitter=0.0, grayscale=0.0, solarize=0.0)
    return bk.finetune(
        bk.evaluation.untrained(encoder, seed=seed),
        images,
        labels,
        epochs=epochs,
        batch_size=128,
        learning_rate=0.1,
        head_first=False,
        augment=lambda batch, seed: crops(batch, seed)[0],
        seed=seed,
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="tfds:cifar10", help="labelled pictures with a part to judge by")
    parser.add_argument("--data-dir", help="where tensorflow-datasets keeps its datasets")
    parser.add_argument("--examples", type=int, default=10_000, help="how many training pictures to take")
    parser.add_argument("--minutes", type=float, default=15, help="time to train BYOL for")
    parser.add_argument("--epochs", type=int, help="passes over the pictures, instead of minutes")
    parser.add_argument("--recipe", default="auto", help="settings of training, by name")
    parser.add_argument("--seed", type=int, default=0, help="what weights, order and views depend on")
    parser.add_argument("--run", default="runs/cifar10", help="folder for everything that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
