"""Laws of the encoders: known sizes, pixels first, and that they train, compile, clone, save and export."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras import encoders
from byol_keras.encoders import resnet18, resnet34, resnet50, resnet101, resnet152, small_resnet
from byol_keras.encoders.blocks import BottleneckBlocks
from byol_keras.encoders.residual import Stage, residual_network
from byol_keras.layers import BatchNormalization, StandardizedConv2D, bias_and_norm_variables

VARIANTS = {
    "small": lambda: small_resnet((16, 16, 3)),
    "group": lambda: small_resnet((16, 16, 3), widths=(8, 16), normalization="group"),
    "statistics": lambda: small_resnet((16, 16, 4), widths=(8,), statistics=(0.2, [0.1, 0.2, 0.3, 0.4])),
    "resnet18": lambda: resnet18((32, 32, 3), stem="small"),
    # ResNet-50's blocks and stem without its depth, which takes XLA most of a minute to compile.
    "bottleneck": lambda: residual_network(
        (32, 32, 3), "imagenet", [Stage(8, 1, 1), Stage(16, 2, 2)], BottleneckBlocks("group", False, False), None, "net"
    ),
}
variants = pytest.mark.parametrize(
    "build",
    [
        pytest.param(build, id=name, marks=pytest.mark.slow if name.startswith("resnet") else ())
        for name, build in VARIANTS.items()
    ],
)


def pixels(model, count=4):
    return keras.random.uniform((count, *model.input_shape[1:]), seed=1)


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def train_statistics(model):
    """Moves the moving statistics off their start, so that a wrong copy shows."""
    model(pixels(model), training=True)
    return model


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (resnet18, 11_176_512),
        (resnet34, 21_284_672),
        (resnet50, 23_508_032),
        (resnet101, 42_500_160),
        (resnet152, 58_143_808),
    ],
)
def test_resnet__has_torchvision_size(build, parameters):
    """torchvision's counts, less the classifier's."""
    model = build((64, 64, 3))
    assert count(model.trainable_variables) == parameters
    assert model.name == build.__name__


def test_small_resnet__size():
    assert count(small_resnet((32, 32, 3)).trainable_variables) == 77_392


@pytest.mark.parametrize(("stem", "sides"), [("imagenet", (16, 8, 4, 2)), ("small", (64, 32, 16, 8))])
@pytest.mark.parametrize(("build", "channels"), [(resnet18, 64), (resnet50, 256)])
def test_resnet__stages_can_be_found(stem, sides, build, channels):
    model = build((64, 64, 3), stem=stem)
    shapes = [tuple(model.get_layer(f"stage_{index}").output.shape) for index in range(1, 5)]
    assert shapes == [(None, side, side, channels * 2**index) for index, side in enumerate(sides)]
    assert model.output_shape == (None, 8 * channels)


def test_resnet__stride_is_on_the_3x3():
    model = resnet50((64, 64, 3))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    strided = [layer.kernel_size for layer in convolutions if layer.strides == (2, 2) and "shortcut" not in layer.name]
    assert strided == [(7, 7), (3, 3), (3, 3), (3, 3)]


def test_resnet__width_multiplies_channels():
    model = resnet18((32, 32, 1), width=2, stem="small")
    assert model.output_shape == (None, 1024)
    assert model.get_layer("stem_conv").filters == 128


def test_resnet__batch_normalization_is_the_reference():
    model = resnet18((32, 32, 3), synchronized=True)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 20
    assert {type(layer) for layer in norms} == {BatchNormalization}
    assert {(layer.momentum, layer.epsilon, layer.synchronized) for layer in norms} == {(0.9, 1e-5, True)}


def test_resnet__starts_as_he_normal_over_fan_out():
    kernel = resnet18((32, 32, 3)).get_layer("stage_4_block_1_in_conv").kernel.numpy()
    np.testing.assert_allclose(kernel.std(), np.sqrt(2.0 / (9 * 512)), rtol=0.01)
    assert np.abs(kernel).max() > 4.0 * kernel.std()


def test_resnet__only_kernels_decay():
    model = resnet18((32, 32, 3))
    rest = count(model.trainable_variables) - count(bias_and_norm_variables(model))
    assert rest == count(v for v in model.trainable_variables if v.name == "kernel")


def test_residual_block__equals_its_formula():
    """The second block of a network of widths (16, 6), layer by layer."""
    model = train_statistics(small_resnet((8, 8, 3), widths=(16, 6)))
    names = ("stage_1", "stage_2", "representation")
    x, expected, pooled = keras.Model(model.input, [model.get_layer(name).output for name in names])(pixels(model))

    def convolve(x, name):
        return model.get_layer(f"stage_2_block_1_{name}_norm")(model.get_layer(f"stage_2_block_1_{name}_conv")(x))

    assert model.get_layer("stage_2_block_1_in_conv").strides == (2, 2)
    actual = convolve(tf.nn.relu(convolve(x, "in")), "out") + convolve(x, "shortcut")
    np.testing.assert_allclose(tf.nn.relu(actual), expected, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_mean(expected, axis=[1, 2]), pooled, atol=1e-6)


def test_zero_last_gamma__blocks_start_as_their_shortcut():
    model = small_resnet((8, 8, 3), widths=(4,), zero_last_gamma=True)
    ends = keras.Model(model.input, [model.get_layer("stem_relu").output, model.get_layer("stage_1").output])
    stem, stage = ends(pixels(model))
    np.testing.assert_array_equal(stem, stage)
    zeros = [v for v in resnet50((32, 32, 3), zero_last_gamma=True).trainable_variables if not v.numpy().any()]
    assert sum(v.name == "gamma" for v in zeros) == 16


def test_group_normalization__sees_no_other_pictures():
    model = small_resnet((16, 16, 3), normalization="group")
    x = pixels(model)
    np.testing.assert_allclose(model(x, training=True)[:1], model(x[:1], training=True), atol=1e-5)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {type(layer) for layer in convolutions} == {StandardizedConv2D}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    ("channels", "statistics", "mean", "std"),
    [
        (3, None, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        (1, None, 0.5, 0.25),
        (13, None, 0.5, 0.25),
        (2, ([0.1, 0.2], 0.5), [0.1, 0.2], 0.5),
    ],
)
def test_pixels__are_normalized_first_in_float32(policy, channels, statistics, mean, std):
    keras.config.set_dtype_policy(policy)
    model = small_resnet((8, 8, channels), widths=(4,), statistics=statistics)
    first = keras.Model(model.input, model.layers[1].output)
    x = pixels(model)
    assert first(x).dtype == "float32"
    np.testing.assert_allclose(first(x), (np.asarray(x) - mean) / std, atol=1e-5)


@variants
def test_encoder__trains_compiled_in_bfloat16(build):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build()
    before = model.get_weights()
    model.compile("sgd", "mse", jit_compile=True)
    targets = keras.random.normal((4, model.output_shape[-1]), seed=2)
    history = model.fit(pixels(model), targets, verbose=0, batch_size=4)
    assert np.isfinite(history.history["loss"]).all()
    moved = [np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert all(moved)
    assert model(pixels(model)).dtype == "float32"


@variants
def test_encoder__survives_saving_and_cloning(build, tmp_path):
    model = train_statistics(build())
    x = pixels(model)
    model.save(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "encoder.keras")(x), model(x))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(x), model(x))


def test_encoder__compiled_equals_eager():
    model = train_statistics(small_resnet((16, 16, 3)))
    compiled = tf.function(model, jit_compile=True)
    np.testing.assert_allclose(compiled(pixels(model)), model(pixels(model)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_encoder__exports_with_any_batch_size(normalization, tmp_path):
    model = train_statistics(small_resnet((16, 16, 3), normalization=normalization))
    model.export(tmp_path / "encoder", verbose=False)
    exported = tf.saved_model.load(tmp_path / "encoder")
    for size in (1, 5):
        np.testing.assert_allclose(exported.serve(pixels(model, size)), model(pixels(model, size)), atol=1e-5)


def test_encoder__takes_pictures_of_any_size():
    model = small_resnet((None, None, 3))
    assert model(tf.zeros((2, 20, 30, 3))).shape == (2, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stem": "cifar"}, r'`stem` must be "imagenet" or "small"\. Received: stem=cifar'),
        ({"width": 0}, "`width` must be a positive integer. Received: width=0"),
        ({"width": 0.5}, "`width` must be a positive integer. Received: width=0.5"),
        ({"normalization": "layer"}, "`normalization` must be"),
        ({"input_shape": (32, 32)}, r"`input_shape` must be \(height, width, channels\)"),
        ({"input_shape": (32, 32, None)}, "with a known number of channels"),
        ({"input_shape": 32}, "`input_shape` must be"),
        ({"statistics": ([0.5, 0.5], 0.2)}, "`statistics` must be a mean and a positive standard deviation"),
        ({"statistics": (0.5, 0.0)}, r"`statistics` must be .* Received: statistics=\(0.5, 0.0\)"),
        ({"statistics": 0.5}, "`statistics` must be"),
    ],
)
def test_resnet__bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        encoders.resnet18(**{"input_shape": (32, 32, 3), **arguments})


@pytest.mark.parametrize("widths", [(), (16, 0), 64, "64"])
def test_small_resnet__bad_widths(widths):
    with pytest.raises(
        ValueError, match=re.escape(f"one or more positive integers, such as (64,). Received: {widths=}")
    ):
        small_resnet((32, 32, 3), widths=widths)


@pytest.mark.parametrize(
    ("name", "statistics", "darkest", "brightest"),
    [
        ("EfficientNetB0", None, 0.0, 1.0),
        pytest.param("EfficientNetV2B0", None, -1.0, 1.0, marks=pytest.mark.slow),
        ("MobileNetV3Small", (0.25, 0.25), -1.0, 3.0),
        ("MobileNet", None, -1.0, 1.0),
    ],
)
def test_named__gives_networks_of_keras_the_pixels_they_expect(name, statistics, darkest, brightest):
    encoder = encoders.named(name, (32, 32, 3), statistics)
    network = next(layer for layer in encoder.layers if isinstance(layer, keras.Model))
    kinds = (keras.layers.InputLayer, keras.layers.Rescaling, keras.layers.Normalization)
    last = [layer for layer in network.layers if isinstance(layer, kinds)][-1]
    before = keras.Sequential(encoder.layers[: encoder.layers.index(network)])
    black_and_white = tf.stack([tf.zeros((32, 32, 3)), tf.ones((32, 32, 3))])
    prepared = keras.Model(network.input, last.output)(before(black_and_white))
    np.testing.assert_allclose(prepared[:, 0, 0, 0], [darkest, brightest], atol=1e-5)


def test_named__convnext_is_made_of_what_is_fast_and_stays_right_in_integers():
    """One step from pixels to what the first convolution sees, and no grouped convolution."""
    encoder = encoders.named("ConvNeXtTiny", (32, 32, 3))
    (network,) = (layer for layer in encoder.layers if isinstance(layer, keras.Model))
    layers = list(network._flatten_layers())
    assert not any(isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in layers)
    assert sum(type(layer) is keras.layers.DepthwiseConv2D for layer in layers) == 18
    assert all(layer.groups == 1 for layer in layers if type(layer) is keras.layers.Conv2D)


def test_named__takes_pictures_of_any_size_and_statistics_in_an_array():
    encoder = encoders.named("resnet18", (None, None, 3), np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
    assert encoder.input_shape == (None, None, None, 3)
    np.testing.assert_allclose(encoder.get_layer("pixel_normalization").input_mean, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("name", ["resnet18", "small_resnet"])
def test_named__x2_is_twice_the_width(name):
    wide = encoders.named(f"{name}x2", (32, 32, 3))
    options = {"stem": "small"} if name == "resnet18" else {}
    expected = getattr(encoders, name)((32, 32, 3), width=2, **options)
    assert [weight.shape for weight in wide.weights] == [weight.shape for weight in expected.weights]
    assert wide.output_shape[-1] == 2 * encoders.named(name, (32, 32, 3)).output_shape[-1]


@pytest.mark.parametrize("name", ["small_resnetx0", "resnet19x2", "MobileNetV3Smallx2"])
def test_named__refuses_a_width_of_nothing(name):
    with pytest.raises(ValueError, match="`encoder` must be one of"):
        encoders.named(name, (32, 32, 3))


@pytest.mark.parametrize("side", [16, 15])
def test_shortcuts__of_few_channels_take_every_second_pixel_first_and_come_to_the_same(side):
    """The gradient of a strided 1x1 convolution of few channels corrupts memory in oneDNN."""
    narrow = small_resnet((side, side, 3), widths=(8, 12))
    shortcut = narrow.get_layer("stage_2_block_1_shortcut_conv")
    assert shortcut.strides == (1, 1)
    maps = np.random.default_rng(0).normal(size=(2, side, side, 8)).astype("float32")
    strided = keras.layers.Conv2D(12, 1, 2, "same", use_bias=False)
    strided.build(maps.shape)
    strided.set_weights(shortcut.get_weights())
    taken = narrow.get_layer("stage_2_block_1_shortcut_every")(maps)
    np.testing.assert_allclose(shortcut(taken), strided(maps), atol=1e-5)
