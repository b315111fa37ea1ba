"""Labels that are not known for all: where they come from, and who must not take -1 for a class."""

import numpy as np
import pytest
from picture_files import make, numbered

from byol_keras.data import Rows, matched_labels, open_source
from byol_keras.data.labels import labels_where_known
from byol_keras.data.scanning import scan
from byol_keras.doctor import findings


def test_labels__below_zero_are_unknown():
    np.testing.assert_array_equal(open_source((numbered(3), [-5, 0, 1])).labels, [-1, 0, 1])
    assert open_source((numbered(3), [-1, -1, -2])).labels is None


def test_labels__that_are_missing_are_no_class():
    labels, names = labels_where_known([b"dog", None, b"cat", b"dog"], "pets")
    assert (labels.tolist(), names) == ([1, -1, 0, 1], ("cat", "dog"))
    assert labels_where_known([3, None, 7], "pets")[0].tolist() == [3, -1, 7]
    assert labels_where_known([None, None], "pets") == labels_where_known([-1, None], "pets") == (None, None)


def test_labels__of_objects_are_what_the_objects_are():
    source = Rows(np.zeros((4, 1)), np.array(["dog", None, float("nan"), "cat"], object))
    assert (source.labels.tolist(), source.class_names) == ([1, -1, -1, 0], ("cat", "dog"))
    assert Rows(np.zeros((2, 1)), np.array([7, 3], object)).labels.tolist() == [7, 3]
    with pytest.raises(ValueError, match="`labels` must be 1 integers or names"):
        Rows(np.zeros((2, 1)), np.array([{}, None], object))


def test_class_names__are_those_of_numbers_and_as_many():
    source = Rows(np.zeros((2, 1)), ["dog", "cat"], class_names=["dog", "cat"])
    assert (source.labels.tolist(), source.class_names) == ([1, 0], ("cat", "dog"))
    assert Rows(np.zeros((2, 1)), [1, -1], class_names=["dog", "cat"]).class_names == ("dog", "cat")
    with pytest.raises(ValueError, match=r"numbers of the 2 classes .* a label of 2"):
        Rows(np.zeros((2, 1)), [1, 2], class_names=["dog", "cat"])


def test_subset__of_unknown_labels_only_has_none():
    source = open_source((numbered(4), [2, -1, -1, 1]))
    np.testing.assert_array_equal(source.subset([2, 3]).labels, [-1, 1])
    assert source.subset([1, 2]).labels is None


def test_matched_labels__count_by_name():
    source = open_source((numbered(3), ["dog", "eel", "dog"]))
    np.testing.assert_array_equal(matched_labels(source, ("cat", "dog", "eel")), [1, 2, 1])
    with pytest.raises(ValueError, match="`source` must have no other classes than 'cat', 'dog'"):
        matched_labels(source, ("cat", "dog"))


def test_matched_labels__leave_unknown_ones_unknown():
    source = open_source(numbered(3)).relabelled(np.array([1, -1, 0]), ("dog", "eel"))
    np.testing.assert_array_equal(matched_labels(source, ("cat", "dog", "eel")), [2, -1, 1])


def test_matched_labels__call_numbers_without_names_by_their_digits():
    names = tuple(sorted(str(number) for number in range(12)))
    named = open_source(numbered(12)).relabelled(np.arange(12), names)
    np.testing.assert_array_equal(matched_labels(named, None), [int(name) for name in names])
    plain = open_source((numbered(3), [11, -1, 2]))
    assert [names[number] for number in matched_labels(plain, names)[[0, 2]]] == ["11", "2"]
    assert matched_labels(plain, names)[1] == -1
    np.testing.assert_array_equal(matched_labels(plain, None), [11, -1, 2])


def test_matched_labels__know_numbers_with_zeros_in_front():
    named = open_source(numbered(3)).relabelled(np.arange(3), ("00", "07", "11"))
    np.testing.assert_array_equal(matched_labels(named, None), [0, 7, 11])
    plain = open_source((numbered(3), [7, 0, 11]))
    np.testing.assert_array_equal(matched_labels(plain, ("00", "07", "11")), [1, 0, 2])
    # Of two that are the same number nothing but their places tells.
    np.testing.assert_array_equal(matched_labels(open_source((numbered(2), [1, 0])), ("7", "07")), [1, 0])


def test_matched_labels__without_names_are_positions_among_words():
    words = ("cat", "dog")
    np.testing.assert_array_equal(matched_labels(open_source((numbered(3), [1, -1, 0])), words), [1, -1, 0])
    np.testing.assert_array_equal(matched_labels(open_source((numbered(2), ["dog", "cat"])), None), [1, 0])
    with pytest.raises(ValueError, match=r"no other classes than 'cat', 'dog'\. Received: .* with '2', '7'"):
        matched_labels(open_source((numbered(4), [7, 1, 2, 2])), words)


def test_scan__of_unknown_labels_counts_neither_classes_nor_conflicts():
    images = numbered(5)[[0, 0, 1, 1, 2]]
    found = scan(open_source((images, [3, -1, 10**12, 3, -1])))
    assert found.classes == {"3": 2, str(10**12): 1}
    assert (found.duplicates.groups, found.duplicates.conflicts) == (2, 1)
    shown = [cell.plain for cell in findings(found, 4).columns[1].cells]
    assert shown[-1].splitlines() == ["2", "3: 2", f"{10**12}: 1", "without a class: 2"]


def test_labels__from_folders_only_if_all_pictures_lie_in_two_or_more(tmp_path):
    source = open_source(make(tmp_path, "dog/1.png", "cat/a/2.png", "cat/3.png"))
    assert source.class_names == ("cat", "dog")
    np.testing.assert_array_equal(source.labels, [0, 0, 1])
    assert open_source(make(tmp_path, "loose.png")).labels is None
    assert open_source(str(tmp_path / "dog")).labels is None


@pytest.mark.parametrize(
    "table",
    [
        "a/1.png,cat\nb/2.png,dog\nb/3.png,cat\n",
        "file,class\nb/3.png,cat\n./a/1.png,cat\n2,dog\n",
        "\ufefffile,class,more\n1.png,cat,x\n2.png,dog,y\n\n3.png, cat,z\n",
    ],
)
def test_labels__from_a_table(tmp_path, table):
    make(tmp_path, "a/1.png", "b/2.png", "b/3.png")
    (tmp_path / "labels.csv").write_text(table)
    for file in (tmp_path / "labels.csv", "labels.csv"):
        source = open_source(str(tmp_path), labels=file)
        np.testing.assert_array_equal(source.labels, [0, 1, 0])
        assert source.class_names == ("cat", "dog")


def test_labels__of_one_table_for_both_parts(tmp_path):
    make(tmp_path, "train/1.png", "train/2.png", "val/3.png")
    (tmp_path / "labels.csv").write_text("train/1.png,b\ntrain/2.png,a\nval/3.png,a\n")
    np.testing.assert_array_equal(open_source(str(tmp_path), labels="labels.csv").labels, [1, 0])
    (tmp_path / "labels.csv").write_text("picture;class\n1.png;b\n2;a\n3.png;a\n")
    np.testing.assert_array_equal(open_source(str(tmp_path), labels="labels.csv").labels, [1, 0])


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("1.png,4\n2.png,2\nx.png,1\ny.png,1\n", r"with 'x.png', 'y.png'$"),
        ("1.png,4\n", "without 'a/same.png', 'b/2.png', 'b/same.png'$"),
        ("same.png,4\n", "with 'same.png'"),
        ("1.png,4\n,2\n", "with ''"),
        ("1.png\n", "two columns"),
        ("1.png,a\n1.png,b\n", "one class"),
        ("", "without 'a/1.png', 'a/same.png', 'b/2.png' and 1 more"),
    ],
)
def test_labels__from_a_table_that_does_not_fit(tmp_path, table, sentence):
    make(tmp_path, "a/1.png", "b/2.png", "a/same.png", "b/same.png")
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(ValueError, match=sentence):
        open_source(str(tmp_path), labels=str(tmp_path / "labels.csv"))


@pytest.mark.parametrize(
    ("classes", "labels", "names"),
    [
        (("7", "3"), [7, 3], None),
        (("7", "-1"), [7, -1], None),
        (("", "3"), [-1, 3], None),
        (("", "b"), [-1, 0], ("b",)),
    ],
)
def test_labels__from_a_table_may_be_numbers_and_unknown(tmp_path, classes, labels, names):
    make(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("1,{}\n2,{}\n".format(*classes))
    source = open_source(str(tmp_path), labels="labels.csv")
    np.testing.assert_array_equal(source.labels, labels)
    assert source.class_names == names


def test_labels__from_a_missing_table_or_for_arrays(tmp_path):
    with pytest.raises(ValueError, match="`labels` must be a CSV file that can be read"):
        open_source(make(tmp_path, "1.png"), labels="none.csv")
    with pytest.raises(ValueError, match="`labels` must be an array"):
        open_source(numbered(2), labels="none.csv")
