"""BYOL itself: two networks, two views, one loss."""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from . import admission, stepping, threads
from .assembly import assemble
from .cloning import twin
from .copies import HalfCopies
from .evaluation.health import normalized_std
from .follower import Follower
from .losses import regression_loss
from .metrics import Latest
from .viewing import as_encoded, make_pair, seed_of_batch

__all__ = ["BYOL"]

_TRAIN, _TEST = 0, 1


@keras.saving.register_keras_serializable(package="byol_keras")
class BYOL(Follower):
    """Bootstrap Your Own Latent: learns a representation from unlabelled data.

    Two views of every example go through two networks. The online network (encoder, projector, predictor) learns
    to predict what the target network (encoder, projector) makes of the other view:

    ```
    loss = l(q(z_1), z'_2) + l(q(z_2), z'_1)        summed, not averaged
    ```

    with `z` the online and `z'` the target projections, `q` the predictor and `l` the squared distance of unit
    vectors. Gradients reach the online network only. The target follows it as an exponential moving average,
    which `TargetEMA` takes care of; `fit` adds one when none is passed. The target runs in training mode: it
    normalises by the statistics of its own batch and keeps moving statistics of its own.

    Calling the model, and `predict`, gives the representation: the output of the online encoder.
    The class knows nothing of pictures. Any input that the encoder takes and `views` can vary will do.

    Logged are `loss`, `target_std` (how far apart the target projections lie: 1 is healthy, 0 is collapsed),
    `tau` and `learning_rate`. A step whose loss or gradients are not finite changes nothing, and training stops
    with that step's number. In float16, where gradients of a scaled loss may overflow, such a step is skipped and the
    scale halved; training stops once the scale falls below 1.

    Args:
        encoder: a built Keras model that returns a vector or a feature map (which is then averaged).
        views: callable `(batch, seed) -> (view_1, view_2)`, e.g. `bk.views.ImageViews`. None (the default) means that
            the data brings the pair itself, as `{"view_1": ..., "view_2": ...}`.
        projector: built Keras model on the encoder's output. Default: `bk.heads.projector`, 4096 wide with 256
            outputs for encoders of 512 features or more, narrower for smaller ones (`bk.heads.head_widths`).
        predictor: built Keras model on the projector's output. Default: `bk.heads.predictor`.
            `False` removes it, which lets the representation collapse.
        loss: callable `(prediction, target) -> (batch,)`, one direction. Default `bk.losses.regression_loss`.
        preprocessor: model or layer for raw inputs, applied before the views, in calls and in exports; never
            trained. Default None.
        seed: int, what views and the order of arrays depend on. Default 0.
        **kwargs: `name` and `dtype`, as for every Keras model.

    Example:
    >>> import byol_keras as bk, numpy as np
    >>> encoder = bk.encoders.small_resnet((32, 32, 3), widths=(8, 16))
    >>> model = bk.BYOL(encoder, views=bk.views.ImageViews(32, preset="cifar"))
    >>> model.compile(bk.LARS(learning_rate=0.2))
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype="uint8")
    >>> history = model.fit(images, epochs=2, batch_size=32, verbose=0)
    >>> sorted(history.history)
    ['learning_rate', 'loss', 'target_std', 'tau']
    >>> model.predict(images, verbose=0).shape
    (64, 16)

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733).
    """

    def __init__(
        self,
        encoder: keras.Model,
        views: Callable | None = None,
        projector: keras.Model | None = None,
        predictor: keras.Model | bool | None = None,
        loss: Callable | None = None,
        preprocessor: keras.Layer | None = None,
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        admission.check_strategy()
        self.encoder, self.projector, self.predictor = assemble(encoder, projector, predictor)
        self.target_encoder = twin(self.encoder, "encoder")
        self.target_projector = twin(self.projector, "projector")
        self.views = views
        self.preprocessor = preprocessor
        self.loss_function = loss or regression_loss
        self.std_tracker = keras.metrics.Mean(name="target_std")
        self.rate_tracker = Latest(name="learning_rate")
        self.built = True

    @property
    def _online(self) -> list[keras.Model]:
        return [part for part in (self.encoder, self.projector, self.predictor) if part is not None]

    @property
    def _target(self) -> list[keras.Model]:
        return [self.target_encoder, self.target_projector]

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The online network's, which is what the optimizer is built for."""
        if not self.trainable:
            return []
        return [variable for part in self._online for variable in part.trainable_variables]

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        return self.trainable_variables

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        return self._others(self.variables)

    @property
    def non_trainable_weights(self) -> list[keras.Variable]:
        return self._others(self.weights)

    def _others(self, variables: list[keras.Variable]) -> list[keras.Variable]:
        online = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in variables if id(variable) not in online]

    @property
    def losses(self) -> list[tf.Tensor]:
        """The online network's regularisation losses."""
        return [loss for part in self._online for loss in part.losses]

    def call(self, inputs: object, training: bool | None = None) -> tf.Tensor:
        return self.encoder(as_encoded(self._preprocess(inputs), self.encoder), training=training)

    def pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        online = self.encoder.weights + self.projector.weights
        target = self.target_encoder.weights + self.target_projector.weights
        return list(zip(online, target, strict=True))

    def train_step(self, data: object) -> dict:
        views = self._make_views(data, _TRAIN, self.batches_seen)
        restore = self.remember(self._online + self._target)
        # Without statistics, which every pass moves.
        with HalfCopies(theirs for _, theirs in self.moving_pairs()):
            targets = [self._project_target(view, training=True) for view in views]
        loss, gradients = self._gradients(self._directions(views, targets))
        self.rate_tracker.update_state(self.optimizer.learning_rate)
        steps_before = tf.identity(self.optimizer.iterations)
        self.descend(loss, gradients, restore)
        self.move_in_step(steps_before)
        self._track(loss, targets)
        return stepping.measured(self.metrics)

    def test_step(self, data: object) -> dict:
        views = self._make_views(data, _TEST, stepping.seen(self._loss_tracker))
        targets = [self._project_target(view, training=False) for view in views]
        self._track(self._objective(self._directions(views, targets), training=False), targets)
        return stepping.measured((self._loss_tracker, self.std_tracker))

    def _project_target(self, view: object, training: bool) -> tf.Tensor:
        projection = self.target_projector(self.target_encoder(view, training=training), training=training)
        return tf.stop_gradient(tf.cast(projection, tf.float32))

    def _predict_target(self, view: object, training: bool) -> tf.Tensor:
        for part in self._online:
            view = part(view, training=training)
        return tf.cast(view, tf.float32)

    def _directions(self, views: list, targets: list[tf.Tensor]) -> list[tuple]:
        """From one view to the target of the other, and back."""
        return list(zip(views, reversed(targets), strict=True))

    def _gradients(self, directions: list[tuple]) -> tuple[tf.Tensor, list]:
        """The loss in both directions, and its gradients.

        Where little is lost by it, one direction is done with before the other begins, which takes up to a quarter of
        the memory less.
        """
        parts = [directions] if threads.at_once() else [[direction] for direction in directions]
        return self.differentiate(functools.partial(self._objective, training=True), *parts)

    def _objective(self, directions: list[tuple], training: bool) -> tf.Tensor:
        total = 0.0
        for view, other in directions:
            prediction = self._predict_target(view, training)
            total += tf.reduce_mean(self.loss_function(prediction, other))
            # Activity losses belong to one view's pass, weight losses to both: half of each pass' sum is right.
            total += sum(self.losses) / 2.0
        return total

    def _track(self, loss: tf.Tensor, targets: list[tf.Tensor]) -> None:
        size = tf.shape(targets[0])[0]
        spread = sum(map(normalized_std, targets)) / 2.0
        stepping.track(self._loss_tracker, loss, size)
        stepping.track(self.std_tracker, spread, size)

    def _make_views(self, data: object, stream: int, index: tf.Tensor) -> list:
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.views_of(inputs, seed_of_batch(self.seed, stream, index))

    def views_of(self, inputs: object, seed: tf.Tensor) -> list:
        """Both views of raw inputs, as the encoders take them.

        Args:
            inputs: a batch as the data brings it.
            seed: int32 tensor of shape (2,), the same on all replicas.
        """
        return [as_encoded(view, self.encoder) for view in make_pair(self.views, self._preprocessed(inputs), seed)]

    def _preprocessed(self, inputs: object) -> object:
        if self.views is None and isinstance(inputs, dict):
            return {name: self._preprocess(view) for name, view in inputs.items()}
        return self._preprocess(inputs)

    def _preprocess(self, inputs: object) -> object:
        return inputs if self.preprocessor is None else self.preprocessor(inputs)

    def check_values(self, examples: object) -> None:
        # Over all examples a preprocessor would take long, and much memory: `check_batch` asks it for the first ones.
        check = self._check_prepared if self.preprocessor is None else admission.check_finite
        check(examples)

    def _check_prepared(self, examples: object) -> None:
        getattr(self.views, "check", admission.check_finite)(examples)

    def check_batch(self, batch: object, replicas: int) -> None:
        if self.views is None:
            admission.check_pair(batch)
        layers = [layer for part in self._online for layer in part._flatten_layers()]
        size = keras.tree.flatten(batch)[0].shape[0]
        admission.check_batch_size(size, replicas, layers)
        if self.preprocessor is not None:
            admission.check_raw(batch, self.preprocessor)
            self._check_prepared(self._preprocessed(batch))
        few = keras.tree.map_structure(lambda leaf: leaf[:2], batch)
        admission.check_views(self.views_of(few, seed_of_batch(self.seed, _TRAIN, 0)), self.encoder)

    def get_config(self) -> dict:
        parts = ("encoder", "projector", "predictor", "views", "preprocessor")
        config = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in parts}
        config["predictor"] = config["predictor"] or False
        config["loss"] = keras.saving.serialize_keras_object(self.loss_function)
        return super().get_config() | config | {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "BYOL":
        parts = ("encoder", "projector", "predictor", "views", "preprocessor", "loss")
        revived = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in parts
            if config.get(name)
        }
        return cls(**config | revived)
