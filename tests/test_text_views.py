"""Views of texts: what they promise, and what they refuse."""

import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

from byol_keras.views import TokenViews

GENERATOR = np.random.default_rng(0)
LENGTHS = np.concatenate([[1, 2, 30], GENERATOR.integers(1, 31, 397)])
# Ids rise along a text, so that each tells its place; they start anywhere, so that texts differ.
TEXTS = np.where(
    np.arange(30) < LENGTHS[:, None], np.arange(30) + 2 + 100 * GENERATOR.integers(0, 9, (400, 1)), 0
).astype("int64")
LONG = LENGTHS >= 20
STILL = {"crop": (1.0, 1.0), "masking": 0.0}


def view_of(texts=TEXTS, seed=(1, 2), **options):
    return np.asarray(TokenViews(**STILL | options)(texts, seed)[0])


def lengths(ids):
    return np.count_nonzero(ids, axis=1)


def assert_padded_at_the_end(ids):
    np.testing.assert_array_equal(ids != 0, np.arange(ids.shape[1]) < lengths(ids)[:, None])
    assert lengths(ids).min() >= 1


def test_crop__keeps_a_span_of_its_share():
    view = view_of(crop=(0.25, 0.5))
    assert_padded_at_the_end(view)
    assert np.all(np.abs(lengths(view) - np.clip(lengths(view), 0.25 * LENGTHS, 0.5 * LENGTHS)) <= 0.5 + 1e-9)
    steps = np.diff(view, axis=1)[view[:, 1:] != 0]
    assert set(steps) == {1}
    starts, shares = (view[:, 0] - TEXTS[:, 0])[LONG], (lengths(view) / LENGTHS)[LONG]
    assert shares.mean() == pytest.approx(0.375, abs=0.03)
    assert starts.min() == 0
    assert (starts + lengths(view)[LONG] == LENGTHS[LONG]).any()


def test_masking__makes_unknown_words_of_its_share_and_never_of_all():
    view = view_of(masking=0.4)
    changed = view != TEXTS
    assert set(view[changed]) == {1}
    assert np.mean(changed[LONG][TEXTS[LONG] != 0]) == pytest.approx(0.4, abs=0.03)
    np.testing.assert_array_equal(view == 0, TEXTS == 0)
    assert (view_of(masking=0.999) > 1).any(axis=1).all()


def test_dropout__leaves_out_its_share_and_keeps_the_order():
    view = view_of(dropout=0.3)
    assert_padded_at_the_end(view)
    assert 1 - lengths(view)[LONG].sum() / LENGTHS[LONG].sum() == pytest.approx(0.3, abs=0.03)
    for ids, text in zip(view, TEXTS, strict=True):
        kept = ids[ids != 0]
        assert np.all(np.diff(kept) > 0)
        assert set(kept) <= set(text)
    assert lengths(view_of(dropout=0.999)).min() == 1


def test_shuffle__moves_no_token_further_than_it_says():
    view = view_of(shuffle=3)
    np.testing.assert_array_equal(np.sort(view, axis=1), np.sort(TEXTS, axis=1))
    moves = np.abs(view - TEXTS)[TEXTS != 0]
    assert_padded_at_the_end(view)
    assert moves.max() == 3
    assert np.mean(moves > 0) > 0.5


def test_everything_at_once__keeps_padding_out():
    for view in TokenViews((0.3, 0.9), 0.3, 0.3, 4)(TEXTS, seed=(3, 4)):
        view = np.asarray(view)
        assert_padded_at_the_end(view)
        assert (view > 1).any(axis=1).all()
        for ids, text in zip(view, TEXTS, strict=True):
            assert set(ids) <= {0, 1, *text}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_type__is_kept(dtype):
    texts = (TEXTS % 100).astype(dtype)
    for view in TokenViews((0.3, 0.9), 0.3, 0.3, 4)(texts, seed=(3, 4)):
        assert view.dtype == dtype


def test_views__are_drawn_per_text_and_per_view():
    same = np.tile(np.arange(2, 32), (200, 1))
    first, second = (np.asarray(view) for view in TokenViews((0.3, 0.9), 0.2, 0.2, 2)(same, seed=(1, 2)))
    assert len(np.unique(first, axis=0)) == 200
    assert np.all((first != second).any(axis=1))


def test_views__are_a_function_of_the_seed_and_the_same_compiled():
    views = TokenViews((0.3, 0.9), 0.3, 0.3, 4)
    eager = views(TEXTS, seed=(1, 2))
    for jit in (False, True):
        compiled = tf.function(views, jit_compile=jit)(tf.constant(TEXTS), tf.constant([1, 2]))
        for ours, theirs in zip(eager, compiled, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert np.all((np.asarray(views(TEXTS, seed=(1, 3))[0]) != np.asarray(eager[0]))[LONG].any(axis=1))


def test_views__take_batches_of_unknown_length():
    views = TokenViews((0.3, 0.9), 0.3, 0.3, 4)
    traced = tf.function(views, input_signature=[tf.TensorSpec((None, None), tf.int64), tf.TensorSpec((2,), tf.int32)])
    np.testing.assert_array_equal(traced(TEXTS, tf.constant([1, 2]))[0], views(TEXTS, seed=(1, 2))[0])


def test_views__of_two_replicas_are_those_of_one_device():
    views = TokenViews((0.3, 0.9), 0.3, 0.3, 4)
    expected = views(TEXTS, seed=(1, 2))[0]
    strategy = two_devices()
    texts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(TEXTS, 2)[context.replica_id_in_sync_group])
    )
    run = tf.function(lambda texts: strategy.run(lambda part: views(part, tf.constant([1, 2]))[0], [texts]))
    np.testing.assert_array_equal(np.concatenate(strategy.experimental_local_results(run(texts))), expected)


@pytest.mark.parametrize(
    "options",
    [
        *({"crop": crop} for crop in [(0.0, 1.0), (0.5, 0.4), (0.5, 1.1), (0.5,), 0.5]),
        *({name: share} for name in ("masking", "dropout") for share in (-0.1, 1.0, float("nan"))),
        *({"shuffle": places} for places in (-1, 1.5, None, np.nan, np.inf)),
    ],
)
def test_options__out_of_their_range_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=rf"^`{name}` must be .* Received: {name}="):
        TokenViews(**options)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (TEXTS.astype("float32"), r"takes token ids.*float32"),
        (np.array(["a word", "another"]), "`preprocessor`"),
        (TEXTS[0], r"of shape \(batch, length\)"),
        (TEXTS[:, :, None], r"of shape \(batch, length\)"),
        (-TEXTS, "from 0 on. Received: -"),
        (np.where(np.arange(400)[:, None] % 4 < 1, 0, TEXTS), "empty strings. Received: 100 of 400 texts empty"),
        (TEXTS[:, ::-1], "at the end alone"),
    ],
)
def test_texts__that_are_none_are_refused(texts, sentence):
    with pytest.raises(ValueError, match=sentence):
        TokenViews().check(texts)


def test_texts__that_are_some_are_let_in():
    assert TokenViews().check(TEXTS) is None
