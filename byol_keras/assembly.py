"""The online network made whole: an encoder that returns vectors, and heads that fit it."""

import keras

from . import heads
from .admission import check_encoder, check_head, check_heads, output_shape
from .encoders import pooled

__all__ = ["assemble"]


def assemble(
    encoder: keras.Model, projector: keras.Model | None, predictor: keras.Model | bool | None
) -> tuple[keras.Model, keras.Model, keras.Model | None]:
    """Encoder, projector and predictor as given, with what is missing added.

    Args:
        encoder: a built model; one that returns feature maps is pooled.
        projector: None takes the default for the encoder's width.
        predictor: None takes the default, False stands for none.
    """
    check_encoder(encoder)
    if len(output_shape(encoder)) > 2:
        encoder = pooled(encoder)
    features = output_shape(encoder)[-1]
    hidden, output = heads.head_widths(features)
    if projector is None:
        projector = heads.projector(features, hidden, output)
    check_head(projector, "projector")
    if predictor is None:
        predictor = heads.predictor(output_shape(projector)[-1], hidden, output_shape(projector)[-1])
    elif predictor is not False:
        check_head(predictor, "predictor")
    check_heads(encoder, projector, predictor or None)
    return encoder, projector, predictor or None
