"""The verdict on a run: recorded courses of real runs, and what it must not depend on."""

import json

import pytest

from byol_keras.evaluation import Verdict, verdict

# Means of `target_std` over 20 steps, after that of step 1. Small ResNets on pictures, MLPs on vectors.
HEALTHY = {
    "pictures, LARS, dips": [0.79, 0.8, 0.79, 0.77, 0.75, 0.72, 0.7, 0.66, 0.67, 0.67, 0.69, 0.71],
    "pictures, SGD 0.4, dips": [0.79, 0.78, 0.76, 0.73, 0.71, 0.69, 0.69, 0.68, 0.68, 0.69, 0.7, 0.71],
    "CIFAR-10, lightly's recipe, sinks": [0.77, 0.77, 0.77, 0.76, 0.76, 0.75, 0.75, 0.74],
    "vectors, rises": [0.77, 0.78, 0.84, 0.9, 0.93, 0.96, 0.97, 0.98],
    "pictures all but black, settles": [0.68, 0.7, 0.69, 0.65, 0.58, 0.52, 0.48, 0.46, 0.46, 0.46, 0.46, 0.45],
}
COLLAPSES = {
    "pictures, SGD 0.1": [0.79, 0.39, 0.08, 0.05, 0.04],
    "pictures, SGD 0.03": [0.79, 0.76, 0.64, 0.48, 0.35, 0.27, 0.23, 0.2, 0.18, 0.17, 0.16],
    "pictures, LARS": [0.79, 0.7, 0.52, 0.37, 0.26, 0.18, 0.14, 0.12, 0.09, 0.08, 0.07],
    "pictures, Adam": [0.79, 0.78, 0.69, 0.6, 0.5, 0.42, 0.35, 0.31, 0.28, 0.25, 0.23],
    "CIFAR-10, warm-up": [0.76, 0.74, 0.5, 0.3, 0.17, 0.1, 0.07, 0.06, 0.05, 0.04],
    "vectors, tau 0": [0.88, 0.72, 0.54, 0.42, 0.35, 0.33, 0.3, 0.29, 0.28, 0.26],
    "heads without batch normalisation": [0.45, 0.34, 0.13, 0.09, 0.07, 0.07, 0.06],
}


def course(values, name="target_std", every=20):
    return [{"step": every * index + 1, name: value} for index, value in enumerate(values)]


def states(history):
    return [verdict(history[: length + 1]).state for length in range(len(history))]


@pytest.mark.parametrize("name", HEALTHY)
def test_verdict__is_silent_on_healthy_runs_all_along(name):
    assert set(states(course(HEALTHY[name]))) == {"unknown", "healthy"}


@pytest.mark.parametrize("name", COLLAPSES)
def test_verdict__catches_collapses_within_200_steps_and_does_not_take_it_back(name):
    said = states(course(COLLAPSES[name]))
    first = next(index for index, state in enumerate(said) if state.startswith("collaps"))
    assert 20 * first < 200
    assert {"healthy", "unknown"}.isdisjoint(said[first:])


@pytest.mark.parametrize("name", [*HEALTHY, *COLLAPSES])
@pytest.mark.parametrize("scale", [0.5, 1.2])
def test_verdict__judges_by_ratio(name, scale):
    values = (HEALTHY | COLLAPSES)[name]
    if min(values) > 0.1:
        assert verdict(course([scale * value for value in values])).state == verdict(course(values)).state


@pytest.mark.parametrize("values", [*HEALTHY.values(), *COLLAPSES.values()], ids=[*HEALTHY, *COLLAPSES])
def test_verdict__does_not_depend_on_how_often_was_measured(values):
    between = [point for value in values for point in (value, value, value, value)]
    assert verdict(course(between, every=5)).state == verdict(course(values)).state


@pytest.mark.parametrize("name", COLLAPSES)
def test_verdict__names_numbers_causes_and_remedy(name):
    values = COLLAPSES[name]
    judged = verdict(course(values))
    final = sorted(values[-3:])[1]
    for part in (f"from {values[0]:.2f} (step 1)", f"to {final:.2f}", "no predictor", "batch normalisation", "tau"):
        assert part in judged.sentence


@pytest.mark.parametrize("count", [0, 1, 3])
def test_verdict__waits_for_four_measurements(count):
    assert verdict(course([0.8, 0.1, 0.01][:count])) == Verdict(
        "unknown", f"Too early to tell: {count} measurements of target_std, 4 are needed."
    )


def test_verdict__one_odd_batch_is_no_collapse():
    assert set(states(course([0.8, 0.8, 0.8, 0.8, 0.1, 0.8, 0.8]))[3:]) == {"healthy"}


def test_verdict__of_a_run_that_starts_low_and_rises_is_never_collapsed():
    rising = [0.01, 0.01, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.13, 0.2, 0.3, 0.4]
    said = states(course(rising))
    assert set(said) == {"unknown", "healthy"}
    assert said[-1] == "healthy"


def test_verdict__of_a_run_that_never_had_any_spread_is_collapsed_after_a_while():
    judged = verdict(course([0.001] * 12))
    assert judged.state == "collapsed"
    assert "never rose above 0.00 in 221 steps" in judged.sentence
    assert verdict(course([0.001] * 5)).state == "unknown"


def test_verdict__recovers_with_the_run():
    fallen = course([0.8, 0.8, 0.7, 0.5, 0.35, 0.3, 0.3, 0.3])
    assert verdict(fallen).state == "collapsing"
    values = [0.8, 0.8, 0.7, 0.5, 0.35, 0.3, 0.3, 0.3, 0.35, 0.45, 0.55, 0.65, 0.7, 0.7]
    assert verdict(course(values)).state == "healthy"


@pytest.mark.parametrize(
    "values",
    [
        [0.8, 0.8, 0.7, 0.5, 0.35, 0.3, 0.3, 0.3, 0.36, 0.38],
        [0.8, 0.4, 0.1, 0.05, 0.05, 0.05, 0.05, 0.08, 0.12, 0.15],
    ],
)
def test_verdict__of_a_run_on_its_way_back_is_open(values):
    judged = verdict(course(values))
    assert judged.state == "unknown"
    assert judged.sentence.startswith("Undecided: target_std is low, but it rises")


def test_verdict__of_a_run_that_settled_at_a_lower_spread_is_healthy():
    values = [0.8, 0.8, 0.72, 0.64, 0.58, 0.52, *[0.46] * 8]
    assert verdict(course(values[:8])).state == "collapsing"
    assert verdict(course(values)).state == "healthy"


def test_verdict__sees_a_fall_that_is_slow():
    assert verdict(course([0.8 - 0.33 * index / 400 for index in range(401)])).state == "collapsing"


def test_verdict__is_not_misled_by_noise_around_nothing():
    assert verdict(course([1e-4] * 8 + [4e-4] * 4)).state == "collapsed"


def test_verdict__sees_a_representation_lose_its_directions_behind_a_spread_projection():
    ranks = [20.0, 19.0, 12.0, 7.0, 4.0, 3.0, 2.5, 2.4]
    history = [line | {"effective_rank": rank} for line, rank in zip(course([0.8] * 8), ranks, strict=True)]
    judged = verdict(history)
    assert judged.state == "collapsing"
    assert "effective_rank fell from 20.00 (step 1) to 2.50 (step 141), 12% of its highest" in judged.sentence
    assert verdict(history[:4]).state == "healthy"
    recovering = [*ranks, 3.0, 3.3, 3.6, 3.9]
    history = [line | {"effective_rank": rank} for line, rank in zip(course([0.8] * 12), recovering, strict=True)]
    assert verdict(history).state == "healthy"


def test_verdict__leaves_aside_what_it_cannot_read():
    lines = course(HEALTHY["vectors, rises"])
    noisy = [{"step": 0}, *lines, {"step": 500, "target_std": float("nan")}, {"step": 501, "target_std": None}]
    assert verdict(noisy) == verdict(lines)
    assert verdict(iter(json.loads(json.dumps(lines)))) == verdict(lines)
