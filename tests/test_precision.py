import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import vector_byol

import byol_keras as bk
from byol_keras import precision


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    bk.set_precision("float32")


def test_call__gives_the_encoder_what_training_gives_it():
    """100,000 is more than float16 holds."""
    bk.set_precision("float16")
    scaled = keras.layers.Rescaling(1e-5, dtype="float32")
    model = vector_byol(encoder=lambda: keras.Sequential([keras.Input((6,)), scaled, keras.layers.Dense(5)]))
    examples = np.full((2, 6), 1e5, "float32")
    np.testing.assert_array_equal(model(examples), model.encoder(examples))
    assert np.isfinite(model(examples)).all()


@pytest.mark.parametrize(
    ("word", "policy", "rewritten"),
    [
        ("float32", "float32", False),
        ("bfloat16", "mixed_bfloat16", True),
        ("float16", "mixed_float16", False),
    ],
)
def test_set_precision__sets_policy_and_graph_options(word, policy, rewritten):
    assert bk.set_precision(word) == word
    assert keras.config.dtype_policy().name == policy
    options = tf.config.optimizer.get_experimental_options()
    assert options.get("auto_mixed_precision_onednn_bfloat16", False) == rewritten


def test_set_precision__refuses_other_words():
    with pytest.raises(ValueError, match=r"`precision` must be one of .*'auto'.* Received: precision='half'"):
        bk.set_precision("half")


@pytest.mark.parametrize(
    ("kind", "capability", "expected"),
    [
        ("GPU", (9, 0), "bfloat16"),
        ("GPU", (7, 5), "float16"),
        ("GPU", (6, 1), "float32"),
        ("TPU", None, "bfloat16"),
    ],
)
def test_auto__chooses_what_the_device_is_fast_at(monkeypatch, kind, capability, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda wanted: [kind] if wanted == kind else [])
    details = {"compute_capability": capability}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert precision.fastest_precision() == expected
    assert bk.set_precision("auto") == expected


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "avx2 avx512_bf16", "bfloat16"),
        ("GenuineIntel", "avx2 avx512_bf16", "float32"),
        ("GenuineIntel", "avx512_bf16 amx_bf16", "bfloat16"),
        ("AuthenticAMD", "avx512f", "float32"),
        (None, None, "float32"),
    ],
)
def test_auto__on_a_cpu_asks_for_its_instructions(monkeypatch, tmp_path, vendor, flags, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(precision, "_CPU_FLAGS", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"vendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n")
    assert precision.fastest_precision() == expected


def use_gpus(monkeypatch, **capabilities):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [*capabilities] if kind == "GPU" else [])
    details = {gpu: {"compute_capability": capability} for gpu, capability in capabilities.items()}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.get)


def test_auto__is_what_the_oldest_gpu_is_fast_at(monkeypatch):
    use_gpus(monkeypatch, new=(9, 0), old=(7, 0))
    assert precision.fastest_precision() == "float16"


def test_set_precision__leaves_the_rewriting_for_cpus_alone_on_a_gpu(monkeypatch):
    use_gpus(monkeypatch, only=(9, 0))
    bk.set_precision("bfloat16")
    assert not tf.config.optimizer.get_experimental_options()["auto_mixed_precision_onednn_bfloat16"]
