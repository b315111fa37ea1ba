"""TFDS: prepared sets without network, parts of splits, mocks, and sentences for the rest."""

import socket
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from picture_files import fill, smooth, take

from byol_keras.data import Broken, Pictures, named, open_source

tfds = pytest.importorskip("tensorflow_datasets")


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


class Tiny(tfds.core.GeneratorBasedBuilder):
    """Seven pictures in two splits."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "number": tfds.features.Scalar(np.int64),
            "photo": tfds.features.Image(shape=(8, 8, 3)),
            "kind": tfds.features.ClassLabel(names=["dog", "cat"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 5), "validation": self._generate_examples(5, 7)}

    def _generate_examples(self, start, stop):
        for number in range(start, stop):
            yield number, {"number": number, "photo": smooth(8, 8, number), "kind": number % 2}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folders = {}
    for kind in ("tfrecord", "array_record"):
        folders[kind] = str(tmp_path_factory.mktemp(kind))
        Tiny(data_dir=folders[kind], file_format=kind).download_and_prepare()
    return folders


@pytest.mark.parametrize("kind", ["tfrecord", "array_record"])
def test_tfds__prepared_is_read_without_network(prepared, offline, kind):
    source = open_source("tfds:tiny", data_dir=prepared[kind])
    assert len(source) == 5
    assert source.class_names == ("dog", "cat")
    pixels, labels, _ = Pictures(source, size=8).arrays()
    expected = {tuple(smooth(8, 8, number).ravel()): number % 2 for number in range(5)}
    assert {tuple(picture.ravel()): label for picture, label in zip(pixels, labels, strict=True)} == expected
    assert len(open_source("tfds:tiny@test", data_dir=prepared[kind])) == 2


@pytest.mark.parametrize("kind", ["tfrecord", "array_record"])
def test_tfds__a_part_of_a_split(prepared, kind):
    source = open_source("tfds:tiny", data_dir=prepared[kind])
    part = open_source("tfds:tiny@train[1:3]", data_dir=prepared[kind])
    assert [part.read(index) for index in range(2)] == [source.read(index) for index in (1, 2)]
    np.testing.assert_array_equal(part.labels, source.labels[1:3])


def test_tfds__a_file_that_is_cut_off_moves_no_other_files_records(tmp_path):
    for name in "ab":
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for number in range(3):
                writer.write(f"{name}{number}".encode())
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[: len(content) // 3])
    for count, expected in [(3, [b"a0", b"b0", b"b1", b"b2"]), (1, [b"a0", b"b0"])]:
        parts = [SimpleNamespace(filename=str(tmp_path / name), skip=0, take=count) for name in "ab"]
        info = SimpleNamespace(file_format=SimpleNamespace(value="tfrecord"), splits={})
        info.splits["train"] = SimpleNamespace(file_instructions=parts)
        files, kept = named._record_source(SimpleNamespace(info=info), "train")
        assert [files[number] for number in kept] == expected


@pytest.mark.parametrize("kind", ["tfrecord", "array_record"])
def test_tfds__a_broken_example_costs_its_own_label_only(prepared, kind, monkeypatch):
    class Damaged(list):
        def __getitem__(self, index):
            if index == 1:
                raise (Broken if kind == "tfrecord" else RuntimeError)("damaged")
            return super().__getitem__(index)

    source = open_source("tfds:tiny", data_dir=prepared[kind])
    kept = "_records" if kind == "tfrecord" else "_examples"
    examples = getattr(source, kept)
    monkeypatch.setattr(source, kept, Damaged(examples[index] for index in range(5)))
    assert source.labels[1] == -1
    assert sorted(source.labels[[0, 2, 3, 4]]) in ([0, 0, 0, 1], [0, 0, 1, 1])
    assert source.class_names == ("dog", "cat")


@pytest.mark.parametrize(
    ("failure", "refusal", "sentence"),
    [
        (
            AssertionError("Manual directory is empty. Download the files there."),
            ValueError,
            "by hand.*Manual directory",
        ),
        (ModuleNotFoundError("No module named 'mwxml'"), ImportError, "mwxml"),
        (OSError("timed out"), ConnectionError, "machine with a network"),
    ],
)
def test_tfds__that_is_not_prepared_says_what_would_help(failure, refusal, sentence):
    def fail():
        raise failure

    builder = SimpleNamespace(is_prepared=lambda: False, download_and_prepare=fail, data_dir="datasets/one")
    with pytest.raises(refusal, match=sentence):
        named._prepare(builder, "tfds:one")


def test_tfds__that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match="pip install tensorflow-datasets"):
        open_source("tfds:mnist")


def test_tfds__wrong_split_or_key(prepared):
    with pytest.raises(ValueError, match=r"`split` must be one of \['train', 'validation'\]"):
        open_source("tfds:tiny@other", data_dir=prepared["tfrecord"])
    with pytest.raises(ValueError, match="`image_key` must be a feature of tfds:tiny"):
        open_source("tfds:tiny", data_dir=prepared["tfrecord"], image_key="image")


def test_tfds__unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean cifar10") as caught:
        open_source("tfds:cifar1O")
    assert "\n" not in str(caught.value)


def test_tfds__not_prepared_and_no_network_is_one_sentence(tmp_path, offline, monkeypatch):
    monkeypatch.setattr(named, "_RETRIES", 0)
    with pytest.raises(ConnectionError, match=r"`source` tfds:mnist is not prepared in .*`tfds build mnist`") as caught:
        open_source("tfds:mnist", data_dir=str(tmp_path))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_tfds__mocked_data_can_be_trained_on():
    with tfds.testing.mock_data(num_examples=6):
        source = open_source("tfds:cifar10")
        assert len(source) == 6
        batch = take(Pictures(source, size=32).training(6), 1)[0]
        assert source.labels.shape == (6,)
        assert len(source.class_names) == 10
    assert (batch.shape, batch.dtype) == ((6, 32, 32, 3), "uint8")


def test_tfds__builders_and_image_folders(prepared, tmp_path):
    assert len(open_source(tfds.builder("tiny", data_dir=prepared["tfrecord"]), split="test")) == 2
    for part in ("train/b", "train/a", "val/b"):
        (tmp_path / part).mkdir(parents=True)
        fill(tmp_path / part, 2)
    builder = tfds.folder_dataset.ImageFolder(str(tmp_path))
    source = open_source(builder)
    assert source.class_names == ("a", "b")
    np.testing.assert_array_equal(source.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(open_source(builder, split="val").labels, [1, 1])
