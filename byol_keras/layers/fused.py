"""Batch normalisation of images by TensorFlow's fused kernels, with statistics of their own or of all replicas."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

__all__ = ["Statistics", "fused", "normalize", "normalize_by_own", "shared_statistics"]


class Statistics(NamedTuple):
    """Mean and biased variance of every channel, and of how many values."""

    mean: tf.Tensor
    variance: tf.Tensor
    count: tf.Tensor | float


def fused(
    images: tf.Tensor,
    scale: tf.Tensor | None,
    offset: tf.Tensor | None,
    given: tuple[tf.Tensor, tf.Tensor] | None,
    epsilon: float,
) -> tuple[tf.Tensor, ...]:
    """TensorFlow's kernel: outputs, mean, unbiased variance, and three things that its gradient wants.

    Args:
        images: of rank 4, channels last.
        scale: a number for every channel; None for 1.
        offset: the same; None for 0.
        given: mean and variance to normalise by. None: those of the images.
        epsilon: added to the variance.
    """
    mean, variance = ([], []) if given is None else (tf.cast(statistic, tf.float32) for statistic in given)
    # The raw operation, because `tf.compat.v1.nn.fused_batch_norm` silently raises a small epsilon.
    return tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=_filled(scale, images, 1.0),
        offset=_filled(offset, images, 0.0),
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=given is None,
    )


def normalize_by_own(
    images: tf.Tensor, scale: tf.Tensor | None, offset: tf.Tensor | None, epsilon: float
) -> tuple[tf.Tensor, Statistics]:
    """The images normalised by their own statistics, and these; of no images at all they are NaN."""
    outputs, mean, variance, *_ = fused(images, scale, offset, given=None, epsilon=epsilon)
    count = _values_of_a_channel(images)
    # The kernel returns the unbiased variance; Keras keeps the biased one.
    return outputs, Statistics(mean, variance * (count - 1.0) / count, count)


def shared_statistics(images: tf.Tensor, nearby: tf.Tensor, mask: tf.Tensor | None = None) -> Statistics:
    """The statistics of all replicas' images, which one message is enough for.

    Args:
        images: of rank 4, channels last.
        nearby: a number for every channel, the same on all replicas. The variance is a difference of two sums, which
            loses digits where the mean is far from it.
        mask: boolean, the images' shape without channels: what counts. Default None: everything.
    """
    if mask is None:
        _, (mean, variance, count) = normalize_by_own(images, None, None, epsilon=1.0)
        moments = mean - nearby, variance + tf.square(mean - nearby)
        # Of a last batch a replica may get nothing, whose moments are NaN.
        sums = [tf.math.multiply_no_nan(moment, count) for moment in moments]
    else:
        count = tf.math.count_nonzero(mask, dtype=tf.float32)
        counted = tf.where(mask[..., tf.newaxis], tf.cast(images, tf.float32) - nearby, 0.0)
        sums = [tf.reduce_sum(values, axis=[0, 1, 2]) for values in (counted, tf.square(counted))]
    total = _total([*sums, tf.reshape(count, [1])])
    count = tf.maximum(total[-1], 1.0)  # a mask may let nothing count anywhere
    mean, square = tf.split(total[:-1] / count, 2)
    return Statistics(mean + nearby, tf.maximum(square - tf.square(mean), 0.0), count)


def normalize(
    images: tf.Tensor,
    scale: tf.Tensor | None,
    offset: tf.Tensor | None,
    statistics: Statistics,
    epsilon: float,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """The images brought to mean `offset` and deviation `scale`, with gradients through everybody's statistics.

    An image moves its own outputs, and by the statistics those of all replicas. TensorFlow's kernel knows the gradient
    of the former, and the sums over outputs that the latter is made of; these replicas add up in one message.

    Args:
        images: of rank 4, channels last.
        scale: a number for every channel; None for 1.
        offset: the same; None for 0.
        statistics: of `shared_statistics`, for the same images and mask.
        epsilon: added to the variance.
        mask: what counted. Default None: everything.
    """
    mean, variance, count = statistics
    scale, offset = _filled(scale, images, 1.0), _filled(offset, images, 0.0)

    @tf.custom_gradient
    def normalized(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        outputs, *_, reserved = fused(images, scale, offset, (mean, variance), epsilon)

        def gradient(moved: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            direct, by_scale, by_offset, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=moved,
                x=images,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=reserved,
                epsilon=epsilon,
                is_training=False,
            )
            slope = scale * tf.math.rsqrt(variance + epsilon)
            shared = (slope * part for part in tf.split(_total([by_scale, by_offset]) / count, 2))
            through = fused(images, *shared, (mean, variance), epsilon)[0]
            if mask is not None:
                through = tf.where(mask[..., tf.newaxis], through, tf.zeros_like(through))
            return direct - through, by_scale, by_offset

        return outputs, gradient

    return normalized(images, scale, offset)


def _filled(parameter: tf.Tensor | None, images: tf.Tensor, default: float) -> tf.Tensor:
    return tf.fill([images.shape[-1]], default) if parameter is None else tf.cast(parameter, tf.float32)


def _values_of_a_channel(images: tf.Tensor) -> tf.Tensor | float:
    """How many there are: a tensor only where shapes don't say it, since a graph has hundreds of normalisations."""
    known = images.shape.num_elements()
    if known is not None:
        return float(known // images.shape[-1])
    return tf.cast(tf.size(images, out_type=tf.int64) // images.shape[-1], tf.float32)


def _total(parts: list[tf.Tensor]) -> tf.Tensor:
    together = tf.concat(parts, axis=0)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, together)
