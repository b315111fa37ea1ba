"""The paper's ablations at small scale: what BYOL needs, and how much of each; and other objectives in its place.

    python examples/ablations.py --data tfds:cifar10 --epochs 30
    python examples/ablations.py --data tfds:cifar10 --epochs 10 --table objectives

A table that was stopped is continued where `--json` names its file: rows that it holds are shown, not trained again.

One row per change, each trained from the same weights for as many epochs by the recipe for CPUs, then judged by the
nearest neighbours and by a linear classifier, beside what the paper reports for ImageNet (ResNet-50, 300 epochs, linear
classifier: table 5 and section 5 of arXiv 2006.07733). The numbers can't be compared, their order can. A row takes five
to ten minutes at 30 epochs of 10,000 small pictures on two CPU cores.

Ours, in percent, on the small CIFAR-10 set of `examples/search.md`, one seed (two seeds differ by about a point):

                                               kNN   linear   paper
    as published (tau 0.99)                   44.7     49.9    72.5
    tau 1: the target never moves             38.0     45.5    18.8
    tau 0.999                                 39.7     48.7    69.8
    tau 0.9                                   52.1     58.6    68.4
    tau 0: the target is the online network   47.0     55.8     0.3
    no predictor                              23.2     24.9     0.2
    symmetric views                           43.2     51.5       -
    crop only                                 36.4     44.0    59.4

What agrees: without a predictor everything collapses (below raw pixels' 34.1, with a standard deviation of 0.00), a
target that hardly moves or never does is worse than one that moves, and crops alone are not enough. What does not: here
the faster target wins, and tau 0 does not collapse. A run of 2,340 steps is too short for a target that remembers
hundreds, so the best tau lies lower; and that a predictor with a good rate and a stopped gradient can do without the
average altogether was found after the paper was written (SimSiam, arXiv 2011.10566).

Other objectives, after 10 epochs, one seed, with the standard deviation of the target's unit vectors times the root of
their size (1 is healthy, 0 collapsed):

                                with a predictor       without one
                              kNN  linear    std    kNN  linear   std
    byol                     39.3    45.1   0.79   25.5    31.6  0.01
    squared: (d - 1)^2 / 2   37.9    42.8   0.74   27.5    33.9  0.07
    mse, lengths count       34.2    42.0   0.77   24.9    29.1  0.04
    temperature              39.1    45.7   0.79   25.6    31.9  0.01
    infonce                  43.7    48.0   0.81   44.5    50.8  0.96

So whatever only pulls views together needs a predictor, or collapses below raw pixels (34.1 and 38.3); `infonce`, which
pushes other examples away, does not. In so short a time it also learns most; what an hour makes of BYOL is in README.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

import byol_keras as bk

# Name of the row: what changes, and the accuracy that the paper reports, None where it has no such row.
PAPER = {
    "as published (tau 0.99)": ({"tau": 0.99}, 72.5),
    "tau 1: the target never moves": ({"tau": 1.0, "tau_schedule": "constant"}, 18.8),
    "tau 0.999": ({"tau": 0.999}, 69.8),
    "tau 0.9": ({"tau": 0.9}, 68.4),
    "tau 0: the target is the online network": ({"tau": 0.0, "tau_schedule": "constant"}, 0.3),
    "no predictor": ({"tau": 0.99, "predictor": False}, 0.2),
    "symmetric views": ({"tau": 0.99, "views": {"solarize": 0.1}}, None),
    "crop only": ({"tau": 0.99, "views": {"jitter": 0.0, "grayscale": 0.0, "solarize": 0.0, "flip": 0.0}}, 59.4),
}
# Adam does not mind the scale of a loss, by which alone some of these differ; the rate is the one tried for BYOL.
ADAMW = {"optimizer_name": "adamw", "base_rate": 0.008, "weight_decay": 0.01}
OBJECTIVES = {
    loss + end: (ADAMW | heads | {"loss": loss}, None)
    for end, heads in (("", {}), (", no predictor", {"predictor": False}))
    for loss in bk.losses.NAMED
}
TABLES = {"paper": PAPER, "objectives": OBJECTIVES}


def main() -> None:
    options = parse_options()
    train, test = (load(options.data, part) for part in (None, "test"))
    settings = {"data": options.data, "epochs": options.epochs, "seeds": options.seeds}
    results = rows_of(options.json)
    for name in options.rows or TABLES[options.table]:
        change, published = TABLES[options.table][name]
        if not settings.items() <= results.get(name, {}).items():
            results[name] = {"paper": published} | settings | averaged(change, options, train, test)
        print_row(name, results[name])
        if options.json:
            options.json.write_text(json.dumps(results, indent=2))


def rows_of(file: Path | None) -> dict[str, dict]:
    """What an earlier run has left."""
    return json.loads(file.read_text()) if file and file.exists() else {}


def averaged(change: dict, options: argparse.Namespace, train: tuple, test: tuple) -> dict[str, float]:
    """Means over the seeds, by judge."""
    found = [judge(run(train[0], change, options.epochs, seed), train, test) for seed in range(options.seeds)]
    return {name: float(np.mean([accuracies[name] for accuracies in found])) for name in found[0]}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="shapes", help="labelled pictures with a part to judge by")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1, help="runs per row, averaged")
    parser.add_argument("--table", choices=[*TABLES], default="paper")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="some of the table's. Default: all")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    options = parser.parse_args()
    for name in set(options.rows or []) - set(TABLES[options.table]):
        parser.error(f"--rows: {name!r} is none of {', '.join(map(repr, TABLES[options.table]))}")
    return options


def load(data: str, part: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 32 pixels and their classes."""
    images, labels, _ = bk.data.Pictures(bk.data.open_source(data, split=part), size=32).arrays()
    return images, labels


def run(images: np.ndarray, change: dict, epochs: int, seed: int) -> bk.BYOL:
    """BYOL by the recipe for CPUs, but for one change."""
    recipe = bk.recipes.get("cpu")
    fields = {name: value for name, value in change.items() if name not in ("predictor", "views")}
    views = dict(recipe.view_options) | change.get("views", {})
    recipe = replace(recipe, epochs=epochs, view_options=views, **fields)
    keras.utils.set_random_seed(seed)
    encoder = bk.encoders.small_resnet((None, None, images.shape[-1]))  # views are smaller than pictures
    heads = recipe.heads(encoder.output_shape[-1])
    if "predictor" in change:
        heads["predictor"] = change["predictor"]
    model = bk.BYOL(encoder, views=recipe.views(), loss=bk.losses.named(recipe.loss), seed=seed, **heads)
    model.compile(recipe.optimizer(len(images)))
    callbacks = [recipe.target_ema()]
    model.fit(images, batch_size=recipe.batch_size, epochs=epochs, callbacks=callbacks, verbose=0)
    return model


def judge(model: bk.BYOL, train: tuple, test: tuple) -> dict[str, float]:
    bank, queries = (bk.evaluation.extract_features(model, images) for images, _ in (train, test))
    return {
        "knn": 100 * bk.evaluation.knn_accuracy(bank, train[1], queries, test[1]),
        "linear": 100 * bk.evaluation.linear_probe(bank, train[1], queries, test[1]),
        "target_std": float(model.std_tracker.result()),
    }


def print_row(name: str, result: dict) -> None:
    paper = "   -" if result["paper"] is None else f"{result['paper']:4.1f}"
    numbers = f"kNN {result['knn']:4.1f}  linear {result['linear']:4.1f}  std {result['target_std']:.2f}"
    print(f"{name:<42} {numbers}   paper {paper}", flush=True)


if __name__ == "__main__":
    bk.set_precision("auto")
    main()
