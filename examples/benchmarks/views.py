"""Both views of a batch of pictures, pairs per second, beside other libraries.

    python examples/benchmarks/views.py                         # all, about ten minutes
    python examples/benchmarks/views.py --sizes 96 --quick      # whether it runs

Every turn makes both views of a batch that is in memory and waits until they are there; everybody has processes of
their own, which sleep unless it is their turn. Peers that are not installed are left out with a word. What was
measured: NOTES.md.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from contextlib import ExitStack, closing

import numpy as np
import view_peers
from children import Child
from side_by_side import measure, options_of, peer, report

# Pictures of 256 px are what an imagenet crop of 224 px comes from.
SOURCES = {224: 256}
PEERS = {
    "kornia": view_peers.kornia,
    "torchvision": view_peers.torchvision,
    "keras.layers": view_peers.keras_layers,
    "keras_cv": view_peers.keras_cv,
}
# It has processes already.
PARALLEL = "albumentations"


def ours(images, size, preset, jit_compile=False):
    import tensorflow as tf

    from byol_keras.views import ImageViews

    run = tf.function(ImageViews(size, preset), jit_compile=jit_compile)
    batch, seed = tf.constant(images), tf.constant((1, 2))

    def once():
        for view in run(batch, seed):
            view.numpy()

    return once


def contestants(images, size, preset, peers):
    floats = (images / 255).astype("float32")
    yield "ours, uint8", Child(ours, images, size, preset)
    yield "ours, float", Child(ours, floats, size, preset)
    yield "ours, uint8, jit_compile", Child(ours, images, size, preset, True)
    yield "ours, float, jit_compile", Child(ours, floats, size, preset, True)
    for name in peers:
        if peer(name) and name == PARALLEL:
            yield "albumentations, 2 processes, uint8", view_peers.albumentations(images, size, preset)
        elif peer(name):
            yield name, Child(PEERS[name], images, size, preset)


def compared(size, preset, batch, repeats, seconds, peers):
    """The turns of all contestants, for pictures of random noise: none of them is quicker with smooth ones."""
    source = SOURCES.get(size, size)
    images = np.random.default_rng(0).integers(0, 256, (batch, source, source, 3), dtype="uint8")
    with ExitStack() as stack:
        calls = {}
        for name, call in contestants(images, size, preset, peers):
            calls[name] = stack.enter_context(closing(call))
        return measure(calls, things=batch, repeats=repeats, seconds=seconds)


def main(arguments=None):
    parser = options_of(__doc__, repeats=5, seconds=1.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 96, 224], help="of the views, in pixels")
    parser.add_argument("--presets", nargs="+", default=["imagenet", "cifar"], choices=sorted(view_peers.CHANGES))
    parser.add_argument("--batch", type=int, help="pictures of a call; by default 64 to 256, fewer large ones")
    parser.add_argument("--quick", action="store_true", help="only see that all of it runs")
    parser.add_argument("--peers", nargs="*", default=[PARALLEL, *PEERS], choices=[PARALLEL, *PEERS])
    options = parser.parse_args(arguments)
    if options.quick:
        options.batch, options.repeats, options.seconds = 4, 1, 0.01
    results = {}
    for size in options.sizes:
        for preset in options.presets:
            batch = options.batch or max(64, min(256, 8192 // size))
            turns = options.repeats, options.seconds, options.peers
            results[f"{size} px, {preset}"] = compared(size, preset, batch, *turns)
            # All of it takes long: what is known is shown.
            report(f"Both views of {batch} pictures", dict([[*results.items()][-1]]), "pairs")
    report("Both views of a batch", results, "pairs", options.output)


if __name__ == "__main__":
    main()
