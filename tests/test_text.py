"""Texts: their encoders, training on strings, and what becomes of them in exports."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import moved

import byol_keras as bk
from byol_keras.encoders.text import KINDS

GENERATOR = np.random.default_rng(0)
LENGTHS = np.concatenate([[1, 12], GENERATOR.integers(1, 13, 30)])
IDS = np.where(np.arange(12) < LENGTHS[:, None], GENERATOR.integers(1, 20, (32, 12)), 0)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_padding__changes_nothing(self, kind):
        encoder = moved(bk.encoders.text(20, None, kind, width=32, depth=2))
        expected = encoder(IDS)
        np.testing.assert_allclose(encoder(np.pad(IDS, ((0, 0), (0, 9)))), expected, atol=1e-6)
        np.testing.assert_allclose(encoder(IDS[:1, :1]), expected[:1], atol=1e-6)
        assert expected.shape == (32, 32)
        assert np.std(expected, axis=0).min() > 1e-3

    def test_order__counts(self, kind):
        encoder = bk.encoders.text(20, 3, kind, width=32)
        assert np.abs(encoder(np.array([[2, 3, 4]])) - encoder(np.array([[4, 3, 2]]))).max() > 1e-3

    def test_ids_beyond_the_vocabulary__are_unknown_words_compiled_or_not(self, kind):
        encoder = bk.encoders.text(20, 3, kind, width=16)
        expected = encoder(np.array([[5, 1, 1]]))
        for jit in (False, True):
            run = tf.function(encoder, jit_compile=jit)
            np.testing.assert_allclose(run(tf.constant([[5, 20, -4]], tf.int64)), expected, atol=1e-5)

    def test_empty_text__gives_numbers_all_the_same(self, kind):
        encoder = bk.encoders.text(20, None, kind, width=16)
        assert np.isfinite(encoder(np.zeros((2, 4), "int64"))).all()
        np.testing.assert_allclose(encoder(np.zeros((1, 4), "int64")), encoder(np.zeros((1, 1), "int64")), atol=1e-6)

    @pytest.mark.parametrize("precision", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16"])
    def test_half_precision__is_near_and_finite(self, kind, precision):
        exact = bk.encoders.text(20, 12, kind, width=32, depth=2)
        keras.config.set_dtype_policy(precision)
        encoder = bk.encoders.text(20, 12, kind, width=32, depth=2)
        encoder.set_weights(exact.get_weights())
        found = encoder(IDS)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, exact(IDS), atol=0.1 if "bfloat16" in precision else 0.02)

    def test_config__revives_it(self, kind):
        encoder = bk.encoders.text(20, 12, kind, width=16)
        revived = keras.Model.from_config(encoder.get_config())
        revived.set_weights(encoder.get_weights())
        np.testing.assert_allclose(revived(IDS), encoder(IDS), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"vocabulary": 2}, "`vocabulary` must .* Received: vocabulary=2"),
        ({"vocabulary": 0}, "`vocabulary` must"),
        ({"length": 0}, "`length` must"),
        ({"kind": "grue"}, "`kind` must be one of"),
        ({"width": 5}, "`width` must be even"),
        ({"depth": 0}, "`depth` must"),
        ({"unroll": True, "length": None}, "`unroll` must"),
        ({"unroll": True, "kind": "transformer"}, "`unroll` must"),
    ],
)
def test_encoder__refuses_what_makes_no_network(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        bk.encoders.text(**{"vocabulary": 20, "length": 4} | options)


def test_words__are_two_at_least():
    with pytest.raises(ValueError, match="`input_dim` must be 2 or more"):
        bk.layers.Words(1, 3)
