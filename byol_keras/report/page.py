"""The page of a run: one HTML file that needs nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from ..version import __version__
from ..writing import write_text
from .markup import Html, join, readable, tag
from .material import Material
from .record import RunRecord, read_run
from .sections import material_sections, record_sections, result_sections
from .style import STYLE
from .summary import summarize
from .verdict import verdict_panel

__all__ = ["write_report"]


def write_report(
    run: str | os.PathLike,
    material: Material | None = None,
    title: str | None = None,
    environment: Mapping | None = None,
) -> str:
    """Writes `report.html` into a run folder.

    The page shows whatever the folder holds; a file that is missing or cut short costs its section, never the page.
    It makes no requests: style, plots and pictures are inside.

    Args:
        run: an existing run folder.
        material: a sample of pictures with their features, for the gallery and the map. Default None: without them.
        title: heading of the page. Default None: the folder's name.
        environment: where the run took place, as names and values. Default None: what `environment.json` says.

    Returns:
        The path of the page.

    Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "metrics.jsonl").write_text('{"step": 10, "loss": 1.5, "target_std": 0.9}')
    >>> write_report(folder, title="First try") == f"{folder}/report.html"
    True
    """
    if not tf.io.gfile.isdir(run):
        raise ValueError(f"`run` must be an existing run folder. Received: run={os.fspath(run)!r}")
    folder = read_run(run)
    page = _page(folder, material, title or _name(folder), folder.environment if environment is None else environment)
    path = os.path.join(run, "report.html")
    write_text(path, page)
    return path


def _name(run: RunRecord) -> str:
    return Path(run.path).resolve().name or "run"


def _page(run: RunRecord, material: Material | None, title: str, environment: Mapping) -> Html:
    title = readable(title, 120)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title} · BYOL run"),
        tag("style", Html(STYLE)),
    )
    body = tag(
        "body",
        _header(run, title),
        tag("main", verdict_panel(summarize(run)), *_sections(run, material, environment)),
        tag("footer", f"Written by byol_keras {__version__}."),
    )
    return join(Html("<!doctype html>\n"), tag("html", head, body, lang="en"), Html("\n"))


def _header(run: RunRecord, title: str) -> Html:
    recipe = run.plan.get("recipe")
    decided = {"encoder": run.plan.get("encoder"), "recipe": recipe.get("name") if isinstance(recipe, dict) else None}
    known = (decided.get(name) or run.config.get(name, "null") for name in ("data", "encoder", "recipe"))
    about = tag("p", " · ".join(readable(value, 100) for value in known if value not in ("", "null")))
    return tag("header", tag("p", "BYOL run", class_="kind"), tag("h1", tag("bdi", title)), about)


def _sections(run: RunRecord, material: Material | None, environment: Mapping) -> list[Html]:
    shown = material_sections(material) if material is not None else []
    return [*result_sections(run), *shown, *record_sections(run, environment)]
