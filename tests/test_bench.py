"""`bench`: what it measures, and what it concludes."""

import json
import os
import time
import warnings

import numpy as np
import pytest
from builders import picture_folder, pictures

from byol_keras import cli
from byol_keras.config import PretrainConfig
from byol_keras.data import Source
from byol_keras.training import benchmarking
from byol_keras.training.benchmarking import Benchmark, Speeds, benchmark
from byol_keras.training.planning import make_plan
from byol_keras.training.rundata import RunData

pytestmark = pytest.mark.alone
SMALL = {"size": 16, "batch_size": 4, "encoder": "small_resnet", "precision": "float32"}


class Slow(Source):
    """Pictures that take a known time to read."""

    seconds = 0.06

    def read(self, index):
        time.sleep(self.seconds)
        return np.full((16, 16, 3), index, "uint8")


def config_of(data, **options):
    return PretrainConfig.of({"data": data, **SMALL, **options})


def measured(speeds, cached=False, cache_bytes=0, in_memory=False, **options):
    config = config_of(pictures(8, 16), **options)
    return Benchmark(make_plan(config, RunData(config)), speeds, cached, cache_bytes, in_memory)


@pytest.fixture(scope="module")
def slow():
    """Measured once, on data that comes at a known rate."""
    heard = []
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmarking, "_ROUNDS", 2)
        # The schedules of a run that is measured must not come to their end.
        warnings.filterwarnings("error", message=".*frozen")
        return benchmark(config_of(Slow("slow", 50)), seconds=0.5, tell=heard.append), heard


@pytest.mark.slow
def test_data__is_as_fast_as_it_was_made(slow):
    made = os.cpu_count() / Slow.seconds
    assert 0.6 * made < slow[0].speeds.data < 1.5 * made


@pytest.mark.slow
def test_step__does_not_wait_for_data(slow):
    assert slow[0].speeds.step > slow[0].speeds.data


@pytest.mark.slow
def test_together__is_limited_by_slow_data(slow):
    speeds = slow[0].speeds
    assert 0.5 * speeds.data < speeds.together < 1.4 * speeds.data
    assert 0.3 < speeds.waiting <= 1.0
    assert speeds.limit == "data"
    assert slow[0].sentence.startswith("The data limits")


@pytest.mark.slow
def test_rounds__are_told_as_they_end(slow):
    assert slow[1] == ["compiling", "1 of 2 rounds measured", "2 of 2 rounds measured"]


@pytest.mark.parametrize(
    ("speeds", "limit"),
    [
        (Speeds(data=9000, step=1000, together=990, waiting=0.01), "step"),
        (Speeds(data=9000, step=1000, together=1010, waiting=0.0), "step"),
        (Speeds(data=500, step=1000, together=480, waiting=0.5), "data"),
        # Nobody waits, but decoding takes its cores from the step.
        (Speeds(data=1500, step=1000, together=600, waiting=0.02), "data"),
        (Speeds(data=1050, step=1000, together=930, waiting=0.12), "data"),
        # Data that comes so fast can't be what slowed it down.
        (Speeds(data=90000, step=1000, together=600, waiting=0.0), "step"),
    ],
)
def test_limit__is_whatever_costs_time(speeds, limit):
    assert speeds.limit == limit


def test_sentence__names_remedies_that_are_left(monkeypatch):
    waits = Speeds(data=500, step=1000, together=400, waiting=0.6)
    pays = measured(waits, cache_bytes=3_000_000).sentence
    assert "training waits 60% of its time, and training would be 2.5 times as fast" in measured(waits).sentence
    assert "--cache, which keeps decoded pictures in memory (3.0 MB), and more cores than" in pays
    assert "--cache" not in measured(waits, cached=True, cache_bytes=3_000_000).sentence
    assert "storing it smaller and on a local disk and more cores" in measured(waits).sentence
    assert "disk" not in measured(waits, in_memory=True).sentence
    assert "disk" not in measured(waits, cached=True).sentence
    shares = Speeds(data=1500, step=1000, together=625, waiting=0.02)
    assert "The data limits: it takes cores, and training would be 1.6 times as fast" in measured(shares).sentence
    assert "GPUs" not in measured(waits).sentence
    works = Speeds(data=9000, step=1000, together=1000, waiting=0.0)
    monkeypatch.setattr(benchmarking, "fastest_precision", lambda: "bfloat16")
    assert "--precision bfloat16, a smaller --size" in measured(works).sentence
    assert "--precision" not in measured(works, precision="bfloat16").sentence
    monkeypatch.setattr(benchmarking.tf.config, "list_physical_devices", lambda kind: [kind] * 4)
    assert measured(works, recipe="cpu").sentence.endswith("one of 4 GPUs: all together need data 4 times as fast.")


def test_cache__is_full_before_anything_is_measured(tmp_path, monkeypatch):
    seen = []

    class Stopped(Exception):
        pass

    def stop(plan, init_from):
        raise Stopped

    monkeypatch.setattr(benchmarking, "build_model", stop)
    monkeypatch.setattr("byol_keras.data.folder.FolderSource.read", _counting(seen))
    folder = str(picture_folder(tmp_path, count=8))
    for cache, least in [(False, 0), (True, 8)]:
        seen.clear()
        with pytest.raises(Stopped):
            benchmark(config_of(folder, cache=cache))
        # Eight headers are read to know what kind of pictures there are, once for the plan and once for training.
        assert len(seen) >= 16 + least
        assert (len(seen) > 16) == cache


def _counting(seen):
    from byol_keras.data.folder import FolderSource

    read = FolderSource.read

    def counted(source, index):
        seen.append(index)
        return read(source, index)

    return counted


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_seconds__must_be_positive(seconds):
    with pytest.raises(ValueError, match="`seconds` must be positive"):
        benchmark(config_of(pictures(8, 16)), seconds)


def test_command__prints_a_table_and_writes_numbers(tmp_path, monkeypatch, capsys):
    asked = []

    def canned(config, seconds, tell):
        asked.append((config, seconds))
        return measured(Speeds(data=8000.0, step=1000.0, together=990.0, waiting=0.01))

    monkeypatch.setattr(benchmarking, "benchmark", canned)
    file = tmp_path / "speeds.json"
    arguments = ["--data", "shapes", "--size", "16", "--cache", "--seconds", "2", "--json", str(file)]
    assert cli.main(["bench", *arguments]) == 0
    assert asked == [(PretrainConfig(data="shapes", size=16, cache=True), 2.0)]
    out = capsys.readouterr().out
    for text in ("small_resnet at 16 px, batches of 4", "8,000", "990", "1% of the time", "The step limits"):
        assert text in out
    numbers = json.loads(file.read_text())
    assert numbers["step_examples_per_second"] == 1000.0
    assert numbers["waiting"] == 0.01
    assert numbers["limit"] == "step"
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "`--data` is missing"),
        (["--data", "shapes", "--seconds", "0"], 2, "`seconds` must be positive"),
        (["--data", "shapes", "--json", "/no/such/folder/x.json"], 2, "`json` must lie in a folder that exists"),
        (["--data", "shapes", "--epochs", "3"], 2, "`--epochs` is not an option"),
        (["--data", "/no/such/folder"], 1, "`data` must be a folder"),
        (["--data", "/no/such/folder", "--json", "gs://bucket/x.json"], 1, "`data` must be a folder"),
        (["--data", "shapes", "--recipe", "cup"], 1, "Did you mean `cpu`?"),
    ],
)
def test_command__says_what_is_wrong_in_a_sentence(arguments, code, sentence, capsys):
    assert cli.main(["bench", *arguments]) == code
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_bench__of_rows_names_no_pixels(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(64, 5)))
    words = ["--data", str(tmp_path / "rows.npy"), "--kind", "vectors", "--batch-size", "16", "--seconds", "0.3"]
    assert cli.main(["bench", *words]) == 0
    printed = capsys.readouterr().out
    assert "examples per second" in printed
    assert "px" not in printed
    assert "--size" not in printed


def test_optimizer__of_another_kind_is_measured_with_its_rate(capsys):
    words = ["bench", "--data", "shapes", "--optimizer", "adam", "--rate", "0.001", "--seconds", "0"]
    assert cli.main(words) == 2
    assert "seconds" in capsys.readouterr().err
