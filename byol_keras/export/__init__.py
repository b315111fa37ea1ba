"""Encoders for production: TensorFlow Serving, phones, other runtimes."""

from .exchange import onnx
from .mobile import litert
from .portable import behind
from .reduction import compare_dims, reduced
from .serving import saved_model
from .streaming import streaming
from .verification import Verification, verify

__all__ = ["Verification", "behind", "compare_dims", "litert", "onnx", "reduced", "saved_model", "streaming", "verify"]
