"""Text: strings, whose words are numbered inside the model."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ... import encoders
from ...config import PretrainConfig
from ...data import Examples, Source, open_texts, vectorizer
from ...recipes import Recipe
from ...report.drawing import draw_texts
from ...report.wording import KINDS
from ...views import TokenViews
from ..initial import layer_in
from ..plan import Plan
from .kind import Form, Kind, Wanted, streamed

__all__ = ["TextKind"]

_WORDS = 10_000
# Of a bag of words these are the commonest; of more, features of many texts would not fit into memory.
_COUNTED = 2000
_NAME = re.compile(r"(gru|lstm|simple|transformer)(?:x([1-9]))?")
_WIDTH = 128


class TextKind(Kind):
    """Strings. The words of the training texts are numbered once; the run's encoder takes strings."""

    words = KINDS["text"]

    def open(self, config: PretrainConfig, wanted: Wanted) -> Source:
        text_key, *more = config.listed("columns") or ["text"]
        if more:
            raise ValueError(f"`columns` must name one column, that of the texts. Received: {[text_key, *more]}")
        options = {"text_key": text_key, "label_key": config.label_key, "labelled": wanted.known is None}
        try:
            return open_texts(wanted.data, split=wanted.split, labels=wanted.labels, **options)
        except ValueError as error:
            text = str(error).replace("`text_key`", "`columns`")
            raise ValueError(text.replace("Received: text_key=", "Received: columns=")) from None

    def known(self, config: PretrainConfig, source: Source) -> dict[str, Any]:
        if config.init_from is None:
            texts = source.gather(np.arange(len(source)))
            layer = vectorizer(texts, vocabulary=config.vocabulary or _WORDS, length=config.size).layers[-1]
        else:
            # An encoder knows the words that it has learned, by their numbers.
            layer = layer_in(config.init_from, keras.layers.TextVectorization)
        words = layer.get_vocabulary(include_special_tokens=False)
        return {"length": layer.compute_output_shape((1,))[-1], "vocabulary": [str(word) for word in words]}

    def form(self, config: PretrainConfig, recipe: Recipe, source: Source, known: Mapping[str, Any]) -> Form:
        return Form((), None)

    def training(self, source: Source, plan: Plan, config: PretrainConfig, skipped: str | None) -> Examples:
        return streamed(source, (), plan.seed, config.max_bad_fraction, skipped, dtype="string")

    def whole(self, source: Source, plan: Plan, config: PretrainConfig) -> Examples:
        return streamed(source, (), dtype="string")

    def preprocessor(self, plan: Plan) -> keras.Model:
        words = plan.known["vocabulary"]
        return vectorizer(words, vocabulary=words, length=plan.known["length"])

    def encoder(self, plan: Plan) -> keras.Model:
        found = _NAME.fullmatch(plan.encoder)
        if found is None:
            raise ValueError(
                "`encoder` must be gru, lstm, simple or transformer, or grux2 and the like, for text. "
                f"Received: encoder={plan.encoder!r}"
            )
        ids, width = len(plan.known["vocabulary"]) + 2, int(found[2] or 1) * _WIDTH
        return encoders.text(ids, plan.known["length"], found[1], width)

    def views(self, plan: Plan) -> Callable:
        return TokenViews(**plan.recipe.view_options)

    def features(self, plan: Plan) -> Callable[[np.ndarray], np.ndarray]:
        number, counted = self.preprocessor(plan), min(_COUNTED, len(plan.known["vocabulary"]) + 2)

        def count(batch: np.ndarray) -> np.ndarray:
            ids = number(tf.convert_to_tensor(batch)).numpy()
            counts = np.zeros((len(ids), counted), "float32")
            np.add.at(counts, (np.arange(len(ids))[:, None], np.where(ids < counted, ids, 1)), np.float32(1))
            # How often padding and unknown words occur is no word.
            counts[:, :2] = 0.0
            return np.log1p(counts)

        return count

    def drawn(self, examples: np.ndarray, plan: Plan) -> np.ndarray:
        examples = np.asarray(examples)
        if examples.dtype.kind not in "iu":
            return draw_texts([text.decode() if isinstance(text, bytes) else str(text) for text in examples])
        words = np.array(["", "\N{MIDDLE DOT}", *plan.known["vocabulary"]], "object")
        return draw_texts([" ".join(words[row[row > 0]]) for row in examples])
