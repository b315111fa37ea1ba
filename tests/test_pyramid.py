"""Feature maps of every scale, of our own networks and of anybody's."""

import keras
import numpy as np
import pytest
from builders import pictures

import byol_keras as bk
from byol_keras.encoders import named, pooled, pyramid


def shapes(model, size):
    maps = model(pictures(2, size) / np.float32(255))
    return {name: tuple(values.shape[1:]) for name, values in maps.items()}


def test_pyramid__of_ours_ends_every_stage():
    encoder = bk.encoders.resnet18((32, 32, 3), stem="small")
    found = shapes(pyramid(encoder), 32)
    assert found == {f"stage_{i + 1}": (32 // 2**i, 32 // 2**i, 64 * 2**i) for i in range(4)}


@pytest.mark.parametrize("nested", [False, True])
def test_pyramid__of_anybodys_network_halves_from_map_to_map(nested):
    """Padded maps and the vectors of channel weights, which are maps of one pixel, are no scales."""
    encoder = named("MobileNetV3Small", (64, 64, 3))
    if nested:
        encoder = keras.Sequential([keras.Input((64, 64, 3)), keras.Sequential([keras.Input((64, 64, 3)), encoder])])
    sides = [maps[0] for maps in shapes(pyramid(encoder), 64).values()]
    assert sides == [32, 16, 8, 4, 2]


def test_pyramid__of_pictures_of_any_size():
    encoder = pooled(keras.applications.MobileNetV3Small((None, None, 3), weights=None, include_top=False))
    assert [maps[0] for maps in shapes(pyramid(encoder), 96).values()] == [48, 24, 12, 6, 3]


def test_pyramid__is_made_of_the_encoders_own_layers():
    encoder = named("MobileNetV3Small", (32, 32, 3))
    assert {id(weight) for weight in pyramid(encoder).weights} <= {id(weight) for weight in encoder.weights}
    last = pyramid(encoder)(pictures(2, 32) / np.float32(255))["stage_5"]
    np.testing.assert_allclose(np.mean(last, axis=(1, 2)), encoder(pictures(2, 32) / np.float32(255)), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([keras.Input((8,)), keras.layers.Dense(3)], "model of pictures"),
        ([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)], "which has none"),
    ],
)
def test_pyramid__refuses_what_has_no_maps(layers, message):
    with pytest.raises(ValueError, match=message):
        pyramid(keras.Sequential(layers))
