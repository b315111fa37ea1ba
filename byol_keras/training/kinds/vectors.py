"""Vectors: rows of numbers, from tables and arrays."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from ... import encoders
from ...arguments import did_you_mean
from ...config import PretrainConfig
from ...data import Examples, Source, open_vectors
from ...layers import Columns
from ...recipes import Recipe
from ...report.drawing import draw_rows
from ...report.wording import KINDS
from ...views import VectorViews
from ..plan import Plan
from .kind import Form, Kind, Wanted, example_shape, sampled, scale_of, streamed

__all__ = ["VectorsKind"]

_SAMPLED = 20_000
_NAME = re.compile(r"mlp(?:x([1-9]))?")
_WIDTHS = (256, 256)


class VectorsKind(Kind):
    """Rows of numbers. Columns are brought to one scale inside the encoder, categories are spread there."""

    words = KINDS["vectors"]

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        asked = {"columns": config.listed("columns"), "categories": config.listed("categorical") or ()}
        known = wanted.known or asked
        source = open_vectors(
            wanted.data,
            split=wanted.split,
            labels=wanted.labels,
            label_key=config.label_key,
            labelled=wanted.known is None,
            columns=known["columns"],
            categorical=known["categories"],
        )
        if wanted.known is None and config.columns is not None and not source.columns:
            raise ValueError(
                f"`columns` must be None for {source.name}: only those of a table have names. "
                f"Received: columns={config.columns!r}"
            )
        return source

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        names = source.columns or [str(number) for number in range(example_shape(source)[0])]
        words = {names[number]: list(found) for number, found in source.categories.items()}
        return {"columns": list(source.columns) or None, "categories": words}

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        values, _, _ = streamed(sampled(source, _SAMPLED), example_shape(source)).arrays()
        return Form(values.shape[1:], scale_of(values))

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        return streamed(source, plan.shape, plan.seed, config.max_bad_fraction, skipped)

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        found = example_shape(source)
        if found != tuple(plan.shape):
            raise ValueError(
                f"`source` must hold rows of {plan.shape[0]} columns, as those that the run has learned from. "
                f"Received: {source.name} with {found[0]}"
            )
        return streamed(source, plan.shape)

    def encoder(self, plan: Plan) -> keras.Model:
        found = _NAME.fullmatch(plan.encoder)
        if found is None:
            raise ValueError(
                "`encoder` must be mlp, or mlpx2 for twice its width, for vectors."
                f"{did_you_mean(plan.encoder, ['mlp'])} Received: encoder={plan.encoder!r}"
            )
        widths = [int(found[1] or 1) * width for width in _WIDTHS]
        categories = _categories(plan)
        return encoders.mlp(plan.shape, widths, statistics=plan.statistics, categories=categories)

    def views(self, plan: Plan) -> VectorViews:
        return VectorViews(**plan.recipe.view_options, categorical=list(_categories(plan)))

    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        scaled = Columns(*plan.statistics, _categories(plan))
        return lambda batch: scaled(batch).numpy()

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        return draw_rows(np.asarray(examples), *plan.statistics)


def _categories(plan: Plan) -> dict[int, int]:
    """How many words there are, by the number of the column."""
    names = plan.known["columns"] or [str(number) for number in range(plan.shape[0])]
    return {names.index(name): len(words) for name, words in plan.known["categories"].items()}
