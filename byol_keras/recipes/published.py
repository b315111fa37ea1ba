"""Hyper-parameters of runs whose results are known, as data."""

from dataclasses import replace

from ..arguments import did_you_mean
from .recipe import Recipe

__all__ = ["PAPER", "PRESETS", "RECIPES", "get"]

PAPER = "Grill et al., 2020 (arXiv 2006.07733), appendix F, and DeepMind's configuration; ImageNet, batch 4096"


def _imagenet(epochs: int, base_rate: float, weight_decay: float, tau: float) -> Recipe:
    options = {"preset": "imagenet", "resize": "bicubic"}
    return Recipe(f"imagenet-{epochs}", PAPER, epochs, 4096, base_rate, weight_decay, tau, view_options=options)


PRESETS = (
    _imagenet(40, 0.45, 1e-6, 0.97),
    _imagenet(100, 0.45, 1e-6, 0.99),
    _imagenet(300, 0.3, 1e-6, 0.99),
    _imagenet(1000, 0.2, 1.5e-6, 0.996),
)

_SOLO_LEARN = Recipe(
    name="solo-learn-cifar10",
    source="solo-learn's configuration of BYOL for CIFAR-10; 92.58% online linear accuracy published",
    epochs=1000,
    batch_size=256,
    base_rate=1.0,
    weight_decay=1e-5,
    tau=0.99,
    trust_coefficient=0.02,
    clip_trust_ratio=True,
    encoder_name="resnet18",
    size=32,
    view_options={"preset": "cifar"},
)

_LIGHTLY = Recipe(
    name="lightly-cifar10",
    source="lightly's CIFAR-10 benchmark, SGD 0.06 at batch 128; kNN (k 200, T 0.1) 86.9% published at 200 epochs",
    epochs=200,
    batch_size=128,
    base_rate=0.12,
    weight_decay=5e-4,
    tau=0.99,
    optimizer_name="sgd",
    tau_schedule="constant",
    warmup_epochs=0,
    hidden=1024,
    encoder_name="resnet18",
    size=32,
    view_options={"preset": "cifar", "solarize": 0.0},
)

_CPU = Recipe(
    name="cpu",
    source="byol_keras, found on 10,000 pictures of CIFAR-10 with two CPU cores (see examples/search.md)",
    epochs=100,
    batch_size=64,
    base_rate=0.8,
    weight_decay=5e-4,
    tau=0.97,
    optimizer_name="sgd",
    warmup_epochs=5,
    hidden=1024,
    encoder_name="small_resnet",
    size=32,
    view_share=0.625,
    view_options={
        "preset": "cifar",
        "area": (0.2, 1.0),
        "brightness": 0.2,
        "contrast": 0.2,
        "saturation": 0.2,
        "hue": 0.05,
    },
)

_DEMO = Recipe(
    name="demo",
    source="byol_keras, found on its own set of shapes: views that hide colour and leave form",
    epochs=12,
    batch_size=64,
    base_rate=1.6,
    weight_decay=0.0,
    tau=0.99,
    optimizer_name="sgd",
    warmup_epochs=1.2,
    hidden=256,
    output=64,
    encoder_name="small_resnet",
    size=32,
    view_share=0.75,
    # A threshold of 0 turns the whole picture into its negative: light shapes on dark are dark shapes on light.
    view_options={
        "preset": "cifar",
        "area": (0.3, 1.0),
        "hue": 0.5,
        "grayscale": 0.9,
        "contrast": 0.8,
        "brightness": 0.2,
        "solarize": 0.5,
        "threshold": 0.0,
    },
)

_VECTORS = Recipe(
    name="vectors",
    source="byol_keras, found on rows of its own (see examples/rows_and_series.py)",
    epochs=60,
    batch_size=128,
    base_rate=0.002,
    weight_decay=1e-4,
    tau=0.97,
    optimizer_name="adamw",
    warmup_epochs=5,
    hidden=512,
    output=128,
    encoder_name="mlp",
    view_options={"corruption": 0.3, "noise": 0.1},
    kind="vectors",
)

_SEQUENCES = replace(
    _VECTORS,
    name="sequences",
    source="byol_keras, found on series of its own (see examples/rows_and_series.py)",
    tau=0.999,
    encoder_name="temporal_conv",
    view_options={"crop": (0.3, 0.6), "jitter": 0.3, "scaling": 0.3},
    kind="sequences",
    clip_norm=1.0,
)

_TEXT = replace(
    _VECTORS,
    name="text",
    source="byol_keras, found on the docstrings of Python's own library (see examples/docstrings.py)",
    epochs=30,
    warmup_epochs=3,
    base_rate=0.006,
    weight_decay=1e-3,
    encoder_name="gru",
    view_options={"crop": (0.4, 0.9), "masking": 0.1, "dropout": 0.2, "shuffle": 2},
    kind="text",
)

_AUDIO = replace(
    _VECTORS,
    name="audio",
    source="byol_keras, found on tones of its own (see examples/tones.py)",
    epochs=20,
    warmup_epochs=2,
    encoder_name="audio",
    view_options={},
    kind="audio",
)

_OF_PICTURES = (*PRESETS, _SOLO_LEARN, _LIGHTLY, _CPU, _DEMO)
_OF_OTHERS = (_VECTORS, _SEQUENCES, _TEXT, _AUDIO)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*_OF_PICTURES, *_OF_OTHERS)}


def get(name: str) -> Recipe:
    """The recipe of that name.

    Example:
    >>> get("imagenet-300").tau
    0.99
    """
    if name not in RECIPES:
        raise ValueError(
            f"`recipe` must be one of {', '.join(sorted(RECIPES))}.{did_you_mean(name, RECIPES)} "
            f"Received: recipe={name!r}"
        )
    return RECIPES[name]
