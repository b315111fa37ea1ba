"""Both views of a batch of pictures, pairs per second, beside other libraries.

    python examples/benchmarks/views.py                         # all, about ten minutes
    python examples/benchmarks/views.py --sizes 96 --quick      # whether it runs

Every turn makes both views of a batch that is in memory and waits until they are there. Peers that are not installed
are left out with a word. What was measured: NOTES.md.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import view_peers
from side_by_side import measure, report

# Pictures of 256 px are what an imagenet crop of 224 px comes from.
SOURCES = {224: 256}
PEERS = {
    "albumentations": view_peers.albumentations,
    "kornia": view_peers.kornia,
    "torchvision": view_peers.torchvision,
    "keras.layers": view_peers.keras_layers,
    "keras_cv": view_peers.keras_cv,
}
TITLES = {"albumentations": "albumentations, 2 processes, uint8"}


def ours(images, size, preset, jit_compile=False):
    import tensorflow as tf

    from byol_keras.views import ImageViews

    run = tf.function(ImageViews(size, preset), jit_compile=jit_compile)
    batch, seed = tf.constant(images), tf.constant((1, 2))
    return lambda: [view.numpy() for view in run(batch, seed)]


def contestants(images, size, preset, peers):
    floats = (images / 255).astype("float32")
    yield "ours, uint8", ours(images, size, preset)
    yield "ours, float", ours(floats, size, preset)
    yield "ours, uint8, jit_compile", ours(images, size, preset, jit_compile=True)
    yield "ours, float, jit_compile", ours(floats, size, preset, jit_compile=True)
    for name in peers:
        if (call := PEERS[name](images, size, preset)) is not None:
            yield TITLES.get(name, name), call


def compared(size, preset, batch, repeats, seconds, peers):
    """The turns of all contestants, for pictures of random noise: none of them is quicker with smooth ones."""
    source = SOURCES.get(size, size)
    images = np.random.default_rng(0).integers(0, 256, (batch, source, source, 3), dtype="uint8")
    calls = dict(contestants(images, size, preset, peers))
    try:
        return measure(calls, things=batch, repeats=repeats, seconds=seconds)
    finally:
        for call in calls.values():
            getattr(call, "close", lambda: None)()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 96, 224], help="of the views, in pixels")
    parser.add_argument("--presets", nargs="+", default=["imagenet", "cifar"], choices=sorted(view_peers.CHANGES))
    parser.add_argument("--batch", type=int, help="pictures a call makes views of; default 256, 128 and 64 by size")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a turn takes")
    parser.add_argument("--json", help="file to write the numbers to")
    parser.add_argument("--quick", action="store_true", help="only see that all of it runs")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS), help="default all")
    options = parser.parse_args(arguments)
    if options.quick:
        options.batch, options.repeats, options.seconds = 4, 1, 0.01
    results = {}
    for size in options.sizes:
        for preset in options.presets:
            batch = options.batch or max(64, min(256, 8192 // size))
            turns = options.repeats, options.seconds, options.peers
            results[f"{size} px, {preset}"] = compared(size, preset, batch, *turns)
    report("Both views of a batch", results, "pairs", options.json)


if __name__ == "__main__":
    main()
