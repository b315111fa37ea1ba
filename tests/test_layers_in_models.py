"""Laws of what the layers module does to whole models: conversion changes no number, every bias is found."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.layers import BatchNormalization, bias_and_norm_variables, convert_batch_norm, convert_depthwise

Stock = keras.layers.BatchNormalization


def randomize(model):
    """Gives every variable positive random values, so that nothing is carried over by chance."""
    for index, variable in enumerate(model.variables):
        if variable.dtype != "uint32":
            variable.assign(keras.random.uniform(variable.shape, 0.5, 1.5, seed=index))
    return model


def functional_model():
    """Batch normalisations at every depth: outside, shared, in a Sequential in a functional model."""
    shared = Stock(name="shared")
    block = keras.Sequential([keras.Input((None, None, 4)), keras.layers.Conv2D(4, 1), Stock(name="deep")])
    inner_inputs = keras.Input((None, None, 4))
    inner = keras.Model(inner_inputs, block(inner_inputs) + inner_inputs, name="inner")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = shared(inner(shared(x)))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(Stock(momentum=0.5, center=False)(x)))


def sequential_model():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), Stock(), keras.layers.Flatten()])


def mobilenet():
    return keras.applications.MobileNetV3Small((32, 32, 3), weights=None, include_top=False, pooling="avg")


def resnet50():
    return keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), include_top=False)


def batch_norms(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, Stock)]


@pytest.mark.parametrize("build", [functional_model, sequential_model, mobilenet, resnet50])
def test_convert_batch_norm__computes_the_same(build):
    model = randomize(build())
    converted = convert_batch_norm(model)
    assert type(converted) is type(model)
    assert converted.name == model.name
    assert len(batch_norms(converted)) == len(batch_norms(model)) > 0
    assert {type(layer) for layer in batch_norms(converted)} == {BatchNormalization}
    assert {type(layer) for layer in batch_norms(model)} == {Stock}
    assert [v.path for v in converted.weights] == [v.path for v in model.weights]
    x = keras.random.uniform((4, *model.input_shape[1:]), seed=1)
    for training in (False, True):
        theirs, ours = model(x, training=training), converted(x, training=training)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * float(tf.reduce_max(tf.abs(theirs))))
    for theirs, ours in zip(model.weights, converted.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_convert_batch_norm__keeps_what_is_frozen_and_shared():
    model = functional_model()
    model.get_layer("shared").trainable = False
    converted = convert_batch_norm(model)
    assert not converted.get_layer("shared").trainable
    assert len(converted.trainable_variables) == len(model.trainable_variables)
    assert len(converted.weights) == len(model.weights)


def test_convert_batch_norm__synchronizes_on_request():
    model = keras.Sequential([keras.Input((4,)), Stock(), Stock(synchronized=True), BatchNormalization()])
    assert [layer.synchronized for layer in convert_batch_norm(model).layers] == [False, True, False]
    assert [layer.synchronized for layer in convert_batch_norm(model, synchronized=True).layers] == [True] * 3


def grouped(**settings):
    """A grouped convolution at two depths; the settings are those of the outer one."""
    pointwise = keras.layers.Conv2D(6, 1)
    inner = keras.layers.Conv2D(6, 3, padding="same", groups=6, use_bias=False, name="inner")
    block = keras.Sequential([keras.Input((None, None, 3)), pointwise, inner])
    inputs = keras.Input((9, 9, 3))
    options = {"filters": 6, "kernel_size": 3, "groups": 6, "activation": "relu", "name": "outer"} | settings
    return keras.Model(inputs, keras.layers.Conv2D(**options)(block(inputs)))


def kinds(model):
    return {layer.name: type(layer) for layer in model._flatten_layers() if layer.name in ("inner", "outer")}


@pytest.mark.parametrize(
    "settings",
    [{}, {"filters": 12}, {"strides": 2}, {"dilation_rate": 2}, {"padding": "same", "trainable": False}],
)
def test_convert_depthwise__computes_the_same(settings):
    model = randomize(grouped(**settings))
    converted = convert_depthwise(model)
    assert kinds(converted) == dict.fromkeys(("inner", "outer"), keras.layers.DepthwiseConv2D)
    assert converted.get_layer("outer").trainable == settings.get("trainable", True)
    inputs = keras.random.uniform((4, 9, 9, 3), seed=1)
    np.testing.assert_allclose(converted(inputs), model(inputs), rtol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"groups": 3}, {"groups": 1}, {"strides": (1, 2)}, {"kernel_constraint": "unit_norm"}]
)
def test_convert_depthwise__leaves_others_alone(settings):
    model = randomize(grouped(**settings))
    converted = convert_depthwise(model)
    assert kinds(converted) == {"inner": keras.layers.DepthwiseConv2D, "outer": keras.layers.Conv2D}
    inputs = keras.random.uniform((4, 9, 9, 3), seed=1)
    np.testing.assert_allclose(converted(inputs), model(inputs), rtol=1e-5)


def test_convert_depthwise__of_series():
    model = randomize(keras.Sequential([keras.Input((9, 4)), keras.layers.Conv1D(8, 3, groups=4)]))
    converted = convert_depthwise(model)
    assert type(converted.layers[0]) is keras.layers.DepthwiseConv1D
    inputs = keras.random.uniform((4, 9, 4), seed=1)
    np.testing.assert_allclose(converted(inputs), model(inputs), rtol=1e-5)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = Stock()

    def call(self, x):
        return self.norm(x)


class Wrapper(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = Stock()

    def call(self, x):
        return self.norm(x)

    def get_config(self):
        return {}


def test_convert_batch_norm__bad_input():
    subclassed = Subclassed()
    subclassed(tf.zeros((2, 3)))
    with pytest.raises(TypeError, match="`model` must be a functional or Sequential model"):
        convert_batch_norm(subclassed)
    with pytest.raises(TypeError, match="`model` must be a functional or Sequential model"):
        convert_batch_norm("resnet50")
    with pytest.raises(TypeError, match=r"layers from `keras\.layers\.DepthwiseConv2D`"):
        convert_depthwise(subclassed)
    with pytest.raises(ValueError, match="`model` must be built"):
        convert_batch_norm(keras.Sequential([Stock()]))
    for layer in (Wrapper(), keras.layers.TimeDistributed(Stock())):
        with pytest.raises(TypeError, match=r"but one is inside another kind of layer\. Received: .*batch_norm"):
            convert_batch_norm(keras.Sequential([keras.Input((5, 3)), layer]))


class Scaled(keras.layers.Layer):
    """A layer of somebody's own: a vector, a matrix, a frozen vector, and a bias of rank 2."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="matrix")
        self.kernel = self.add_weight(shape=(2, shape[-1]), name="bias")
        self.fixed = self.add_weight(shape=(shape[-1],), trainable=False)

    def call(self, x):
        return x * self.scale


def excluded(layer, *shapes):
    """Names, within the layer, of what is excluded and of what isn't."""
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, layer(*inputs))
    chosen = bias_and_norm_variables(model)
    assert all(any(variable is one for one in model.trainable_variables) for variable in chosen)
    rest = [v for v in model.trainable_variables if not any(v is one for one in chosen)]
    return [{"/".join(v.path.split("/")[1:]) for v in variables} for variables in (chosen, rest)]


def test_bias_and_norm__attention_biases_of_rank_2():
    chosen, rest = excluded(keras.layers.MultiHeadAttention(2, 3), (5, 4), (5, 4))
    assert chosen == {f"{part}/bias" for part in ("query", "key", "value", "attention_output")}
    assert rest == {f"{part}/kernel" for part in ("query", "key", "value", "attention_output")}


@pytest.mark.parametrize(
    ("layer", "shape", "chosen", "rest"),
    [
        (keras.layers.LayerNormalization(axis=[1, 2]), (3, 4), {"gamma", "beta"}, set()),
        (keras.layers.RMSNormalization(axis=[1, 2]), (3, 4), {"scale"}, set()),
        (keras.layers.GroupNormalization(2), (3, 4), {"gamma", "beta"}, set()),
        (Stock(), (3, 4), {"gamma", "beta"}, set()),
        (BatchNormalization(), (3, 4), {"gamma", "beta"}, set()),
        (keras.layers.GRU(4), (5, 3), {"gru_cell/bias"}, {"gru_cell/kernel", "gru_cell/recurrent_kernel"}),
        (keras.layers.SeparableConv1D(4, 2), (5, 3), {"bias"}, {"depthwise_kernel", "pointwise_kernel"}),
        (keras.layers.PReLU(), (3, 4), set(), {"alpha"}),
        (keras.layers.Embedding(7, 3), (5,), set(), {"embeddings"}),
        (Scaled(), (4,), {"matrix"}, {"bias"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, keras.layers.Layer) else "",
)
def test_bias_and_norm__tells_variables_by_what_they_are(layer, shape, chosen, rest):
    assert excluded(layer, shape) == [chosen, rest]


def test_bias_and_norm__of_nested_models_in_order():
    model = functional_model()
    chosen = bias_and_norm_variables(model)
    expected = [variable for variable in model.trainable_variables if variable.name in ("bias", "gamma", "beta")]
    assert [variable.path for variable in chosen] == [variable.path for variable in expected]


def test_bias_and_norm__frozen_layers_have_none():
    model = functional_model()
    model.trainable = False
    assert bias_and_norm_variables(model) == []
