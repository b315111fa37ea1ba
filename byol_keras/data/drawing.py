"""Paper, ink and grain of the built-in pictures."""

import numpy as np

__all__ = ["CHUNK", "grainy", "per_picture", "sloped", "tones", "turned"]

# Pictures drawn at a time, which bounds the memory.
CHUNK = 512
_NOISE = 24


def per_picture(generator: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """A number in [low, high) for each picture, of shape (count, 1, 1)."""
    return generator.uniform(low, high, (count, 1, 1)).astype("float32")


def turned(x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates in a system that is turned by `angle`."""
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def tones(generator: np.random.Generator, light: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Random colours: of 145 to 255 where `light`, of 0 to 110 elsewhere."""
    return (generator.uniform(0, 110, shape) + 145 * light).astype("float32")


def sloped(generator: np.random.Generator, light: np.ndarray, size: int) -> np.ndarray:
    """Backgrounds that go from one colour to another in some direction, (n, size, size, 3).

    Args:
        generator: of random numbers.
        light: whether each is light, of shape (n, 1, 1, 1).
        size: side in pixels.
    """
    axis = np.arange(size, dtype="float32") - (size - 1) / 2
    across, _ = turned(axis[None, :], axis[:, None], per_picture(generator, 0, 2 * np.pi, len(light)))
    slope = np.clip(across / size + 0.5, 0, 1)[..., None]
    first, second = (tones(generator, light, (len(light), 1, 1, 3)) for _ in range(2))
    return first * slope + second * (1 - slope)


def grainy(generator: np.random.Generator, pictures: np.ndarray) -> np.ndarray:
    """Pictures or clips of 0 to 255 as uint8, each with noise of a strength of its own."""
    strength = generator.uniform(0, _NOISE, (len(pictures),) + (1,) * (pictures.ndim - 1)).astype("float32")
    noise = generator.standard_normal(pictures.shape, dtype="float32")
    return (pictures + strength * noise).clip(0, 255).astype("uint8")
