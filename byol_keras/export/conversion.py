"""From a SavedModel to a LiteRT file: a program of its own, since converters have been seen to take theirs down.

    python -m byol_keras.export.conversion JOB.json

The job names the SavedModel, the file to write, the quantization and the file with representative examples. What is to
be known about the result is printed as JSON.
"""

import json
import sys
from collections.abc import Callable, Iterator

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


def convert(saved_model: str, quantization: str, examples: str | None = None, integer: str | None = None) -> bytes:
    """The content of a LiteRT file.

    Args:
        saved_model: folder with the signature `serving_default`.
        quantization: `"float32"`, `"float16"`, `"dynamic"` or `"int8"`.
        examples: for `"int8"` an `.npz` file with inputs by name.
        integer: for `"int8"` the type of the inputs, so that outputs are int8; None leaves both float32.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
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
    return converter.convert()


def _one_by_one(examples: str) -> Callable[[], Iterator[dict]]:
    with np.load(examples) as file:
        batches = dict(file)

    def generate() -> Iterator[dict]:
        for index in range(len(next(iter(batches.values())))):
            yield {name: values[index] for name, values in batches.items()}

    return generate


def _described(model: bytes) -> dict:
    """Operations outside of LiteRT's own, and how integers stand for numbers."""
    interpreter = tf.lite.Interpreter(model_content=model)
    operations = {operation["op_name"] for operation in interpreter._get_ops_details()}
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return {
        "flex": sorted(name for name in operations if name.startswith("Flex")),
        "inputs": [_quantized(detail) for detail in inputs],
        "outputs": [_quantized(detail) for detail in outputs],
    }


def _quantized(detail: dict) -> dict:
    scale, zero_point = detail["quantization"]
    return {"dtype": np.dtype(detail["dtype"]).name, "scale": scale, "zero_point": zero_point}


if __name__ == "__main__":
    main()
