"""The verdict in words, from accuracies and measurements."""

import pytest

from byol_keras.evaluation import Row
from byol_keras.report.record import Judgement, RunRecord
from byol_keras.report.summary import compare, summarize


def run(accuracies=(), history=(), config=None, judge="knn", spread=0.02):
    rows = tuple(Row(name, judge, share, share - spread, share + spread) for name, share in dict(accuracies).items())
    return RunRecord(
        "runs/a b", list(history), Judgement(rows, {"classes": 10, "test_examples": 2000}), [], config or {}, {}
    )


def history(stds, **more):
    return [{"step": 10 * i, "loss": 1.0, "target_std": std} | more for i, std in enumerate(stds)]


HEALTHY = history([0.8] * 20)
COLLAPSING = history([0.8 * 0.95**i for i in range(20)])
COLLAPSED = history([0.8 * 0.7**i for i in range(20)])
GOOD = {"online": 0.5, "untrained": 0.3, "raw pixels": 0.3}


@pytest.mark.parametrize(
    ("trained", "untrained", "pixels", "state", "headline"),
    [
        (0.50, 0.28, 0.30, "good", "It learned"),
        (0.30, 0.28, 0.10, "unsure", "Little was learned"),
        (0.50, 0.28, 0.49, "unsure", "It learned, but is not above the raw pixels"),
        (0.50, 0.28, 0.70, "unsure", "It learned, but is not above the raw pixels"),
        (0.20, 0.28, 0.30, "bad", "Training made it worse"),
    ],
)
def test_verdict__compares_intervals(trained, untrained, pixels, state, headline):
    summary = summarize(run({"online": trained, "untrained": untrained, "raw pixels": pixels}, HEALTHY))
    assert (summary.state, summary.headline) == (state, headline)


@pytest.mark.parametrize(
    ("accuracies", "measured", "state", "headline"),
    [
        ({}, [], "unsure", "Not judged yet"),
        ({}, HEALTHY, "unsure", "Not judged yet"),
        ({}, COLLAPSING, "unsure", "Signs of collapse"),
        ({}, COLLAPSED, "bad", "The encoder collapsed"),
        ({"online": 0.5, "untrained": 0.3}, COLLAPSED, "bad", "The encoder collapsed"),
        ({"online": 0.5}, HEALTHY, "unsure", "Nothing to compare with"),
        (
            {"online": 0.5, "untrained": 0.3},
            [*HEALTHY, {"step": 999, "loss": float("nan")}],
            "bad",
            "Training broke down",
        ),
        ({"untrained": 0.3, "raw pixels": 0.3}, HEALTHY, "unsure", "Not judged yet"),
        ({"online": 0.2, "initial": 0.28}, HEALTHY, "bad", "Training made it worse"),
        ({"online": 0.3, "initial": 0.28}, HEALTHY, "unsure", "Little was learned"),
        (
            {"online": 0.5, "untrained": 0.28, "raw pixels": 0.35, "pca": 0.7},
            HEALTHY,
            "unsure",
            "It learned, but is not above the principal components",
        ),
    ],
)
def test_verdict__without_or_against_the_evaluation(accuracies, measured, state, headline):
    summary = summarize(run(accuracies, measured))
    assert (summary.state, summary.headline) == (state, headline)


def test_words__name_gaps_intervals_and_chance():
    words = summarize(run({"online": 0.5, "untrained": 0.28, "raw pixels": 0.49}, HEALTHY)).paragraphs[0]
    assert "50.0% of 2,000 pictures whose classes were kept from it (95%" in words
    assert "(95% interval 48.0\N{EN DASH}52.0)" in words
    assert "22.0 points above the same network before training (28.0%, 26.0\N{EN DASH}30.0)" in words
    assert "about as good as the raw pixels" in words
    assert "Guessing among 10 classes would give about 10%" in words
    words = summarize(run({"online": 0.5, "initial": 0.28}, HEALTHY)).paragraphs[0]
    assert "22.0 points above the encoder that it started from" in words


def test_words__repeat_what_the_measurements_say():
    assert summarize(run({}, HEALTHY)).paragraphs[1].startswith("Healthy")
    assert summarize(run({}, COLLAPSED)).paragraphs[0].startswith("Collapsed")
    assert summarize(run({"online": 0.5, "untrained": 0.3}, COLLAPSED)).paragraphs[1].startswith("By its nearest")
    assert len(summarize(run({}, [])).paragraphs) == 1


def test_comparison__takes_knn_first_and_the_online_network_first():
    rows = [
        Row(name, judge, share, share, share)
        for judge, share in (("linear", 0.6), ("knn", 0.5))
        for name in ("raw pixels", "pca", "target", "online")
    ]
    chosen = compare(Judgement(tuple(rows)))
    assert (chosen.judge, chosen.trained.representation) == ("knn", "online")
    assert [row.representation for row in chosen.baselines] == ["raw pixels", "pca"]
    assert compare(Judgement(tuple(rows[:1]))) is None


def advice(*arguments, **options):
    return " ".join(f"{sentence} {command or ''}" for sentence, command in summarize(run(*arguments, **options)).advice)


def test_advice__gives_commands_that_a_shell_takes():
    assert "byol-keras evaluate --run 'runs/a b'" in advice({}, HEALTHY)
    assert "byol-keras embed --run 'runs/a b'" in advice(GOOD, HEALTHY)


@pytest.mark.parametrize(
    ("data", "labels", "evaluated", "embedded"),
    [("pictures", True, True, True), ("pictures", False, False, True), ("arrays", True, False, False)],
)
def test_advice__names_a_source_where_the_runs_own_will_not_do(data, labels, evaluated, embedded):
    measured = history([0.8] * 20, **({"knn_accuracy": 0.4} if labels else {}))
    assert ("--data SOURCE" not in advice({}, measured, {"data": data})) == evaluated
    assert ("--data SOURCE" not in advice(GOOD, measured, {"data": data})) == embedded


@pytest.mark.parametrize("accuracies", [{}, {"online": 0.3, "untrained": 0.3}, {"online": 0.5, "untrained": 0.3}])
def test_advice__begins_anew_where_collapse_begins(accuracies):
    said = advice(accuracies, [row | {"knn_accuracy": row["step"] / 1000} for row in COLLAPSING])
    assert "Start again" in said
    assert "rain for longer" not in said
    assert "Judge" not in said


def test_advice__asks_for_a_baseline_where_there_is_none():
    said = advice({"online": 0.5}, HEALTHY)
    assert "Judge it beside the untrained network: byol-keras evaluate" in said
    assert "Train for longer" not in said


def test_advice__asks_for_more_only_where_more_helps():
    flat, rising = ([{"step": i, "knn_accuracy": 0.3 + slope * i} for i in range(8)] for slope in (0.0, 0.02))
    assert "train for longer" in advice({}, rising)
    assert "train for longer" not in advice({}, flat)
    assert "Train for longer" in advice({"online": 0.3, "untrained": 0.3}, HEALTHY)
    assert "Train for longer" not in advice({"online": 0.1, "untrained": 0.3}, HEALTHY)
    assert "byol-keras bench" in advice({}, history([0.8] * 5, waiting=0.4))
    assert "byol-keras bench" not in advice({}, history([0.8] * 5, waiting=0.1))
