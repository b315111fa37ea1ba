"""Laws of `pooled`: anybody's feature maps become vectors, masks and inputs stay what they were."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.encoders import pooled


def feature_map(*shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(4)(inputs), name="backbone")


@pytest.mark.parametrize("shape", [(5, 3), (5, 6, 3), (2, 5, 6, 3), (None, None, 3)])
def test_pooled__is_the_mean_over_positions(shape):
    backbone = feature_map(*shape)
    encoder = pooled(backbone)
    x = keras.random.normal((2, *(side or 5 for side in shape)), seed=1)
    axes = tuple(range(1, len(shape)))
    np.testing.assert_allclose(encoder(x), np.mean(backbone(x), axis=axes), atol=1e-6)
    assert encoder.name == "backbone"
    assert pooled(backbone, name="encoder").name == "encoder"
    assert [v.path for v in encoder.trainable_variables] == [v.path for v in backbone.trainable_variables]


def test_pooled__leaves_vectors_alone():
    backbone = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    assert pooled(backbone) is backbone


def test_pooled__ignores_padding():
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(inputs)
    encoder = pooled(keras.Model(inputs, keras.layers.GRU(3, return_sequences=True)(x)))
    short, padded = tf.constant([[3, 5]]), tf.constant([[3, 5, 0, 0, 0]])
    np.testing.assert_allclose(encoder(padded), encoder(short), atol=1e-6)


@pytest.mark.parametrize("structure", ["list", "dict"])
def test_pooled__keeps_several_inputs(structure):
    inputs = {"left": keras.Input((4, 4, 3), name="left"), "right": keras.Input((4, 4, 3), name="right")}
    both = keras.layers.Concatenate()(list(inputs.values()))
    x = {name: keras.random.normal((2, 4, 4, 3), seed=i) for i, name in enumerate(inputs)}
    if structure == "list":
        inputs, x = list(inputs.values()), list(x.values())
    encoder = pooled(keras.Model(inputs, keras.layers.Conv2D(5, 3)(both)))
    assert encoder(x).shape == (2, 5)


@pytest.mark.parametrize("build", ["sequential", "applications", "keras_cv"])
def test_pooled__anybodys_backbone(build, tmp_path):
    if build == "sequential":
        backbone = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)])
    elif build == "applications":
        backbone = keras.applications.MobileNetV3Small((32, 32, 3), weights=None, include_top=False)
    else:
        backbone = pytest.importorskip("keras_cv").models.ResNetBackbone(
            stackwise_filters=[64, 64],
            stackwise_blocks=[1, 1],
            stackwise_strides=[1, 2],
            block_type="basic_block",
            include_rescaling=False,
            input_shape=(32, 32, 3),
        )
    encoder = pooled(backbone)
    x = keras.random.uniform((2, 32, 32, 3), seed=1)
    encoder(x, training=True)
    np.testing.assert_allclose(encoder(x), np.mean(backbone(x), axis=(1, 2)), rtol=1e-4, atol=1e-5)
    encoder.save(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "encoder.keras")(x), encoder(x))
    clone = keras.models.clone_model(encoder)
    clone.set_weights(encoder.get_weights())
    np.testing.assert_array_equal(clone(x), encoder(x))


def test_pooled__averages_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert pooled(feature_map(5, 6, 3))(tf.ones((2, 5, 6, 3))).dtype == "float32"


class Subclassed(keras.Model):
    def call(self, x):
        return x


def test_pooled__bad_input():
    inputs = keras.Input((8, 8, 3))
    for backbone in (keras.Sequential([keras.layers.Dense(4)]), Subclassed()):
        with pytest.raises(ValueError, match="`backbone` must be a built functional or Sequential model"):
            pooled(backbone)
    with pytest.raises(TypeError, match=r"`backbone` must be a Keras model\. Received: backbone=resnet18"):
        pooled("resnet18")
    scalar = keras.layers.Flatten()(inputs)[:, 0]
    for outputs in ([inputs, inputs], scalar, keras.layers.Reshape((2, 2, 2, 2, 12))(inputs)):
        with pytest.raises(ValueError, match="`backbone` must have one output, a vector or a feature map"):
            pooled(keras.Model(inputs, outputs))
