"""What the base class gives to views of any kind of data."""

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import Views

SEED = (11, 12)


class Shifted(Views):
    """The least that views of vectors could be."""

    def view(self, batch, seed, index):
        return batch + tf.random.stateless_uniform(tf.shape(batch), seed)


def test_views__of_anything_need_one_method():
    vectors = np.arange(12, dtype="uint8").reshape(3, 4)
    first, second = Shifted()(vectors, SEED)
    np.testing.assert_array_equal(first, Shifted()(vectors / np.float32(255), SEED)[0])
    assert np.all(first != second)
    assert isinstance(Shifted.from_config(Shifted().get_config()), Shifted)
    with pytest.raises(NotImplementedError, match="`Views` must override `view`"):
        Views()(vectors, SEED)


def test_views__of_anything_check_for_finite_values():
    Shifted().check({"numbers": np.ones(3), "names": np.array(["a", "b"]), "codes": np.arange(3)})
    with pytest.raises(ValueError, match="Received: 1 of 3 values not finite"):
        Shifted().check([np.ones(2), np.array([0.0, np.inf, 1.0])])
