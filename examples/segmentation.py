"""Segmentation: what does each pixel show, learned from a few drawn masks on top of BYOL.

    python examples/segmentation.py

BYOL learns from five thousand of the built-in shapes without labels. Then 50 pictures come with masks, drawn by hand
as it were: for every pixel, background or one of eight shapes. A small decoder looks at the encoder's feature maps of
all scales (`bk.encoders.pyramid`) and says what each pixel shows. It is trained on a BYOL encoder and on one with
random weights, both either left as they are ("frozen") or trained along ("whole").

500 other pictures are judged: the share of pixels that are right, and the mean over classes of intersection over union
(mIoU). Ours, in percent:

                          pixels   mIoU
    all background          68.0    7.6
    untrained, frozen       69.9   15.8
    BYOL, frozen            81.5   38.8
    untrained, whole        80.4   37.4
    BYOL, whole             85.4   48.2

So the features that BYOL found are worth as much as training the whole network on the masks, and both together more.
The decoder is small on purpose; any other that takes a list of maps can stand there.
"""

import argparse
import json

import keras
import numpy as np
import rich
import rich.table
import tensorflow as tf

import byol_keras as bk

SIZE, BATCH_SIZE = 32, 10
Masked = tuple[np.ndarray, np.ndarray]


def main() -> None:
    options = parse_options()
    run = bk.pretrain(
        data="shapes", run=options.run, resume=True, recipe="demo", epochs=options.epochs, seed=options.seed
    )
    encoder = keras.models.load_model(run.encoder)
    networks = {"untrained": bk.evaluation.untrained(encoder, seed=options.seed), "BYOL": encoder}
    images, masks, names = bk.data.shape_masks(options.masks, seed=2, size=SIZE)
    test = bk.data.shape_masks(500, seed=3, size=SIZE)[:2]

    found = {"all background": judged(np.zeros_like(test[1]), test[1], len(names))}
    for frozen in (True, False):
        for name, network in networks.items():
            keras.utils.set_random_seed(options.seed)
            copy = bk.encoders.resized(network, (SIZE, SIZE, 3))
            segmenter = decoder_on(bk.encoders.pyramid(copy), len(names), frozen)
            train(segmenter, (images, masks), options.steps)
            guesses = segmenter.predict(as_floats(test[0]), verbose=0).argmax(axis=-1)
            found[f"{name}, {'frozen' if frozen else 'whole'}"] = judged(guesses, test[1], len(names))
    with open(run.file("segmentation.json"), "w") as file:
        json.dump(found, file, indent=2)
    rich.print(table(found))


def decoder_on(pyramid: keras.Model, classes: int, frozen: bool) -> keras.Model:
    """Every map brought to few channels and to the size of the finest, looked at together."""
    pyramid.trainable = not frozen
    pixels = keras.Input((SIZE, SIZE, 3))
    # Statistics of a few pictures are worse than those of pre-training, so these stay in any case.
    maps = list(pyramid(pixels, training=False).values())
    finest = maps[0].shape[1]
    brought = [
        keras.layers.UpSampling2D(finest // each.shape[1], interpolation="bilinear")(
            keras.layers.Conv2D(32, 1, activation="relu")(each)
        )
        for each in maps
    ]
    together = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(keras.layers.Concatenate()(brought))
    scores = keras.layers.Conv2D(classes, 1)(together)
    scores = keras.layers.UpSampling2D(SIZE // finest, interpolation="bilinear")(scores)
    return keras.Model(pixels, keras.layers.Softmax(dtype="float32")(scores))


def train(segmenter: keras.Model, data: Masked, steps: int) -> None:
    """Trains on turns and flips of a few pictures, picture and mask alike."""
    adam = keras.optimizers.Adam(bk.schedules.WarmupCosine(2e-3, steps, steps // 10))
    segmenter.compile(adam, loss="sparse_categorical_crossentropy")
    examples = tf.data.Dataset.from_tensor_slices((as_floats(data[0]), data[1])).shuffle(len(data[0]), seed=0).repeat()
    batches = examples.map(turned).batch(BATCH_SIZE).prefetch(2)
    segmenter.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)


def turned(image: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same by one of eight turns and flips: shapes have no upright."""
    both = tf.concat([image, tf.cast(mask[..., None], tf.float32)], axis=-1)
    both = tf.image.random_flip_left_right(both)
    both = tf.image.rot90(both, tf.random.uniform([], 0, 4, tf.int32))
    return both[..., :3], tf.cast(both[..., 3], tf.int32)


def as_floats(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)


def judged(guesses: np.ndarray, truth: np.ndarray, classes: int) -> dict[str, float]:
    """Right pixels, and the mean over classes of intersection over union."""
    confusion = np.bincount(classes * truth.ravel().astype(int) + guesses.ravel(), minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return {"pixels": float(hits.sum() / confusion.sum()), "mIoU": float(np.mean(hits / np.maximum(union, 1)))}


def table(found: dict[str, dict[str, float]]) -> rich.table.Table:
    shown = rich.table.Table("encoder", *next(iter(found.values())))
    for name, numbers in found.items():
        shown.add_row(name, *(f"{100 * number:.1f}" for number in numbers.values()))
    return shown


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="length of BYOL's training. Default: the recipe's")
    parser.add_argument("--masks", type=int, default=50, help="pictures with masks to learn from")
    parser.add_argument("--steps", type=int, default=600, help="steps of the decoder's training")
    parser.add_argument("--seed", type=int, default=0, help="what weights and views depend on")
    parser.add_argument("--run", default="runs/segmentation", help="folder for everything that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
