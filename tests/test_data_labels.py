"""Labels that are not known for all: where they come from, and who must not take -1 for a class."""

import numpy as np
import pytest
from picture_files import numbered

from byol_keras.data import matched_labels, open_source
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


def test_scan__of_unknown_labels_counts_neither_classes_nor_conflicts():
    images = numbered(5)[[0, 0, 1, 1, 2]]
    found = scan(open_source((images, [3, -1, 10**12, 3, -1])))
    assert found.classes == {"3": 2, str(10**12): 1}
    assert (found.duplicates.groups, found.duplicates.conflicts) == (2, 1)
    shown = [cell.plain for cell in findings(found, 4).columns[1].cells]
    assert shown[-1].splitlines() == ["2", "3: 2", f"{10**12}: 1", "without a class: 2"]
