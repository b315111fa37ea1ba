"""Models on top of an encoder, and how they are judged."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders import weights_of

import byol_keras as bk
from byol_keras import downstream
from byol_keras.downstream.maps import feature_maps

ROOT = Path(__file__).parents[1]
GENERATOR = np.random.default_rng(0)
PICTURES = GENERATOR.random((8, 32, 32, 3), dtype="float32")


@pytest.fixture
def encoder():
    # oneDNN writes past its memory in strided 1x1 convolutions of fewer than 16 channels (its issue 6035).
    return bk.encoders.small_resnet((32, 32, 3), widths=(16, 24, 32))


def reloaded(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


HEADS = {
    "segmenter": lambda encoder, **options: downstream.segmenter(encoder, 5, channels=4, **options),
    "super_resolution": lambda encoder, **options: downstream.super_resolution(encoder, 2, channels=4, **options),
    "clip_classifier": lambda encoder, **options: downstream.clip_classifier(encoder, 5, 3, channels=4, **options),
    "keras_cv_backbone": lambda encoder, **options: downstream.keras_cv_backbone(encoder, **options),
}
TARGETS = {
    "segmenter": (PICTURES, GENERATOR.integers(0, 5, (8, 32, 32))),
    "super_resolution": (PICTURES, GENERATOR.random((8, 64, 64, 3), dtype="float32")),
    "clip_classifier": (GENERATOR.random((8, 3, 32, 32, 3), dtype="float32"), GENERATOR.integers(0, 5, 8)),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.long)])
def test_heads__train_are_saved_and_leave_their_encoder_alone(name, jit, encoder, tmp_path):
    before = weights_of(encoder)
    model, (inputs, targets) = HEADS[name](encoder), TARGETS[name]
    loss = "mse" if name == "super_resolution" else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-3), loss=loss, jit_compile=jit)
    history = model.fit(inputs, targets, epochs=4, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    np.testing.assert_allclose(reloaded(model, tmp_path)(inputs), model(inputs), atol=1e-5)
    for ours, theirs in zip(before, weights_of(encoder), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", HEADS)
def test_heads__hold_the_encoders_weights_trainable_or_frozen(name, encoder, tmp_path):
    first = encoder.get_layer("stem_conv").kernel.numpy()
    for frozen in (False, True):
        model = reloaded(HEADS[name](encoder, frozen=frozen), tmp_path)
        stem = next(layer for layer in model._flatten_layers() if layer.name == "stem_conv")
        np.testing.assert_array_equal(stem.kernel, first)
        assert (id(stem.kernel) in map(id, model.trainable_variables)) is not frozen
        if frozen:
            before = weights_of(stem)
            model(TARGETS.get(name, (PICTURES,))[0], training=True)
            statistics = [layer for layer in model._flatten_layers() if layer.name == "stem_norm"]
            assert np.all(statistics[0].moving_mean == 0)
            np.testing.assert_array_equal(before[0], stem.kernel)


def test_heads__leave_frozen_what_was_frozen_unless_all_was(encoder):
    encoder.get_layer("stem_conv").trainable = False
    maps = feature_maps(encoder, None, frozen=False)
    assert [maps.get_layer("stem_conv").trainable, maps.get_layer("stem_norm").trainable] == [False, True]
    encoder.trainable = False
    assert feature_maps(encoder, None, frozen=False).get_layer("stem_conv").trainable


@pytest.mark.parametrize("scale", [2, 4])
def test_super_resolution__begins_as_the_bilinear_enlargement(scale, encoder):
    small = PICTURES[:, :16, :12]
    model = downstream.super_resolution(encoder, scale, input_shape=(16, 12, 3))
    expected = keras.ops.image.resize(small, (16 * scale, 12 * scale), "bilinear")
    np.testing.assert_allclose(model(small), expected, atol=1e-6)


def test_heads__take_pictures_of_another_size_and_network(encoder):
    anybodys = bk.encoders.named("MobileNetV3Small", (64, 64, 3))
    assert downstream.segmenter(anybodys, 3).output_shape == (None, 64, 64, 3)
    assert downstream.super_resolution(anybodys, 2, input_shape=(33, 47, 3)).output_shape == (None, 66, 94, 3)
    levels = downstream.keras_cv_backbone(anybodys).output
    assert {name: maps.shape[1] for name, maps in levels.items()} == {f"P{i}": 64 // 2**i for i in range(1, 6)}


def test_backbone__names_levels_by_their_stride_or_from_a_given_one(encoder):
    plain = downstream.keras_cv_backbone(encoder)
    assert {name: maps.shape[1] for name, maps in plain.output.items()} == {f"P{i}": 32 // 2**i for i in range(6)}
    small = downstream.keras_cv_backbone(encoder, finest=2)
    assert {name: maps.shape[1:] for name, maps in small.output.items()} == {
        "P2": (32, 32, 16),
        "P3": (16, 16, 24),
        "P4": (8, 8, 32),
        "P5": (4, 4, 32),
    }
    assert small.pyramid_level_inputs == {name: name for name in small.output}
    last = np.max(np.reshape(small(PICTURES)["P4"], (8, 4, 2, 4, 2, 32)), axis=(2, 4))
    np.testing.assert_array_equal(small(PICTURES)["P5"], last)
    maps = bk.encoders.pyramid(encoder)(PICTURES)
    np.testing.assert_allclose(small(PICTURES)["P3"], maps["stage_2"], atol=1e-5)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda encoder: downstream.segmenter(encoder, 0), "`classes` must be a positive integer"),
        (lambda encoder: downstream.super_resolution(encoder, 3), "`scale` must be 2 or 4"),
        (lambda encoder: downstream.clip_classifier(encoder, 2, 0), "`frames` must be a positive integer"),
        (lambda encoder: downstream.segmenter(encoder, 2, input_shape=(None, 8, 3)), "all of them known"),
        (lambda encoder: downstream.keras_cv_backbone(encoder, (48, 40, 3)), "multiples of 32, .* Received: 48 x 40"),
        (lambda encoder: downstream.keras_cv_backbone(encoder, finest=6), "`finest` must be a level from 0 to 5"),
        (lambda encoder: downstream.mean_average_precision({"boxes": [], "classes": []}, {}), "must hold a box"),
        (lambda encoder: downstream.mean_average_precision(TRUTH, {"boxes": []}), "`found` must be of the pictures"),
        (lambda encoder: downstream.mean_average_precision({}, {}, overlap=0), r"`overlap` must be in \(0, 1\]"),
        (lambda encoder: downstream.mean_iou(np.zeros(3, int), np.zeros(4, int), 2), "must have the shape of `truth`"),
        (lambda encoder: downstream.mean_iou([0, 1, 255], [0, 1, 1], 2), "`truth` must hold integers from 0 to 1"),
        (lambda encoder: downstream.mean_iou([0, 1], [0, -1], 2), "`found` must hold integers .* from -1 to 0"),
        (lambda encoder: downstream.mean_iou([0, 1], [0.2, 0.9], 2), "`found` must hold integers .* float64"),
        (lambda encoder: downstream.mean_iou(np.array([], int), np.array([], int), 2), "`truth` must hold integers"),
        (lambda encoder: downstream.peak_signal_to_noise(PICTURES, PICTURES[:2]), "must have the shape of `truth`"),
        (lambda encoder: downstream.peak_signal_to_noise(255 * PICTURES, PICTURES), r"`truth` must be .* in \[0, 1\]"),
    ],
)
def test_downstream__refuses_what_can_not_be(build, sentence, encoder):
    with pytest.raises(ValueError, match=sentence):
        build(encoder)


TRUTH = {
    "boxes": np.array([[[0, 0, 10, 10], [20, 20, 30, 30]], [[0, 0, 10, 10], [-1, -1, -1, -1]]], "float32"),
    "classes": np.array([[0, 1], [0, -1]], "float32"),
}


def found(*rows):
    """Detections as `(picture, box, class, confidence)`, padded with -1."""
    made = {"boxes": np.full((2, 4, 4), -1.0), "classes": np.full((2, 4), -1.0), "confidence": np.full((2, 4), -1.0)}
    for slot, (picture, box, kind, confidence) in enumerate(rows):
        for name, value in (("boxes", box), ("classes", kind), ("confidence", confidence)):
            made[name][picture, slot] = value
    return made


A, B, ELSEWHERE = (0, 0, 10, 10), (20, 20, 30, 30), (50, 50, 60, 60)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0, A, 0, 0.9), (0, B, 1, 0.8), (1, A, 0, 0.7)], 1.0),
        ([], 0.0),
        ([(0, ELSEWHERE, 0, 0.9)], 0.0),
        # Right boxes of the wrong class.
        ([(0, A, 1, 0.9), (0, B, 0, 0.8)], 0.0),
        # Class 0: right, wrong, right gives (1 + 2/3) / 2; class 1 is missed.
        ([(0, A, 0, 0.9), (1, ELSEWHERE, 0, 0.8), (1, A, 0, 0.7)], (1 + 2 / 3) / 2 / 2),
        # A second box on what was found already is wrong.
        ([(0, A, 0, 0.9), (0, A, 0, 0.8), (1, A, 0, 0.7)], (1 + 2 / 3) / 2 / 2),
        # Wrong first: precision 1/2 and 2/3, of which the best from there on counts.
        ([(0, ELSEWHERE, 0, 0.9), (0, A, 0, 0.8), (1, A, 0, 0.7)], (2 / 3 + 2 / 3) / 2 / 2),
        # 60 of 100 pixels overlap enough, 40 do not.
        ([(0, (0, 0, 10, 6), 0, 0.9), (1, (0, 0, 10, 4), 0, 0.8)], 0.5 / 2),
    ],
)
def test_mean_average_precision__by_hand(rows, expected):
    assert downstream.mean_average_precision(TRUTH, found(*rows)) == pytest.approx(expected)


def test_measures__of_the_truth_itself_are_the_best():
    scenes = bk.data.shape_scenes(20)
    truth = {"boxes": scenes.boxes, "classes": scenes.classes}
    assert downstream.mean_average_precision(truth, truth | {"confidence": scenes.classes}, overlap=1.0) == 1.0
    assert downstream.mean_iou(scenes.masks, scenes.masks, 9) == 1.0
    assert downstream.peak_signal_to_noise(PICTURES, PICTURES) == pytest.approx(100)
    whole = (PICTURES * 255).round().astype("uint8")
    assert downstream.peak_signal_to_noise(whole, whole / 255) == pytest.approx(100)


def deep_lab(encoder):
    import keras_cv

    layers = [keras.Input((None, None, 304)), keras.layers.Conv2D(5, 1, activation="softmax")]
    backbone = downstream.keras_cv_backbone(encoder, finest=2)
    return keras_cv.models.DeepLabV3Plus(backbone=backbone, num_classes=5, segmentation_head=keras.Sequential(layers))


def retina_net(encoder):
    import keras_cv

    sizes, strides = [8, 16, 32, 64, 128], [2, 4, 8, 16, 32]
    ratios = {"aspect_ratios": [0.5, 1.0, 2.0], "scales": [1.0, 1.3, 1.6]}
    anchors = keras_cv.layers.AnchorGenerator("xyxy", sizes=sizes, strides=strides, clip_boxes=True, **ratios)
    backbone = downstream.keras_cv_backbone(encoder, finest=2)
    return keras_cv.models.RetinaNet(backbone, 8, "xyxy", anchor_generator=anchors)


@pytest.mark.long
def test_deep_lab__of_keras_cv_fits_predicts_and_is_saved(encoder, tmp_path):
    model, (pictures, masks) = deep_lab(encoder), TARGETS["segmenter"]
    model.compile("adam", loss="sparse_categorical_crossentropy")
    history = model.fit(pictures, masks, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model.predict(pictures, verbose=0).shape == (8, 32, 32, 5)
    np.testing.assert_allclose(reloaded(model, tmp_path)(pictures), model(pictures), atol=1e-5)
    assert_loads_elsewhere(tmp_path / "model.keras")


@pytest.mark.long
def test_retina_net__of_keras_cv_fits_predicts_and_is_saved(encoder, tmp_path):
    scenes = bk.data.shape_scenes(8, size=32, most=2)
    pictures, truth = scenes.images / np.float32(255), {"boxes": scenes.boxes, "classes": scenes.classes}
    model = retina_net(encoder)
    model.compile(optimizer="adam", box_loss="smoothl1", classification_loss="focal", jit_compile=False)
    history = model.fit(pictures, truth, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    guesses = model.predict(pictures, verbose=0)
    assert 0 <= downstream.mean_average_precision(truth, guesses) <= 1
    revived = reloaded(model, tmp_path)
    for name, values in model(pictures).items():
        np.testing.assert_allclose(revived(pictures)[name], values, atol=1e-4)
    assert_loads_elsewhere(tmp_path / "model.keras")


def assert_loads_elsewhere(path):
    """A process that has seen neither encoder nor keras_cv needs no more than our import."""
    code = f"import keras, byol_keras; print(keras.models.load_model({str(path)!r}).backbone.pyramid_level_inputs)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "'P5': 'P5'" in done.stdout, done.stderr
