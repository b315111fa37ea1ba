"""The benchmarks' scripts run, and their clock is a fair one."""

import sys
import time

import pytest
from running import ROOT

sys.path.insert(0, str(ROOT / "examples" / "benchmarks"))

import side_by_side
import views


def test_measure__counts_things_and_compares_within_a_repeat():
    contestants = {"ours": lambda: time.sleep(0.002), "theirs": lambda: time.sleep(0.02)}
    ours, theirs = side_by_side.measure(contestants, things=10, repeats=3, seconds=0.02)
    assert 0 < theirs.rate <= 500
    assert ours.ratios == [1.0, 1.0, 1.0]
    assert theirs.ratios == pytest.approx([a / b for a, b in zip(ours.rates, theirs.rates, strict=True)])
    assert theirs.ratio > 1.5


def test_measure__lets_each_begin_in_turn():
    seen = []
    contestants = {name: (lambda name=name: (seen.append(name), time.sleep(0.01))) for name in "abc"}
    side_by_side.measure(contestants, repeats=3, seconds=0.001)
    assert seen[9:] == list("abcbcacab")  # after three calls each to warm up


def test_report__shows_and_writes_the_same_numbers(tmp_path, capsys):
    measured = [
        side_by_side.Measured("ours", [4.0, 5.0], [1.0, 1.0]),
        side_by_side.Measured("theirs", [2.0, 2.0], [2.0, 2.5]),
    ]
    side_by_side.report("views", {"32 px": measured}, "pairs", tmp_path / "views.json")
    assert "2.25 (2.00 - 2.50)" in capsys.readouterr().out
    content = side_by_side.json.loads((tmp_path / "views.json").read_text())
    assert content["results"]["32 px"][1] == {"name": "theirs", "rates": [2.0, 2.0], "ratios": [2.0, 2.5]}
    assert content["machine"]["cores"] >= 1


def test_peer__that_is_absent_costs_a_word(capsys):
    assert side_by_side.peer("byol_keras_of_nobody") is None
    assert "without byol_keras_of_nobody" in capsys.readouterr().out


@pytest.mark.parametrize(
    "peers",
    [
        [],
        pytest.param(["albumentations", "kornia"], marks=pytest.mark.slow),
        pytest.param(list(views.PEERS), marks=[pytest.mark.slow, pytest.mark.long]),
    ],
    ids=len,
)
def test_views__are_measured(peers, tmp_path):
    path = tmp_path / "views.json"
    views.main(["--quick", "--sizes", "32", "--presets", "cifar", "--json", str(path), "--peers", *peers])
    (measured,) = side_by_side.json.loads(path.read_text())["results"].values()
    assert [one["name"] for one in measured][:2] == ["ours, uint8", "ours, float"]
    assert min(rate for one in measured for rate in one["rates"]) > 0
