"""What pre-training is worth when labels are few: 1% and 10% of them, after BYOL on pictures without any.

    python examples/few_labels.py

Five thousand pictures of the built-in shapes are there, but only 50 of them (1%) or 500 (10%) have labels. Two networks
of one kind start from there: one that BYOL trained on all the pictures, and one with random weights. First a linear
classifier learns from their features ("linear"), then they are trained as a whole on augmented pictures ("fine-tuned").
For random weights that is supervised training from scratch, and they get the higher rate and the random head that suit
it. The table says how many of 1,000 other pictures each gets right; ours, in percent:

                  linear 1%   linear 10%   fine-tuned 1%   fine-tuned 10%
    raw pixels         14.7         14.9
    untrained          21.5         30.3            25.7             97.5
    BYOL               50.5         74.5            47.9             95.5

So BYOL doubles what 50 labels are worth. With 500 labels shapes as simple as these can be learned from scratch.
Pictures of your own: `--data FOLDER --recipe cpu`, where FOLDER holds `train/CLASS/` and `test/CLASS/`.
"""

import argparse

import keras
import numpy as np
import rich

import byol_keras as bk

Data = tuple[np.ndarray, np.ndarray]


def main() -> None:
    options = parse_options()
    plan = {"recipe": options.recipe, "epochs": options.epochs, "seed": options.seed}
    run = bk.pretrain(data=options.data, run=options.run, resume=True, **plan)
    encoder = keras.models.load_model(run.encoder)
    networks = {"untrained": bk.evaluation.untrained(encoder, seed=options.seed), "BYOL": encoder}

    size = encoder.input_shape[1:3]
    data, test = (load(bk.data.open_source(options.data, split=split), size) for split in (None, "test"))
    found = judge_features(networks, data, test, options)

    views = run.stored_plan().recipe.views(size)
    how = {"epochs": options.tuning_epochs, "augment": lambda batch, seed: views(batch, seed)[0], "seed": options.seed}
    scratch = how | {"learning_rate": 0.1, "head_first": False}
    for name, settings in {"untrained": scratch, "BYOL": how}.items():
        rows = [fine_tuned(name, networks[name], percent, data, test, settings) for percent in (1, 10)]
        found = found.plus(rows)
    found.save(run.file("few_labels.json"))
    rich.print(bk.evaluation.table(found))


def load(source: bk.data.Source, size: tuple[int, int]) -> Data:
    images, labels, _ = bk.data.Pictures(source, size).arrays()
    return images, labels


def judge_features(networks: dict, data: Data, test: Data, options: argparse.Namespace) -> bk.evaluation.Evaluation:
    """Linear classifiers on features that stay as they are."""
    features = {"raw pixels": (bk.evaluation.raw_pixels(data[0]), bk.evaluation.raw_pixels(test[0]))}
    for name, network in networks.items():
        features[name] = tuple(bk.evaluation.extract_features(network, part[0]) for part in (data, test))
    judges = ("linear 1%", "linear 10%")
    return bk.evaluation.judge(features, data[1], test[1], judges, seed=options.seed, data=options.data)


def fine_tuned(
    name: str, network: keras.Model, percent: int, data: Data, test: Data, settings: dict
) -> bk.evaluation.Row:
    """What a whole network gets right that is trained on a few percent of the labels, the same ones for all."""
    few = bk.evaluation.subset(data[1], percent / 100, seed=settings["seed"])
    classifier = bk.finetune(network, data[0][few], data[1][few], **settings)
    guesses = bk.evaluation.extract_features(classifier, test[0]).argmax(axis=1)
    return bk.evaluation.Row.measured(name, f"fine-tuned {percent}%", guesses == test[1])


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="shapes", help="labelled pictures with a part to judge by")
    parser.add_argument("--recipe", default="demo", help="settings of BYOL's training, by name")
    parser.add_argument("--epochs", type=int, help="length of BYOL's training. Default: the recipe's")
    parser.add_argument("--tuning-epochs", type=int, default=100, help="length of fine-tuning")
    parser.add_argument("--seed", type=int, default=0, help="what weights and the choice of labels depend on")
    parser.add_argument("--run", default="runs/few_labels", help="folder for everything that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
