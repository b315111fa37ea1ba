"""Artefacts compared with the encoder in their own runtimes, and smaller vectors."""

import json

import keras
import numpy as np
import pytest
from builders import moved

import byol_keras as bk
from byol_keras.data.shapes import Shapes
from byol_keras.export import litert, onnx, reduced, saved_model, verify
from byol_keras.export.reduction import Reduction, compare_dims

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
