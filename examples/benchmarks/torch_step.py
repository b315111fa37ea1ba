"""The peer: BYOL's training step as its users write it in PyTorch for a CPU.

Channels last, bfloat16 by autocast, gradients set to None, foreach kernels for optimizer and target, no gradients and
no graph for the target.
"""

import copy
from collections.abc import Callable

import torch
from torch import nn

__all__ = ["network", "training_step"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Blocks per stage, channels of the stages, whether blocks are bottlenecks, whether the stem is ImageNet's, head widths.
NETWORKS = {
    "small": ((1, 1, 1), (16, 32, 64), False, False, (512, 256)),
    "resnet18": ((2, 2, 2, 2), (64, 128, 256, 512), False, False, (4096, 256)),
    "resnet50": ((3, 4, 6, 3), (64, 128, 256, 512), True, True, (4096, 256)),
}


def convolve(channels: int, filters: int, size: int, strides: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, filters, size, strides, size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(filters)]


class Block(nn.Module):
    """A residual block of two 3x3 convolutions, or of 1x1, 3x3 and 1x1."""

    def __init__(self, channels: int, filters: int, strides: int, bottleneck: bool) -> None:
        super().__init__()
        self.filters = 4 * filters if bottleneck else filters
        if bottleneck:
            first = [*convolve(channels, filters, 1), nn.ReLU(inplace=True), *convolve(filters, filters, 3, strides)]
        else:
            first = convolve(channels, filters, 3, strides)
        last = convolve(filters, self.filters, 1 if bottleneck else 3)
        self.inner = nn.Sequential(*first, nn.ReLU(inplace=True), *last)
        reshaped = strides != 1 or channels != self.filters
        self.shortcut = nn.Sequential(*convolve(channels, self.filters, 1, strides)) if reshaped else nn.Identity()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.inner(x) + self.shortcut(x))


class Pixels(nn.Module):
    """Normalises pixels in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean) / self.std


def network(name: str) -> tuple[nn.Sequential, int]:
    """The encoder, and how many features it has."""
    depths, widths, bottleneck, imagenet, _ = NETWORKS[name]
    stem = [Pixels(), *convolve(3, widths[0], 7 if imagenet else 3, 2 if imagenet else 1), nn.ReLU(inplace=True)]
    blocks, channels = [nn.MaxPool2d(3, 2, 1)] if imagenet else [], widths[0]
    for index, (depth, filters) in enumerate(zip(depths, widths, strict=True)):
        for number in range(depth):
            blocks.append(Block(channels, filters, 2 if index and not number else 1, bottleneck))
            channels = blocks[-1].filters
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels


def head(features: int, hidden: int, output: int) -> nn.Sequential:
    linear = nn.Linear(hidden, output, bias=False)
    return nn.Sequential(nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), linear)


def training_step(name: str, batch: int, size: int, precision: str, compiled: bool = False) -> Callable[[], float]:
    """A step on two views that are ready: both directions, SGD with momentum, target, loss and spread of the targets.

    Args:
        name: of the network.
        batch: examples.
        size: side of the pictures in pixels.
        precision: `"float32"` or `"bfloat16"`.
        compiled: whether the networks go through `torch.compile`.
    """
    torch.manual_seed(0)
    encoder, features = network(name)
    hidden, output = NETWORKS[name][-1]
    target = nn.Sequential(encoder, head(features, hidden, output)).to(memory_format=torch.channels_last)
    online = copy.deepcopy(target)
    online.append(head(output, hidden, output))
    online.train(), target.train()
    followed, following = list(online[:2].parameters()), list(target.parameters())
    optimizer = torch.optim.SGD(online.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4, foreach=True)
    if compiled:
        online.compile(), target.compile()
    views = [torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last) for _ in range(2)]

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            with torch.no_grad():
                targets = [target(view).float() for view in views]
            predictions = [online(view).float() for view in views]
        alike = [nn.functional.cosine_similarity(*pair) for pair in zip(predictions, targets[::-1], strict=True)]
        loss = sum(2.0 - 2.0 * cosine.mean() for cosine in alike)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(following, followed, 0.01)
            spread = sum(nn.functional.normalize(z).std(dim=0).mean() for z in targets) / 2 * output**0.5
        return loss.item() + 0.0 * spread.item()

    return step
