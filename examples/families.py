"""Does every kind of encoder survive its exports? Ours, three of keras.applications and one of keras_cv, by numbers.

    pip install "byol-keras[litert,onnx,openvino]"
    python examples/families.py

Each network learns for a short time from the built-in shapes, with labels, because that is quickest and an untrained
network gives almost the same vector for every picture, which proves nothing. Then it is exported as SavedModel, as
LiteRT file in four precisions and as ONNX file, and each file is asked about 1,000 other shapes in its own runtime
(`bk.export.verify`). It takes two hours on one core; `--families small_resnet` asks one only. Networks of
keras.applications shrink a picture by 32 and get larger ones.

Ours. In float32 every file gives the same as the encoder, within 2e-6, in each of its runtimes. In full int8 (kNN in
percent, of the encoder and of the file; the centred cosine, whose bound is .95, between their vectors):

                            kNN    int8   cosine
    small_resnet           94.4    94.2     .9995
    resnet18                                .9996
    resnet18, group norm   95.3    95.3     .9993
    resnet50               85.6    85.7     .9969
    MobileNetV3Small       78.4    78.5     .9969
    EfficientNetV2B0       79.3    79.3     .9986
    ConvNeXtTiny           68.1    67.9     .9986
    keras_cv ResNet                         .9998

ConvNeXtTiny learned for two epochs (`--epochs 2`). kNN of keras_cv's moved by at most half a point.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import rich
import rich.table

import byol_keras as bk

SMALL, LARGE = (32, 32, 3), (96, 96, 3)
PRECISIONS = ["float32", "float16", "dynamic", "int8"]


def main() -> int:
    options = parse_options()
    found = {}
    for name in options.families:
        print(f"{name} ...", file=sys.stderr)
        checks = verified(name, options)
        found[name] = [dataclasses.asdict(check) for check in checks]
        with open(options.folder / "families.json", "w") as file:
            json.dump(found, file, indent=2)
        rich.print(table(name, checks))
    broken = [name for name, checks in found.items() if any(check["broken"] for check in checks)]
    print(f"bounds broken by {', '.join(broken)}" if broken else "every file keeps every bound")
    return 1 if broken else 0


def keras_cv_resnet() -> keras.Model:
    import keras_cv

    layers = {"stackwise_filters": [64, 128], "stackwise_blocks": [1, 1], "stackwise_strides": [1, 2]}
    backbone = keras_cv.models.ResNetBackbone(
        **layers, block_type="basic_block", include_rescaling=False, input_shape=SMALL
    )
    return bk.encoders.pooled(backbone)


FAMILIES: dict[str, Callable[[], keras.Model]] = {
    "small_resnet": lambda: bk.encoders.small_resnet(SMALL),
    "resnet18": lambda: bk.encoders.resnet18(SMALL, stem="small"),
    "resnet18, group norm": lambda: bk.encoders.resnet18(SMALL, stem="small", normalization="group"),
    "resnet50": lambda: bk.encoders.resnet50(SMALL, stem="small"),
    "MobileNetV3Small": lambda: bk.encoders.named("MobileNetV3Small", LARGE),
    "EfficientNetV2B0": lambda: bk.encoders.named("EfficientNetV2B0", LARGE),
    "ConvNeXtTiny": lambda: bk.encoders.named("ConvNeXtTiny", LARGE),
    "keras_cv ResNet": keras_cv_resnet,
}


def verified(name: str, options: argparse.Namespace) -> list:
    """What became of each exported file."""
    keras.utils.set_random_seed(options.seed)
    encoder = FAMILIES[name]()
    size = encoder.input_shape[1]
    images, labels, names = bk.data.shapes(options.examples, seed=0, size=size)
    train(encoder, images, labels, len(names), options.epochs)
    folder = options.folder / name.replace(", ", "_").replace(" ", "_")
    artefacts = [bk.export.saved_model(encoder, folder / "serving")]
    for precision in PRECISIONS:
        path = folder / f"{precision}.tflite"
        artefacts.append(bk.export.litert(encoder, path, quantization=precision, representative=images[:200]))
    artefacts.append(bk.export.onnx(encoder, folder / "encoder.onnx"))
    others, classes, _ = bk.data.shapes(1000, seed=1, size=size)
    return bk.export.verify(encoder, artefacts, others, classes, openvino=True).checks


def train(encoder: keras.Model, images: np.ndarray, labels: np.ndarray, classes: int, epochs: int) -> None:
    # Moving statistics that know a few hundred steps only must not lag behind by a thousand.
    for layer in encoder._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    head = keras.layers.Dense(classes, activation="softmax", dtype="float32")
    classifier = keras.Sequential([keras.Input(encoder.input_shape[1:]), encoder, head])
    classifier.compile(keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy")
    classifier.fit(images.astype("float32") / 255.0, labels, batch_size=32, epochs=epochs, verbose=0)


def table(name: str, checks: list) -> rich.table.Table:
    """One line per file and runtime; red where a bound is broken."""
    drawn = rich.table.Table(title=f"{name}: kNN {checks[0].knn_before:.1%}", title_justify="left")
    for column in ("file", "runtime", "difference", "cosine", "kNN", "MB"):
        drawn.add_column(column, justify="left" if column in ("file", "runtime") else "right", no_wrap=True)
    for check in checks:
        path = Path(check.artefact)
        cells = [f"{check.difference:.0e}", f"{check.centred_cosine:.4f}", f"{check.knn:.1%}", f"{check.megabytes:.2f}"]
        style = "red" if check.broken else None
        drawn.add_row(path.name if path.suffix else "SavedModel", check.runtime, *cells, style=style)
    return drawn


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES), metavar="NAME")
    parser.add_argument("--examples", type=int, default=3000, help="to train on")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--folder", type=Path, default=Path("families"), help="where the files go")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
