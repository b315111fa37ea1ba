"""The release; `setup.py` reads it from here without importing TensorFlow."""

__all__ = ["__version__"]

__version__ = "0.1.0"
