"""What a user sees: names, what they promise, and what importing them costs."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, reconstruction, recurrent_states, vector_byol

import byol_keras as bk
from byol_keras.finetuning import Classifier, layerwise

CONTRACT = {
    "BYOL": None,
    "LARS": None,
    "set_precision": None,
    "__version__": None,
    "PretrainConfig": None,
    "pretrain": None,
    "finetune": None,
    "baselines": {"NextStep", "Reconstruction", "decoder_for"},
    "callbacks": {"CollapseMonitor", "KNNMonitor", "LinearProbeMonitor", "RunCheckpoint", "TargetEMA"},
    "data": {"Pictures", "decode_wav", "open_source", "read_texts", "vectorizer", "wav_header"},
    "downstream": {"keras_cv_backbone", "segmenter", "super_resolution"},
    "encoders": {
        "audio",
        "named",
        "pooled",
        "recurrent",
        "resized",
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "small_resnet",
        "temporal_conv",
        "text",
    },
    "evaluation": {
        *("compression_curve", "extract_features", "knn_accuracy", "linear_probe", "representation_health"),
        *("retrieval", "same_or_different"),
    },
    "heads": {"predictor", "projector"},
    "layers": {
        "BatchNormalization",
        "Columns",
        "MaskedConv1D",
        "Positions",
        "Steps",
        "Words",
        "convert_batch_norm",
        "spectrogram",
        "spectrogram_statistics",
    },
    "losses": {
        *("InfoNCE", "Temperature", "mean_squared_error", "named", "regression_loss", "squared_similarity"),
    },
    "recipes": {"get", "scaled"},
    "report": {"Material", "preview", "write_report"},
    "schedules": {"cosine_tau", "warmup_cosine"},
    "views": {
        "AudioViews",
        "ImageViews",
        "InstrumentViews",
        "SequenceViews",
        "TokenViews",
        "VectorViews",
        "from_layers",
    },
}

FUNCTIONS = ("mean_squared_error", "regression_loss", "squared_similarity")
SAMPLES = {
    "BYOL": vector_byol,
    "LARS": lambda: bk.LARS(0.3, momentum=0.8, weight_decay=0.1, trust_coefficient=0.01, clip_trust_ratio=True),
    "WarmupCosine": lambda: bk.schedules.WarmupCosine(0.3, 100, 7),
    "PerOptimizerStep": lambda: bk.schedules.PerOptimizerStep(bk.schedules.WarmupCosine(0.3, 100, 7), 4),
    "Latest": lambda: importlib.import_module("byol_keras.metrics").Latest(name="rate", dtype="float64"),
    "BatchNormalization": lambda: bk.layers.BatchNormalization(momentum=0.8, epsilon=1e-4, synchronized=True),
    "Conv2D": lambda: bk.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
    "StandardizedConv2D": lambda: bk.layers.StandardizedConv2D(4, 3, padding="same", use_bias=False),
    "ImageViews": lambda: bk.views.ImageViews((16, 20), preset="cifar", hue=0.2, blur=(0.3, 0.1), kernel=5),
    "InstrumentViews": lambda: bk.views.InstrumentViews((16, 16), "astronomy", gain=0.1, noise=0.3, sigma=(0.5, 1.5)),
    "LayerViews": lambda: bk.views.from_layers([keras.layers.RandomFlip("horizontal", seed=1)]),
    **{name: lambda name=name: getattr(bk.losses, name) for name in FUNCTIONS},
    "InfoNCE": lambda: bk.losses.InfoNCE(0.3),
    "Temperature": lambda: bk.losses.Temperature(0.3),
    "AudioViews": lambda: bk.views.AudioViews(0.3, (0.7, 1.2), (0.8, 1.1), 1.2, 2.0, 3.0, 1.0, 0.1, 0.2, 4.0),
    "LogMelSpectrogram": lambda: bk.layers.LogMelSpectrogram(-4.0, 3.0, fft_length=256, num_mel_bins=16),
    "Columns": lambda: bk.layers.Columns([1.0, 0.0], [2.0, 1.0], {1: 3}, name="columns"),
    "MaskedConv1D": lambda: bk.layers.MaskedConv1D(4, 3, strides=2, use_bias=False, name="conv"),
    "SequenceViews": lambda: bk.views.SequenceViews((0.3, 0.8), 0.2, 0.3, 0.4, 0.5, 0.25, span=3),
    "Steps": lambda: bk.layers.Steps([1.0, 0.0], [2.0, 1.0], name="steps"),
    "TokenViews": lambda: bk.views.TokenViews((0.3, 0.7), 0.2, 0.1, 3),
    "ClipViews": lambda: bk.views.ClipViews(4, {"size": 16, "preset": "cifar", "hue": 0.2}, stride=(1, 3)),
    "PyramidBackbone": lambda: bk.downstream.keras_cv_backbone(bk.encoders.small_resnet((32, 32, 3), (4, 8)), finest=2),
    "OverFrames": lambda: bk.layers.OverFrames(keras.layers.Dense(2), name="over"),
    "PixelNormalization": lambda: bk.layers.PixelNormalization(mean=[0.1, 0.2], variance=[0.3, 0.4], invert=True),
    "Positions": lambda: bk.layers.Positions(0.5, name="places"),
    "VectorViews": lambda: bk.views.VectorViews(0.2, 0.1, 0.3, 0.4, categorical=[2]),
    "Words": lambda: bk.layers.Words(5, 3, embeddings_initializer="ones", name="words"),
    "LastStep": lambda: bk.baselines.LastStep(name="last"),
    "NextStep": lambda: bk.baselines.NextStep(recurrent_states(), 2, temporal=0.3, statistics=([1.0], [2.0]), seed=4),
    "Reconstruction": lambda: reconstruction(statistics=([1.0] * 6, [2.0] * 6), seed=4),
    "Classifier": lambda: Classifier(mlp_encoder(), 3, augment=bk.views.ImageViews(8), seed=4),
    "LayerwiseAdam": lambda: layerwise.LayerwiseAdam([0.5, 1.0], learning_rate=0.1, beta_1=0.8),
    "LayerwiseSGD": lambda: layerwise.LayerwiseSGD([0.5, 1.0], learning_rate=0.1, momentum=0.8),
}


def registered():
    """Everything of ours that Keras can revive, by its short name."""
    objects = keras.saving.get_custom_objects()
    return {name.split(">")[1]: value for name, value in objects.items() if name.startswith("byol_keras>")}


@pytest.mark.parametrize("name", CONTRACT)
def test_contract__names_exist(name):
    assert name in bk.__all__
    for member in CONTRACT[name] or ():
        assert member in getattr(bk, name).__all__


def test_all__is_what_the_modules_have_and_is_sorted():
    for info in pkgutil.walk_packages(bk.__path__, "byol_keras."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        missing = [name for name in module.__all__ if not hasattr(module, name)]
        assert not missing, f"{info.name} lacks {missing}"
    assert all(hasattr(bk, name) for name in bk.__all__)


def test_public_objects__are_documented():
    for name in bk.__all__:
        module = getattr(bk, name)
        if inspect.ismodule(module):
            undocumented = [
                m for m in module.__all__ if callable(getattr(module, m)) and not getattr(module, m).__doc__
            ]
            assert not undocumented, f"{name}: {undocumented}"


def test_serialisable_classes__all_have_a_sample_here():
    assert set(registered()) == set(SAMPLES)


def own_arguments(kind):
    parameters = inspect.signature(kind.__init__).parameters.values()
    # A functional model's inputs and outputs are in the configurations of its layers.
    own = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return own - {"self"} - ({"inputs", "outputs"} if issubclass(kind, keras.Model) else set())


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in FUNCTIONS])
def test_config__covers_the_constructor_and_survives_a_round_trip(name):
    sample = SAMPLES[name]()
    config = sample.get_config()
    assert own_arguments(type(sample)) <= set(config)
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(sample))
    assert type(revived) is type(sample)
    changed = {key for key, value in config.items() if not equal(revived.get_config()[key], value)}
    assert not changed


def equal(one, other):
    return keras.tree.map_structure(str, one) == keras.tree.map_structure(str, other)


def test_import__is_free_of_what_training_does_not_need():
    heavy = ["matplotlib", "sklearn", "tensorflow_datasets", "keras_cv", "rich.console", "jsonargparse", "PIL.Image"]
    code = (
        "import sys, keras, tensorflow; before = set(sys.modules); import byol_keras; "
        f"print([name for name in {heavy} if name in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_import__leaves_files_runs_and_exports_for_whoever_asks():
    code = (
        "import sys, byol_keras as bk; homes = {name.split('.')[1] for name in sys.modules if 'byol_keras.' in name}; "
        "print(homes & {'config', 'data', 'doctor', 'export', 'report', 'training', 'cli'} or dir(bk))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(CONTRACT) <= set(ast.literal_eval(done.stdout))


def test_name_that_there_is_not__is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="module 'byol_keras' has no attribute 'reports'"):
        _ = bk.reports


def test_example_of_the_contract__runs():
    encoder = bk.encoders.resnet18(input_shape=(32, 32, 3), stem="small", width=1)
    model = bk.BYOL(encoder, views=bk.views.ImageViews(size=32, preset="cifar"))
    assert (model.projector.layers[0].units, model.projector.output_shape) == (4096, (None, 256))
    assert np.shape(model(tf.zeros((2, 32, 32, 3), tf.uint8))) == (2, 512)
    for attribute in ("encoder", "projector", "predictor", "target_encoder", "target_projector"):
        assert isinstance(getattr(model, attribute), keras.Model)
