"""Tables of the page: accuracies, skipped files, settings."""

from collections.abc import Iterable, Mapping, Sequence

from ..evaluation import Row
from .markup import Html, join, readable, tag
from .record import Judgement
from .summary import TRAINED
from .verdict import accuracy_bar
from .wording import between, capital, judge_name, percent, representation_name

__all__ = ["accuracy_table", "cells_table", "settings_table", "skipped_table"]

SHOWN_SKIPS = 20
SHOWN_SETTINGS = 200
SHOWN_ITEMS = 50


def accuracy_table(judgement: Judgement) -> Html:
    """One line for each representation, one column for each judge, the best of each column in bold."""
    judges = list(dict.fromkeys(row.judge for row in judgement.rows))
    representations = list(dict.fromkeys(row.representation for row in judgement.rows))
    best = {judge: max(row.accuracy for row in judgement.rows if row.judge == judge) for judge in judges}
    head = tag("tr", tag("th", "Features", scope="col"), *(tag("th", _heading(name), scope="col") for name in judges))
    lines = []
    for representation in representations:
        cells = (_cell(judgement.find(representation, judge), best[judge]) for judge in judges)
        name = tag("th", readable(representation_name(representation), 60), scope="row")
        lines.append(tag("tr", name, *cells, class_="first" if representation in TRAINED else None))
    return _table("accuracies", tag("thead", head), tag("tbody", *lines))


def _heading(judge: str) -> str:
    return capital(readable(judge_name(judge), 60))


def _cell(row: Row | None, best: float) -> Html:
    if row is None:
        return tag("td", tag("span", "not measured"))
    number = tag("b", percent(row.accuracy))
    kind = "best" if row.accuracy == best else None
    return tag("td", number, tag("span", between(row)), accuracy_bar(row), class_=kind)


def cells_table(kind: str, head: Iterable[str], lines: Iterable[Sequence[object]]) -> Html:
    """Lines of cells, of which each first one names the line.

    Args:
        kind: class of the table.
        head: what stands over the columns.
        lines: a cell for each column.
    """
    body = [tag("tr", tag("th", name, scope="row"), *(tag("td", cell) for cell in cells)) for name, *cells in lines]
    titles = tag("tr", *(tag("th", title, scope="col") for title in head))
    return _table(kind, tag("thead", titles), tag("tbody", *body))


def skipped_table(skipped: list[tuple[str, str]]) -> Html:
    """The first of the skipped files with their reasons."""
    lines = [(tag("bdi", readable(name, 200)), readable(reason, 200)) for name, reason in skipped[:SHOWN_SKIPS]]
    return _rows("skips", lines)


def settings_table(settings: Mapping) -> Html:
    """Names and values, nested ones flattened with dots."""
    lines = [*_flat(settings)]
    more = [("…", f"{len(lines):,} settings in all")] if len(lines) > SHOWN_SETTINGS else []
    return _rows("settings", lines[:SHOWN_SETTINGS] + more)


def _flat(settings: Mapping, prefix: str = "", depth: int = 0) -> Iterable[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and depth < 4:
            yield from _flat(value, f"{prefix}{readable(key, 100)}.", depth + 1)
        else:
            shown = _listed(value) if isinstance(value, list | tuple) else readable(value)
            yield f"{prefix}{readable(key, 100)}", shown


def _listed(values: Sequence) -> str:
    text = ", ".join(readable(item, 100) for item in values[:SHOWN_ITEMS])
    more = f", … ({len(values):,} in all)" if len(values) > SHOWN_ITEMS else ""
    return readable(text) + more


def _rows(kind: str, lines: Iterable[tuple[object, object]]) -> Html:
    body = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in lines]
    return _table(kind, tag("tbody", *body))


def _table(kind: str, *parts: Html) -> Html:
    # The box takes the keyboard's focus, so that it scrolls without a mouse too.
    return tag("div", tag("table", join(*parts), class_=kind), class_="scroll", tabindex="0")
