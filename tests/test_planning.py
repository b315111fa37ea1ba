"""What a run decides before its first step."""

import keras
import numpy as np
import pytest
from builders import picture_folder, pictures

import byol_keras as bk
from byol_keras.training import planning
from byol_keras.training.building import initial_encoder
from byol_keras.training.planning import make_plan
from byol_keras.training.rundata import RunData


def test_source__that_is_open_already_has_no_other_part():
    source = bk.data.open_source(pictures(3))
    assert bk.data.open_source(source) is source
    with pytest.raises(ValueError, match="`split`"):
        bk.data.open_source(source, split="test")


def test_judges__hold_labels_out_where_the_source_has_no_other_part():

    source = bk.data.open_source((pictures(50, 8), np.arange(50) % 2))
    judged = RunData(bk.PretrainConfig(data=source)).judged
    assert (len(judged.bank), len(judged.queries)) == (40, 10)
    assert not {judged.bank.path(i) for i in range(40)} & {judged.queries.path(i) for i in range(10)}


@pytest.mark.parametrize("classes", [("cat", "dog"), ("dog", "cat")])
def test_judges__of_another_set_are_matched_by_the_names_of_classes(tmp_path, classes):

    train = picture_folder(tmp_path / "train", count=8, classes=("ant", "cat", "dog"))
    test = picture_folder(tmp_path / "test", count=4, classes=classes)
    judged = RunData(bk.PretrainConfig(data=str(train), test_data=str(test))).judged
    assert judged.bank.class_names == judged.queries.class_names == ("ant", "cat", "dog")
    named = {judged.queries.path(i).split("/")[0]: judged.queries.labels[i] for i in range(4)}
    assert named == {"cat": 1, "dog": 2}


def test_plan__of_few_pictures_keeps_its_batch_when_minutes_decide_the_length(monkeypatch):

    monkeypatch.setattr(planning, "steps_in", lambda *_, **__: 100)
    config = bk.PretrainConfig(data=pictures(20), minutes=1.0)
    plan = planning.make_plan(config, RunData(config), began=0.0)
    assert (plan.batch_size, plan.steps_per_epoch, plan.total_steps, plan.epochs) == (5, 4, 100, 25)


@pytest.mark.parametrize(
    ("steps", "asked", "encoder"),
    [(70_000, None, "small_resnet"), (180_000, None, "small_resnetx2"), (180_000, "small_resnet", "small_resnet")],
)
def test_network__is_wider_where_there_is_time_and_the_choice_was_left_open(monkeypatch, steps, asked, encoder):
    """A picture costs twice as much there, so that the schedules are fitted anew."""
    speed = {"small_resnet": 1, "small_resnetx2": 0.5}
    monkeypatch.setattr(planning, "steps_in", lambda minutes, plan, *_, **__: round(steps * speed[plan.encoder]))
    config = bk.PretrainConfig(data=pictures(256), recipe="cpu", minutes=30.0, encoder=asked, precision="float32")
    plan = make_plan(config, RunData(config), began=0.0)
    assert plan.encoder == encoder
    assert plan.total_steps == steps * speed[encoder]
    assert initial_encoder(plan).output_shape[-1] == (128 if encoder.endswith("x2") else 64)


def test_views__of_a_plan_are_smaller_than_its_pictures_and_one_network_takes_both():

    config = bk.PretrainConfig(data=pictures(20), recipe="cpu", precision="float32")
    data = RunData(config)
    plan = make_plan(config, data, began=0.0)
    assert (plan.shape, plan.view_size) == ((32, 32, 3), (20, 20))
    encoder = initial_encoder(plan)
    fixed = bk.encoders.resized(encoder, plan.shape)
    whole = pictures(2, 32) / np.float32(255)
    np.testing.assert_array_equal(encoder(whole), fixed(whole))
    assert encoder(whole[:, :20, :20]).shape == (2, 64)


def test_resized__refuses_a_network_that_counts_its_pixels():
    flat = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="`encoder` must take pictures of any size to be used at"):
        bk.encoders.resized(flat, (16, 16, 3))


@pytest.mark.parametrize(("side", "size"), [(28, 32), (48, 32), (64, 64), (200, 64)])
def test_size__of_larger_pictures_is_larger(side, size):
    config = bk.PretrainConfig(data=pictures(20, side), recipe="cpu", precision="float32")
    assert make_plan(config, RunData(config), began=0.0).shape == (size, size, 3)
