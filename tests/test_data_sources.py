"""What `open_source` takes: arrays, files, folders, splits, labels; and what it refuses, in one sentence."""

import os

import numpy as np
import pytest
import tensorflow as tf
from picture_files import PNG, make, numbered

from byol_keras.data import Broken, open_source
from byol_keras.data.labels import labels_from_folders


def paths_of(source):
    return [source.path(index) for index in range(len(source))]


def test_arrays__with_and_without_labels():
    images = numbered(5)
    assert open_source(images).labels is None
    source = open_source((images, [[3], [1], [4], [1], [5]]))
    np.testing.assert_array_equal(source.labels, [3, 1, 4, 1, 5])
    np.testing.assert_array_equal(source.read(2), images[2])
    np.testing.assert_array_equal(source.gather(np.array([4, 0])), images[[4, 0]])
    assert source.path(3) == "array#3"


def test_subset__keeps_pixels_labels_and_names():
    source = open_source((numbered(5), ["b", "a", "b", "c", "a"])).subset([4, 2, 3]).subset([2, 0])
    assert source.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(source.labels, [2, 0])
    assert [source.read(index).max() for index in (0, 1)] == [3, 4]
    np.testing.assert_array_equal(source.gather(np.array([1]))[0], source.read(1))
    with pytest.raises(ValueError, match="`indices` must be"):
        source.subset([2])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.zeros((4, 8)), r"shape \(4, 8\)"),
        (np.zeros((0, 8, 8, 3), "uint8"), r"shape \(0, 8, 8, 3\)"),
        (np.zeros((4, 8, 8, 3), "int64"), "int64"),
        (np.array([None]), "object"),
        ((np.zeros((4, 8, 8), "uint8"), [1, 2]), "`labels` must be 4 integers"),
        ((np.zeros((4, 8, 8), "uint8"), np.eye(4)), "`labels` must be 4 integers"),
        ([1, 2], "`source` must be an array"),
    ],
)
def test_arrays__that_are_no_pictures(source, sentence):
    with pytest.raises(ValueError, match=sentence):
        open_source(source)


def test_npz__takes_the_part_that_was_asked_for(tmp_path):
    images = numbered(6)
    path = str(tmp_path / "a.npz")
    np.savez(path, x_train=images[:3], y_train=[0, 1, 0], x_val=images[3:5], y_val=[1, 1], x_more=images[5:])
    for spelling, options, count, labels in [
        (path, {}, 3, [0, 1, 0]),
        (path, {"split": "train"}, 3, [0, 1, 0]),
        (path, {"split": "test"}, 2, [1, 1]),
        (f"{path}@val", {}, 2, [1, 1]),
        (f"{path}@more", {}, 1, None),
    ]:
        source = open_source(spelling, **options)
        assert len(source) == count
        np.testing.assert_array_equal(source.labels, labels)
    with pytest.raises(ValueError, match=r"called x_other. Received: .* with the arrays \['x_more'"):
        open_source(path, split="other")
    with pytest.raises(ValueError, match="`split` must not be given twice"):
        open_source(f"{path}@val", split="train")


@pytest.mark.parametrize("keys", [("x", "y"), ("images", "labels"), ("anything", None)])
def test_npz__knows_the_usual_keys(tmp_path, keys):
    arrays = {keys[0]: numbered(2)} | ({keys[1]: ["b", "a"]} if keys[1] else {})
    np.savez(tmp_path / "a.npz", **arrays)
    source = open_source(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(source.labels, [1, 0] if keys[1] else None)
    with pytest.raises(ValueError, match="x_test or x_val"):
        open_source(str(tmp_path / "a.npz"), split="test")


def test_npy__stays_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", numbered(4))
    np.savez(tmp_path / "a.npz", x=numbered(4), y=range(4))
    for name in ("a.npy", "a.npz"):
        assert open_source(f"file://{tmp_path}/{name}").read(2).max() == 2
    source = open_source(tmp_path / "a.npy")
    assert isinstance(source._images, np.memmap)
    assert source.read(3).max() == 3


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_files__that_are_no_arrays(tmp_path, name):
    with pytest.raises(ValueError, match="there is no such file"):
        open_source(str(tmp_path / name))
    (tmp_path / name).write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"must be a valid .np. file"):
        open_source(str(tmp_path / name))
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="of plain numbers"):
        open_source(str(tmp_path / "pickled.npy"))


def test_npz__that_is_damaged_within(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((4, 50, 50), "uint8"))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[50:60] = b"\xff" * 10
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a valid .npz file of plain numbers"):
        open_source(str(tmp_path / "a.npz"))


def test_files__of_one_kind_by_the_name_of_the_other(tmp_path):
    np.save(tmp_path / "a.npy", numbered(2))
    np.savez(tmp_path / "b.npz", numbered(2))
    for path, renamed in (("a.npy", "c.npz"), ("b.npz", "d.npy")):
        (tmp_path / path).rename(tmp_path / renamed)
        with pytest.raises(ValueError, match=r"`source` must be a valid .np. file"):
            open_source(str(tmp_path / renamed))


def test_folder__finds_pictures_sorted_and_leaves_hidden_ones_out(tmp_path):
    names = ["b/2.PNG", "a.jpg", "b/c/3.tiff", "x.webp", ".hidden.png", ".git/a.png", "notes.txt", "b/1.npy"]
    source = open_source(make(tmp_path, *names))
    assert paths_of(source) == ["a.jpg", "b/1.npy", "b/2.PNG", "b/c/3.tiff", "x.webp"]
    assert source.read(0) == PNG
    assert source.labels is None


def test_folder__links_in_a_circle_end(tmp_path):
    make(tmp_path, "a/1.png", "b/2.png")
    os.symlink(tmp_path, tmp_path / "a" / "up")
    os.symlink(tmp_path / "b", tmp_path / "a" / "side")
    os.symlink(tmp_path / "nowhere.png", tmp_path / "b" / "dead.png")
    source = open_source(str(tmp_path))
    assert paths_of(source) == ["a/1.png", "a/side/2.png", "a/side/dead.png", "b/2.png", "b/dead.png"]
    with pytest.raises(Broken, match="leads nowhere"):
        source.read(2)


def test_folder__what_can_not_be_read_is_broken(tmp_path):
    make(tmp_path, "empty.png", content=b"")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    source = open_source(str(tmp_path))
    for index, reason in enumerate(["is empty", "is a directory", "is no file"]):
        with pytest.raises(Broken, match=reason):
            source.read(index)


def test_folder__a_file_that_may_not_be_read_is_broken(tmp_path, monkeypatch):
    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    source = open_source(make(tmp_path, "a.png"))
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(Broken, match="permission denied"):
        source.read(0)


def test_shapes__are_a_source_with_two_parts():
    train, test = open_source("shapes"), open_source("shapes", split="test")
    assert (len(train), len(test)) == (5000, 1000)
    assert train.class_names == test.class_names
    assert (train.read(0) != test.read(0)).any()
    with pytest.raises(ValueError, match="`split` must be 'train' or 'test'"):
        open_source("shapes@val")


def test_folder__that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"may be read. Received: .*permission denied"):
        open_source(make(tmp_path, "a.png"))


def test_folder__missing_empty_or_without_pictures(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, sentence in [
        (tmp_path / "none", "does not exist"),
        (make(tmp_path, "full/a.txt", "full/b/c.TXT", "full/d"), "which holds 2 x .txt, 1 x no suffix"),
        (tmp_path / "full" / "a.txt", "a file of another kind"),
        (tmp_path / "empty", "which is empty"),
    ]:
        with pytest.raises(ValueError, match=sentence) as caught:
            open_source(str(folder))
        assert "\n" not in str(caught.value)


def test_folder__through_gfile(tmp_path):
    make(tmp_path, "a/1.png", "b/2.png", ".no/3.png", "b/x.txt")
    os.symlink(tmp_path / "nowhere.png", tmp_path / "b" / "dead.png")
    source = open_source(f"file://{tmp_path}")
    assert {"a/1.png", "b/2.png"} <= set(paths_of(source)) <= {"a/1.png", "b/2.png", "b/dead.png"}
    assert source.read(0) == PNG
    np.testing.assert_array_equal(source.labels, labels_from_folders(paths_of(source))[0])
    with pytest.raises(ValueError, match="does not exist"):
        open_source(f"file://{tmp_path}/none")


class Store:
    """Files in memory, by TensorFlow's functions, as a store shows them: folders end in a slash."""

    def __init__(self, monkeypatch, *paths):
        self.paths, self.asked = [f"gs://bucket/{path}" for path in paths], []
        for name in ("isdir", "listdir", "exists"):
            monkeypatch.setattr(tf.io.gfile, name, getattr(self, name))

    def isdir(self, path):
        self.asked.append(path)
        return any(known.startswith(f"{path.rstrip('/')}/") for known in self.paths)

    def exists(self, path):
        return path in self.paths or self.isdir(path)

    def listdir(self, path):
        inside = [known.removeprefix(f"{path.rstrip('/')}/") for known in self.paths]
        names = {name.split("/")[0] + "/" * ("/" in name) for name in inside if not name.startswith("gs:")}
        return sorted(names)


def test_folder__in_a_store_is_found_with_few_questions(monkeypatch):
    pictures = [f"set@v2/{part}/{name}.png" for part in ("train/a", "train/b", "val") for name in range(20)]
    store = Store(monkeypatch, *pictures, "set@v2/train/.no/1.png", "set@v2/train/b/notes.txt")
    source = open_source("gs://bucket/set@v2")
    assert paths_of(source) == sorted(path.removeprefix("set@v2/") for path in pictures[:40])
    assert source.class_names == ("a", "b")
    assert len(open_source("gs://bucket/set@v2", split="test")) == 20
    assert not any(path.endswith(".png") for path in store.asked)


def test_folder__with_an_at_in_its_name(tmp_path):
    assert len(open_source(make(tmp_path / "me@home", "a.png"))) == 1
    assert len(open_source(make(tmp_path / "set", "val/a.png", "val/b.png") + "@val")) == 2


def test_split__of_a_folder(tmp_path):
    make(tmp_path, "train/a/1.png", "train/b/2.png", "val/b/3.png", "val/c/4.png")
    train, test = open_source(f"{tmp_path}/"), open_source(str(tmp_path), split="test")
    assert paths_of(train) == ["train/a/1.png", "train/b/2.png"]
    assert paths_of(test) == ["val/b/3.png", "val/c/4.png"]
    assert train.read(0) == PNG
    assert train.class_names == test.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(test.labels, [1, 2])
    assert paths_of(open_source(f"{tmp_path}@val")) == paths_of(test)


def test_split__that_is_not_there(tmp_path):
    make(tmp_path, "train/a/1.png", "other/2.png")
    assert len(open_source(str(tmp_path))) == 2
    assert len(open_source(str(tmp_path), split="train")) == 1
    with pytest.raises(ValueError, match=r"`split` must be a sub-folder .test or val"):
        open_source(str(tmp_path), split="test")


def test_split__of_what_has_no_parts(tmp_path):
    np.save(tmp_path / "a.npy", numbered(2))
    for source in (numbered(2), (numbered(2), [0, 1]), open_source(numbered(2)), str(tmp_path / "a.npy")):
        assert len(open_source(source, split="train")) == 2
        with pytest.raises(ValueError, match=r"`split` must be None for .*, which has no parts"):
            open_source(source, split="test")
