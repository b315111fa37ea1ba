"""What the first step leaves behind is given back."""

import ctypes

import pytest
from builders import vector_byol, vectors

from byol_keras import descent, heap


def test_fit__gives_back_after_the_first_step_of_a_function_only(monkeypatch):
    given = []
    model = vector_byol()
    monkeypatch.setattr(descent, "give_back", lambda: given.append(int(model.batches_seen)))
    model.fit(vectors(32), batch_size=8, epochs=2, verbose=0)
    model.fit(vectors(32), batch_size=8, verbose=0)
    assert given == [1]
    model.compile("sgd")
    model.fit(vectors(32), batch_size=8, verbose=0)
    assert given == [1, 13]


class Library:
    """A C library that can, or can't, give back."""

    def __init__(self, **functions):
        vars(self).update(functions)


def test_give_back__asks_the_c_library(monkeypatch):
    asked = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library(malloc_trim=asked.append))
    heap.give_back()
    assert asked == [0]


@pytest.mark.parametrize("error", [TypeError, OSError, AttributeError])
def test_give_back__does_nothing_where_there_is_no_such_library(error, monkeypatch):
    asked = []

    def missing(name):
        asked.append(name)
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    heap.give_back()
    assert asked == [None]
