"""Learns to tell shapes apart without being told what they are, in about a minute on a CPU.

    python examples/quickstart.py

Pictures of circles, squares, triangles and crosses, in any colour, place and size, are a hard case for raw pixels:
the neighbours of a red circle are other red things. The encoder below never sees a label. Labels only judge it:
how often do the nearest neighbours of a picture show the same shape?
"""

import argparse

import keras
import numpy as np

import byol_keras as bk

SHAPES = ("circle", "square", "triangle", "cross")


def main() -> None:
    options = parse_options()
    keras.utils.set_random_seed(0)
    images, labels = draw_shapes(options.images, seed=0)
    test_images, test_labels = draw_shapes(512, seed=1)

    encoder = bk.encoders.small_resnet(input_shape=(32, 32, 3))
    # Colour is no help here, so the views may change it freely; a crop must leave enough of the shape to see.
    views = bk.views.ImageViews(size=32, preset="cifar", area=(0.4, 1.0), hue=0.5, grayscale=0.4)
    model = bk.BYOL(encoder, views=views)

    steps = options.epochs * (len(images) // 128)
    model.compile(keras.optimizers.SGD(bk.schedules.WarmupCosine(0.4, steps, warmup_steps=steps // 10), momentum=0.9))

    def judge(features):
        bank, queries = features(images), features(test_images)
        return bk.evaluation.knn_accuracy(bank, labels, queries, test_labels, k=20)

    raw = judge(lambda pictures: pictures.reshape(len(pictures), -1))
    untrained = judge(lambda pictures: model.predict(pictures, verbose=0))
    model.fit(images, epochs=options.epochs, batch_size=128, callbacks=[bk.callbacks.TargetEMA(tau=0.97)], verbose=2)
    trained = judge(lambda pictures: model.predict(pictures, verbose=0))

    print(f"\nnearest neighbours show the same shape (chance: {1 / len(SHAPES):.0%})")
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


def draw_shapes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pictures of 32 by 32 pixels, and which of the shapes each shows."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(SHAPES), count)
    rows, columns = np.mgrid[:32, :32]
    return np.stack([draw_shape(SHAPES[label], rows, columns, generator) for label in labels]), labels


def draw_shape(shape: str, rows: np.ndarray, columns: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    radius = generator.uniform(7, 12)
    y, x = rows - generator.uniform(radius, 32 - radius), columns - generator.uniform(radius, 32 - radius)
    inside = {
        "circle": y**2 + x**2 < radius**2,
        "square": np.maximum(abs(y), abs(x)) < 0.85 * radius,
        "triangle": (y < 0.8 * radius) & (y > 2 * abs(x) - radius),
        "cross": (np.minimum(abs(y), abs(x)) < 0.3 * radius) & (np.maximum(abs(y), abs(x)) < radius),
    }[shape]
    paper, ink = distinct_colours(generator)
    shade = 30 * np.sin(rows / generator.uniform(3, 9) + generator.uniform(0, 6))
    picture = np.where(inside[..., None], ink, paper + shade[..., None]) + generator.normal(0, 12, (32, 32, 3))
    return picture.clip(0, 255).astype("uint8")


def distinct_colours(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    while True:
        paper, ink = generator.uniform(20, 235, (2, 3))
        if np.abs(paper - ink).sum() > 200:
            return paper, ink


if __name__ == "__main__":
    main()
