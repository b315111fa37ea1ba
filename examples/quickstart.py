"""Learns to tell patterns apart without being told what they are, in two or three minutes on two CPU cores.

    python examples/quickstart.py

Stripes, checks, dots and grids in any colours, angle and size are a hard case for raw pixels: the neighbours of red
stripes are other red things. The encoder below never sees a label. Labels only judge it: how often do the nearest
neighbours of a picture show the same pattern?
"""

import argparse

import keras
import numpy as np

import byol_keras as bk

PATTERNS = ("stripes", "checks", "dots", "grid")


def main() -> None:
    options = parse_options()
    keras.utils.set_random_seed(0)
    images, labels = draw_patterns(options.images, seed=0)
    test_images, test_labels = draw_patterns(512, seed=1)

    encoder = bk.encoders.small_resnet(input_shape=(32, 32, 3))
    # What two views share is what the encoder learns. Colour says nothing about the pattern, so the views hide it.
    colour = {"hue": 0.5, "grayscale": 0.9, "solarize": 0.5, "contrast": 0.8, "brightness": 0.2}
    views = bk.views.ImageViews(size=32, preset="cifar", area=(0.3, 1.0), **colour)
    model = bk.BYOL(encoder, views=views)

    steps = options.epochs * (len(images) // 128)
    model.compile(keras.optimizers.SGD(bk.schedules.WarmupCosine(0.4, steps, warmup_steps=steps // 10), momentum=0.9))

    def judge(features):
        bank, queries = features(images), features(test_images)
        return bk.evaluation.knn_accuracy(bank, labels, queries, test_labels, k=20)

    raw = judge(lambda pictures: pictures.reshape(len(pictures), -1) / 255.0 - 0.5)
    untrained = judge(lambda pictures: model.predict(pictures, verbose=0))
    model.fit(images, epochs=options.epochs, batch_size=128, callbacks=[bk.callbacks.TargetEMA(tau=0.97)], verbose=2)
    trained = judge(lambda pictures: model.predict(pictures, verbose=0))

    print(f"\nnearest neighbours show the same pattern (chance: {1 / len(PATTERNS):.0%})")
    for name, accuracy in (("raw pixels", raw), ("untrained encoder", untrained), ("after BYOL", trained)):
        print(f"  {name:<18} {accuracy:6.1%}")

    if options.save:
        model.encoder.save(options.save)
        print(f"encoder written to {options.save}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=4096, help="number of training pictures")
    parser.add_argument("--save", help="where to write the encoder, e.g. encoder.keras")
    return parser.parse_args()


def draw_patterns(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pictures of 32 by 32 pixels, and which of the patterns each shows."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(PATTERNS), count)
    return np.stack([draw_pattern(PATTERNS[label], generator) for label in labels]), labels


def draw_pattern(pattern: str, generator: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:32, :32]
    angle, frequency = generator.uniform(0, np.pi), generator.uniform(0.6, 1.4)
    across = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * frequency + generator.uniform(0, 2 * np.pi))
    along = np.sin((columns * np.cos(angle) - rows * np.sin(angle)) * frequency + generator.uniform(0, 2 * np.pi))
    inside = {
        "stripes": across > 0,
        "checks": across * along > 0,
        "dots": np.minimum(across, along) > 0.1,
        "grid": np.maximum(across, along) > 0.85,
    }[pattern]
    paper, ink = distinct_colours(generator)
    picture = np.where(inside[..., None], ink, paper) + generator.normal(0, 20, (32, 32, 3))
    return picture.clip(0, 255).astype("uint8")


def distinct_colours(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    while True:
        paper, ink = generator.uniform(20, 235, (2, 3))
        if np.abs(paper - ink).sum() > 200:
            return paper, ink


if __name__ == "__main__":
    main()
