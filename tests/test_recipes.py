import dataclasses

import keras
import numpy as np
import pytest
from builders import pictures

import byol_keras as bk
from byol_keras import recipes
from byol_keras.encoders.text import KINDS as TEXT_NETWORKS


@pytest.mark.parametrize(
    ("epochs", "rate", "decay", "tau"),
    [(40, 0.45, 1e-6, 0.97), (100, 0.45, 1e-6, 0.99), (300, 0.3, 1e-6, 0.99), (1000, 0.2, 1.5e-6, 0.996)],
)
def test_imagenet_presets__are_the_papers(epochs, rate, decay, tau):
    recipe = recipes.get(f"imagenet-{epochs}")
    assert (recipe.base_rate, recipe.weight_decay, recipe.tau) == (rate, decay, tau)
    assert recipe.batch_size == 4096
    assert recipe.learning_rate == pytest.approx(rate * 16)
    assert recipe.views().get_config()["blur"] == (1.0, 0.1)


def test_optimizer__has_the_published_numbers_and_the_schedule_of_the_run():
    optimizer = recipes.get("solo-learn-cifar10").optimizer(dataset_size=50_000)
    config = optimizer.get_config()
    assert isinstance(optimizer, bk.LARS)
    assert (config["weight_decay"], config["trust_coefficient"], config["clip_trust_ratio"]) == (1e-5, 0.02, True)
    schedule = optimizer._learning_rate
    assert (schedule.learning_rate, schedule.total_steps, schedule.warmup_steps) == (1.0, 195_000, 1950)


def test_lightly__decays_as_much_as_pytorch_does_in_the_long_run():
    """Under a constant gradient of zero, coupled decay with momentum shrinks a weight by rate * decay / (1 - m)."""
    recipe = recipes.get("lightly-cifar10")
    optimizer = recipe.optimizer(dataset_size=12_800)
    assert recipe.learning_rate == pytest.approx(0.06)
    weight = torch_like = 1.0
    velocity = 0.0
    for _ in range(500):
        velocity = 0.9 * velocity + 5e-4 * torch_like
        torch_like -= 0.06 * velocity
        weight -= 0.06 * optimizer.weight_decay * weight
    assert weight == pytest.approx(torch_like, rel=0.01)


def test_lightly__keeps_tau_and_does_not_solarize():
    recipe = recipes.get("lightly-cifar10")
    ema = recipe.target_ema()
    assert (ema.tau, ema.schedule) == (0.99, "constant")
    assert recipe.views().get_config()["solarize"] == (0.0, 0.0)


def test_get__suggests_the_nearest_name():
    with pytest.raises(ValueError, match=r"Did you mean `lightly-cifar10`\? Received: recipe='lightly_cifar'"):
        recipes.get("lightly_cifar")


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_recipe__says_its_source_and_names_a_network_that_exists(name):
    recipe = recipes.get(name)
    assert recipe.source
    assert recipe.encoder_name in (*bk.encoders.__all__, *TEXT_NETWORKS)


@pytest.mark.parametrize("epochs", [40, 100, 300, 1000])
def test_scaled__gives_the_papers_presets_back(epochs):
    recipe, preset = recipes.scaled(4096, epochs, 1_281_167), recipes.get(f"imagenet-{epochs}")
    for name in ("base_rate", "weight_decay", "tau"):
        assert getattr(recipe, name) == pytest.approx(getattr(preset, name), rel=1e-6), name


def test_scaled__gives_the_papers_small_batch_setting():
    recipe = recipes.scaled(512, 1000, 1_281_167)
    assert recipe.learning_rate == pytest.approx(0.4)
    assert recipe.tau == pytest.approx(0.9995, abs=5e-6)


def test_scaled__target_never_remembers_more_than_a_small_part_of_the_run():
    recipe = recipes.scaled(64, 30, 10_000)
    steps = recipe.total_steps(10_000)
    assert 1 / (1 - recipe.tau) == pytest.approx(steps / 300)


@pytest.mark.parametrize(("batch_size", "epochs", "dataset_size"), [(64, 1, 64), (256, 10, 5000), (256, 20, 10_000)])
def test_scaled__target_of_a_short_run_still_remembers(batch_size, epochs, dataset_size):
    assert recipes.scaled(batch_size, epochs, dataset_size).tau == pytest.approx(0.9)


def test_views__of_a_recipe_for_other_data_are_refused():
    with pytest.raises(ValueError, match=r"`views` are made by recipes for pictures\. Received: audio"):
        recipes.get("audio").views()


def test_scaled__warm_up_fits_short_runs():
    assert recipes.scaled(64, 30, 10_000).warmup_epochs == 3
    assert recipes.scaled(64, 300, 10_000).warmup_epochs == 10


@pytest.mark.parametrize("argument", ["batch_size", "epochs", "dataset_size"])
def test_scaled__refuses_numbers_below_one(argument):
    arguments = {"batch_size": 8, "epochs": 8, "dataset_size": 8} | {argument: 0}
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive integer. Received: {argument}=0"):
        recipes.scaled(**arguments)


def test_total_steps__refuses_data_smaller_than_a_batch():
    with pytest.raises(ValueError, match=r"`dataset_size` must be at least the recipe's batch of 256"):
        recipes.get("solo-learn-cifar10").total_steps(100)


def test_recipe__trains():
    recipe = dataclasses.replace(
        recipes.get("solo-learn-cifar10"), epochs=2, batch_size=8, hidden=16, output=8, warmup_epochs=1
    )
    encoder = bk.encoders.small_resnet((16, 16, 3), widths=(4,))
    model = bk.BYOL(encoder, views=recipe.views(16), **recipe.heads(4))
    model.compile(recipe.optimizer(dataset_size=16))
    history = model.fit(pictures(16), batch_size=8, epochs=2, callbacks=[recipe.target_ema()], verbose=0).history
    assert model.projector.output_shape == (None, 8)
    assert history["tau"][-1] == 1.0
    assert np.isfinite(history["loss"]).all()
    assert isinstance(model.optimizer, keras.optimizers.Optimizer)


@pytest.mark.parametrize("name", ["solo-learn-cifar10", "lightly-cifar10"])
def test_optimizer__takes_its_momentum_from_the_recipe(name):
    recipe = dataclasses.replace(recipes.get(name), momentum=0.75)
    assert recipe.optimizer(dataset_size=1024).momentum == 0.75


@pytest.mark.parametrize(("epochs", "expected"), [(4, 4), (40, 10)])
def test_optimizer__warms_up_for_the_recipes_epochs_or_the_whole_of_a_shorter_run(epochs, expected):
    recipe = dataclasses.replace(recipes.get("solo-learn-cifar10"), epochs=epochs)
    schedule = recipe.optimizer(dataset_size=3 * 256 + 5)._learning_rate
    assert (schedule.total_steps, schedule.warmup_steps) == (3 * epochs, 3 * expected)


def test_imagenet_presets__resize_as_the_paper_did():
    assert recipes.get("imagenet-1000").views().get_config()["resize"] == "bicubic"


def test_scaled__interpolates_between_presets_in_the_logarithm_of_epochs():
    between = recipes.scaled(4096, 200, 1_281_167)
    share = np.log(200 / 100) / np.log(300 / 100)
    assert between.base_rate == pytest.approx(0.45 + share * (0.3 - 0.45), rel=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_clip_norm__reaches_every_optimizer_that_has_one(name):
    recipe = dataclasses.replace(bk.recipes.get("sequences"), optimizer_name=name)
    assert recipe.optimizer_over(100, 10).global_clipnorm == recipe.clip_norm == 1.0
    assert dataclasses.replace(recipe, clip_norm=None).optimizer_over(100, 10).global_clipnorm is None


@pytest.mark.parametrize(("name", "word"), [("optimizer_name", "lion"), ("tau_schedule", "linear")])
def test_recipe__refuses_words_that_nobody_knows_where_it_is_made(name, word):
    with pytest.raises(ValueError, match=f"`{name}` must be one of .* Received: {name}='{word}'"):
        dataclasses.replace(recipes.get("cpu"), **{name: word})
