"""Small networks, data and views that several tests share."""

import keras
import numpy as np
import tensorflow as tf

import byol_keras as bk


def two_devices():
    # The default collectives of two strategies in one process get in each other's way.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=reduction)


def mlp_encoder(inputs=6, hidden=16, features=5, **layer):
    """Dense - batch normalisation - ReLU - Dense on vectors."""
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(hidden, **layer),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            keras.layers.ReLU(),
            keras.layers.Dense(features),
        ],
        name="mlp",
    )


@keras.saving.register_keras_serializable(package="tests")
def noisy_vectors(batch, seed):
    """Two noisy versions of a batch of vectors; any stateless callable may be the views."""
    seeds = tf.random.split(seed, 2, alg="philox")
    return tuple(batch + 0.3 * noise(tf.shape(batch), seeds[i]) for i in range(2))


def broken_vectors(batch, seed):
    """As `noisy_vectors`, with NaN in view one wherever a batch starts with a large number."""
    first, second = noisy_vectors(batch, seed)
    return first + tf.where(batch[0, 0] > 1000.0, np.nan, 0.0), second


def noise(shape, seed):
    """Uniform noise in [-1, 1) from bits, which come out the same with and without XLA."""
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox")
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-23 - 1.0


def vectors(count=64, width=6, seed=1):
    return np.random.default_rng(seed).normal(size=(count, width)).astype("float32")


def pictures(count=32, size=16, channels=3, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype="uint8")


def picture_folder(path, count=8, size=16, classes=()):
    """A folder of small PNG files, in a sub-folder per class if there are classes; returns its path."""
    from PIL import Image

    for index, image in enumerate(pictures(count, size)):
        place = path / classes[index % len(classes)] if classes else path
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:04d}.png")
    return path


def vector_byol(optimizer=None, compile_options=None, encoder=mlp_encoder, **options):
    """A compiled BYOL on vectors with small heads; an encoder given as a function is built from a known seed."""
    keras.utils.set_random_seed(3)
    if not isinstance(encoder, keras.Model):
        encoder = encoder()
    heads = {
        "projector": bk.heads.projector(5, hidden=16, output=4),
        "predictor": bk.heads.predictor(4, hidden=16, output=4),
    }
    model = bk.BYOL(encoder, **{"views": noisy_vectors, **heads, **options})
    model.compile(optimizer or keras.optimizers.SGD(0.1, momentum=0.9), **(compile_options or {}))
    return model


def picture_byol(encoder, size=16, **compile_options):
    model = bk.BYOL(encoder, views=bk.views.ImageViews(size, preset="cifar"))
    model.compile(bk.LARS(0.1), **compile_options)
    return model


def reconstruction(**options):
    """An autoencoder of vectors, with corruption."""
    encoder = mlp_encoder()
    views = bk.views.VectorViews(0.2, noise=0.0)
    return bk.baselines.Reconstruction(
        encoder, bk.baselines.decoder_for(encoder, (8,)), **{"corrupt": views, **options}
    )


def recurrent_states(channels=1, features=6, time=None):
    """A GRU that ignores padding and gives every step a state."""
    series = keras.Input((time, channels))
    steps = keras.layers.GRU(features, return_sequences=True)(keras.layers.Masking()(series))
    return keras.Model(series, steps, name="states")


def weights_of(model):
    return [weight.numpy() for weight in model.weights]


def assert_same(ours, theirs, atol=0.0, rtol=0.0):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=rtol)


def moved(model, seed=5):
    """The model with every weight moved a little, so that none looks untrained."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(weight * (1.0 + 0.05 * draw.normal(size=weight.shape)) + 0.01 * draw.random(weight.shape))
    return model
