"""From a SavedModel to a LiteRT file: a program of its own, since converters have been seen to take theirs down.

    python -c "the text of this file" JOB.json

Run by its text and not by its name, it imports nothing of this library. The job names the SavedModel, the file to
write, the quantization and the file with representative examples. What is to be known about the result is printed as
JSON.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

__all__ = ["convert", "main"]


def main() -> None:
    """Does the job that the first argument names."""
    with open(sys.argv[1]) as file:
        job = json.load(file)
    model = convert(**{key: value for key, value in job.items() if key != "output"})
    with open(job["output"], "wb") as file:
        file.write(model)
    print(json.dumps(_described(model)))


def convert(
    saved_model: str,
    quantization: str,
    examples: str | None = None,
    integer: str | None = None,
    exact: Sequence[str] = (),
) -> bytes:
    """The content of a LiteRT file.

    Args:
        saved_model: folder with the signature `serving_default`.
        quantization: `"float32"`, `"float16"`, `"dynamic"` or `"int8"`.
        examples: for `"int8"` an `.npz` file with inputs by name.
        integer: for `"int8"` the type of the inputs, so that outputs are int8; None leaves both float32.
        exact: for `"int8"` the names of layers that are to compute in float32 all the same.
    """
    converter = _converter(saved_model)
    if quantization != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = _one_by_one(examples)
        if integer is not None:
            converter.inference_input_type = tf.as_dtype(integer)
            converter.inference_output_type = tf.int8
        if exact:
            return _convert_without(converter, _tensors_of(exact, _converter(saved_model).convert()))
    return converter.convert()


def _converter(saved_model: str) -> tf.lite.TFLiteConverter:
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


def _convert_without(converter: tf.lite.TFLiteConverter, tensors: list[str]) -> bytes:
    """An int8 model in which some tensors stay floats: only the debugger of quantization can leave out any."""
    converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=tensors),
    )
    return debugger.get_nondebug_quantized_model()


def _tensors_of(layers: Sequence[str], model: bytes) -> list[str]:
    """The names of what operations of these layers give, in a model of floats; Keras may have numbered the layers."""
    inside = re.compile(rf"(?:^|/)(?:{'|'.join(map(re.escape, layers))})(?:_\d+)?/")
    interpreter = tf.lite.Interpreter(model_content=model)
    given = {index for operation in interpreter._get_ops_details() for index in operation["outputs"]}
    # An operation that stands for several is named after all of them, the one that it began as first.
    names = [detail["name"] for detail in interpreter.get_tensor_details() if detail["index"] in given]
    return [name for name in names if inside.search(name.split(";")[0])]


def _one_by_one(examples: str) -> Callable[[], Iterator[dict]]:
    with np.load(examples) as file:
        batches = dict(file)

    def generate() -> Iterator[dict]:
        for index in range(len(next(iter(batches.values())))):
            yield {name: values[index] for name, values in batches.items()}

    return generate


def _described(model: bytes) -> dict:
    """How integers stand for numbers."""
    interpreter = tf.lite.Interpreter(model_content=model)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return {
        "inputs": [_quantized(detail) for detail in inputs],
        "outputs": [_quantized(detail) for detail in outputs],
    }


def _quantized(detail: dict) -> dict:
    scale, zero_point = detail["quantization"]
    return {"dtype": np.dtype(detail["dtype"]).name, "scale": scale, "zero_point": zero_point}


if __name__ == "__main__":
    main()
