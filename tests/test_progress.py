"""What a run says of the time that is left, and of its pace."""

import io
import json
import types
from dataclasses import replace

import keras
import pytest
import tensorflow as tf
from builders import vector_byol, vectors
from rich.console import Console

import byol_keras as bk
from byol_keras.training import progress
from byol_keras.training.folder import RunFolder
from byol_keras.training.journal import Journal
from byol_keras.training.loop import Waiting
from byol_keras.training.plan import Plan
from byol_keras.training.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def told(clock, first, durations, total):
    """What is printed by a run that goes on after step `first`, its steps of so many seconds each."""
    console = Console(file=io.StringIO(), width=200)
    shown = progress.Progress(console, total, steps_per_epoch=total)
    shown.set_model(types.SimpleNamespace(batches_seen=tf.Variable(first)))
    with shown:
        for seconds in durations:
            clock.seconds += seconds
            shown.model.batches_seen.assign_add(1)
            shown.on_train_batch_end(0)
    return console.file.getvalue().splitlines()


def test_time_left__is_told_by_the_pace_of_most_steps(clock):
    """The first step is compiled, the second is slow as well, and one in between waits for a checkpoint."""
    durations = [40.0, 15.0, *[0.5] * 40, 30.0, *[0.5] * 40]
    lines = told(clock, first=100, durations=durations, total=283)
    assert "step 185/283" not in lines[-1]
    step = int(lines[-1].split("step ")[1].split("/")[0])
    assert f"{round((283 - step) * 0.5)} s left" in lines[-1]


def test_time_left__follows_a_machine_that_becomes_slower(clock):
    lines = told(clock, first=0, durations=[0.1] * 2000 + [2.0] * 100, total=3000)
    step = int(lines[-1].split("step ")[1].split("/")[0].replace(",", ""))
    assert progress.readable_time((3000 - step) * 2.0) in lines[-1]


def test_last_line__says_that_nothing_is_left(clock):
    assert "step 30/30  0 s left" in told(clock, first=0, durations=[1.0] * 30, total=30)[-1]


def test_stopwatch__tells_what_steps_take_without_compiling(clock):
    """Ten steps of two seconds, of which the first is compiled for half a minute and five are not measured."""
    watch = Stopwatch(10.0)
    watch.set_model(types.SimpleNamespace(stop_training=False))
    for batch in range(10):
        assert not watch.model.stop_training
        clock.seconds += 2.0 + 30.0 * (batch == 0)
        watch.on_train_batch_end(batch)
    assert watch.model.stop_training
    assert (watch.steps, watch.elapsed, watch.running) == (5, 10.0, 20.0)


def test_line__is_said_as_it_is():
    console = Console(file=io.StringIO(), width=20)
    path = "runs/[draft]/:smile:/[/tmp]/a name longer than the console is wide"
    progress.say(console, path)
    assert console.file.getvalue() == f"{path}\n"


class Passing(keras.callbacks.Callback):
    """Lets a second pass with every step, and a minute with the monitors at an epoch's end."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch, logs=None):
        logs["learning_rate"] = 0.1
        self.clock.seconds += 1.0

    def on_epoch_end(self, epoch, logs=None):
        self.clock.seconds += 60.0


def test_examples_per_second__leave_out_what_happens_between_epochs(clock, tmp_path):
    model, target = vector_byol(), bk.callbacks.TargetEMA(0.9, total_steps=12)
    plan = Plan(replace(bk.recipes.get("cpu"), batch_size=8), "mlp", (6,), None, 32, 4, 12, "float32", 0)
    journal = Journal(RunFolder(tmp_path), plan, target, 3, Waiting())
    model.fit(vectors(32), batch_size=8, epochs=3, verbose=0, callbacks=[target, Passing(clock), journal])
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    assert [line["examples_per_second"] for line in lines] == [8.0] * 4
    assert [line["seconds"] for line in lines] == [3.0, 66.0, 129.0, 132.0]


def test_measurement__is_written_once_though_later_looks_took_none(clock, tmp_path):
    model, target = vector_byol(), bk.callbacks.TargetEMA(0.9, total_steps=24)
    plan = Plan(replace(bk.recipes.get("cpu"), batch_size=8), "mlp", (6,), None, 192, 24, 24, "float32", 0)
    monitor = bk.callbacks.CollapseMonitor(examples=vectors(8), every=1, examine_every=5)
    journal = Journal(RunFolder(tmp_path), plan, target, 4, Waiting(), [monitor])
    callbacks = [target, Passing(clock), monitor, journal]
    model.fit(vectors(192), batch_size=8, epochs=1, verbose=0, callbacks=callbacks)
    ranks = {point["step"]: point["effective_rank"] for point in monitor.history if "effective_rank" in point}
    assert list(ranks) == [*range(1, 11), 15, 20]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    written = {line["step"]: line["effective_rank"] for line in lines if "effective_rank" in line}
    assert written == pytest.approx({4: ranks[4], 8: ranks[8], 12: ranks[10], 16: ranks[15], 20: ranks[20]}, rel=1e-3)
