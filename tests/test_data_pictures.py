"""Streams: order, resume, replacement of broken pictures, whole pictures."""

import numpy as np
import pytest
import tensorflow as tf
from picture_files import CROP, assert_same_batches, encoded, fill, numbered, smooth, take

from byol_keras.data import Pictures, TooManyBroken, open_source


def test_training__every_epoch_is_another_permutation():
    pictures = Pictures(open_source(numbered(20)), size=4, seed=3)
    batches = [batch[:, 0, 0, 0] for batch in take(pictures.training(5), 8)]
    first, second = np.concatenate(batches[:4]), np.concatenate(batches[4:])
    np.testing.assert_array_equal(np.sort(first), np.arange(20))
    np.testing.assert_array_equal(np.sort(second), np.arange(20))
    assert (first != second).any()


@pytest.mark.parametrize("seed", [0, -1, 2**70])
def test_training__is_a_function_of_the_seed(seed):
    batches = [take(Pictures(open_source(numbered(30)), size=4, seed=seed).training(30), 1) for _ in range(2)]
    assert_same_batches(*batches)
    other = take(Pictures(open_source(numbered(30)), size=4, seed=seed + 1).training(30), 1)
    assert (batches[0][0] != other[0]).any()


def test_training__drops_the_rest_of_an_epoch():
    pictures = Pictures(open_source(numbered(11)), size=4)
    assert pictures.steps_per_epoch(4) == 2
    epoch = np.concatenate([batch[:, 0, 0, 0] for batch in take(pictures.training(4), 2)])
    assert len(set(epoch)) == 8


@pytest.mark.parametrize("mode", ["host crops", "whole", "device", "arrays"])
def test_training__from_a_later_start_equals_skipping_to_there(tmp_path, mode):
    options = {"size": 16, "max_bad_fraction": 1.0, "crop": None if mode == "whole" else CROP}
    sizes = ((16, 16),) if mode == "device" else ((40, 60), (50, 44))
    pixels = numbered(12, 16) / np.float32(255)
    pixels[[2, 5, 6, 11], 0, 0] = np.nan
    broken = pixels if mode == "arrays" else fill(tmp_path, 12, sizes, broken=(2, 5, 6, 11))
    straight = take(Pictures(open_source(broken), **options).training(4), 7)
    for start in (1, 5):
        late = Pictures(open_source(broken), **options)
        late._threads = 1
        assert_same_batches(take(late.training(4, start), 2), straight[start : start + 2])


def test_training__a_broken_picture_is_replaced_by_the_next_good_one(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 6, broken=(1, 4))), size=8, max_bad_fraction=1.0)
    order = pictures._order.epoch(0)
    good = [next(int(order[(p + o) % 6]) for o in range(6) if order[(p + o) % 6] not in (1, 4)) for p in range(6)]
    (batch,) = take(pictures.training(6), 1)
    expected, _, kept = pictures.arrays(good)
    np.testing.assert_array_equal(kept, good)
    np.testing.assert_array_equal(batch, expected)
    assert (pictures.skipped.seen, pictures.skipped.bad) == (6, 2)


@pytest.mark.parametrize("shape", [(97, 61), (20, 33), (32, 32), (31, 200)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_whole__equals_tensorflow_on_the_central_part(shape, dtype):
    noise = np.random.default_rng(0).integers(0, 256, (1, *shape, 3), "uint8")
    source = noise if dtype == "uint8" else noise / np.float32(255)
    (pixels,), _, _ = Pictures(open_source(source), size=32).arrays()
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    part = source[0, top : top + side, left : left + side]
    expected = tf.image.resize(part, (32, 32), antialias=True).numpy()
    assert pixels.dtype == dtype
    if dtype == "uint8":
        assert np.abs(pixels - np.round(expected)).max() <= 1
    else:
        np.testing.assert_allclose(pixels, expected, atol=1e-5)


def test_whole__goes_once_through_in_order_without_the_broken(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 11, broken=(0, 6))), size=8, max_bad_fraction=1.0)
    batches = take(pictures.whole(4), 9)
    assert [len(indices) for _, indices in batches] == [4, 4, 1]
    np.testing.assert_array_equal(np.concatenate([indices for _, indices in batches]), [1, 2, 3, 4, 5, 7, 8, 9, 10])
    pixels, labels, kept = pictures.arrays()
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in batches]), pixels)
    assert labels is None
    assert len(kept) == 9


def test_whole__of_nothing_is_nothing(tmp_path):
    for source in (numbered(4), fill(tmp_path, 4)):
        pixels, labels, kept = Pictures(open_source(source), size=4).arrays([])
        assert (pixels.shape, labels, len(kept)) == ((0, 4, 4, 3), None, 0)


def test_source__without_pictures_is_refused():
    with pytest.raises(ValueError, match="`source` is empty"):
        Pictures(open_source(numbered(4)).subset([]), size=4)


@pytest.mark.parametrize("size", [0, 2.5, (4, 4, 4), (4, -1), "4"])
def test_size__is_checked(size):
    with pytest.raises(ValueError, match="`size` must be a positive integer, or two of them"):
        Pictures(open_source(numbered(4)), size=size)


def test_size__may_be_a_rectangle():
    pictures = Pictures(open_source(numbered(4, 12)), size=(6, 10))
    assert pictures.shape == (6, 10, 3)
    assert take(pictures.training(2), 1)[0].shape == (2, 6, 10, 3)


@pytest.mark.parametrize(("side", "host"), [(64, False), (65, True), (8, False)])
def test_device__crops_where_pictures_are_of_one_shape_and_not_much_larger(side, host):
    pictures = Pictures(open_source(numbered(4, side)), size=32, crop=CROP)
    assert pictures.host_crops == host
    (batch,) = take(pictures.training(4), 1)
    assert (
        {key: crop.shape for key, crop in batch.items()} == dict.fromkeys(("view_1", "view_2"), (4, 32, 32, 3))
        if host
        else batch.shape == (4, side, side, 3)
    )


def test_device__a_picture_of_another_shape_is_fitted(tmp_path):
    fill(tmp_path, 40, sizes=((16, 16),))
    pictures = Pictures(open_source(str(tmp_path)), size=16, crop=CROP)
    for number in range(40):
        (tmp_path / f"{number:03}.png").write_bytes(encoded(smooth(30, 50)))
    assert take(pictures.training(4), 1)[0].shape == (4, 16, 16, 3)


def test_cache__keeps_what_was_decoded(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 6, sizes=((16, 16),))), size=16, crop=CROP, cache=True)
    epochs = take(pictures.training(6), 1)
    for path in tmp_path.iterdir():
        path.unlink()
    epochs += take(pictures.training(6), 1)
    assert_same_batches(epochs[:1], epochs[1:])


def test_cache__is_refused_for_crops_on_the_host(tmp_path):
    with pytest.raises(ValueError, match="`cache` must be False unless"):
        Pictures(open_source(fill(tmp_path, 4)), size=16, crop=CROP, cache=True)


def test_deep_pictures__make_all_of_them_floats(tmp_path):
    deep = np.linspace(0, 65535, 256).reshape(16, 16).astype("uint16")
    (tmp_path / "a.png").write_bytes(encoded(deep))
    (tmp_path / "b.png").write_bytes(encoded(smooth(16, 16)))
    pictures = Pictures(open_source(str(tmp_path)), size=16)
    pixels, _, _ = pictures.arrays()
    assert pictures.dtype == "float32" == pixels.dtype
    np.testing.assert_allclose(pixels[0], np.repeat(deep[..., None] / 65535, 3, -1), atol=1e-6)
    np.testing.assert_allclose(pixels[1], smooth(16, 16) / 255, atol=1e-6)


def test_channels__mixed_among_npy_files_are_an_error_that_names_two(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((8, 8, 5), "uint8"))
    np.save(tmp_path / "b.npy", np.zeros((8, 8, 2), "uint8"))
    with pytest.raises(ValueError, match=r"(a|b)\.npy with \d and (a|b)\.npy with \d"):
        Pictures(open_source(str(tmp_path)), size=8)


def test_channels__mixed_files_found_late_end_the_stream_with_that_sentence(tmp_path):
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", np.zeros((8, 8, 5), "uint8"))
    pictures = Pictures(open_source(str(tmp_path)), size=8)
    np.save(tmp_path / "2.npy", np.zeros((8, 8, 2), "uint8"))
    with pytest.raises(tf.errors.OpError):
        take(pictures.training(4), 1)
    assert "2.npy with 2" in str(pictures.skipped.failure)


@pytest.mark.parametrize("channels", [1, 3, None])
def test_channels__are_what_was_asked_for(tmp_path, channels):
    (tmp_path / "a.png").write_bytes(encoded(smooth(8, 8)))
    (tmp_path / "b.png").write_bytes(encoded(smooth(8, 8)[..., 0]))
    pictures = Pictures(open_source(str(tmp_path)), size=8, channels=channels, crop=((0.5, 1.0), (1.0, 1.0)))
    assert pictures.shape[-1] == (channels or 3)
    assert take(pictures.training(2), 1)[0].shape[-1] == (channels or 3)


def test_too_many_broken__end_the_stream_with_a_sentence(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 250, ((8, 8),), broken=range(0, 250, 50))), size=8)
    with pytest.raises(tf.errors.OpError):
        take(pictures.training(250), 1)
    assert isinstance(pictures.skipped.failure, TooManyBroken)
    assert "`max_bad_fraction` is exceeded: " in str(pictures.skipped.failure)


def test_too_many_broken__few_of_many_or_of_fewer_than_200_go_on(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 199, ((8, 8),), broken=range(90))), size=8)
    take(pictures.training(199), 1)
    assert pictures.skipped.bad == 90


def test_all_broken__is_a_sentence(tmp_path):
    with pytest.raises(TooManyBroken, match="none of 3 that were tried can, for example 00"):
        Pictures(open_source(fill(tmp_path, 3, broken=range(3))), size=8)


def test_all_broken__after_the_probe_is_a_sentence_too(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 3)), size=8)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(tf.errors.OpError):
        take(pictures.training(3), 1)
    assert "of which all 3 are broken" in str(pictures.skipped.failure)


@pytest.mark.parametrize("batch_size", [0, 5, 2.5])
def test_batch_size__is_checked(batch_size):
    with pytest.raises(ValueError, match="`batch_size` must lie between 1 and the 4 pictures"):
        Pictures(open_source(numbered(4)), size=4).training(batch_size)
