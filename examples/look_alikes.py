"""Look-alikes: which other pictures show the same, and do these two?

    python examples/look_alikes.py

BYOL learns from five thousand of the built-in shapes without labels. Then 1,000 other pictures are compared by the
cosine of their features, as they stand: no classifier is trained, so this works for classes that nobody has named.

- Retrieval: each picture asks for its like among the 999 others. mAP is the mean average precision; recall at k says
  how often one of the k nearest is of the same class.
- Verification: 10,000 pairs, half of them of one class. A pair is taken to show the same if its cosine is above a
  threshold that was the best for the first half of the pairs; the accuracy is that of the other half.

Ours, in percent:

                  mAP   recall at 1   at 5   at 10   same or different   area
    raw pixels   15.5          25.2   61.1    74.1                53.1   50.4
    untrained    19.3          33.0   76.6    92.4                56.8   55.8
    BYOL         42.5          80.7   99.2   100.0                66.1   67.1

Pictures of your own: `--data FOLDER --recipe cpu`, where FOLDER holds `train/CLASS/` and `test/CLASS/`.
"""

import argparse
import json

import keras
import numpy as np
import rich
import rich.table

import byol_keras as bk


def main() -> None:
    options = parse_options()
    run = bk.pretrain(
        data=options.data, run=options.run, resume=True, recipe=options.recipe, epochs=options.epochs, seed=options.seed
    )
    encoder = keras.models.load_model(run.encoder)
    source = bk.data.open_source(options.data, split="test")
    images, labels, _ = bk.data.Pictures(source, encoder.input_shape[1:3]).arrays()

    features = {"raw pixels": bk.evaluation.raw_pixels(images)}
    networks = {"untrained": bk.evaluation.untrained(encoder, seed=options.seed), "BYOL": encoder}
    features |= {name: bk.evaluation.extract_features(network, images) for name, network in networks.items()}
    found = {name: judged(vectors, labels) for name, vectors in features.items()}
    with open(run.file("look_alikes.json"), "w") as file:
        json.dump(found, file, indent=2)
    rich.print(table(found))


def judged(features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What a representation is worth for finding and for comparing."""
    search, pairs = bk.evaluation.retrieval(features, labels), bk.evaluation.same_or_different(features, labels)
    recall = {f"recall at {k}": share for k, share in search.recall.items()}
    return {"mAP": search.mean_average_precision, **recall, "same or different": pairs.accuracy, "area": pairs.area}


def table(found: dict[str, dict[str, float]]) -> rich.table.Table:
    shown = rich.table.Table("representation", *next(iter(found.values())))
    for name, numbers in found.items():
        shown.add_row(name, *(f"{100 * number:.1f}" for number in numbers.values()))
    return shown


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="shapes", help="pictures with a labelled part to judge by")
    parser.add_argument("--recipe", default="demo", help="settings of BYOL's training, by name")
    parser.add_argument("--epochs", type=int, help="length of BYOL's training. Default: the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="what weights and views depend on")
    parser.add_argument("--run", default="runs/look_alikes", help="folder for everything that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
