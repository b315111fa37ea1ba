"""What a run learns from and is judged by: refused before anything is trained, and read as the run has learned it."""

import warnings

import numpy as np
import pytest
from builders import picture_folder, pictures, vectors

import byol_keras as bk
from byol_keras.cli import main
from byol_keras.data import Skipped, open_source
from byol_keras.training.budget import steps_in
from byol_keras.training.planning import make_plan
from byol_keras.training.rivals import rivals
from byol_keras.training.rundata import RunData


def planned(**options):
    config = bk.PretrainConfig(**{"precision": "float32"} | options)
    data = RunData(config)
    return data, make_plan(config, data)


@pytest.mark.parametrize("channels", [1, 3])
def test_whole__has_the_channels_that_the_run_has_learned_from(channels, tmp_path):
    data, plan = planned(data=pictures(20, channels=channels))
    folder = open_source(str(picture_folder(tmp_path / "rgb", count=4)))
    for source in (folder, open_source(pictures(4)), open_source(pictures(4, channels=1))):
        assert data.arrays(source, plan)[0].shape[-1] == channels


def test_whole__of_other_channels_than_grey_and_colour_is_refused(tmp_path):
    data, plan = planned(data=pictures(20, channels=4))
    with pytest.raises(ValueError, match=r"`source` must hold pictures of 4 channels, as those .* with 3"):
        data.whole(open_source(str(picture_folder(tmp_path / "rgb", count=4))), plan)


def test_test_data__that_the_encoder_can_not_take_is_refused_before_training(tmp_path):
    labels = np.arange(40) % 2
    options = {"data": (vectors(40), labels), "kind": "vectors", "epochs": 1, "run": tmp_path / "run", "knn_every": 0}
    with pytest.raises(ValueError, match=r"`test_data` must hold rows of 6 columns, .* with 5"):
        bk.pretrain(**options, test_data=(vectors(40, 5), labels))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["data", "test_data"])
def test_arrays__of_a_program_can_not_be_opened_again(option, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"`{option}` must be named: the run was made from arrays in memory"):
        RunData(bk.PretrainConfig(**{"data": pictures(8), option: "arrays"}))
    picture_folder(tmp_path / "arrays", count=4)
    assert len(RunData(bk.PretrainConfig(data="arrays")).source) == 4


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"kind": "sequences", "columns": "a,b"}, "vectors and text"),
        ({"kind": "text", "sample_rate": 8000}, "audio"),
        ({"kind": "pictures", "vocabulary": 100}, "text"),
        ({"kind": "vectors", "size": 32}, "pictures and sequences and text"),
        ({"kind": "vectors", "views": "medical"}, "pictures"),
        ({"kind": "audio", "cache": True}, "pictures"),
    ],
)
def test_options__of_another_kind_of_data_are_refused(options, kinds):
    with pytest.raises(ValueError, match=f"is for {kinds}. Received: "):
        RunData(bk.PretrainConfig(data="some", **options))


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"recipe": "imagenet-40"}, 10),  # as published, a quarter of the run
        ({"recipe": "imagenet-40", "epochs": 20}, 2),
        ({"recipe": "imagenet-40", "epochs": 80}, 10),
        ({"recipe": "cpu", "epochs": 30}, 3),
        ({"recipe": "cpu"}, 5),
    ],
)
def test_warmup__is_the_recipes_and_a_tenth_of_what_is_shorter(options, epochs):
    _, plan = planned(data=pictures(20), batch_size=2, encoder="small_resnet", size=16, **options)
    assert plan.warmup_steps == 10 * epochs
    assert plan.recipe.optimizer(20)._learning_rate.warmup_steps == 10 * epochs


def test_minutes__that_are_over_before_the_first_step_are_told(tmp_path):
    options = {"data": vectors(32), "kind": "vectors", "minutes": 0.001, "precision": "float32"}
    with pytest.warns(UserWarning, match=r"`minutes`=0.001 are over before the first step: .* The run is one step"):
        _, plan = planned(**options)
    assert plan.total_steps == 1


def test_minutes__that_suffice_are_not(monkeypatch):
    class Watch:
        steps, elapsed, running = 100, 1.0, 1.0

    _, plan = planned(data=vectors(32), kind="vectors")
    monkeypatch.setattr("byol_keras.training.budget.Stopwatch", lambda *_: Watch())
    monkeypatch.setattr("byol_keras.training.budget.build_model", lambda *_: Fit())
    monkeypatch.setattr("byol_keras.training.budget.feed", lambda *_: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 5000 < steps_in(1.0, plan, Examples(), Alone()) <= 5640


class Fit:
    def fit(self, *_, **__):
        pass


class Examples:
    skipped = Skipped(1, 1.0)


class Alone:
    class strategy:
        @staticmethod
        def scope():
            return warnings.catch_warnings()


def test_doctor__knows_that_there_is_no_such_network(tmp_path, capsys):
    folder = picture_folder(tmp_path, count=12)
    assert main(["doctor", "--data", str(folder), "--encoder", "resent18"]) == 1
    assert "Did you mean `resnet18`" in capsys.readouterr().out


def test_rivals__that_can_not_be_are_refused_before_others_are_trained(monkeypatch):
    labels = np.arange(20) % 2
    data, plan = planned(data=(pictures(20, size=16), labels), encoder="small_resnet", size=16)

    class Made:
        config = bk.PretrainConfig(data="arrays")

        def beginning(self):
            return data.kind.encoder(plan)

    made = Made()
    made.plan = plan
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("something was trained"))
    with pytest.raises(ValueError, match="`baselines` can hold next_step for series"):
        rivals(made, data, data.source, ["supervised", "next_step"])


def test_ledger__takes_over_what_other_processes_have_found(tmp_path):
    skipped = Skipped(100, 1.0, str(tmp_path / "skipped.txt"))
    skipped.bad_one(3, "3.png", "is empty")
    skipped.add({"3.png": "is empty", "7.png": "is cut off"})
    assert skipped.bad == 2
    assert (tmp_path / "skipped.txt").read_text() == "3.png\tis empty\n7.png\tis cut off\n"
