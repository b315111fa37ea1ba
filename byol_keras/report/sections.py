"""The sections of the page, each a heading, a sentence, and what it shows."""

from collections.abc import Mapping

from .advice import evaluate_command
from .atlas import atlas
from .compression import compression_curves, compression_table
from .gallery import gallery, nearest, pair_grid, shared_class
from .markup import Html, command, tag
from .material import Material
from .measurements import curves, key_numbers
from .plane import lay_out
from .record import RunRecord
from .summary import CALLED
from .tables import SHOWN_SKIPS, accuracy_table, settings_table, skipped_table
from .wording import capital, count, percent

__all__ = ["material_sections", "record_sections", "result_sections"]


def _section(title: str, sentence: object, *content: Html) -> Html:
    return tag("section", tag("h2", title), tag("p", sentence), *content)


def result_sections(run: RunRecord) -> list[Html]:
    """Key numbers, evaluation, compression and curves."""
    numbers = key_numbers(run)
    return [tag("section", numbers) if numbers else Html(), _evaluation(run), _compression(run), _training(run)]


def _evaluation(run: RunRecord) -> Html:
    if run.judgement.rows:
        sentence = (
            "The share of right answers with its 95% interval, from the features alone. "
            f"{capital(CALLED[run.words.raw])} and the network before training show what was there before."
        )
        return _section("Evaluation", sentence, accuracy_table(run.judgement))
    line = tag("div", command(evaluate_command(run)))
    return _section("Evaluation", f"Not evaluated yet. With labelled {run.words.many}:", line)


def _compression(run: RunRecord) -> Html:
    found = run.compression
    if found is None:
        return Html()
    sentence = (
        f"What is left of a feature vector of {count(found.width)} numbers that is cut to its first principal "
        f"components: found on {count(found.bank_examples)} examples, tried on {count(found.query_examples)} held out."
    )
    return _section("Compression", sentence, compression_curves(found), compression_table(found))


def _training(run: RunRecord) -> Html:
    drawn = curves(run.history)
    if not drawn:
        return _section("Training", "No metrics yet: curves appear here once the run has written some.")
    return _section("Training", "What was measured, over the batches of training.", drawn)


def material_sections(material: Material) -> list[Html]:
    """View pairs, nearest neighbours and the map, each where there is something to show."""
    return [_views(material), *(part(material) for part in (_neighbours, _map) if len(material.pictures) > 1)]


def _views(material: Material) -> Html:
    if material.view_pairs is None or not len(material.view_pairs[0]):
        return Html()
    sentence = (
        f"Two random views of each {material.words.one}. The network learns to give both the same description, so what "
        "differs between them is what it learns to ignore."
    )
    return _section("What the network sees", sentence, pair_grid(*material.view_pairs, material.words.one))


def _neighbours(material: Material) -> Html:
    neighbours = nearest(material.features)
    if not neighbours.shape[1]:
        return _section("Nearest neighbours", "There are none: the features are not finite numbers.")
    sentence = (
        f"Each large {material.words.one} is followed by the {neighbours.shape[1]} that the encoder finds most like "
        f"it, among {count(len(material.pictures))}, the nearest first. The large ones were not chosen for their looks."
    )
    shared = shared_class(material, neighbours)
    if shared is None:
        return _section("Nearest neighbours", sentence, gallery(material, neighbours))
    same, chance = map(percent, shared)
    sentence += f" Over all {material.words.many} {same} of neighbours share the class; chance would give {chance}."
    return _section("Nearest neighbours", sentence, _key(), gallery(material, neighbours))


def _key() -> Html:
    words = {"same": "same class", "other": "another class"}
    return tag(
        "ul", *(tag("li", tag("span", class_=f"swatch {kind}"), word) for kind, word in words.items()), class_="key"
    )


def _map(material: Material) -> Html:
    plane = lay_out(material.features)
    if plane is None:
        return _section(
            "Map of the features",
            f"There is none: it takes three {material.words.many} or more with finite features that differ.",
        )
    sentence = f"{count(len(plane.points))} {material.words.many} by {plane.method}."
    return _section("Map of the features", sentence, atlas(material, plane))


def record_sections(run: RunRecord, environment: Mapping) -> list[Html]:
    """What was skipped, configuration, plan and environment."""
    asked, decided = "What the run was asked to do; null left it to the recipe.", "What recipe and data made of that."
    return [
        _skipped(run),
        _settings("Configuration", asked, run.config),
        _settings("Plan", decided, run.plan) if run.plan else Html(),
        _settings("Environment", "Where it ran.", environment),
    ]


def _settings(title: str, sentence: str, settings: Mapping) -> Html:
    if not settings:
        return _section(title, "Not recorded in this run folder.")
    return _section(title, sentence, settings_table(settings))


def _skipped(run: RunRecord) -> Html:
    number = len(run.skipped)
    if not number:
        return _section("Skipped", "None that this run recorded.")
    skipped = run.words.many if number > 1 else run.words.one
    sentence = f"{count(number)} {skipped} could not be read and took no part in training."
    if number > SHOWN_SKIPS:
        sentence += f" The first {SHOWN_SKIPS}; the whole list is in skipped.txt."
    return _section("Skipped", sentence, skipped_table(run.skipped))
