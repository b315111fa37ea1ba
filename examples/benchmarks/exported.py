"""How long exported encoders take for one picture and for 32, beside the Keras model that they were made from.

    python examples/benchmarks/exported.py --output exported.json

Every file is run by its own runtime on all cores, as `byol-keras export --verify` does, in a process of its own. The
Keras model is called as servers do it, through `tf.function`, and as notebooks do, by `predict_on_batch`.
"""

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from children import children
from side_by_side import measure, options_of, peer, report

QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")


def main(arguments: list[str] | None = None) -> None:
    options = parse_options(arguments)
    results = {}
    for name in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            with children({"export": (exporter, name, options.size, folder)}) as made:
                files = made["export"]()
            for batch in options.batches:
                pictures = (batch, options.size)
                found = {
                    "the Keras model, tf.function": (keras_model, folder, "function", *pictures),
                    "the Keras model, predict_on_batch": (keras_model, folder, "predict", *pictures),
                }
                found |= {what: (artefact, path, *pictures) for what, path in files.items()}
                with children(found) as calls:
                    section = f"{name}, {options.size} px, batch {batch}"
                    results[section] = measure(calls, batch, options.repeats, options.seconds)
    report("Encoders as they are exported", results, "pictures", options.output)


def exporter(name: str, size: int, folder: str) -> Callable[[], dict[str, str]]:
    """Writes an encoder in every form into a folder; calling it tells what lies where."""
    import keras
    import numpy as np

    import byol_keras as bk

    # Its numbers mean nothing, and take as long as others.
    warnings.filterwarnings("ignore", ".*looks untrained")
    keras.utils.set_random_seed(0)
    encoder = bk.encoders.named(name, (size, size, 3))
    encoder.save(Path(folder, "encoder.keras"))
    pictures = np.random.default_rng(0).random((64, size, size, 3), "float32")
    files = {"SavedModel": bk.export.saved_model(encoder, Path(folder, "served"))}
    for quantization in QUANTIZATIONS if peer("ai_edge_litert") else ():
        path = Path(folder, f"{quantization}.tflite")
        bk.export.litert(encoder, path, quantization=quantization, representative=pictures)
        files[f"LiteRT, {quantization}"] = path
    if peer("onnxruntime") and peer("tf2onnx"):
        files["ONNX Runtime"] = bk.export.onnx(encoder, Path(folder, "encoder.onnx"))
    return lambda: {what: str(path) for what, path in files.items()}


def keras_model(folder: str, how: str, batch: int, size: int) -> Callable[[], object]:
    import keras
    import numpy as np
    import tensorflow as tf

    import byol_keras  # noqa: F401

    encoder = keras.models.load_model(Path(folder, "encoder.keras"))
    pictures = np.random.default_rng(0).random((batch, size, size, 3), "float32")
    if how == "predict":
        return lambda: encoder.predict_on_batch(pictures)
    compiled = tf.function(lambda given: encoder(given, training=False))
    return lambda: compiled(tf.constant(pictures)).numpy()


def artefact(path: str, batch: int, size: int) -> Callable[[], object]:
    import numpy as np

    from byol_keras.export.runtimes import open_artefact

    runtime = open_artefact(path)
    (name,) = runtime.inputs
    pictures = np.random.default_rng(0).random((batch, size, size, 3), "float32")
    return lambda: runtime.run({name: pictures})


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__, repeats=5, seconds=1.0)
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50", "MobileNetV3Small"], help="by name")
    parser.add_argument("--size", type=int, default=224, help="side of the pictures")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32], help="pictures at a time")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
