"""From a folder of your own pictures to an encoder that finds look-alikes.

    python examples/own_pictures.py FOLDER --minutes 15

No labels are needed; where sub-folders name classes they only judge the encoder. First comes `preview.png`: the two
views in the right columns must still show what you would recognise the picture by, because what they share is what the
encoder learns. Then training takes the minutes it was given. In the end there is a run folder with `report.html` (was
it healthy, how good is it, what does it take to be alike), `encoder.keras`, and, printed, the look-alikes of one of
your pictures. Broken files are skipped and listed in `skipped.txt`. Said again, the same command goes on with the same
run, should it have been interrupted.
"""

import argparse
import webbrowser
from pathlib import Path

import keras
import numpy as np

import byol_keras as bk


def main() -> None:
    options = parse_options()
    source = bk.data.open_source(options.folder)
    classes = f"{len(source.class_names)} classes" if source.class_names else "no classes"
    print(f"{len(source):,} pictures, {classes}")
    print(f"views to look at: {preview(source, options)}")

    budget = {"minutes": options.minutes} if options.epochs is None else {"epochs": options.epochs}
    settings = {"recipe": options.recipe, "size": options.size, "batch_size": options.batch_size, **budget}
    run = bk.pretrain(data=options.folder, run=options.run, resume=True, **settings)
    if options.show:
        webbrowser.open(Path(run.report).resolve().as_uri())

    features, paths = embed(keras.models.load_model(run.encoder), source, options.size)
    query = paths.index(options.like) if options.like else 0
    print(f"\nmost like {paths[query]}:")
    for index, cosine in look_alikes(features, query, count=8):
        print(f"  {cosine:.3f}  {paths[index]}")


def preview(source: bk.data.Source, options: argparse.Namespace) -> str:
    """A picture of eight pictures and their views."""
    some = np.random.default_rng(0).permutation(len(source))[:8]
    originals, _, _ = bk.data.Pictures(source.subset(some), options.size).arrays()
    recipe = bk.recipes.get(options.recipe)
    first, second = recipe.views(recipe.view_size((options.size, options.size)))(originals, seed=(0, 0))
    Path(options.run).mkdir(parents=True, exist_ok=True)
    return bk.report.preview(originals, first.numpy(), second.numpy(), Path(options.run) / "preview.png")


def embed(encoder: keras.Model, source: bk.data.Source, size: int) -> tuple[np.ndarray, list[str]]:
    """The features of every picture that can be read, and its path; pictures stream through."""
    features, paths = [], []
    for batch, indices in bk.data.Pictures(source, size, max_bad_fraction=1.0).whole(batch_size=256):
        features.append(bk.evaluation.extract_features(encoder, batch))
        paths += [source.path(int(index)) for index in indices]
    return np.concatenate(features), paths


def look_alikes(features: np.ndarray, query: int, count: int) -> list[tuple[int, float]]:
    """The most similar other pictures by cosine, most similar first."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = unit @ unit[query]
    nearest = [index for index in np.argsort(-cosines, kind="stable") if index != query]
    return [(index, cosines[index]) for index in nearest[:count]]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="with pictures, searched all through; or any other source that bk.data opens")
    parser.add_argument("--minutes", type=float, default=15, help="time to train for")
    parser.add_argument("--epochs", type=int, help="passes over the pictures, instead of minutes")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures in pixels, as the encoder sees them")
    parser.add_argument("--batch-size", type=int, help="pictures per step. Default: the recipe's, or what there are")
    parser.add_argument("--recipe", default="cpu", help="settings of training, by name")
    parser.add_argument("--run", default="runs/own_pictures", help="folder for everything that is written")
    parser.add_argument("--like", help="path, within the folder, of the picture to find look-alikes of")
    parser.add_argument("--show", action="store_true", help="open the report in a browser")
    return parser.parse_args()


if __name__ == "__main__":
    main()
