"""Laws of the layers: the kernel equals Keras' layer, replicas equal one device."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.layers import (
    BatchNormalization,
    StandardizedConv2D,
    make_normalization,
)

Stock = keras.layers.BatchNormalization
SHAPES = [(16, 6), (5, 7, 6), (4, 5, 3, 6), (3, 2, 4, 3, 6)]


def randomize(model):
    """Gives every variable positive random values, so that nothing is carried over by chance."""
    for index, variable in enumerate(model.variables):
        if variable.dtype != "uint32":
            variable.assign(keras.random.uniform(variable.shape, 0.5, 1.5, seed=index))
    return model


def one_step(layer, x, training=True, jit=False, **options):
    """Returns output, gradients and moving statistics of one call."""
    weights = keras.random.normal(x.shape, seed=3)

    @tf.function(jit_compile=jit, input_signature=[tf.TensorSpec([None, *x.shape[1:]], x.dtype)])
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=training, **options)
            loss = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)) * weights)
        return outputs, tape.gradient(loss, [x, *layer.trainable_variables])

    outputs, gradients = step(x)
    return [outputs, *gradients, *layer.non_trainable_variables]


def assert_equals_stock(x, training=True, jit=False, tolerance=1e-5, call=None, **config):
    results = []
    for kind in (Stock, BatchNormalization):
        layer = kind(**config)
        layer.build(x.shape)
        results.append(one_step(randomize(layer), x, training, jit, **(call or {})))
    for theirs, ours in zip(*results, strict=True):
        assert theirs.dtype == ours.dtype
        theirs, ours = (np.asarray(keras.ops.cast(value, "float32")) for value in (theirs, ours))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def normal(shape, dtype="float32", seed=1):
    return tf.cast(2.0 + 3.0 * keras.random.normal(shape, seed=seed), dtype)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_normalization__equals_keras(shape, jit):
    assert_equals_stock(normal(shape), jit=jit, momentum=0.9, epsilon=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("config", [{"center": False}, {"scale": False}, {"center": False, "scale": False}])
def test_batch_normalization__without_beta_or_gamma(shape, config):
    assert_equals_stock(normal(shape), **config)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_normalization__inference_equals_keras(shape, jit):
    assert_equals_stock(normal(shape), training=False, jit=jit)


# One unit in the last place of each type, on values of up to about 8.
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.03), ("float16", 0.004)])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_normalization__half_precision(shape, precision, tolerance):
    policy = f"mixed_{precision}"
    assert_equals_stock(normal(shape, precision), tolerance=tolerance, dtype=policy)
    assert_equals_stock(normal(shape, precision), training=False, tolerance=tolerance, dtype=policy)


def test_batch_normalization__half_precision_statistics_are_float32():
    """2,000 values about 300, in float16: their squares would overflow, their sum loses all digits."""
    layer = BatchNormalization(momentum=0.0, dtype="mixed_float16")
    x = tf.cast(300.0 + keras.random.normal((2000, 1, 1, 1), seed=1), "float16")
    layer(x, training=True)
    exact = np.asarray(x, "float64")
    np.testing.assert_allclose(layer.moving_mean[0], exact.mean(), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance[0], exact.var(), rtol=1e-3)


@pytest.mark.parametrize(
    ("config", "call"),
    [
        ({"axis": 1}, {}),
        ({"axis": 2}, {}),
        ({"renorm": True, "renorm_clipping": {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}}, {}),
        ({}, {"mask": tf.sequence_mask([5, 2, 4, 1], 5)}),
        ({"dtype": "float64"}, {}),
    ],
)
def test_batch_normalization__where_the_kernel_cannot_serve(config, call):
    x = normal((4, 5, 6), config.get("dtype", "float32"))
    assert_equals_stock(x, call=call, **config)


def test_batch_normalization__by_hand():
    """Batch (1, 3) has mean 2 and biased variance 1 (unbiased 2)."""
    layer = BatchNormalization(momentum=0.9, epsilon=0.0)
    outputs = layer(tf.constant([[1.0], [3.0]]), training=True)
    np.testing.assert_allclose(outputs, [[-1.0], [1.0]], atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [0.2], atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [1.0], atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization__keeps_a_small_epsilon(training):
    """Variance 1e-6 and epsilon 1e-9; were epsilon raised to 1.001e-5, 0.3 would come out."""
    layer = BatchNormalization(epsilon=1e-9)
    layer.build((None, 1, 1, 1))
    layer.moving_mean.assign([1e-3])
    layer.moving_variance.assign([1e-6])
    outputs = layer(tf.reshape([0.0, 2e-3], (2, 1, 1, 1)), training=training)
    np.testing.assert_allclose(tf.reshape(outputs, [-1]), [-0.9995, 0.9995], rtol=1e-4)


def test_batch_normalization__frozen_is_inference():
    layer = BatchNormalization()
    layer.build((None, 4, 4, 2))
    randomize(layer).trainable = False
    before = [variable.numpy() for variable in layer.variables]
    x = normal((3, 4, 4, 2))
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    for old, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def operations(layer, shape, training):
    call = tf.function(lambda x: layer(x, training=training))
    return {node.type for node in call.get_concrete_function(tf.TensorSpec(shape)).graph.get_operations()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("synchronized", [False, True])
def test_batch_normalization__trains_through_the_kernel(shape, synchronized):
    layer = BatchNormalization(synchronized=synchronized)
    layer.build(shape)
    assert "FusedBatchNormV3" in operations(layer, [None, *shape[1:]], training=True)
    assert ("FusedBatchNormV3" in operations(layer, [None, *shape[1:]], training=False)) == (len(shape) == 4)


def test_batch_normalization__keeps_the_static_shape():
    layer = BatchNormalization()
    layer.build((None, None, 3))
    call = tf.function(lambda x: layer(x, training=True)).get_concrete_function(tf.TensorSpec([None, 7, 3]))
    assert call.output_shapes.as_list() == [None, 7, 3]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (
            BatchNormalization(momentum=0.7, epsilon=1e-4, synchronized=True, gamma_initializer="zeros"),
            (8, 8, 3),
        ),
        (StandardizedConv2D(4, 3, strides=2, padding="same", activation="relu"), (8, 8, 3)),
    ],
)
def test_layers__survive_saving(layer, shape, tmp_path):
    constructor = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert constructor <= set(layer.get_config())
    model = randomize(keras.Sequential([keras.Input(shape), layer]))
    model.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    assert type(revived.layers[-1]) is type(layer)
    assert revived.layers[-1].get_config() == layer.get_config()
    x = normal((2, *shape))
    np.testing.assert_array_equal(revived(x), model(x))


def test_batch_normalization__exports(tmp_path):
    model = randomize(keras.Sequential([keras.Input((6, 6, 3)), BatchNormalization(), keras.layers.Flatten()]))
    model.export(tmp_path / "model", verbose=False)
    exported, x = tf.saved_model.load(tmp_path / "model"), normal((5, 6, 6, 3))
    np.testing.assert_allclose(exported.serve(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "groups"), [(256, 16), (64, 16), (32, 8), (16, 4), (24, 2), (7, 1), (4, 1), (1, 1)]
)
def test_make_normalization__groups_divide_and_hold_four_or_more(channels, groups):
    layer = make_normalization("group", channels)
    assert layer.groups == groups
    assert layer(normal((2, channels))).shape == (2, channels)


def test_make_normalization__batch_is_the_reference():
    layer = make_normalization("batch", 8, synchronized=True, gamma="zeros", name="norm")
    assert isinstance(layer, BatchNormalization)
    assert (layer.momentum, layer.epsilon, layer.synchronized, layer.name) == (0.9, 1e-5, True, "norm")
    assert isinstance(layer.gamma_initializer, keras.initializers.Zeros)


def test_make_normalization__bad_input():
    with pytest.raises(ValueError, match=r'`normalization` must be "batch" or "group"\. Received: normalization=layer'):
        make_normalization("layer", 8)
