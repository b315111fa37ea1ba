"""Packaging: runtime requirements live in requirements.txt, extras here."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def _requirements() -> list[str]:
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def _version() -> str:
    return re.search(r'^__version__ = "(.+)"$', (HERE / "byol_keras/version.py").read_text(), re.M)[1]


_TEST = [
    "pytest>=8",
    "pytest-cov>=5",
    "pytest-xdist>=3.6",
    "nbclient>=0.10",
    "nbformat>=5",
    "ipykernel>=6",
    "ruff==0.17.5",
]
_EXTRAS = {
    "gpu": ["tensorflow[and-cuda]>=2.20,<2.22"],
    "litert": ["ai-edge-litert>=2"],
    "onnx": ["tf2onnx>=1.17", "onnx>=1.16", "onnxruntime>=1.20"],
    "serving": ["tensorflow-serving-api>=2.19"],
    "openvino": ["openvino>=2025"],
    "parquet": ["pyarrow>=16"],
    "dicom": ["pydicom>=3"],
    "umap": ["umap-learn>=0.5.7"],
    "bench": ["albumentations>=2", "kornia>=0.8", "torch>=2.4", "torchvision>=0.19"],
}
# Whose behaviour is promised: exports are run by the runtimes that they are made for.
_TESTED = ("litert", "onnx", "serving", "openvino", "parquet", "dicom")

setup(
    name="byol-keras",
    version=_version(),
    description="BYOL self-supervised pretraining for Keras 3 on TensorFlow: provably right, fast, ready to serve",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["byol_keras", "byol_keras.*"]),
    package_data={"byol_keras": ["py.typed"]},
    install_requires=_requirements(),
    extras_require={"test": _TEST + [package for name in _TESTED for package in _EXTRAS[name]], **_EXTRAS},
    entry_points={"console_scripts": ["byol-keras = byol_keras.cli:command"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
