"""Trains three encoders that byol_keras did not write, saves each and exports it: any built Keras model will do.

    python examples/custom_encoder.py

A network of keras.applications, a backbone of keras_cv, and a model of one's own learn from the built-in shapes, each
for a few steps only, two minutes in all on two CPU cores. For each a line says what came out: how long its vectors are,
how far the target's projections of different pictures spread (1 is healthy, 0 is collapse), and by what share the saved
file and the exported SavedModel differ from the model in memory (rounding is all there should be).
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import byol_keras as bk

SHAPE = (32, 32, 3)


def from_keras_applications() -> keras.Model:
    # Its pixels are expected in 0..255 or -1..1, as each network has it: `named` puts that in front of it.
    return bk.encoders.named("MobileNet", SHAPE)


def from_keras_cv() -> keras.Model:
    import keras_cv

    backbone = keras_cv.models.ResNetBackbone(
        stackwise_filters=[64, 128],
        stackwise_blocks=[1, 1],
        stackwise_strides=[1, 2],
        block_type="basic_block",
        include_rescaling=False,  # pixels are in [0, 1] already
        input_shape=SHAPE,
    )
    return bk.encoders.pooled(backbone)  # maps of 128 features become vectors of 128


@keras.saving.register_keras_serializable(package="examples")
class PatchMixer(keras.Model):
    """Patches of 4 by 4 pixels, which learn from their neighbours and then mix their features, block by block."""

    def __init__(self, width: int = 64, depth: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.patches = keras.layers.Conv2D(width, 4, strides=4)
        self.blocks = [self.block() for _ in range(depth)]

    def block(self) -> keras.Model:
        across = keras.layers.DepthwiseConv2D(5, padding="same", activation="gelu")
        within = keras.layers.Conv2D(self.width, 1, activation="gelu")
        return keras.Sequential([across, keras.layers.BatchNormalization(), within, keras.layers.BatchNormalization()])

    def call(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        maps = self.patches(pixels - 0.5)
        for block in self.blocks:
            maps = maps + block(maps, training=training)
        return maps

    def get_config(self) -> dict:
        return super().get_config() | {"width": self.width, "depth": self.depth}


def of_ones_own() -> keras.Model:
    # A subclassed model becomes one with known shapes by being called on an input once.
    pixels = keras.Input(SHAPE)
    return bk.encoders.pooled(keras.Model(pixels, PatchMixer()(pixels), name="patch_mixer"))


ENCODERS = {"applications": from_keras_applications, "keras_cv": from_keras_cv, "own": of_ones_own}


def main() -> None:
    options = parse_options()
    images, _, _ = bk.data.shapes(options.steps * options.batch_size, seed=0)
    for name, build in ENCODERS.items():
        keras.utils.set_random_seed(0)
        model, spread = train(build(), images, options.batch_size)
        saved, exported = save_and_export(model.encoder, Path(options.output) / name)

        pictures = images[:64]
        features = model.predict(pictures, verbose=0)
        floats = (pictures / 255.0).astype("float32")  # a bare encoder takes pixels in [0, 1]
        largest = np.abs(features).max()
        differences = [np.abs(again(floats) - features).max() / largest for again in (saved, exported.serve)]
        print(
            f"{name}: {model.encoder.name}, {model.encoder.count_params():,} weights, {features.shape[1]} features, "
            f"spread {spread:.2f}; saved differs by {differences[0]:.1e}, exported by {differences[1]:.1e}"
        )


def train(encoder: keras.Model, images: np.ndarray, batch_size: int) -> tuple[bk.BYOL, float]:
    recipe = bk.recipes.get("demo")  # its views hide colour, which says nothing about the shape
    model = bk.BYOL(encoder, views=recipe.views(SHAPE[:2]), **recipe.heads(features=encoder.output_shape[-1]))
    model.compile(keras.optimizers.AdamW(1e-3))
    history = model.fit(images, batch_size=batch_size, verbose=0).history
    return model, history["target_std"][-1]


def save_and_export(encoder: keras.Model, folder: Path) -> tuple:
    """The encoder read back from both files: a Keras model, and what plain TensorFlow loads."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder / "encoder.keras")
    encoder.export(folder / "serving" / "1", verbose=False)
    return keras.models.load_model(folder / "encoder.keras"), tf.saved_model.load(folder / "serving" / "1")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="batches that each is trained on")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--output", default="runs/custom_encoders", help="folder for the saved and exported encoders")
    return parser.parse_args()


if __name__ == "__main__":
    main()
