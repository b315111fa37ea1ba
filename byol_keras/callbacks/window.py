"""Means over some batches, out of logs that are means over an epoch."""

__all__ = ["Window"]


class Window:
    """The mean over the batches since the last look, out of logs that are means since the epoch began."""

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total, self.count = total, count
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self._epoch_total, self._epoch_count = 0.0, 0

    def add(self, count: int, mean: float) -> None:
        self.total += count * mean - self._epoch_total
        self.count += count - self._epoch_count
        self._epoch_total, self._epoch_count = count * mean, count

    def take(self) -> float:
        mean = self.total / self.count
        self.total, self.count = 0.0, 0
        return mean

    def pending(self) -> list:
        return [self.total, self.count]
