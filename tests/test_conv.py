"""Laws of the convolution whose kernel learns by a product of matrices."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.layers import Conv2D, StandardizedConv2D
from byol_keras.layers.conv import kernel_gradient

SMALL = {"filters": 256, "kernel_size": 3, "padding": "same", "dtype": "mixed_bfloat16"}


def normal(*shape):
    return keras.random.normal(shape, seed=len(shape) + shape[-1])


def traced(layer, images, training=True, **compiling):
    """Outputs of a layer in a graph, the gradients of its inputs and variables, and the graph's operations."""

    @tf.function(**compiling)
    def learn(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=training)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") * normal(*outputs.shape))
        return outputs, tape.gradient(loss, [images, *(variable.value for variable in layer.trainable_variables)])

    graph = learn.get_concrete_function(tf.TensorSpec(images.shape, images.dtype)).graph
    return learn(images), [node.type for node in graph.get_operations()]


def twins(shape=(8, 8, 128), **settings):
    """Keras' layer and ours, with the same numbers."""
    theirs, ours = keras.layers.Conv2D(**SMALL | settings), Conv2D(**SMALL | settings)
    for layer in (theirs, ours):
        layer.build((None, *shape))
    for variable, source in zip(ours.variables, theirs.variables, strict=True):
        variable.assign(source)
    return theirs, ours


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1), (3, 3)])
@pytest.mark.parametrize("shape", [(2, 6, 6, 3), (2, 7, 5, 3), (1, 5, 8, 3)])
@pytest.mark.parametrize("size", [(3, 3), (2, 4), (1, 1), (5, 3)])
def test_kernel_gradient__is_that_of_the_convolution(size, shape, strides, padding):
    images, kernel = normal(*shape), tf.zeros((*size, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        outputs = tf.nn.conv2d(images, kernel, strides, padding)
    moved = normal(*outputs.shape)
    expected = tape.gradient(outputs, kernel, output_gradients=moved)
    np.testing.assert_allclose(kernel_gradient(images, moved, size, strides, padding), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strides": 2},
        {"padding": "valid", "use_bias": False},
        {"activation": "relu", "bias_initializer": "ones"},
        {"kernel_size": 1, "filters": 512},
    ],
    ids=str,
)
def test_conv__learns_as_keras_does(settings):
    theirs, ours = twins(**settings)
    images = normal(4, 8, 8, 128)
    (expected, gradients), _ = traced(theirs, images)
    (outputs, found), operations = traced(ours, images)
    assert "Conv2DBackpropFilter" not in operations
    np.testing.assert_array_equal(tf.cast(outputs, "float32"), tf.cast(expected, "float32"))
    # Of what a bias gets, TensorFlow adds up hundreds of terms in bfloat16, in one order or the other.
    for one, other, tolerance in zip(found, gradients, (0.0, 1e-3, 3e-2), strict=False):
        assert one.dtype == other.dtype
        assert np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other)


def test_conv__takes_any_number_of_images():
    _, ours = twins()
    whole = normal(6, 8, 8, 128)

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 128))])
    def gradient(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.cast(ours(images, training=True), "float32")))
        return tape.gradient(loss, ours.kernel.value)

    together = gradient(whole)
    apart = gradient(whole[:1]) + gradient(whole[1:])
    assert np.linalg.norm(together - apart) < 1e-2 * np.linalg.norm(together)
    np.testing.assert_array_equal(gradient(whole[:0]), 0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"dtype": "float32"},
        {"dtype": "mixed_float16"},
        {"filters": 8},
        {"kernel_size": 1},
        {"kernel_size": (3, 2)},
        {"groups": 2},
        {"dilation_rate": 2},
        {"strides": (2, 1)},
    ],
    ids=str,
)
def test_conv__goes_the_usual_way_elsewhere(settings):
    theirs, ours = twins(**settings)
    images = normal(2, 8, 8, 128)
    assert traced(ours, images)[1] == traced(theirs, images)[1]


@pytest.mark.parametrize("shape", [(32, 32, 128), (None, None, 128)], ids=str)
def test_conv__goes_the_usual_way_on_large_and_unknown_maps(shape):
    _, ours = twins(shape=shape)
    graph = tf.function(lambda images: ours(images, training=True))
    concrete = graph.get_concrete_function(tf.TensorSpec((2, *shape), "float32"))
    assert "IdentityN" not in {node.type for node in concrete.graph.get_operations()}


def test_conv__goes_the_usual_way_in_inference_and_under_xla():
    theirs, ours = twins()
    images = normal(2, 8, 8, 128)
    for settings in ({"training": False}, {"jit_compile": True}):
        assert traced(ours, images, **settings)[1] == traced(theirs, images, **settings)[1]
    np.testing.assert_array_equal(tf.cast(ours(images), "float32"), tf.cast(theirs(images), "float32"))


def test_conv__makes_no_patches_before_the_gradient_is_there():
    """Patches are several times as large as the inputs, which are known from the pass forward on."""
    _, ours = twins(padding="valid")

    @tf.function
    def learn(images):
        with tf.GradientTape() as tape:
            outputs = ours(images, training=True)
        return tape.gradient(outputs, ours.kernel.value, output_gradients=tf.identity(outputs, "moved"))

    graph = learn.get_concrete_function(tf.TensorSpec((4, 8, 8, 128), "bfloat16")).graph
    waiting = [node for node in graph.get_operations() if node.type == "GatherV2"]
    assert waiting
    before = set()
    while waiting:
        node = waiting.pop()
        before.add(node.name)
        waiting += [*(source.op for source in node.inputs), *node.control_inputs]
    assert "moved" in before


def test_standardized_conv__learns_by_a_product_too():
    layer = StandardizedConv2D(**SMALL)
    images = normal(4, 8, 8, 128)
    layer.build(images.shape)
    (_, (_, found, _)), operations = traced(layer, images)
    assert "Conv2DBackpropFilter" not in operations
    with tf.GradientTape() as tape:
        outputs = layer(images, training=True)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * normal(*outputs.shape))
    expected = tape.gradient(loss, layer.kernel.value)
    assert np.linalg.norm(found - expected) < 1e-2 * np.linalg.norm(expected)
