"""Encoders for production: TensorFlow Serving, phones, other runtimes."""

from .exchange import onnx
from .mobile import litert
from .serving import saved_model
from .verification import Verification, verify

__all__ = ["Verification", "litert", "onnx", "saved_model", "verify"]
