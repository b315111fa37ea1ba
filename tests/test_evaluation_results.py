"""From correct answers to `evaluation.json` and the table."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

import byol_keras as bk
from byol_keras.evaluation import Evaluation, Row, interval, judge, knn_accuracy, linear_probe, subset, table

GENERATOR = np.random.default_rng(0)
LABELS, TRUTH = np.arange(100) % 2, np.arange(50) % 2
GOOD = tuple(np.eye(2)[labels] + 0.4 * GENERATOR.normal(size=(len(labels), 2)) for labels in (LABELS, TRUTH))
NOISE = tuple(GENERATOR.normal(size=(len(labels), 2)) for labels in (LABELS, TRUTH))


@pytest.fixture(scope="module")
def evaluation():
    pairs = {"raw [pixels]": NOISE, "online": GOOD}
    options = {"judges": ("knn", "linear", "linear 10%"), "k": 7, "temperature": 0.2}
    return judge(pairs, LABELS, TRUTH, **options, data="shapes", class_names=["cat", "dög"])


def shown(evaluation):
    text = io.StringIO()
    Console(file=text, width=200, force_terminal=True, color_system="standard").print(table(evaluation))
    return text.getvalue()


def test_judge__says_what_each_judge_says_alone(evaluation):
    accuracies = {(row.representation, row.judge): row.accuracy for row in evaluation.rows}
    few = subset(LABELS, 0.1)
    bank, queries = GOOD
    assert accuracies["online", "knn"] == knn_accuracy(bank, LABELS, queries, TRUTH, k=7, temperature=0.2)
    assert accuracies["online", "linear"] == linear_probe(bank, LABELS, queries, TRUTH)
    assert accuracies["online", "linear 10%"] == linear_probe(bank[few], LABELS[few], queries, TRUTH)
    assert [name for name, judge_name in accuracies if judge_name == "knn"] == ["raw [pixels]", "online"]
    assert len(accuracies) == 6


def test_judge__counts_the_classes_that_there_are():
    assert judge({"online": GOOD}, 10**9 * LABELS + 1, 10**9 * TRUTH + 1, ["knn"]).classes == 2
    assert judge({"online": GOOD}, LABELS, TRUTH, ["knn"], class_names=["cat", "dog", "eel"]).classes == 3


def test_judge__gives_every_accuracy_its_interval(evaluation):
    for row in evaluation.rows:
        assert (row.low, row.high) == pytest.approx(interval(np.arange(50) < round(50 * row.accuracy)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"judges": ["nearest"]}, "`judges` must be 'knn', 'linear' or 'linear P%'.*'nearest'"),
        ({"judges": ["linear 0%"]}, "`judges` must be .* of up to 100 percent. Received: 'linear 0%'"),
        ({"query_labels": TRUTH[:3]}, "`query_labels` must have one label per example"),
        ({"bank_labels": LABELS[:3]}, "`bank_labels` must have one label per example"),
        ({"representations": {"odd": (np.ones(3), np.ones((50, 3)))}}, r"`representations\['odd'\]` must be vectors"),
    ],
)
def test_judge__refuses_what_does_not_fit(change, message):
    sound = {"representations": {"online": GOOD}, "bank_labels": LABELS, "query_labels": TRUTH}
    with pytest.raises(ValueError, match=message):
        judge(**sound | change)


def test_evaluation__is_written_as_agreed(evaluation, tmp_path):
    evaluation.save(tmp_path / "evaluation.json")
    written = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    rows = written.pop("rows")
    assert written == {
        "byol_keras": bk.__version__,
        "data": "shapes",
        "train_examples": 100,
        "test_examples": 50,
        "classes": 2,
        "class_names": ["cat", "dög"],
        "knn": {"k": 7, "temperature": 0.2},
    }
    assert set(rows[0]) == {"representation", "judge", "accuracy", "low", "high"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["evaluation.json"]


def test_evaluation__that_can_not_be_written_leaves_the_old_one(evaluation, tmp_path):
    path = tmp_path / "evaluation.json"
    evaluation.save(path)
    broken = evaluation.plus([Row("online", "knn", float("nan"), 0.0, 1.0)])
    before = path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.save(path)
    assert path.read_text(encoding="utf-8") == before
    assert len(list(tmp_path.iterdir())) == 1


def test_table__has_a_line_per_representation_and_the_best_in_bold():
    right = [np.arange(2000) < count for count in (954, 700)]
    rows = [Row.measured(name, "knn", correct) for name, correct in zip(("online", "[raw]"), right, strict=True)]
    evaluation = Evaluation(tuple(rows), 10_000, 2_000, 10).plus([Row("online", "fine-tuned 10%", 0.5, 0.4, 0.6)])
    lines = shown(evaluation).splitlines()
    online, raw = (next(line for line in lines if name in line) for name in ("online", "[raw]"))
    assert "\x1b[1m47.7 (45.5 - 49.9)\x1b[0m" in online
    assert "\x1b[1m50.0 (40.0 - 60.0)\x1b[0m" in online
    assert "35.0 (32.9 - 37.1)" in raw
    assert "\x1b[1m" not in raw
    assert "2,000 examples" in " ".join(lines)


def test_table__of_many_judges_fits_a_terminal():
    judges = ["knn", "linear", "linear 1%", "linear 10%"]
    rows = [Row(name, judge, 0.5, 0.401, 0.605) for name in ("raw pixels", "representation") for judge in judges]
    text = io.StringIO()
    Console(file=text, width=80).print(table(Evaluation(tuple(rows), 100, 80, 10)))
    assert "…" not in text.getvalue()
    assert text.getvalue().count("40.1 - 60.5 ") == len(rows)
