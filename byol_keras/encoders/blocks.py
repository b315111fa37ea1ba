"""The blocks that residual networks are built from."""

import dataclasses

import keras

from ..layers import Conv2D, StandardizedConv2D, make_normalization

__all__ = ["BasicBlocks", "Blocks", "BottleneckBlocks"]

# Of fewer input channels than these the gradient of a 1x1 convolution with a stride writes beyond its memory in oneDNN
# (TensorFlow 2.21 on CPUs, maps of 64 pixels and more). Taking every second pixel before it gives the same numbers.
_SAFE_CHANNELS = 16


@dataclasses.dataclass(frozen=True)
class Blocks:
    """A kind of residual block, with one choice of normalisation; subclasses define `block`.

    Convolutions have no bias, `"same"` padding as DeepMind's, and torchvision's initialiser (He normal over
    fan-out).

    Args:
        normalization: `"batch"`, or `"group"` together with weight standardisation.
        synchronized: Whether batch statistics are shared by all replicas.
        zero_last_gamma: Whether every block starts as the identity.
    """

    normalization: str
    synchronized: bool
    zero_last_gamma: bool

    def block(self, x: keras.KerasTensor, filters: int, strides: int, name: str) -> keras.KerasTensor:
        """Applies one block up to the sum with its shortcut; the activation after it is the caller's."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `block`.")

    def convolve(
        self, x: keras.KerasTensor, filters: int, size: int, strides: int, name: str, gamma: str = "ones"
    ) -> keras.KerasTensor:
        """Applies a convolution and its normalisation."""
        layer = StandardizedConv2D if self.normalization == "group" else Conv2D
        initializer = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
        x = layer(
            filters,
            size,
            strides,
            "same",
            use_bias=False,
            kernel_initializer=initializer,
            name=f"{name}_conv",
        )(x)
        return make_normalization(self.normalization, filters, self.synchronized, gamma, f"{name}_norm")(x)

    def activate(self, x: keras.KerasTensor, filters: int, size: int, strides: int, name: str) -> keras.KerasTensor:
        """Applies a convolution, its normalisation and a ReLU."""
        return keras.layers.ReLU(name=f"{name}_relu")(self.convolve(x, filters, size, strides, name))

    def stem(self, x: keras.KerasTensor, filters: int, kind: str) -> keras.KerasTensor:
        """Applies what comes before the first stage: 7x7 and pooling (maps a quarter as wide), or one 3x3."""
        if kind == "small":
            return self.activate(x, filters, 3, 1, "stem")
        return keras.layers.MaxPooling2D(3, 2, "same", name="stem_pool")(self.activate(x, filters, 7, 2, "stem"))

    def finish(
        self,
        x: keras.KerasTensor,
        source: keras.KerasTensor,
        size: int,
        channels: int,
        strides: int,
        name: str,
    ) -> keras.KerasTensor:
        """Applies a block's last convolution and adds the shortcut from its input, the `source`."""
        x = self.convolve(x, channels, size, 1, f"{name}_out", "zeros" if self.zero_last_gamma else "ones")
        if strides != 1 or source.shape[-1] != channels:
            if strides != 1 and source.shape[-1] < _SAFE_CHANNELS:
                source = keras.layers.MaxPooling2D(1, strides, name=f"{name}_shortcut_every")(source)
                strides = 1
            source = self.convolve(source, channels, 1, strides, f"{name}_shortcut")
        return keras.layers.Add(name=f"{name}_add")([x, source])


class BasicBlocks(Blocks):
    """Two 3x3 convolutions: ResNet-18 and 34, and the small network."""

    def block(self, x: keras.KerasTensor, filters: int, strides: int, name: str) -> keras.KerasTensor:
        inner = self.activate(x, filters, 3, strides, f"{name}_in")
        return self.finish(inner, x, 3, filters, strides, name)


class BottleneckBlocks(Blocks):
    """1x1, 3x3 and 1x1 convolutions with the stride on the 3x3 (ResNet v1.5): 50 layers and more."""

    def block(self, x: keras.KerasTensor, filters: int, strides: int, name: str) -> keras.KerasTensor:
        inner = self.activate(x, filters, 1, 1, f"{name}_in")
        inner = self.activate(inner, filters, 3, strides, f"{name}_mid")
        return self.finish(inner, x, 1, 4 * filters, strides, name)
