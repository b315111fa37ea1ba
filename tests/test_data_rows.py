"""Rows and series as users bring them: arrays, NumPy's files, tables."""

import numpy as np
import pytest

from byol_keras.data import Rows, open_series, open_sounds, open_vectors
from byol_keras.data.examples import Examples
from byol_keras.data.reading import Reader
from byol_keras.data.skipping import Skipped

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.normal(size=(10, 4)).astype("float32")


def written(path, text):
    path.write_text(text)
    return str(path)


def examples_of(source, **options):
    skipped = Skipped(len(source), many=source.many, **options)
    return Examples(source, Reader(source, source.read(0).shape, "float32", skipped), skipped, seed=3)


def test_table__gives_numbers_classes_and_names(tmp_path):
    file = written(tmp_path / "a.csv", "age,weight,label\n1,2.5,cat\n3,4,dog\n5,6e1,cat\n")
    rows = open_vectors(file)
    np.testing.assert_array_equal(rows.values, [[1, 2.5], [3, 4], [5, 60]])
    assert (rows.columns, rows.labels.tolist(), rows.class_names) == (("age", "weight"), [0, 1, 0], ("cat", "dog"))
    assert rows.gather(np.array([0])).dtype == "float32"


def test_table__without_a_header_names_columns_by_number(tmp_path):
    file = written(tmp_path / "a.csv", "1;2;cat\n3;4;dog\n")
    rows = open_vectors(file, label_key="3")
    np.testing.assert_array_equal(rows.values, [[1, 2], [3, 4]])
    assert rows.class_names == ("cat", "dog")


def test_table__takes_the_columns_that_are_named(tmp_path):
    file = written(tmp_path / "a.csv", "a,b,c,kind\n1,2,3,7\n4,5,6,8\n")
    rows = open_vectors(file, columns=["c", "a"], label_key="kind")
    np.testing.assert_array_equal(rows.values, [[3, 1], [6, 4]])
    assert rows.labels.tolist() == [7, 8]


def test_categories__are_numbered_and_keep_their_numbers_in_another_table(tmp_path):
    first = open_vectors(written(tmp_path / "a.csv", "a,city\n1,Rome\n2,Oslo\n3,Rome\n"), categorical=["city"])
    assert first.categories == {1: ["Oslo", "Rome"]}
    np.testing.assert_array_equal(first.values[:, 1], [1, 0, 1])
    second = open_vectors(
        written(tmp_path / "b.csv", "a,city\n1,Rome\n2,Bonn\n"), categorical={"city": first.categories[1]}
    )
    np.testing.assert_array_equal(second.values[:, 1], [1, -1])


def test_classes__may_be_missing_and_what_is_measured_is_none(tmp_path):
    for cells, labels, names in [
        (("0", "", "1"), [0, -1, 1], None),
        (("1.0", "NA", "1e0"), [1, -1, 1], None),
        (("cat", "", "NA"), [1, -1, 0], ("NA", "cat")),
        (("0.5", "nan", "2"), None, None),
    ]:
        rows = open_vectors(written(tmp_path / "a.csv", "a,target\n" + "".join(f"1,{cell}\n" for cell in cells)))
        assert rows.columns == ("a",)
        assert (None if rows.labels is None else rows.labels.tolist(), rows.class_names) == (labels, names)


def test_parquet__keeps_long_numbers_apart_and_knows_missing_classes(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    ids = [1234567, 1234568, 2**60, 2**60 + 1]
    columns = {"id": ids, "share": pa.array([0.1, 0.2, 0.1, 1.0], "float32"), "label": [0, None, 1, 1]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    rows = open_vectors(str(tmp_path / "a.parquet"), categorical=["id", "share"])
    assert rows.categories == {0: sorted(map(str, ids)), 1: ["0.1", "0.2", "1"]}
    assert rows.labels.tolist() == [0, -1, 1, 1]
    damaged = bytearray((tmp_path / "a.parquet").read_bytes())
    damaged[8:40] = b"\xff" * 32
    (tmp_path / "a.parquet").write_bytes(damaged)
    with pytest.raises(ValueError, match="`source` must be a Parquet file that can be read"):
        open_vectors(str(tmp_path / "a.parquet"))


def test_parquet__reads_as_its_table_says(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1, 2], "city": ["Rome", "Oslo"], "target": [4, 5]}), tmp_path / "a.parquet")
    rows = open_vectors(str(tmp_path / "a.parquet"), categorical=["city"])
    np.testing.assert_array_equal(rows.values, [[1, 1], [2, 0]])
    assert rows.labels.tolist() == [4, 5]


def test_arrays__come_flat_with_labels_and_parts(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=VALUES.reshape(10, 2, 2), y_train=np.arange(10), x_test=VALUES[:3])
    rows = open_vectors(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(rows.values, VALUES)
    assert rows.labels.tolist() == list(range(10))
    assert len(open_vectors(f"{tmp_path}/a.npz@test")) == len(open_vectors(f"{tmp_path}/a.npz", split="test")) == 3


def test_file__on_disk_streams_and_skips_rows_without_numbers(tmp_path):
    values = VALUES.astype("float64")
    values[4, 1] = np.nan
    np.save(tmp_path / "a.npy", values)
    examples = examples_of(open_vectors(str(tmp_path / "a.npy")))
    batches = examples.training(5)
    seen = np.concatenate([batch for batch, _ in zip(batches, range(2), strict=False)])
    assert seen.dtype == "float32"
    assert np.isfinite(seen).all()
    assert examples.skipped.reasons == {f"{tmp_path}/a.npy#4": "holds NaN or infinity"}
    _, _, kept = examples.arrays()
    assert kept.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_training__sees_each_row_once_in_an_epoch():
    examples = examples_of(Rows(VALUES))
    batches = [batch.numpy() for batch, _ in zip(examples.training(5), range(4), strict=False)]
    for epoch in (batches[:2], batches[2:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)[:, 0]), np.sort(VALUES[:, 0]))
    assert not np.array_equal(batches[0], batches[2])
    (late,) = (batch.numpy() for batch, _ in zip(examples.training(5, start=2), range(1), strict=False))
    np.testing.assert_array_equal(late, batches[2])


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("a,b\n1,2\nx,3\n", {}, "column 'a' holds 'x' in row 2"),
        ("a,city\n1,Rome\n", {}, "name a column of words in `categorical`"),
        ("a,b\n1,2\n,3\n", {}, "column 'a' is empty in row 2"),
        ("a,b\n1,2\n3\n", {}, "column 'b' is empty in row 2"),
        ("a,b\n1,nan\n", {}, "column 'b' holds nan in row 1"),
        ("a,b\n", {}, "must have rows"),
        ("", {}, "must have rows"),
        ("a,a\n1,2\n", {}, "'a' twice"),
        ("a,b\n1,2\n", {"columns": ["c"]}, "`columns` must name columns of .*: a, b. Received: 'c'"),
        ("a,b\n1,2\n", {"categorical": ["c"]}, "`categorical` must name columns"),
        ("a,b\n1,2\n", {"label_key": "c"}, "`label_key` must name columns"),
        ("a,label\n1,2.5\n", {"label_key": "label"}, "classes, whole numbers or names"),
        ("label\n1\n", {}, "without a column beside 'label'"),
    ],
)
def test_tables__that_cannot_be_used_are_refused_in_a_sentence(tmp_path, text, options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        open_vectors(written(tmp_path / "a.csv", text), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.full((3, 2), np.nan), "3 rows that have none"),
        (np.zeros(5), "one example in each row"),
        (np.array([["a"]]), "one example in each row"),
        (np.zeros((0, 3)), "one example in each row"),
        ([1, 2], "Received: list"),
        ("missing.csv", "there is no such file"),
        ("missing.npz", "there is no such file"),
        ("pictures", "a file of a known kind.*, which does not exist"),
    ],
)
def test_rows__that_are_none_are_refused_in_a_sentence(source, sentence):
    with pytest.raises(ValueError, match=sentence):
        open_vectors(source)


def test_series__of_different_lengths_are_padded_with_zeros(tmp_path):
    file = written(tmp_path / "a.csv", "label,t0,t1,t2\nup,1,2,3\ndown,4,0,\n")
    series = open_series(file)
    np.testing.assert_array_equal(series.values[..., 0], [[1, 2, 3], [4, 0, 0]])
    assert (series.many, series.class_names) == ("series", ("down", "up"))
    values = np.ones((2, 4, 3))
    values[1, 2:] = np.nan
    found = open_series((values, ["a", "b"]), length=6)
    assert found.values.shape == (2, 6, 3)
    np.testing.assert_array_equal(found.values[1].sum(axis=-1), [3, 3, 0, 0, 0, 0])
    assert open_series(values, length=2).values.shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([[1.0, np.nan, 2.0]], "series 0 lacks step 1"),
        ([[1.0, np.inf, 2.0]], "series 0 lacks step 1"),
        ([[1.0, 2.0], [np.nan, np.nan]], "series 1 has none"),
        ([[[[1.0]]]], r"\(n, steps\)"),
    ],
)
def test_series__with_gaps_or_without_steps_are_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        open_series(np.array(values))


@pytest.mark.parametrize("table", ["t0,t1\n1,x\n", "t0,t1,t2\nx,1,2\n1,,\n", "1,2,3,4\n1,2,,\n1,2,x,4\n"])
def test_series__of_words_are_refused(tmp_path, table):
    with pytest.raises(ValueError, match=r"column '(t1|t0|3)' holds 'x' in row (1|3)"):
        open_series(written(tmp_path / "a.csv", table))


def test_series__are_cut_before_they_are_looked_at():
    with pytest.raises(ValueError, match=r"not zero among the first 3\. Received: .* series 1 has none"):
        open_series(np.array([[1.0, 0, 0, 0], [0, 0, 0, 1]]), length=3)
    with pytest.raises(ValueError, match="`length` must be a positive integer"):
        open_series(np.ones((2, 4)), length=-2)


@pytest.mark.parametrize("opened", [open_vectors, open_series, open_sounds])
def test_labels__that_are_given_are_not_called_by_the_names_of_a_file(tmp_path, opened):
    np.savez(tmp_path / "a.NPZ", x=np.eye(3, 8, dtype="float32"), y=[0, 1, 1], class_names=np.array([b"cat", b"dog"]))
    (tmp_path / "a.NPZ.npz").rename(tmp_path / "a.NPZ")
    path = str(tmp_path / "a.NPZ")
    assert tuple(opened(path).class_names) == ("cat", "dog")
    given = opened(path, labels=[0, 5, 1])
    assert given.class_names is None
    assert given.labels.tolist() == [0, 5, 1]
    with pytest.raises(ValueError, match="`labels` must be an array where data is no folder of files"):
        opened(path, labels="labels.csv")
