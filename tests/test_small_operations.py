"""Networks whose operations are too small to be divided among cores: known before anything has begun."""

import sys
from pathlib import Path

import pytest

import byol_keras as bk
from byol_keras.training import RunFolder
from byol_keras.training.benchmarking import benchmark
from byol_keras.training.plan import Plan, has_small_operations

LARGE = {"encoder": "resnet50", "size": 224}
ASKED = [
    ({}, True),
    (LARGE, False),
    ({"recipe": "imagenet-100"}, False),
    ({"recipe": "imagenet-100", "size": 32}, True),
    ({"recipe": "imagenet-100", "encoder": "small_resnetx2"}, True),
    ({"recipe": "solo-learn-cifar10"}, True),
    ({"kind": "vectors"}, True),
    ({"encoder": "MobileNetV3Small", "size": 96}, False),
]


@pytest.mark.parametrize(("options", "small"), ASKED)
def test_has_small_operations__of_what_is_asked_for(options, small):
    assert has_small_operations(bk.PretrainConfig.of(options)) == small


class Begun(Exception):
    """Raised where a run would go on."""


@pytest.fixture
def events(monkeypatch):
    """Notes whether cores are told apart; a run ends where it would open its data."""
    noted = []

    def stop(*arguments):
        raise Begun

    for name, following in {"pretrain": "join", "benchmarking": "RunData"}.items():
        module = sys.modules[f"byol_keras.training.{name}"]
        monkeypatch.setattr(module, "spread_over_cores", lambda: noted.append("spread"))
        monkeypatch.setattr(module, following, stop)
    return noted


@pytest.mark.parametrize(("options", "expected"), [({}, ["spread"]), (LARGE, [])])
def test_runs__spread_their_operations_over_cores_where_these_are_small(options, expected, events, tmp_path):
    config = bk.PretrainConfig(data="nowhere", run=str(tmp_path), **options)
    for begin in (bk.pretrain, benchmark):
        events.clear()
        with pytest.raises(Begun):
            begin(config)
        assert events == expected


def test_resuming__goes_by_the_plan_of_the_run(events, tmp_path):
    path = str(tmp_path / "run")
    with pytest.raises(Begun):
        bk.pretrain(run=path, resume=True)
    assert events == ["spread"]  # there is no run: the usual recipe's
    write_plan(RunFolder(path))
    with pytest.raises(Begun):
        bk.pretrain(run=path, resume=True)
    assert events == ["spread"]


def write_plan(folder):
    """As of a run of ResNet-50 on large pictures."""
    shape, steps = (224, 224, 3), {"examples": 800, "steps_per_epoch": 100, "total_steps": 300}
    plan = Plan(bk.recipes.get("imagenet-100"), "resnet50", shape, None, precision="float32", seed=0, **steps)
    Path(folder.path).mkdir()
    Path(folder.plan).write_text(plan.to_json())
