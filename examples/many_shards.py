"""Too many pictures to shuffle: shards are read one after another, on as many machines as there are.

    python examples/many_shards.py --data "/data/web/*.tfrecord" --pictures 1000000000

`byol-keras pretrain` draws the order of an epoch from all pictures and reads them at random. Beyond some ten million
pictures, or from a store that is slow at random reading, read whole shards in a random order, several at once, and mix
what they bring in a buffer, as this script does. Fill the shards in random order too: then little is lost.

The shards are passed through once, in rounds. After each there is a checkpoint, from which the same command goes on. On
several machines it is started on each (`examples/several_machines.md`): every process reads shards of its own, and all
see the run folder.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

import byol_keras as bk
from byol_keras.distribution import Workers, strategy_named

OPEN_SHARDS = 16  # at a time, in each process


def main() -> None:
    options = parse_options()
    strategy = strategy_named("auto")  # before anything that TensorFlow computes
    bk.set_precision(options.precision)
    shards = np.random.default_rng(options.seed).permutation(sorted(tf.io.gfile.glob(options.data)))
    steps = options.pictures // options.batch_size // options.rounds
    check(shards, steps, Workers(strategy).count, options)
    with strategy.scope():
        model, target = built(options, steps * options.rounds)
    folder = os.path.join(options.run, "checkpoints")
    checkpoint = bk.callbacks.RunCheckpoint(folder, minutes=None, steps=steps)
    for done in range(checkpoint.restore(model) // steps, options.rounds):
        data = strategy.distribute_datasets_from_function(reader(shards[done :: options.rounds], options))
        epochs = {"initial_epoch": done, "epochs": done + 1, "steps_per_epoch": steps}
        model.fit(data, **epochs, callbacks=[target, checkpoint], verbose=2)
    if Workers(strategy).is_chief:
        model.encoder.save(os.path.join(options.run, "encoder.keras"))
    print(f"{model.encoder.name} after {steps * options.rounds:,} steps")


def check(shards: np.ndarray, steps: int, processes: int, options: argparse.Namespace) -> None:
    """Ends at once what would end after days, or never."""
    if len(shards) // options.rounds < processes or not steps:
        many = f"{len(shards)} shards, {options.pictures:,} pictures and {processes} processes"
        raise SystemExit(f"{many} are too few for {options.rounds} rounds: say fewer --rounds")
    first = tf.data.TFRecordDataset(shards[:1]).take(100).map(two_crops(options.size)).ignore_errors()
    if not any(True for _ in first):
        raise SystemExit(f"{shards[0]} holds no JPEGs under image/encoded, as far as its first 100 records show")


def built(options: argparse.Namespace, total_steps: int) -> tuple[bk.BYOL, bk.callbacks.TargetEMA]:
    """The paper's model for 100 epochs of ImageNet, its schedules over this run's steps."""
    recipe = dataclasses.replace(bk.recipes.get("imagenet-100"), batch_size=options.batch_size)
    keras.utils.set_random_seed(options.seed)
    encoder = bk.encoders.named(options.encoder, (options.size, options.size, 3))
    model = bk.BYOL(encoder, views=recipe.views(options.size), **recipe.heads(encoder.output_shape[-1]))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = tf.distribute.get_strategy().num_replicas_in_sync > 1
    model.compile(recipe.optimizer_over(total_steps, warmup_steps=total_steps // 10))
    return model, bk.callbacks.TargetEMA(recipe.tau, recipe.tau_schedule, total_steps=total_steps)


def reader(shards: np.ndarray, options: argparse.Namespace) -> Callable[[tf.distribute.InputContext], tf.data.Dataset]:
    """A function that makes the data of one process: its share of the shards, again and again."""

    def rows(context: tf.distribute.InputContext) -> tf.data.Dataset:
        mine = shards[context.input_pipeline_id :: context.num_input_pipelines]
        records = tf.data.Dataset.from_tensor_slices(mine).interleave(
            tf.data.TFRecordDataset, cycle_length=OPEN_SHARDS, num_parallel_calls=tf.data.AUTOTUNE
        )
        crops = records.repeat().shuffle(options.buffer).map(two_crops(options.size), tf.data.AUTOTUNE)
        crops = crops.ignore_errors(log_warning=True)  # a broken picture must not end what takes days
        return crops.batch(context.get_per_replica_batch_size(options.batch_size), drop_remainder=True).prefetch(2)

    return rows


def two_crops(size: int) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function from a record to two random crops; the rest of the augmentation is done on the device."""

    def crop(encoded: tf.Tensor) -> tf.Tensor:
        begin, extent, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(encoded),
            tf.zeros((1, 0, 4)),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            use_image_if_no_bounding_boxes=True,
        )
        pixels = tf.io.decode_and_crop_jpeg(encoded, tf.concat([begin[:2], extent[:2]], 0), channels=3)
        return tf.cast(tf.round(tf.image.resize(pixels, (size, size), antialias=True)), "uint8")

    def both(record: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = tf.io.parse_single_example(record, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
        return {view: crop(encoded["image/encoded"]) for view in ("view_1", "view_2")}

    return both


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="pattern of TFRecord files with JPEGs in image/encoded")
    parser.add_argument("--pictures", type=int, required=True, help="how many to learn from in all")
    parser.add_argument("--rounds", type=int, default=100, help="parts that the shards are read in")
    parser.add_argument("--batch-size", type=int, default=4096, help="pictures per step, of all devices together")
    parser.add_argument("--buffer", type=int, default=10_000, help="records that are mixed, in each process")
    parser.add_argument("--encoder", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--run", default="runs/many_shards")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
