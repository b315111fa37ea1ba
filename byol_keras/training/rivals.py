"""What else the network of a run can learn from its data: to rebuild it, to foretell it, or to tell its classes."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from ..arguments import check_positive
from ..baselines import NextStep, Reconstruction, decoder_for
from ..data import Source
from ..export import behind
from ..finetuning import finetune
from ..schedules import WarmupCosine
from .kinds import kind_of
from .kinds.kind import preprocessed
from .loading import Run
from .plan import Plan
from .rundata import RunData

__all__ = ["RIVALS", "rivals"]

RIVALS = ("reconstruction", "next_step", "supervised")
"""Baselines that are trained, with the network of the run."""

_Training = Callable[[], keras.Model]

_RATE = 1e-3
# Of more a table of baselines would not fit into memory.
_TAUGHT = 50_000


def rivals(
    run: Run, data: RunData, bank: Source, names: Sequence[str], epochs: int = 30, seed: int = 0
) -> dict[str, keras.Model]:
    """Trains the network of a run in other ways, from its own beginning; each takes raw examples and gives vectors.

    `"reconstruction"` is an autoencoder, whose decoder comes from `bk.baselines.decoder_for`. `"next_step"` is
    `bk.baselines.NextStep` on the states whose mean is the representation, for networks that read a series one way.
    `"supervised"` learns the classes of the bank, from views as the run has them. All go through the bank so many
    times, with Adam at a rate of 0.001 that falls to 0.

    Args:
        run: whose network it is.
        data: that tells how examples are read.
        bank: labelled examples, of which 50,000 at most are taken.
        names: of `RIVALS`.
        epochs: passes over the bank. Default 30.
        seed: what the order of examples depends on. Default 0.
    """
    check_positive(epochs=epochs)
    if not names:
        return {}
    taught = bank.subset(np.random.default_rng(seed).permutation(len(bank))[:_TAUGHT])
    examples, labels, _ = data.arrays(taught, run.plan)
    preprocessor = kind_of(run.plan.kind).preprocessor(run.plan)
    if preprocessor is not None:
        examples = preprocessed(preprocessor, examples)
    make = {"reconstruction": _rebuilding, "next_step": _foretelling, "supervised": _taught}
    # All are made before the first is trained: what can't be refuses at once.
    made = {name: make[name](run, examples, labels, epochs, seed) for name in names}
    return {name: behind(preprocessor, trained()) for name, trained in made.items()}


def _rebuilding(run: Run, examples: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> _Training:
    plan = run.plan
    if examples.dtype.kind in "iu" and plan.kind != "pictures":
        raise ValueError(f"`baselines` can't hold reconstruction for {plan.kind}: words are no numbers to be rebuilt")
    encoder = kind_of(plan.kind).finished(run.beginning(), plan)
    statistics = plan.statistics if plan.kind in ("vectors", "sequences") else None
    model = Reconstruction(encoder, decoder_for(encoder), statistics=statistics, seed=seed)

    def trained() -> keras.Model:
        _fit(model, examples, plan, epochs)
        return encoder

    return trained


def _foretelling(run: Run, examples: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> _Training:
    plan, encoder = run.plan, run.beginning()
    try:
        # The representation is the mean of what goes into the last layer, where it is not masked.
        states = keras.Model(encoder.input, keras.tree.flatten(encoder.layers[-1].input)[0])
        model = NextStep(states, statistics=plan.statistics, seed=seed)
    except ValueError:
        raise ValueError(
            "`baselines` can hold next_step for series and a network that reads them one way: gru, lstm or simple. "
            f"Received: kind={plan.kind} and encoder={plan.encoder}"
        ) from None

    def trained() -> keras.Model:
        _fit(model, examples, plan, epochs)
        return kind_of(plan.kind).finished(encoder, plan)

    return trained


def _fit(model: keras.Model, examples: np.ndarray, plan: Plan, epochs: int) -> None:
    size = min(plan.batch_size, len(examples))
    steps = epochs * (len(examples) // size)
    model.compile(keras.optimizers.Adam(WarmupCosine(_RATE, steps, steps // 10), global_clipnorm=plan.recipe.clip_norm))
    model.fit(examples, epochs=epochs, batch_size=size, verbose=0)


def _taught(run: Run, examples: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> _Training:
    views = kind_of(run.plan.kind).views(run.plan)
    size = min(run.plan.batch_size, len(examples))
    # Classes are numbered anew, so that a huge number makes no huge head.
    classes, numbers = np.unique(labels, return_inverse=True)
    classifier = finetune(
        run.beginning(),
        len(classes),
        optimizer="adam",
        learning_rate=_RATE,
        steps=epochs * (len(examples) // size),
        augment=views,
        seed=seed,
    )

    def trained() -> keras.Model:
        keras.utils.set_random_seed(seed)
        classifier.fit(examples, numbers, epochs=epochs, batch_size=size, verbose=0)
        return kind_of(run.plan.kind).finished(classifier.encoder, run.plan)

    return trained
