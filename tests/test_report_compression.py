"""The page's section on compression: there where it was measured, absent where the file is broken."""

import json
import re

import numpy as np
import pytest
from test_report import report

from byol_keras.evaluation import Compression, CompressionRow, compression_curve
from byol_keras.report.plots import _spaced, shares

FEATURES = np.random.default_rng(0).normal(size=(200, 20)) * np.exp(-np.arange(20) / 4)
LABELS = (FEATURES[:, 1] > 0).astype(int)


def found(labels=True):
    bank_labels, query_labels = (LABELS[:150], LABELS[150:]) if labels else (None, None)
    return compression_curve(FEATURES[:150], bank_labels, FEATURES[150:], query_labels, k=20)


def drawn(page):
    return [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg" and "aria-label" in attributes]


def test_section__shows_curves_and_every_number(tmp_path):
    curve = found()
    page = report(tmp_path, compression_json=curve.to_json())
    assert page.headings[1:4] == ["Evaluation", "Compression", "Training"]
    assert "a feature vector of 20 numbers" in page.text
    assert "found on 150 examples, tried on 50 held out" in page.text
    assert [label.split(" from ")[0] for label in drawn(page)] == ["Variance kept", "Nearest neighbours"]
    start = page.words.index("Held-out error") + 2
    numbers = page.words[start : start + 5 * len(curve.rows)]
    for row, shown in zip(curve.rows, np.reshape(numbers, (-1, 5)), strict=True):
        shares = (row.variance, row.error, row.accuracy)
        assert shown.tolist() == [str(row.components), str(row.bytes), *(f"{100 * share:.1f}%" for share in shares)]
    best = max(row.accuracy for row in curve.rows)
    short = next(row for row in curve.rows if row.accuracy >= best - 0.01)
    assert f"{100 * short.accuracy:.1f}% in {short.components}" in page.words


def test_section__without_labels_shows_no_accuracy(tmp_path):
    page = report(tmp_path, compression_json=found(labels=False).to_json())
    assert len(drawn(page)) == 1
    assert "Nearest neighbours" not in page.text


def broken(**changes):
    return json.dumps(json.loads(found().to_json()) | changes)


ROW = {"components": 4, "variance": 0.5, "error": 0.5, "accuracy": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "[" * 100_000,
        broken(rows=None),
        broken(rows=[1, "x", None]),
        broken(rows=[ROW]),
        broken(rows=[ROW, ROW]),
        broken(rows=[ROW, ROW | {"components": -1}, ROW | {"components": 1e99}, ROW | {"components": True}]),
        broken(rows=[ROW, ROW | {"components": 8, "variance": "all"}]),
        broken(rows=[ROW, ROW | {"components": 8, "error": 7}]),
        broken(width="many"),
        broken(bank_examples=None),
    ],
)
def test_file__that_is_broken_costs_the_section_only(tmp_path, text):
    page = report(tmp_path, compression_json=text)
    assert "Compression" not in page.headings
    assert "Training" in page.headings


def test_file__with_odd_accuracies_keeps_the_rest(tmp_path):
    rows = [ROW | {"accuracy": "<b>"}, ROW | {"components": 8, "accuracy": 0.7}]
    page = report(tmp_path, compression_json=broken(rows=rows))
    assert len(drawn(page)) == 1
    assert "not measured" in page.words
    assert "70.0%" in page.words


def test_sizes__on_the_axis_have_room_and_the_last_is_named():
    assert _spaced(np.array([1, 2, 4, 8, 16, 20])) == [1, 2, 4, 8, 20]
    assert _spaced(np.arange(1, 100))[-1] == 99
    for sizes in (2 ** np.arange(16), np.arange(1, 3000)):
        named = _spaced(sizes)
        assert len(named) <= 8
        assert named[-1] == sizes[-1]


def test_plot__has_a_legend_for_two_lines_only():
    sizes, values = np.array([1, 2, 4]), np.array([0.2, 0.5, 1.0])
    assert ">first<" not in shares(sizes, {"first": values}, "components", "one")
    both = shares(sizes, {"first": values, "second": values / 2}, "components", "two")
    assert re.findall(r">(first|second|components|\d+%)<", both).count("first") == 1
    assert "100%" in both
    assert "var(--accent)" in both


def test_saved_curve__is_read_as_it_was(tmp_path):
    from byol_keras.report.record import read_run

    curve = found()
    curve.save(tmp_path / "compression.json")
    read = read_run(tmp_path).compression
    assert read.rows == curve.rows
    assert isinstance(read, Compression)
    assert isinstance(read.rows[0], CompressionRow)
