"""What a run says of the time that is left."""

import io
import types

import pytest
import tensorflow as tf
from rich.console import Console

from byol_keras.training import progress
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
