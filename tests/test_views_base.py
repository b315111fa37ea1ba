"""What the base class gives to views of any kind of data."""

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import Views, positional_normal

SEED = (11, 12)


class Shifted(Views):
    """The least that views of vectors could be."""

    def view(self, batch, seed, index):
        return batch + tf.random.stateless_uniform(tf.shape(batch), seed)


def test_views__of_anything_need_one_method():
    vectors = np.arange(12, dtype="float32").reshape(3, 4)
    first, second = Shifted()(vectors, SEED)
    assert np.all(first != second)
    assert isinstance(Shifted.from_config(Shifted().get_config()), Shifted)
    with pytest.raises(NotImplementedError, match="`Views` must override `view`"):
        Views()(vectors, SEED)


class Same(Views):
    def view(self, batch, seed, index):
        return batch


def test_views__of_anything_take_numbers_as_they_are():
    for shape in ((3, 4), (2, 4, 4, 3)):
        raw = np.full(shape, 7, "uint8")
        for view in Same()(raw, SEED):
            assert view.dtype == "uint8"
            np.testing.assert_array_equal(view, raw)


class Noisy(Views):
    """The example in the docstring of `Views`."""

    def view(self, batch, seed, index):
        return batch + 0.1 * positional_normal(seed, tf.shape(batch))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_views__of_anything_differ_between_replicas_which_draw_what_one_device_would(jit_compile):
    strategy, views = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), Noisy()
    run = tf.function(views, jit_compile=jit_compile)
    halves = tf.function(lambda: strategy.run(run, (tf.zeros((3, 2, 5)), tf.constant(SEED))))()
    for whole, parts in zip(views(tf.zeros((6, 2, 5)), SEED), halves, strict=True):
        one, other = strategy.experimental_local_results(parts)
        assert np.abs(one - other).min() > 0
        np.testing.assert_allclose(np.concatenate([one, other]), whole, atol=1e-6)


def test_positional_normal__is_standard_normal_in_any_shape():
    numbers = positional_normal(tf.constant(SEED), (200, 10, 10)).numpy()
    assert (numbers.shape, numbers.dtype) == ((200, 10, 10), np.float32)
    assert max(abs(numbers.mean()), abs(numbers.std() - 1.0)) < 0.02
    assert np.mean(np.abs(numbers) > 1.96) == pytest.approx(0.05, abs=0.006)
    assert positional_normal(tf.constant(SEED), (7,)).shape == (7,)


def test_views__of_anything_check_for_finite_values():
    Shifted().check({"numbers": np.ones(3), "names": np.array(["a", "b"]), "codes": np.arange(3)})
    with pytest.raises(ValueError, match="Received: 1 of 3 values not finite"):
        Shifted().check([np.ones(2), np.array([0.0, np.inf, 1.0])])
