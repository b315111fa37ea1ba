"""Memory does not grow with the number of files. By hand for more: `python tests/test_data_memory.py FOLDER 100000`."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.alone
KINDS = ("png", "jpg")


def make_files(folder, count, size=64):
    """Pictures of noise in a hundred sub-folders; links to a few, since only reading them matters."""
    from PIL import Image

    generator = np.random.default_rng(0)
    folder = Path(folder)
    for kind in KINDS:
        Image.fromarray(generator.integers(0, 256, (size, size, 3), "uint8")).save(folder / f"first.{kind}")
    for number in range(count):
        inside = folder / "set" / f"{number % 100:02}"
        inside.mkdir(parents=True, exist_ok=True)
        kind = KINDS[number // 100 % 2]
        os.link(folder / f"first.{kind}", inside / f"{number:07}.{kind}")


def measure(folder, batch_size=256):
    """Megabytes by which one epoch lets the peak grow, and seconds for it."""
    from byol_keras.data import Pictures, open_source

    tiny = np.zeros((batch_size, 8, 8, 3), "uint8")
    next(iter(Pictures(open_source(tiny), size=8).training(batch_size)))
    before, start = peak(), time.perf_counter()
    pictures = Pictures(open_source(str(folder)), size=64, crop=((0.2, 1.0), (0.75, 4 / 3)))
    for batch in pictures.training(batch_size).take(pictures.steps_per_epoch(batch_size)):
        assert batch.shape == (batch_size, 64, 64, 3)
    return peak() - before, time.perf_counter() - start


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.slow
def test_memory__does_not_grow_with_the_dataset(tmp_path):
    make_files(tmp_path, 20_000)
    command = [sys.executable, __file__, str(tmp_path), "0"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    found = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    # Decoded, these files would fill 246 megabytes.
    assert float(found.stdout.split()[0]) < 120


if __name__ == "__main__":
    if int(sys.argv[2]):
        with tempfile.TemporaryDirectory(dir=sys.argv[1]) as temporary:
            make_files(temporary, int(sys.argv[2]))
            print("{:.0f} MB in {:.0f} s".format(*measure(Path(temporary) / "set")))
    else:
        print("{:.0f} MB in {:.0f} s".format(*measure(Path(sys.argv[1]) / "set")))
