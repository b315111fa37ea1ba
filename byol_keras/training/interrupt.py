"""Ctrl-C and SIGTERM as a wish to stop, not as a crash."""

import signal
import threading
from types import FrameType

import keras

__all__ = ["Interrupt", "Interrupted"]


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Training stopped because it was asked to; its state is saved, as of now or of a while ago.

    Args:
        signal_number: the signal that asked.
        remedy: how to go on.
    """

    def __init__(self, signal_number: int, remedy: str) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}; {remedy}")
        self.exit_code = 128 + signal_number


class Interrupt(keras.callbacks.Callback):
    """Finishes the step when SIGINT or SIGTERM comes, then ends training. A second signal ends it at once.

    A context manager and a callback: signals are listened to inside the `with`, where this is the main thread.

    Example:
    ```python
    with Interrupt() as interrupt:
        model.fit(images, callbacks=[interrupt])
    if interrupt.received:
        ...
    ```
    """

    def __init__(self) -> None:
        super().__init__()
        self.received: int | None = None
        self._before: dict = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.received is not None:
            self.model.stop_training = True
