"""Imports point one way, files stay small, and names are exported by hand."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "byol_keras"

LEAVES = {
    "arguments",
    "admission",
    "intake",
    "metrics",
    "precision",
    "randomness",
    "schedules",
    "stepping",
    "heap",
    "version",
    "optimizers",
    "quiet",
    "writing",
}

# What each module (or folder) may import of the package. A new one is entered here, with as little as it needs.
ALLOWED = {leaf: set() for leaf in LEAVES} | {
    "distribution": set(),
    "copies": {"stepping"},
    "threads": {"stepping"},
    "cloning": set(),
    "compiling": {"stepping"},
    "layers": {"arguments", "cloning", "compiling"},
    "losses": {"arguments", "stepping"},
    "heads": {"arguments", "layers"},
    "encoders": {"arguments", "cloning", "layers"},
    "checkpoints": {"writing"},
    "viewing": {"admission", "randomness", "stepping"},
    "views": {"admission", "arguments", "compiling", "layers", "randomness", "stepping", "viewing"},
    "evaluation": {"arguments", "cloning", "intake", "version", "viewing", "writing"},
    "callbacks": {"arguments", "checkpoints", "cloning", "evaluation", "intake", "schedules"},
    "data": {"arguments", "threads", "writing"},
    "export": {
        "arguments",
        "cloning",
        "encoders",
        "evaluation",
        "layers",
        "precision",
        "quiet",
        "threads",
        "version",
        "views",
        "writing",
    },
    "downstream": {"arguments", "encoders"},
    "finetuning": {"arguments", "cloning", "evaluation", "intake", "schedules", "stepping", "viewing"},
    "report": {"evaluation", "version", "writing"},
    "assembly": {"admission", "encoders", "heads"},
    "recipes": {"arguments", "callbacks", "heads", "optimizers", "schedules", "views"},
    "descent": {"copies", "heap", "stepping"},
    "trainer": {"descent", "intake", "layers", "optimizers", "schedules"},
    "baselines": {"admission", "arguments", "cloning", "layers", "stepping", "trainer", "viewing"},
    "follower": {"callbacks", "metrics", "trainer"},
    "model": {
        "admission",
        "assembly",
        "cloning",
        "copies",
        "evaluation",
        "losses",
        "metrics",
        "stepping",
        "threads",
        "follower",
        "viewing",
    },
    "config": {"arguments", "data", "distribution", "losses", "precision", "recipes", "views"},
    "doctor": {"data", "precision", "version"},
    "training": {
        "arguments",
        "baselines",
        "callbacks",
        "cloning",
        "checkpoints",
        "config",
        "data",
        "distribution",
        "doctor",
        "encoders",
        "evaluation",
        "export",
        "finetuning",
        "layers",
        "losses",
        "model",
        "precision",
        "recipes",
        "report",
        "schedules",
        "stepping",
        "threads",
        "version",
        "viewing",
        "views",
        "writing",
    },
    "cli": {
        "arguments",
        "config",
        "data",
        "doctor",
        "evaluation",
        "export",
        "precision",
        "training",
        "version",
        "writing",
    },
}

# Not needed to train: imported where they are used.
OPTIONAL = {"matplotlib", "sklearn", "tensorflow_datasets", "keras_cv", "rich", "jsonargparse", "PIL"} | {
    *("ai_edge_litert", "onnx", "onnxruntime", "openvino", "tensorflow_serving", "tf2onnx"),
}

FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"]


def home_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_homes(path):
    """The modules of the package that a file imports, by their first name."""
    depth = len(path.relative_to(PACKAGE).parts)
    homes = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            homes |= {node.module.split(".")[0]} if node.module else {name.name for name in node.names}
        if (isinstance(node, ast.ImportFrom) and node.level == 0) or isinstance(node, ast.Import):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            assert not any(name.split(".")[0] == "byol_keras" for name in names), f"{path} imports absolutely"
    return homes


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports__point_one_way(path):
    home = home_of(path)
    if home != "__init__":
        assert imported_homes(path) - {home} <= ALLOWED[home]


def test_imports__have_no_circle():
    order = []
    while len(order) < len(ALLOWED):
        free = sorted(home for home in ALLOWED if home not in order and ALLOWED[home] <= set(order))
        assert free, f"a circle among {sorted(set(ALLOWED) - set(order))}"
        order += free


def test_model__knows_nothing_of_pictures():
    known, more = set(), {"model"}
    while more - known:
        known |= more
        more = set().union(*(ALLOWED[home] for home in known))
    assert not known & {"views", "data", "recipes"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_optional_packages__are_not_imported_at_the_top(path):
    tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [
        name
        for node in tops
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names])
    ]
    assert not {name.split(".")[0] for name in names} & OPTIONAL


@pytest.mark.parametrize("path", FILES, ids=str)
def test_modules__are_documented_exported_and_small(path):
    source = path.read_text()
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "no docstring"
    assert source.count("\n") <= 300
    exported = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    assert len(exported) == 1
    assert len(set(exported[0])) == len(exported[0])


@pytest.mark.parametrize("path", FILES, ids=str)
def test_functions__are_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 30, f"{node.name} has {length} lines"


def test_tests__are_small_files_too():
    for path in Path(__file__).parent.glob("*.py"):
        assert path.read_text().count("\n") <= 300, path.name
