"""Batch normalisation that runs TensorFlow's fused kernel."""

import keras
import tensorflow as tf

__all__ = ["BatchNormalization"]

FUSED_DTYPES = ("float16", "bfloat16", "float32")


@keras.saving.register_keras_serializable(package="byol_keras")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation, computed by one fused kernel where the inputs permit.

    Keras 3 composes batch normalisation of a dozen elementwise operations. This layer gives the same numbers
    (outputs, gradients, moving statistics, for the same arguments) from `FusedBatchNormV3`, which reads the
    inputs once or twice and keeps float32 statistics for half-precision inputs.

    The kernel serves inputs of any rank whose last axis is normalised. Everything else goes Keras' own way:
    another `axis`, a mask, `renorm` and float64. (With a mask Keras synchronises nothing: several replicas are served
    here.)

    With `synchronized=True` and several replicas, sums, sums of squares and counts travel together: one message
    forward and one backward where Keras sends three. On one device synchronising changes nothing, and the kernel
    is used.

    As with Keras' layer, `layer.trainable = False` means inference mode: moving statistics are used and stay.

    Args:
        axis: Axis of the features. Default -1.
        momentum: Share of the old moving statistics that is kept in a step. Default 0.99.
        epsilon: Added to the variance. Default 1e-3.
        synchronized: Whether statistics are shared by all replicas of a `tf.distribute` strategy. Default
            False.
        **kwargs: Everything else that `keras.layers.BatchNormalization` takes.

    Example:
    >>> import keras
    >>> from byol_keras.layers import BatchNormalization
    >>> layer = BatchNormalization(momentum=0.9, epsilon=1e-5)
    >>> outputs = layer(keras.random.normal((8, 4, 4, 3)), training=True)
    >>> float(abs(keras.ops.mean(outputs))) < 1e-6
    True

    Reference: [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        training = bool(training) and self.trainable
        fusible = self._can_fuse(inputs, training)
        if mask is not None and fusible and training and self._together:
            outputs = self._train_together(tf.cast(inputs, tf.float32), mask)
        elif mask is not None or not fusible:
            return super().call(inputs, training=training, mask=mask)
        else:
            outputs = self._train(inputs) if training else self._infer(inputs)
        return keras.ops.cast(outputs, self.compute_dtype)

    @property
    def _together(self) -> bool:
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        return self.synchronized and several and not tf.distribute.in_cross_replica_context()

    def _can_fuse(self, inputs: tf.Tensor, training: bool) -> bool:
        rank = len(inputs.shape)
        if self.renorm or self.axis not in (-1, rank - 1) or inputs.dtype.name not in FUSED_DTYPES:
            return False
        # In inference a reshape would only stand between a Dense and its folding into an exported kernel.
        return training or rank == 4

    def _train(self, inputs: tf.Tensor) -> tf.Tensor:
        if self._together:
            return self._train_together(tf.cast(inputs, tf.float32))
        if len(inputs.shape) == 4:
            return self._train_images(inputs)
        images = tf.reshape(inputs, [1, 1, -1, inputs.shape[-1]])
        return tf.reshape(self._train_images(images), tf.shape(inputs))

    def _train_images(self, images: tf.Tensor) -> tf.Tensor:
        outputs, mean, variance = self._fused(images, mean=[], variance=[], training=True)
        count = tf.cast(tf.size(images, out_type=tf.int64) // images.shape[-1], tf.float32)
        # The kernel returns the unbiased variance; Keras keeps the biased one.
        self._update(mean, variance * (count - 1.0) / count)
        return outputs

    def _train_together(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        # The variance is a difference of two sums, which loses digits far from zero: the moving mean is nearby.
        nearby = tf.cast(self.moving_mean, tf.float32)
        shifted = inputs - nearby
        channels, axes = inputs.shape[-1], list(range(len(inputs.shape) - 1))
        counted = shifted if mask is None else tf.where(mask[..., tf.newaxis], shifted, 0.0)
        sums = [tf.reduce_sum(values, axes) for values in (counted, tf.square(counted))]
        count = tf.size(inputs) // channels if mask is None else tf.math.count_nonzero(mask)
        count = tf.cast(count, tf.float32)
        ours = tf.concat([*sums, count[tf.newaxis]], axis=0)
        total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, ours)
        mean, square = tf.split(total[:-1] / total[-1], 2)
        variance = tf.maximum(square - tf.square(mean), 0.0)
        self._update(mean + nearby, variance)
        gamma, beta = (None if weight is None else tf.cast(weight, tf.float32) for weight in (self.gamma, self.beta))
        return tf.nn.batch_normalization(shifted, mean, variance, beta, gamma, self.epsilon)

    def _infer(self, inputs: tf.Tensor) -> tf.Tensor:
        return self._fused(inputs, self.moving_mean, self.moving_variance, training=False)[0]

    def _fused(
        self, images: tf.Tensor, mean: tf.Tensor | list, variance: tf.Tensor | list, training: bool
    ) -> list[tf.Tensor]:
        channels = images.shape[-1]
        # The raw operation, because `tf.compat.v1.nn.fused_batch_norm` silently raises a small epsilon.
        return tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.cast(self.gamma, tf.float32) if self.scale else tf.ones([channels]),
            offset=tf.cast(self.beta, tf.float32) if self.center else tf.zeros([channels]),
            mean=tf.cast(mean, tf.float32),
            variance=tf.cast(variance, tf.float32),
            epsilon=self.epsilon,
            is_training=training,
        )[:3]

    def _update(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(tf.cast(moving, tf.float32) * self.momentum + batch * (1.0 - self.momentum))
