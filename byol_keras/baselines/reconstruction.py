"""An autoencoder: a representation from which the input can be made again."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from .. import admission
from ..viewing import as_encoded, make_pair, seed_of_batch
from .learner import Learner
from .series import mean_over, weights_of_steps

__all__ = ["Reconstruction"]


@keras.saving.register_keras_serializable(package="byol_keras")
class Reconstruction(Learner):
    """Learns a representation from which a decoder rebuilds the input.

    ```
    loss = mean over an example's values of  |decoder(encoder(corrupt(x))) - x|^2
    ```

    in the units of `statistics`; uint8 pictures become fractions of 255 first. Of series, of shape
    `(batch, time, channels)`, trailing steps that are all zeros are padding and do not count; each series counts the
    same, whatever its length.

    Calling the model, and `predict`, gives the reconstruction; the representation is what `encoder` returns:
    `bk.evaluation.extract_features(model.encoder, data)`. `fit` takes arrays and datasets as `BYOL` does, and ignores
    labels.

    Args:
        encoder: a built functional or `Sequential` model of one input of floats.
        decoder: a built Keras model from the encoder's output to the shape of its input, such as
            `bk.baselines.decoder_for` builds.
        corrupt: callable `(batch, seed) -> (view_1, view_2)`, such as any of `bk.views`, of which the first view is
            encoded instead of the example: a denoising autoencoder. It should leave things where they are, since
            values are compared place by place. Default None.
        statistics: mean and standard deviation of every channel (the last axis), whose units errors are counted in
            and the decoder works in. Tables need it whose columns differ in scale. Default None: as they are.
        seed: int, what corruption and the order of arrays depend on. Default 0.
        **kwargs: `name` and `dtype`, as for every Keras model.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> encoder = bk.encoders.mlp(6, widths=(16, 4))
    >>> model = bk.baselines.Reconstruction(encoder, bk.baselines.decoder_for(encoder, widths=(16,)))
    >>> model.compile("adam")
    >>> rows = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
    >>> history = model.fit(rows, epochs=2, verbose=0)
    >>> model.predict(rows, verbose=0).shape, bk.evaluation.extract_features(model.encoder, rows).shape
    ((64, 6), (64, 4))

    Reference: [Vincent et al., 2010](https://www.jmlr.org/papers/v11/vincent10a.html), for `corrupt`.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        corrupt: Callable | None = None,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        _check(encoder, decoder)
        super().__init__(statistics, seed, **kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.corrupt = corrupt
        self.built = True

    @property
    def parts(self) -> list[keras.Layer]:
        return [self.encoder, self.decoder]

    def call(self, inputs: object, training: bool | None = None) -> tf.Tensor:
        return self.original(self._rebuilt(as_encoded(inputs, self.encoder), training))

    def losses_of(self, inputs: tf.Tensor, seed: tf.Tensor, training: bool) -> tf.Tensor:
        given = self._corrupted(inputs, seed)
        errors = tf.math.squared_difference(self._rebuilt(given, training), self.standard(inputs))
        if errors.shape.rank == 3:
            return mean_over(tf.reduce_mean(errors, axis=-1), weights_of_steps(inputs))
        return tf.reduce_mean(errors, axis=list(range(1, errors.shape.rank)))

    def _corrupted(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return inputs if self.corrupt is None else as_encoded(make_pair(self.corrupt, inputs, seed)[0], self.encoder)

    def _rebuilt(self, inputs: tf.Tensor, training: bool | None) -> tf.Tensor:
        rebuilt = self.decoder(self.encoder(inputs, training=training), training=training)
        return tf.cast(rebuilt, tf.float32)

    def check_values(self, examples: object) -> None:
        getattr(self.corrupt, "check", admission.check_finite)(examples)

    def check_batch(self, batch: object, replicas: int) -> None:
        super().check_batch(batch, replicas)
        few = as_encoded(batch[:2], self.encoder)
        shape = self._corrupted(few, seed_of_batch(self.seed, 0, 0)).shape
        if shape != few.shape:
            raise ValueError(
                "`corrupt` must leave examples their shape, since they are compared with their reconstruction. "
                f"Received: {tuple(shape[1:])} from {tuple(few.shape[1:])}"
            )

    def get_config(self) -> dict:
        parts = ("encoder", "decoder", "corrupt")
        return super().get_config() | {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in parts}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Reconstruction":
        parts = [name for name in ("encoder", "decoder", "corrupt") if config[name] is not None]
        revived = {name: keras.saving.deserialize_keras_object(config[name], custom_objects) for name in parts}
        return cls(**config | revived)


def _check(encoder: keras.Model, decoder: keras.Model) -> None:
    for name, model in (("encoder", encoder), ("decoder", decoder)):
        admission.check_head(model, name)
    inputs = getattr(encoder, "inputs", None) or []
    if len(inputs) != 1 or not keras.backend.is_float_dtype(inputs[0].dtype):
        raise ValueError(
            "`encoder` must be a functional or Sequential model of one input of floats. "
            f"Received: encoder={encoder.name!r} with inputs of {', '.join(part.dtype for part in inputs) or 'no kind'}"
        )
    given, wanted = admission.output_shape(encoder), getattr(decoder, "input_shape", None)
    if wanted is not None and not _alike(given, wanted):
        raise ValueError(
            "`decoder` must take what `encoder` returns. "
            f"Received: a decoder of {wanted[1:]}, an encoder to {given[1:]}"
        )
    taken, returned = tuple(inputs[0].shape), tuple(admission.output_shape(decoder))
    if not _alike(taken, returned):
        raise ValueError(
            "`decoder` must return what `encoder` takes. "
            f"Received: a decoder to {returned[1:]}, an encoder of {taken[1:]}"
        )


def _alike(one: tuple, other: tuple) -> bool:
    return len(one) == len(other) and all(None in pair or len(set(pair)) == 1 for pair in zip(one, other, strict=True))
