"""What pre-training is worth when labels are few: 1% and 10% of them, after BYOL on pictures without any.

    python examples/few_labels.py

Five thousand pictures of the built-in shapes are there, but only 50 of them (1%) or 500 (10%) have labels. Two networks
of one kind start from there: one that BYOL trained on all the pictures, and one with random weights. First a linear
classifier learns from their features ("linear"), then they are trained as a whole on augmented pictures ("fine-tuned").
For random weights that is supervised training from scratch, and they get the higher rate and the random head that suit
it. The table says how many of 1,000 other pictures each gets right; ours, in percent:

                  linear 1%   linear 10%   fine-tuned 1%   fine-tuned 10%
    raw pixels         15.0         14.0
    untrained          24.1         32.3            54.0             99.2
    BYOL               58.1         86.0            75.7             99.4

So with 50 labels BYOL is worth 22 to 34 points. With 500 labels shapes as simple as these can be learned from scratch.
Pictures of your own: `--data FOLDER --recipe cpu`, where FOLDER holds `train/CLASS/` and `test/CLASS/`.
"""

import argparse

import keras
import numpy as np
import rich

import byol_keras as bk

Data = tuple[np.ndarray, np.ndarray]
BATCH_SIZE = 32  # of fine-tuning


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
    augmented = {"augment": views, "seed": options.seed}
    for percent in (1, 10):
        few = bk.evaluation.subset(data[1], percent / 100, seed=options.seed)
        for name, network in networks.items():
            from_scratch = name == "untrained"
            classifier = fine_tuned(network, data[0][few], data[1][few], options.tuning_epochs, from_scratch, augmented)
            guesses = classifier.predict(test[0], verbose=0).argmax(axis=1)
            found = found.plus([bk.evaluation.Row.measured(name, f"fine-tuned {percent}%", guesses == test[1])])
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
    network: keras.Model, images: np.ndarray, labels: np.ndarray, epochs: int, from_scratch: bool, settings: dict
) -> keras.Model:
    """The whole network trained on a few labels; one that knows nothing gets a higher rate and a blank head."""
    steps = epochs * -(-len(images) // BATCH_SIZE)
    rate = 0.1 if from_scratch else 0.03
    classifier = bk.finetune(network, int(labels.max()) + 1, learning_rate=rate, steps=steps, **settings)
    if not from_scratch:
        classifier.fit_head(images, labels)
    classifier.fit(images, labels, epochs=epochs, batch_size=BATCH_SIZE, verbose=0)
    return classifier


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
