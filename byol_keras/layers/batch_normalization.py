"""Batch normalisation that runs TensorFlow's fused kernel."""

import keras
import tensorflow as tf

from .fused import fused, normalize, normalize_by_own, shared_statistics

__all__ = ["BatchNormalization"]

FUSED_DTYPES = ("float16", "bfloat16", "float32")


@keras.saving.register_keras_serializable(package="byol_keras")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation, computed by one fused kernel where the inputs permit.

    Keras 3 composes batch normalisation of a dozen elementwise operations. This layer gives the same numbers
    (outputs, gradients, moving statistics, for the same arguments) from `FusedBatchNormV3`, which reads the
    inputs once or twice and keeps float32 statistics for half-precision inputs.

    In training the kernel serves inputs of any rank whose last axis is normalised, in inference those of rank 4.
    Everything else goes Keras' own way: another `axis`, a mask, `renorm` and float64. (With a mask Keras synchronises
    nothing: several replicas are served here.)

    With `synchronized=True` and several replicas, the kernel normalises by what all replicas hold together. Sums, sums
    of squares and counts travel in one message forward and one backward, where Keras sends three. On one device
    synchronising changes nothing.

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
        ours = mask is None or (training and self._together and len(mask.shape) == len(inputs.shape) - 1)
        if not (ours and self._can_fuse(inputs, training)):
            return super().call(inputs, training=training, mask=mask)
        outputs = self._train(inputs, mask) if training else self._infer(inputs)
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

    def _train(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        mask = None if mask is None else tf.cast(mask, tf.bool)
        if len(inputs.shape) == 4:
            return self._train_images(inputs, mask)
        images = tf.reshape(inputs, [1, 1, -1, inputs.shape[-1]])
        mask = None if mask is None else tf.reshape(mask, [1, 1, -1])
        return tf.reshape(self._train_images(images, mask), tf.shape(inputs))

    def _train_images(self, images: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        if self._together:
            batch = shared_statistics(images, tf.cast(self.moving_mean, tf.float32), mask)
            outputs = normalize(images, self.gamma, self.beta, batch, self.epsilon, mask)
        else:
            outputs, batch = normalize_by_own(images, self.gamma, self.beta, self.epsilon)
        for moving, now in ((self.moving_mean, batch.mean), (self.moving_variance, batch.variance)):
            moving.assign(tf.cast(moving, tf.float32) * self.momentum + now * (1.0 - self.momentum))
        return outputs

    def _infer(self, images: tf.Tensor) -> tf.Tensor:
        return fused(images, self.gamma, self.beta, (self.moving_mean, self.moving_variance), self.epsilon)[0]
