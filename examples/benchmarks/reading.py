"""Pictures from a folder of JPEGs to both views, beside Keras' own loader; and how long training waits for them.

    python examples/benchmarks/reading.py --output reading.json

The files are of 500 x 375 pixels and some 100 KB, as ImageNet's are, and lie in the page cache. We decode what two
random crops need and vary their colours; `keras.utils.image_dataset_from_directory` decodes and resizes everything to
256 px, of which two augmentations are made: ours, so that the difference is in reading, and those of `keras.layers`.
The share of waiting is that of `byol-keras bench` on a network's training step.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import view_peers
from children import children
from side_by_side import measure, options_of, report

HEIGHT, WIDTH = 375, 500
LARGER = 256 / 224  # what pictures are resized to before 224 px are cut out of them
QUALITY = 85
AT_ONCE = 8  # batches that a turn asks for at least once
RECIPE = "imagenet-300"


def main(arguments: list[str] | None = None) -> None:
    options = parse_options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), options.files)
        shape = (folder, options.size, options.batch)
        with children({name: (maker, *shape, *more) for name, (maker, *more) in CONTESTANTS.items()}) as made:
            for call in made.values():
                call()
            pictures = AT_ONCE * options.batch
            results = {f"{options.size} px": measure(made, pictures, options.repeats, options.seconds)}
        found = {}
        if options.network:
            for data in ("arrays", "folder"):
                with children({data: (waiting, folder, data, options.network, *shape[1:], options.seconds)}) as made:
                    found[data] = made[data]()
                print(f"{options.network} on {data}: training waits {found[data]:.1%} of its time", flush=True)
    report("From JPEGs of 500 x 375 to two views", results, "pictures", options.output, waiting=found)


def write_pictures(folder: Path, count: int) -> None:
    """Clouds of every scale with some grain, in two folders: they take as many bytes as photographs."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class_{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(cloud(rng)).save(path, quality=QUALITY)


def cloud(rng: np.random.Generator) -> np.ndarray:
    down, across = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)
    scale = 1.0 / np.maximum(np.hypot(down, across), 1.0 / WIDTH)
    spectrum = np.fft.rfft2(rng.normal(size=(3, HEIGHT, WIDTH))) * scale
    channels = np.fft.irfft2(spectrum, s=(HEIGHT, WIDTH))
    picture = 128 + 50 * channels / channels.std(axis=(1, 2), keepdims=True)
    grain = rng.normal(0.0, 5.0, size=(HEIGHT, WIDTH))
    return np.clip(picture + grain, 0, 255).astype("uint8").transpose(1, 2, 0)


def ours(folder: str, size: int, batch: int, varied: bool) -> Callable[[], None]:
    """Crops on the host as training has them; where they are varied, the rest of the view as the step computes it."""
    import byol_keras as bk

    views = bk.views.ImageViews(size, "imagenet")
    crop = (views.settings.area, views.settings.ratio)
    data = bk.data.Pictures(bk.data.open_source(folder), size, crop=crop).training(batch)
    return through(data, views if varied else None)


def keras_loader(folder: str, size: int, batch: int, augmented: str | None) -> Callable[[], None]:
    """`image_dataset_from_directory`, which decodes as many files at once as tf.data likes, with a map behind it."""
    import keras

    import byol_keras as bk

    data = keras.utils.image_dataset_from_directory(
        folder, label_mode=None, image_size=(round(LARGER * size),) * 2, batch_size=batch, verbose=False
    )
    if augmented == "keras.layers":
        chains = view_peers.keras_chains(size, "imagenet", round(LARGER * size))
        return through(data.repeat(), lambda pictures, _: view_peers.chained(pictures, chains))
    scaled = data.repeat().map(lambda pictures: pictures / 255.0)
    return through(scaled, bk.views.ImageViews(size, "imagenet") if augmented else None)


CONTESTANTS = {
    "byol_keras, two views": (ours, True),
    "image_dataset_from_directory, our views": (keras_loader, "ours"),
    "image_dataset_from_directory, keras.layers": (keras_loader, "keras.layers"),
    "byol_keras, two crops only": (ours, False),
    "image_dataset_from_directory only": (keras_loader, None),
}


def through(data: object, views: Callable | None) -> Callable[[], None]:
    import tensorflow as tf

    if views is not None:
        data = data.map(lambda batch: views(batch, (1, 2)), num_parallel_calls=2).prefetch(2)
    batches: Iterator[object] = iter(data)

    def some() -> None:
        for _ in range(AT_ONCE):
            tf.nest.flatten(next(batches))[0].numpy()

    return some


def waiting(folder: str, data: str, network: str, size: int, batch: int, seconds: float) -> Callable[[], float]:
    """The share of its time that training a network waits for pictures from a folder, or from memory."""
    import byol_keras as bk
    from byol_keras.config import PretrainConfig
    from byol_keras.training.benchmarking import benchmark

    pictures = folder
    if data == "arrays":
        pictures = bk.data.Pictures(bk.data.open_source(folder), round(LARGER * size)).arrays()[0]
    settings = {"recipe": RECIPE, "encoder": network, "size": size, "batch_size": batch}
    config = PretrainConfig.of({"data": pictures, **settings})
    return lambda: benchmark(config, seconds=3 * seconds).speeds.waiting


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__, repeats=5, seconds=5.0)
    parser.add_argument("--files", type=int, default=400, help="pictures in the folder")
    parser.add_argument("--size", type=int, default=224, help="side of the views")
    parser.add_argument("--batch", type=int, default=8, help="pictures")
    parser.add_argument("--network", default="resnet50", help="whose training waits; '' leaves this out")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
