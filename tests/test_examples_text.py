"""The example on texts runs with small settings, and its table is what it measured."""

import importlib.util
import json
import re

import numpy as np
import pytest
from running import ROOT, run_example


@pytest.mark.long
def test_docstrings__compares_every_representation(tmp_path):
    sizes = ["--most", 20, "--epochs", 1, "--width", 16, "--length", 12, "--vocabulary", 200, "--batch-size", 32]
    options = [*sizes, "--kind", "transformer", "--seeds", 1, "--json", "found.json"]
    output = run_example("docstrings.py", *options, cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    networks = ["untrained", "BYOL", "BYOL, InfoNCE", "supervised"]
    assert list(found["accuracy"]) == ["bag of words", "its components", *networks]
    for name, judged in found["accuracy"].items():
        assert re.search(rf"{name} .* {100 * judged['knn'][0]:.1f} \(.* {100 * judged['linear'][0]:.1f} \(", output)
        assert all(0.0 < accuracy < 1.0 for accuracy in judged["linear"])


def test_docstrings__of_both_parts_differ_and_name_no_package():
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "examples/docstrings.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.plain("Open an XML file (see xml.sax), \n>>> parse()\nas doctest does.") == (
        "open an file see as doctest does"
    )
    train, test, names = example.load(most=10)
    texts = [*train[0], *test[0]]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if example.NAMES.search(text)]
    assert min(len(text.split()) for text in texts) >= example.FEWEST
    assert max(np.bincount(np.concatenate([train[1], test[1]]))) <= 10
    assert len(names) >= 10
