"""What a run decides before its first step."""

import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from builders import picture_folder, pictures

import byol_keras as bk
from byol_keras.data import skipping
from byol_keras.training import planning
from byol_keras.training.building import build_model, initial_encoder, target_ema
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


def test_judges__of_a_named_part_hold_labels_out_of_it(tmp_path):
    """The part that they would be judged by is what is trained on."""
    np.savez(tmp_path / "a.npz", x_test=pictures(50, 8), y_test=np.arange(50) % 2)
    judged = RunData(bk.PretrainConfig(data=f"{tmp_path}/a.npz@test")).judged
    assert (len(judged.bank), len(judged.queries)) == (40, 10)
    assert not {judged.bank.path(i) for i in range(40)} & {judged.queries.path(i) for i in range(10)}


@pytest.mark.parametrize("named", [str, Path])
@pytest.mark.parametrize("training", ["train", "more"])
def test_judges__of_a_folder_are_its_test_part_where_that_is_not_trained_on(tmp_path, training, named):
    for name, count in [(training, 8), ("test", 4)]:
        picture_folder(tmp_path / name, count=count, classes=("cat", "dog"))
    data = RunData(bk.PretrainConfig(data=named(tmp_path)))
    parts = {path.split("/")[0] for path in map(data.judged.queries.path, range(len(data.judged.queries)))}
    assert (len(data.source), parts == {"test"}) == ((8, True) if training == "train" else (12, False))


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
    [(30_000, None, "small_resnet"), (35_000, None, "small_resnetx2"), (35_000, "small_resnet", "small_resnet")],
)
def test_network__is_wider_where_there_is_time_and_the_choice_was_left_open(monkeypatch, steps, asked, encoder):
    """A picture costs twice as much there, so that the schedules are fitted anew."""
    speed = {"small_resnet": 1, "small_resnetx2": 0.5}
    monkeypatch.setattr(planning, "steps_in", lambda minutes, plan, *_, **__: int(steps * speed[plan.encoder]))
    config = bk.PretrainConfig(data=pictures(256), recipe="cpu", minutes=30.0, encoder=asked, precision="float32")
    plan = make_plan(config, RunData(config), began=0.0)
    assert plan.encoder == encoder
    assert plan.total_steps == steps * speed[encoder]
    assert initial_encoder(plan).output_shape[-1] == (128 if encoder.endswith("x2") else 64)


def test_rate__is_the_peak_whatever_batch_is_chosen():
    config = bk.PretrainConfig(data=pictures(40), recipe="cpu", rate=0.5, precision="float32")
    plan = make_plan(config, RunData(config), began=0.0)
    assert plan.batch_size == 10
    assert plan.recipe.learning_rate == pytest.approx(0.5)


def test_accumulate__takes_one_optimizer_step_for_all_parts_of_a_batch():
    rows = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    config = bk.PretrainConfig(data=rows, kind="vectors", batch_size=32, accumulate=4, epochs=3, precision="float32")
    plan = make_plan(config, RunData(config), began=0.0)
    assert (plan.batch_size, plan.steps_per_epoch, plan.total_steps, plan.updates) == (8, 8, 24, 6)
    model, followed = build_model(plan), target_ema(plan)
    rates, changes = [], []
    for batch in range(plan.total_steps):
        before = model.predictor.get_weights()[0]
        logs = model.fit(rows[:8], batch_size=8, verbose=0, callbacks=[followed]).history
        changes.append(bool((model.predictor.get_weights()[0] != before).any()))
        rates.append(logs["learning_rate"][0])
        assert logs["tau"][0] == pytest.approx(float(followed.tau_at(batch // 4 + 1 if changes[-1] else batch // 4)))
    # The warm-up begins at a rate of 0.
    assert changes[4:] == 5 * [False, False, False, True]
    assert len(set(rates)) == 6
    assert rates[-1] < 0.1 * max(rates)


def test_accumulate__is_refused_on_several_replicas():
    config, strategy = bk.PretrainConfig(data=pictures(40), accumulate=2), SimpleNamespace(num_replicas_in_sync=2)
    with pytest.raises(ValueError, match=r"`accumulate` must be 1 .* accumulate=2 on 2 replicas"):
        make_plan(config, RunData(config), 0.0, SimpleNamespace(strategy=strategy))


def test_measuring__writes_no_list_of_broken_pictures(monkeypatch, tmp_path):
    """Before a run has begun it has no folder."""
    seen = []

    def steps_in(minutes, plan, pictures, *_, **__):
        seen.append(pictures.skipped.file)
        return 10

    monkeypatch.setattr(planning, "steps_in", steps_in)
    config = bk.PretrainConfig(data=pictures(40), recipe="cpu", minutes=1.0, precision="float32")
    data = RunData(config, skipped=str(tmp_path / "run/skipped.txt"))
    make_plan(config, data, began=0.0)
    assert seen == [None]
    assert data.training(make_plan(bk.PretrainConfig(data=config.data, epochs=1), data, 0.0)).skipped.file


def test_loss__is_the_one_that_was_asked_for():
    config = bk.PretrainConfig(data=pictures(20), recipe="cpu", size=16, loss="infonce", precision="float32")
    model = build_model(make_plan(config, RunData(config), began=0.0))
    assert isinstance(model.loss_function, bk.losses.InfoNCE)
    with pytest.raises(ValueError, match="`loss` must be byol, infonce, mse, squared or temperature"):
        bk.PretrainConfig(loss="nce")


def test_views__are_those_that_were_asked_for():
    config = bk.PretrainConfig(data=pictures(20), views="astronomy")
    views = make_plan(config, RunData(config), began=0.0).recipe.views(24)
    assert views.get_config() == bk.views.InstrumentViews(24, "astronomy").get_config()
    with pytest.raises(ValueError, match="`views` must be imagenet, cifar, astronomy or medical"):
        bk.PretrainConfig(data="scans", views="xray")


def test_gpu__trains_small_pictures_at_their_own_size(monkeypatch):
    monkeypatch.setattr("byol_keras.training.plan.tf.config.list_physical_devices", lambda kind: [kind])
    for size, encoder, side in ((32, "resnet18", 32), (96, "resnet50", 224)):
        config = bk.PretrainConfig(data=pictures(20, size), precision="float32")
        plan = make_plan(config, RunData(config), began=0.0)
        assert (plan.encoder, plan.shape[0]) == (encoder, side)


@pytest.mark.parametrize("change", ["add", "rename"])
def test_data__of_a_plan_is_known_by_its_names(tmp_path, change):
    """One of them is not UTF-8."""
    folder = picture_folder(tmp_path, count=4)
    (folder / "0000.png").rename(folder / os.fsdecode(b"caf\xe9.png"))
    config = bk.PretrainConfig(data=str(folder), size=16, batch_size=2, precision="float32")
    plan = make_plan(config, RunData(config), began=0.0)
    RunData(config).check(plan)
    if change == "add":
        (folder / "more.png").write_bytes((folder / "0001.png").read_bytes())
    else:
        (folder / "0001.png").rename(folder / "0004.png")
    with pytest.raises(ValueError, match="`data` must not change while a run goes on"):
        RunData(config).check(plan)


def test_statistics__of_grey_pictures_leave_broken_ones_to_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(skipping, "JUDGED_FROM", 2)
    folder = picture_folder(tmp_path, count=8)
    (folder / "0003.png").write_bytes(b"broken")
    options = {"channels": 1, "max_bad_fraction": 0.5, "size": 16, "batch_size": 2, "precision": "float32"}
    config = bk.PretrainConfig(data=str(folder), recipe="cpu", **options)
    data = RunData(config)
    plan = make_plan(config, data, began=0.0)
    values = data.arrays(data.source, plan)[0] / 255
    np.testing.assert_allclose(plan.statistics, [[values.mean()], [values.std()]], rtol=1e-5)


def test_judges__need_two_classes_and_one_of_them_twice():
    for labels in (np.zeros(20, int), np.arange(20)):
        assert RunData(bk.PretrainConfig(data=(pictures(20, 8), labels))).judged is None


def test_judges__of_another_set_that_can_not_judge_are_refused():
    config = bk.PretrainConfig(data=pictures(20, 8), test_data=(pictures(20, 8), np.zeros(20, int)))
    with pytest.raises(ValueError, match="`test_data` must have labels to judge by, of two classes or more"):
        _ = RunData(config).judged
    names = np.array(["cat", "dog", "eel"] * 4)
    config = bk.PretrainConfig(data=(pictures(8, 8), names[[0, 1] * 4]), test_data=(pictures(12, 8), names))
    with pytest.raises(ValueError, match="`test_data` must have no other classes than 'cat', 'dog'"):
        _ = RunData(config).judged


def test_refusals__of_other_origin_stay_what_they_are(monkeypatch):
    def undecodable(*_, **__):
        b"caf\xe9".decode()

    monkeypatch.setattr("byol_keras.training.kinds.pictures.open_source", undecodable)
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        RunData(bk.PretrainConfig(data="pictures"))


def test_labels__of_a_file_reach_the_part_to_judge_by(tmp_path):
    rows = ["path,class"]
    for part, count in (("train", 8), ("test", 4)):
        folder = picture_folder(tmp_path / part, count=count)
        rows += [f"{part}/{path.name},{'ab'[i % 2]}" for i, path in enumerate(sorted(folder.iterdir()))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    judged = RunData(bk.PretrainConfig(data=str(tmp_path), labels=str(tmp_path / "labels.csv"))).judged
    assert (len(judged.bank), len(judged.queries)) == (8, 4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"optimizer": "adam"}, "`rate` must be given beside another optimizer"),
        ({"optimizer": "adam", "rate": 1e-3, "weight_decay": 0.1}, "`weight_decay` goes with `optimizer` adamw"),
        ({"encoder": "resnet18", "init_from": "some.keras"}, "`encoder` and `init_from`"),
        ({"knn_every": -1}, "`knn_every` must be a whole number, 0 or more"),
        ({"checkpoint_minutes": 0}, "`checkpoint_minutes` must be positive"),
        ({"batch_size": 10, "accumulate": 4}, "`batch_size` must be a multiple of `accumulate`"),
        ({"batch_size": 40, "accumulate": 4}, "`batch_size` must lie between 1 and the 20 pictures"),
    ],
)
def test_options__that_do_not_go_together_are_refused(options, sentence):
    data = pictures(20)
    with pytest.raises(ValueError, match=sentence):
        make_plan(bk.PretrainConfig(data=data, recipe="cpu", **options), RunData(bk.PretrainConfig(data=data)), 0.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": "30"}, "`epochs` must be a positive integer. Received: epochs='30'"),
        ({"batch_size": 64.0}, "`batch_size` must be a positive integer"),
        ({"keep": 2.5}, "`keep` must be a positive integer"),
        ({"rate": "0.1"}, "`rate` must be positive. Received: rate='0.1'"),
        ({"weight_decay": -1.0}, "`weight_decay` must be 0 or more"),
        ({"tau": 1.5}, r"`tau` must be in \[0, 1\]"),
        ({"seed": -1}, r"`seed` must be a whole number in \[0, 2\*\*32\)"),
    ],
)
def test_config__refuses_numbers_that_make_no_sense(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        bk.PretrainConfig(**options)


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
    with pytest.raises(ValueError, match="`encoder` must take examples of any size to be used at"):
        bk.encoders.resized(flat, (16, 16, 3))


@pytest.mark.parametrize(("side", "size"), [(28, 32), (48, 32), (64, 64), (200, 64)])
def test_size__of_larger_pictures_is_larger(side, size):
    config = bk.PretrainConfig(data=pictures(20, side), recipe="cpu", precision="float32")
    assert make_plan(config, RunData(config), began=0.0).shape == (size, size, 3)
