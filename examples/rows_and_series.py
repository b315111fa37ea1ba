"""Rows of numbers and series: one command each, and what it learns beside everything that it has to beat.

    python examples/rows_and_series.py --kind vectors --seeds 0 1 2
    python examples/rows_and_series.py --kind sequences --epochs 20 --seeds 0 1 2
    python examples/rows_and_series.py --kind sequences --encoder gru --epochs 20 --seeds 0 1 2

The script makes a file of examples, trains on it with `byol-keras pretrain --kind ...`, judges with `byol-keras
evaluate`, and prints the mean over the seeds. What was begun with the same settings is continued, not begun again; for
others name another `--folder`. Nothing is downloaded:

- vectors: 784 noisy sensors, each of which sees eight hidden numbers in its own way; a class is five groups of those;
- sequences: one channel of a machine that swings in one of six forms, at any pace, height, offset and phase.

Ours, in percent, means of three seeds; one takes four minutes of one core with vectors, ten with sequences:

                        vectors     sequences  sequences, gru
                      kNN  linear   kNN  linear   kNN  linear
    raw values       44.3    30.9  29.6    20.2  29.6    20.2
    PCA              56.1    29.7  29.7    19.0  29.7    19.0
    untrained        15.7    18.2  58.3    86.4  29.0    36.2
    reconstruction   27.6    24.7  56.6    86.1  26.9    47.0
    next step                                    22.6    35.3
    supervised       51.7    47.4  96.8    97.5  56.6    82.9
    BYOL             58.6    48.8  72.0    93.1  23.0    45.5

With 4,000 rows, most of them noise, labels are learned by heart: BYOL is ahead of the network that was given them.
Series tell their form to convolutions that never learned anything, and no autoencoder adds to that. A recurrent layer
learns slowly, with labels too: a linear classifier gets more from it after BYOL, as after the autoencoder, neighbours
do not. (With `--loss infonce --tau 0.97` instead, one seed came to 28.3 / 59.3.)
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

BASELINES = ["raw", "pca", "untrained", "reconstruction", "supervised"]
TRAINED, TESTED = 4000, 1000
EPOCHS = 60  # of both recipes


def main() -> None:
    options = parse_options()
    results = [result(options, seed) for seed in options.seeds]
    print_table(options.kind, results)
    if options.json:
        options.json.write_text(json.dumps(dict(zip(options.seeds, results, strict=True)), indent=2))


def result(options: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    """The accuracies of one seed, by representation and judge."""
    folder = options.folder / f"{options.encoder or options.kind}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    data = DATA[options.kind](folder, options.examples, seed)
    run = str(folder / "run")
    epochs = str(options.epochs or EPOCHS)
    words = ["--data", data, "--kind", options.kind, "--seed", str(seed), "--epochs", epochs]
    words += [] if options.encoder is None else ["--encoder", options.encoder]
    command("pretrain", "--resume", "--run", run, *words)
    baselines = ["--baselines", options.baselines or usual_baselines(options)]
    command("evaluate", "--run", run, *baselines, "--judges", "knn,linear", "--baseline-epochs", epochs)
    rows = json.loads((folder / "run" / "evaluation.json").read_text())["rows"]
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["representation"], {})[row["judge"]] = row["accuracy"]
    return found


def usual_baselines(options: argparse.Namespace) -> str:
    """All of them; what comes next can be told by networks only that read a series one way."""
    one_way = options.encoder in ("gru", "lstm", "simple")
    return ",".join([*BASELINES[:-1], *(["next_step"] if one_way else []), BASELINES[-1]])


def command(*words: str) -> None:
    print("byol-keras", *words, file=sys.stderr)
    subprocess.run([sys.executable, "-m", "byol_keras", *words], check=True, stdout=sys.stderr)


def vectors(folder: Path, examples: int, seed: int) -> str:
    """Rows of 784 numbers: eight hidden ones, from one of five groups for each class, through a network, in noise."""
    fixed = np.random.default_rng(0)
    first, second = fixed.normal(size=(8, 64)) / 2**0.5, fixed.normal(size=(64, 784)) / 8
    centres = fixed.normal(size=(10, 5, 8))

    def rows(count: int, part: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng((seed, part))
        classes, groups = generator.integers(0, 10, count), generator.integers(0, 5, count)
        hidden = centres[classes, groups] + generator.normal(scale=0.4, size=(count, 8))
        seen = np.tanh(hidden @ first) @ second
        return (seen + generator.normal(scale=4.0, size=seen.shape)).astype("float32"), classes

    return saved(folder / "vectors.npz", rows, examples)


def sequences(folder: Path, examples: int, seed: int) -> str:
    """Series of 60 to 100 steps; what follows the end of a shorter one is NaN."""
    forms = (
        np.sin,
        lambda angle: np.sign(np.sin(angle)),
        lambda angle: angle % (2 * np.pi) / np.pi - 1,
        lambda angle: 1 - angle % (2 * np.pi) / np.pi,
        lambda angle: 2 * np.abs(np.sin(angle / 2)) - 1,
        lambda angle: np.sin(angle) * (1 - np.cos(angle)) / 1.3,
    )

    def series(count: int, part: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng((seed, part))
        classes = generator.integers(0, len(forms), count)
        values = np.full((count, 100, 1), np.nan, "float32")
        for row, kind in enumerate(classes):
            length = generator.integers(60, 101)
            angle = np.arange(length) * generator.uniform(0.3, 0.7) + generator.uniform(0, 2 * np.pi)
            swing = generator.uniform(0.5, 2.0) * forms[kind](angle) + generator.normal()
            values[row, :length, 0] = swing + generator.normal(scale=0.3, size=length)
        return values, classes

    return saved(folder / "series.npz", series, examples)


def saved(path: Path, make, examples: int) -> str:
    (train, labels), (test, truth) = make(examples, 0), make(TESTED, 1)
    np.savez(path, x_train=train, y_train=labels, x_test=test, y_test=truth)
    return str(path)


DATA = {"vectors": vectors, "sequences": sequences}


def print_table(kind: str, results: list[dict[str, dict[str, float]]]) -> None:
    print(f"\n{kind:<16}{'kNN':>20}{'linear':>20}   % right, mean of {len(results)} seeds (least - most)")
    for name in results[0]:
        cells = []
        for judge in ("knn", "linear"):
            values = 100 * np.array([result[name][judge] for result in results])
            cells.append(f"{values.mean():.1f} ({values.min():.1f} - {values.max():.1f})")
        print(f"{'BYOL' if name == 'online' else name:<16}{cells[0]:>20}{cells[1]:>20}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kind", choices=[*DATA], default="vectors")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--examples", type=int, default=TRAINED)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--encoder", help="the network by name, instead of the recipe's")
    parser.add_argument("--baselines", help="what stands beside BYOL, with commas. Default: all that can")
    parser.add_argument("--folder", type=Path, default=Path("runs/rows-and-series"))
    parser.add_argument("--json", type=Path, help="file for the accuracies of every seed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
