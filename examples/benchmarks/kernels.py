"""The gradient of a convolution's kernel, as a product of matrices and as TensorFlow's own operation.

    python examples/benchmarks/kernels.py --output kernels.json

By these `byol_keras.layers.Conv2D` decides which of the two it takes. Maps are those of ResNet-18 (batch 64, 32 px) and
ResNet-50 (batch 8, 224 px).
"""

import argparse
from collections.abc import Callable

import tensorflow as tf
from side_by_side import measure, options_of, report

from byol_keras.layers.conv import kernel_gradient

# Batch, side of the inputs, channels, filters, side of the kernel, stride.
RESNET18 = [
    (64, 32, 64, 64, 3, 1),
    (64, 32, 64, 128, 3, 2),
    (64, 16, 128, 128, 3, 1),
    (64, 16, 128, 256, 3, 2),
    (64, 8, 256, 256, 3, 1),
    (64, 8, 256, 512, 3, 2),
    (64, 4, 512, 512, 3, 1),
]
RESNET50 = [
    (8, 56, 64, 64, 3, 1),
    (8, 56, 64, 256, 1, 1),
    (8, 56, 128, 128, 3, 2),
    (8, 28, 128, 128, 3, 1),
    (8, 28, 512, 128, 1, 1),
    (8, 28, 256, 256, 3, 2),
    (8, 14, 256, 256, 3, 1),
    (8, 14, 256, 1024, 1, 1),
    (8, 14, 512, 512, 3, 2),
    (8, 7, 512, 512, 3, 1),
    (8, 7, 512, 2048, 1, 1),
]


def main() -> None:
    options = parse_options()
    results = {}
    for precision in options.precisions:
        for shape in [*RESNET18, *RESNET50][: options.shapes]:
            batch, side, channels, filters, size, stride = shape
            section = (
                f"{batch} x {side} x {side} x {channels} to {filters}, {size} x {size}, stride {stride}, {precision}"
            )
            results[section] = measure(contestants(shape, precision), 1, options.repeats, options.seconds)
    report("Gradients of kernels", results, "gradients", options.output)


def contestants(shape: tuple[int, ...], precision: str) -> dict[str, Callable[[], object]]:
    batch, side, channels, filters, size, stride = shape
    images = tf.cast(tf.random.normal([batch, side, side, channels]), precision)
    moved = tf.cast(tf.random.normal([batch, -(-side // stride), -(-side // stride), filters]), precision)

    def as_product(images: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        return kernel_gradient(images, moved, (size, size), (stride, stride), "SAME")

    def as_it_was(images: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=images,
            filter_sizes=[size, size, channels, filters],
            out_backprop=moved,
            strides=[1, stride, stride, 1],
            padding="SAME",
        )

    graphs = {"as a product": tf.function(as_product), "TensorFlow's": tf.function(as_it_was)}
    return {name: (lambda graph=graph: graph(images, moved)) for name, graph in graphs.items()}


def parse_options() -> argparse.Namespace:
    parser = options_of(__doc__, repeats=7, seconds=0.2)
    parser.add_argument("--precisions", nargs="+", default=["bfloat16"], help="in what")
    parser.add_argument("--shapes", type=int, help="how many, from the first on. Default: all")
    return parser.parse_args()


if __name__ == "__main__":
    main()
