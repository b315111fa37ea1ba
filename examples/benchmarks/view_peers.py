"""BYOL's two views as users of other libraries make them: for each peer, something that makes a batch's views once.

Every maker takes uint8 pictures (n, height, width, 3), the size and the preset, and returns a function without
arguments. All blur with the same number of taps and draw for each picture of its own, as far as the library can.
"""

import functools
import multiprocessing

import numpy as np

__all__ = ["albumentations", "chained", "keras_chains", "keras_cv", "keras_layers", "kornia", "torchvision"]

# Probability of blur and solarizing in view one and view two.
CHANGES = {"imagenet": ((1.0, 0.0), (0.1, 0.2)), "cifar": ((0.0, 0.0), (0.0, 0.2))}
AREA, RATIO, SIGMA = (0.08, 1.0), (3 / 4, 4 / 3), (0.1, 2.0)


def taps(size):
    return max(size // 10 | 1, 3)


def albumentations(images, size, preset, processes=2):
    """Worker processes that hold their share of the pictures already, and leave the uint8 views where they are made.

    A data loader would besides collate the views and send them.
    """
    shares = np.array_split(images, processes)
    pools = [multiprocessing.get_context("spawn").Pool(1, _prepare, (share, size, preset)) for share in shares]

    def once():
        for result in [pool.apply_async(_make_share) for pool in pools]:
            result.get()

    once.close = lambda: [pool.terminate() for pool in pools]
    return once


def _prepare(share, size, preset):
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    _prepare.share = share
    _prepare.chains = [albumentations.Compose(list(_albumentations(size, *each))) for each in CHANGES[preset]]


def _albumentations(size, blur, solarize):
    import albumentations

    yield albumentations.RandomResizedCrop(size=(size, size), scale=AREA, ratio=RATIO)
    yield albumentations.HorizontalFlip(p=0.5)
    factors = {"brightness": (0.6, 1.4), "contrast": (0.6, 1.4), "saturation": (0.8, 1.2), "hue": (-0.1, 0.1)}
    yield albumentations.ColorJitter(**factors, p=0.8)
    yield albumentations.ToGray(p=0.2)
    if blur:
        yield albumentations.GaussianBlur(blur_limit=(taps(size), taps(size)), sigma_limit=SIGMA, p=blur)
    if solarize:
        yield albumentations.Solarize(threshold_range=(0.5, 0.5), p=solarize)


def _make_share():
    for image in _prepare.share:
        for chain in _prepare.chains:
            chain(image=image)


def kornia(images, size, preset):
    """Batches of floats on torch."""
    import kornia.augmentation as augmentation

    def chain(blur, solarize):
        steps = [
            augmentation.RandomResizedCrop((size, size), AREA, RATIO),
            augmentation.RandomHorizontalFlip(),
            augmentation.ColorJitter(0.4, 0.4, 0.2, 0.1, p=0.8),
            augmentation.RandomGrayscale(p=0.2),
        ]
        steps += [augmentation.RandomGaussianBlur((taps(size), taps(size)), SIGMA, p=blur)] if blur else []
        steps += [augmentation.RandomSolarize(0.0, 0.0, p=solarize)] if solarize else []
        return augmentation.container.ImageSequential(*steps)

    return _on_torch(images, [chain(*each) for each in CHANGES[preset]], batched=True)


def torchvision(images, size, preset):
    """uint8 pictures one after the other, as its transforms draw once for all that they are given."""
    from torchvision.transforms import v2

    def chain(blur, solarize):
        steps = [
            v2.RandomResizedCrop(size, AREA, RATIO, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            v2.RandomGrayscale(p=0.2),
        ]
        steps += [v2.RandomApply([v2.GaussianBlur(taps(size), SIGMA)], p=blur)] if blur else []
        steps += [v2.RandomSolarize(128, p=solarize)] if solarize else []
        return v2.Compose(steps)

    return _on_torch(images, [chain(*each) for each in CHANGES[preset]], batched=False)


def _on_torch(images, chains, batched):
    import torch

    pictures = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))

    @torch.no_grad()
    def once():
        each = [pictures.float() / 255] if batched else pictures
        for chain in chains:
            for picture in each:
                chain(picture)

    return once


def keras_layers(images, size, preset):
    return _through_dataset(images, keras_chains(size, preset, images.shape[1]))


def keras_chains(size, preset, source):
    """For each view a chain of Keras' layers. Keras has neither a random resized crop nor colours with a probability,
    nor solarizing with one, for which only the other peers pay: as near as its layers come."""
    from keras import layers

    def chain(blur):
        side = round(0.75 * source)
        steps = [
            layers.RandomCrop(side, side),
            layers.Resizing(size, size, antialias=True),
            layers.RandomFlip("horizontal"),
            layers.RandomColorJitter((0, 255), 0.4, 0.4, 0.2, 0.1),
            layers.RandomGrayscale(0.2),
        ]
        return steps + ([layers.RandomGaussianBlur(blur, taps(size), SIGMA)] if blur else [])

    return [chain(blur) for blur, _ in CHANGES[preset]]


def keras_cv(images, size, preset):
    """Its layers, of which one that happens with a probability is wrapped in `RandomApply`."""
    from keras_cv import layers

    def chain(blur, solarize):
        jitter = layers.RandomColorJitter((0, 255), (-0.4, 0.4), 0.4, (0.4, 0.6), 0.1)
        steps = [
            layers.RandomCropAndResize((size, size), AREA, RATIO),
            layers.RandomFlip("horizontal"),
            layers.RandomApply(jitter, rate=0.8),
            layers.RandomApply(layers.Grayscale(3), rate=0.2),
        ]
        steps += [layers.RandomApply(layers.RandomGaussianBlur(taps(size), SIGMA), rate=blur)] if blur else []
        steps += [layers.RandomApply(layers.Solarization((0, 255), 0, 128), rate=solarize)] if solarize else []
        return steps

    return _through_dataset(images, [chain(*each) for each in CHANGES[preset]])


def chained(batch, chains):
    """A batch through each of the chains of layers."""
    return [functools.reduce(lambda made, layer: layer(made, training=True), chain, batch) for chain in chains]


def _through_dataset(images, chains, parts=4):
    """A few batches at a time through `map` with as many calls in parallel as tf.data likes."""
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(tf.cast(images, tf.float32)).batch(-(-len(images) // parts))
    dataset = batches.cache().map(lambda batch: chained(batch, chains), tf.data.AUTOTUNE)
    return lambda: [None for _ in dataset]
