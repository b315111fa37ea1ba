"""The benchmarks' scripts run, and their clock is a fair one."""

import contextlib
import importlib.util
import json
import operator
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import ROOT, run_example

sys.path.insert(0, str(ROOT / "examples" / "benchmarks"))

import children
import our_step
import reading
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


def test_in_turns__goes_by_what_each_says_that_it_took():
    seen = []
    contestants = {
        name: (lambda name=name, s=s: seen.append(name) or s) for name, s in [("ours", 0.5), ("theirs", 2.0)]
    }
    ours, theirs = side_by_side.in_turns(contestants, things=4, repeats=2)
    assert (ours.rates, theirs.rates, theirs.ratios) == ([8.0, 8.0], [2.0, 2.0], [4.0, 4.0])
    assert seen[2:] == ["ours", "theirs", "theirs", "ours"]  # after one call each to warm up


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the process before counts")
def test_resident__leaves_out_what_the_process_before_held():
    held = bytearray(b"1") * 2**29
    words = [sys.executable, "-c", "from side_by_side import resident; print(resident())"]
    child = subprocess.run(words, cwd=Path(side_by_side.__file__).parent, capture_output=True, text=True, check=True)
    assert float(child.stdout) < len(held) / 2**20 < side_by_side.resident()


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


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_step__compares_contestants_in_processes_of_their_own(tmp_path):
    options = ["--networks", "small", "--batch", 4, "--size", 8, "--repeats", 1, "--seconds", 0.01, "--lars"]
    output = run_example("benchmarks/step.py", *options, "--output", "step.json", cwd=tmp_path)
    results = json.loads((tmp_path / "step.json").read_text())["results"]
    assert list(results) == [f"small, batch 4, 8 px, {precision}" for precision in ("float32", "bfloat16")]
    for rows in results.values():
        assert [row["name"] for row in rows] == ["byol_keras", "byol_keras, LARS", "PyTorch"]
        assert all(row["rates"][0] > 0 for row in rows)
    assert output.count("at its best, GFLOP/s: matmul float32") == 2


@pytest.mark.slow
@pytest.mark.long
def test_fit__is_compared_with_the_step_that_it_runs(tmp_path):
    options = ["--batch", 4, "--size", 8, "--steps", 2, "--repeats", 2, "--precisions", "float32"]
    run_example("benchmarks/fit.py", *options, "--output", "fit.json", cwd=tmp_path)
    (rows,) = json.loads((tmp_path / "fit.json").read_text())["results"].values()
    assert [row["name"] for row in rows] == ["fit", "fit without the monitor", "the bare step"]
    assert all(len(row["rates"]) == 2 for row in rows)


@pytest.mark.slow
@pytest.mark.long
def test_memory__measures_every_way_to_take_a_step(tmp_path):
    options = ["--networks", "small", "--batch", 4, "--size", 8, "--precisions", "float32"]
    run_example("benchmarks/memory.py", *options, "--output", "memory.json", cwd=tmp_path)
    (rows,) = json.loads((tmp_path / "memory.json").read_text())["MiB"].values()
    assert {"byol_keras", "its target left out", "4 batches accumulated", "8 halves accumulated"} <= set(rows)
    planned = [rows.pop(name)["step"] for name in ("compiled", "compiled, one direction after the other")]
    assert all(0 < row["imported"] < row["peak"] for row in rows.values())
    assert min(planned) > 0


@contextlib.contextmanager
def in_this_process(makers):
    """As `children`, for those who only want to know whether a script runs."""
    yield {name: make(*arguments) for name, (make, *arguments) in makers.items()}


@pytest.mark.slow
@pytest.mark.long
def test_reading__is_compared_with_the_loader_of_keras(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "children", in_this_process)
    options = ["--files", "4", "--size", "16", "--batch", "2", "--network", "", "--repeats", "1", "--seconds", "0.01"]
    reading.main([*options, "--output", str(tmp_path / "reading.json")])
    (rows,) = json.loads((tmp_path / "reading.json").read_text())["results"].values()
    assert [row["name"] for row in rows] == list(reading.CONTESTANTS)
    assert all(row["rates"][0] > 0 for row in rows)


def test_reading__makes_files_as_large_as_photographs(tmp_path):
    reading.write_pictures(tmp_path, 2)
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*/*.jpg"))]
    assert len(sizes) == 2
    assert all(80_000 < size < 130_000 for size in sizes)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "options", "sections"),
    [
        ("startup", ["--repeats", 1, "--batch", 4, "--size", 8], None),
        ("growth", ["--pictures", 40, 80, "--judged", 20, 40, "--batch", 4, "--repeats", 1, "--seconds", 0.01], 5),
        ("exported", ["--networks", "small_resnet", "--size", 16, "--batches", 1, "--repeats", 1], 1),
        ("kernels", ["--shapes", 2, "--repeats", 1, "--seconds", 0.01], 2),
    ],
    ids=["startup", "growth", "exported", "kernels"],
)
def test_script__runs(script, options, sections, tmp_path):
    run_example(f"benchmarks/{script}.py", *options, "--output", "found.json", cwd=tmp_path)
    content = json.loads((tmp_path / "found.json").read_text())
    if sections is None:
        assert all(0 < taken[0] < 60 for taken in content["seconds"].values())
    else:
        assert len(content["results"]) == sections
        assert all(row["rates"][0] > 0 for rows in content["results"].values() for row in rows)


def test_children__call_in_another_process_and_say_when_it_has_ended():
    with (
        children.children({"id": (operator.methodcaller, "upper")}) as made,
        pytest.raises(RuntimeError, match="ended"),
    ):
        made["id"]()


def test_operations__of_a_step_are_those_counted_by_hand():
    stem = 9 * 3 * 16 * 64
    blocks = 2 * 9 * 16 * 16 * 64 + (9 * 16 + 9 * 32 + 16) * 32 * 16 + (9 * 32 + 9 * 64 + 32) * 64 * 4
    target, predictor = stem + blocks + 64 * 512 + 512 * 256, 256 * 512 + 512 * 256
    expected = 2 * 2 * (3 * (target + predictor) - stem + target)
    assert our_step.operations("small", 8)() == expected


@pytest.mark.parametrize(
    "peers",
    [
        pytest.param([], marks=pytest.mark.long),
        pytest.param(["albumentations", "kornia"], marks=[pytest.mark.slow, pytest.mark.long]),
        pytest.param([views.PARALLEL, *views.PEERS], marks=[pytest.mark.slow, pytest.mark.long]),
    ],
    ids=len,
)
def test_views__are_measured(peers, tmp_path):
    path = tmp_path / "views.json"
    views.main(["--quick", "--sizes", "32", "--presets", "cifar", "--output", str(path), "--peers", *peers])
    (measured,) = side_by_side.json.loads(path.read_text())["results"].values()
    assert [one["name"] for one in measured][:2] == ["ours, uint8", "ours, float"]
    assert min(rate for one in measured for rate in one["rates"]) > 0
