"""Running the examples as their readers do, and reading what they write."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_example(name, *arguments, cwd):
    command = [sys.executable, ROOT / "examples" / name, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load_example(name):
    """An example as a module, its `main` not run."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accuracies(path):
    """What `evaluation.json` says, by judge and representation."""
    rows = json.loads(path.read_text())["rows"]
    return {(row["judge"], row["representation"]): row["accuracy"] for row in rows}
