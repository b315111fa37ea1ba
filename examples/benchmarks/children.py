"""Contestants in processes of their own, each silent until it is its turn.

Thread pools of two libraries in one process disturb each other: the workers of one spin, waiting for work, while the
other computes. A child blocks on its pipe between turns, so that whoever runs has the cores for itself.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
from collections.abc import Callable, Iterator

__all__ = ["Child", "children"]


class Child:
    """A function made and called in another process; calling this calls it there, and returns what it returned.

    Args:
        make: a function of a module, called in the child; what it returns is called at every turn.
        *arguments: of `make`; they must be picklable, and so must be what the call returns.
    """

    def __init__(self, make: Callable[..., Callable[[], object]], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __call__(self) -> object:
        self._pipe.send("go")
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionError):
            raise RuntimeError("a contestant's process ended: what it printed says why") from None

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join()


@contextlib.contextmanager
def children(makers: dict[str, tuple]) -> Iterator[dict[str, Child]]:
    """A child for every `(make, *arguments)`, by name, made one after the other and ended on the way out."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name, maker in makers.items():
            made[name] = Child(*maker)
            stack.callback(made[name].close)
        yield made


def _serve(pipe: multiprocessing.connection.Connection, make: Callable, arguments: tuple) -> None:
    call = make(*arguments)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while pipe.recv():
            pipe.send(call())
