"""TFRecord files: an index instead of a shuffle buffer."""

import numpy as np
import pytest
import tensorflow as tf
from picture_files import encoded, smooth, take

from byol_keras.data import Broken, Pictures, open_source
from byol_keras.data.records import RecordFiles


def example(**features):
    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    named = {key.replace("__", "/"): feature(value) for key, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def shards(folder, **features):
    """Two files with three and two pictures of classes 0 to 4."""
    for name, numbers in (("a", range(3)), ("b", range(3, 5))):
        records = [
            example(image__encoded=encoded(smooth(8, 8, number)), image__class__label=number) for number in numbers
        ]
        write(folder / f"{name}.tfrecord", records)
    return f"tfrecord:{folder}/*.tfrecord"


def test_index__reads_what_tensorflow_writes(tmp_path):
    generator = np.random.default_rng(0)
    contents = [generator.bytes(size) for size in (0, 1, 5000, 0, 77)]
    files = [write(tmp_path / "a", contents[:3]), write(tmp_path / "b", []), write(tmp_path / "c", contents[3:])]
    records = RecordFiles(files)
    assert len(records) == 5
    for index in (4, 0, 2, 2, 1, 3):
        assert records[index] == contents[index]


@pytest.mark.parametrize("cut", [30, 60])  # within the second record's content, and within its head
def test_index__of_a_file_that_is_cut_off_ends_with_a_broken_record(tmp_path, cut):
    path = tmp_path / "a"
    write(path, [b"x" * 50, b"y" * 50])
    path.write_bytes(path.read_bytes()[:-cut])
    records = RecordFiles([str(path)])
    assert records[0] == b"x" * 50
    with pytest.raises(Broken, match="cut off"):
        records[1]


def test_index__of_a_damaged_length_ends_there(tmp_path):
    path = tmp_path / "a"
    write(path, [b"x" * 50, b"y" * 50, b"z" * 50])
    data = bytearray(path.read_bytes())
    data[66] = 99
    path.write_bytes(data)
    records = RecordFiles([str(path)])
    assert len(records) == 2
    with pytest.raises(Broken, match="cut off"):
        records[1]


def test_tfrecord__is_opened_by_pattern(tmp_path):
    source = open_source(shards(tmp_path))
    assert len(source) == 5
    np.testing.assert_array_equal(source.labels, range(5))
    assert source.read(3) == encoded(smooth(8, 8, 3))
    pixels, labels, _ = Pictures(source.subset([3, 1]), size=8).arrays()
    np.testing.assert_array_equal(pixels, [smooth(8, 8, 3), smooth(8, 8, 1)])
    np.testing.assert_array_equal(labels, [3, 1])


def test_tfrecord__keys_may_be_named(tmp_path):
    write(tmp_path / "a", [example(photo=encoded(smooth(8, 8)), kind=name) for name in (b"dog", b"cat", b"dog")])
    source = open_source(f"tfrecord:{tmp_path}/a", image_key="photo", label_key="kind")
    np.testing.assert_array_equal(source.labels, [1, 0, 1])
    assert source.class_names == ("cat", "dog")
    part = open_source(f"tfrecord:{tmp_path}/a", image_key="photo", label_key="kind").subset([1])
    np.testing.assert_array_equal(part.labels, [0])
    assert part.class_names == ("cat", "dog")
    assert open_source(f"tfrecord:{tmp_path}/a", image_key="photo").labels is None
    with pytest.raises(ValueError, match=r"`image_key` must be .* one of \['kind', 'photo'\]"):
        open_source(f"tfrecord:{tmp_path}/a")
    with pytest.raises(ValueError, match="`label_key` must be"):
        open_source(f"tfrecord:{tmp_path}/a", image_key="photo", label_key="none")


def test_tfrecord__measured_numbers_are_no_classes(tmp_path):
    write(tmp_path / "a", [example(image=b"x", label=0.5), example(image=b"x", label=0.25)])
    assert open_source(f"tfrecord:{tmp_path}/a").labels is None


def test_tfrecord__records_without_a_picture_are_broken(tmp_path):
    good = example(image=encoded(smooth(8, 8)), label=1)
    write(tmp_path / "a", [good, example(label=2), example(image=b""), b"\xff\xff", example(image=7), good])
    pictures = Pictures(open_source(f"tfrecord:{tmp_path}/a"), size=8, max_bad_fraction=1.0)
    np.testing.assert_array_equal(pictures.arrays()[2], [0, 5])
    assert sorted(pictures.skipped.reasons.values()) == [
        "has no bytes in 'image'",
        "has no bytes in 'image'",
        "is damaged: the record is no tf.train.Example",
        "is empty",
    ]
    np.testing.assert_array_equal(pictures.source.labels, [1, 2, -1, -1, -1, 1])


def test_tfrecord__names_of_classes_are_those_of_sound_records(tmp_path):
    write(tmp_path / "a", [example(image=b"x", label=b"dog"), b"\xff\xff", example(image=b"x", label=b"cat")])
    source = open_source(f"tfrecord:{tmp_path}/a")
    np.testing.assert_array_equal(source.labels, [1, -1, 0])
    assert source.class_names == ("cat", "dog")


def test_tfrecord__records_of_a_file_that_vanishes_are_broken(tmp_path):
    source = open_source(shards(tmp_path))
    (tmp_path / "b.tfrecord").unlink()
    assert source.read(2) == encoded(smooth(8, 8, 2))
    with pytest.raises(Broken, match="could not be read"):
        source.read(3)
    np.testing.assert_array_equal(source.labels, [0, 1, 2, -1, -1])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "matches none"),
        (b"", "are empty"),
        (b"no record at all", "begins like none"),
        ("text", "tf.train.Example"),
    ],
)
def test_tfrecord__that_is_none(tmp_path, content, sentence):
    if content == "text":
        write(tmp_path / "a", [b"\xff\xff"])
    elif content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        open_source(f"tfrecord:{tmp_path}/a")


def test_tfrecord__streams_from_several_threads(tmp_path):
    pictures = Pictures(open_source(shards(tmp_path)), size=8, seed=2)
    batches = take(pictures.training(5), 3)
    again = take(Pictures(open_source(shards(tmp_path)), size=8, seed=2).training(5), 3)
    for one, other in zip(batches, again, strict=True):
        np.testing.assert_array_equal(one, other)
        assert {tuple(picture.ravel()) for picture in one} == {tuple(smooth(8, 8, n).ravel()) for n in range(5)}
