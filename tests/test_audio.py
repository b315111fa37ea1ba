"""Sound from waveforms to exported files: the spectrogram, its encoder, training."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, moved, weights_of
from scipy.signal import resample_poly

import byol_keras as bk
from byol_keras.export.portable import Portable
from byol_keras.layers import LogMelSpectrogram, spectrogram, spectrogram_statistics

RATE, SAMPLES = 8000, 4000
SOUND = {"rate": RATE, "mels": 32, "window": 0.032, "high": 4000.0}


def tones(count, seed=0):
    """Harmonic or lone tones at any pitch and loudness in noise; which of both is the class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    time = np.arange(SAMPLES) / RATE
    pitch = generator.uniform(200, 600, (count, 1))
    lone, harmonic = np.sin(2 * np.pi * pitch * time), np.sin(6 * np.pi * pitch * time)
    clips = 0.5 * lone + np.where(labels[:, None], 0.4 * harmonic, 0.0)
    clips *= np.exp(generator.uniform(-2, 0, (count, 1)))
    return (clips + 0.01 * generator.normal(size=clips.shape)).astype("float32"), labels


CLIPS, LABELS = tones(96)


def byol():
    keras.utils.set_random_seed(3)
    heads = {"projector": bk.heads.projector(32, 32, 16), "predictor": bk.heads.predictor(16, 32, 16)}
    return bk.BYOL(
        bk.encoders.audio((32, 51, 1), widths=(8, 16), features=32),
        views=bk.views.AudioViews(deviation=3.0),
        preprocessor=spectrogram(SAMPLES, **SOUND, statistics=(-3.0, 3.0)),
        **heads,
    )


@pytest.fixture(scope="module")
def trained():
    model = byol()
    model.compile(keras.optimizers.AdamW(1e-3))
    model.fit(CLIPS, epochs=3, batch_size=16, verbose=0)
    return model


@pytest.mark.parametrize("clips", [(32767 * CLIPS).astype("int16"), 32767 * CLIPS, (32767 * CLIPS).astype("int32")])
def test_training__on_waveforms_of_another_scale_is_refused(clips):
    model = byol()
    model.compile(keras.optimizers.AdamW(1e-3))
    with pytest.raises(ValueError, match=r"`x` must be waveforms, floats in \[-1, 1\]: divide 16-bit numbers by 32768"):
        model.fit(clips, batch_size=16, verbose=0)


@pytest.mark.parametrize("samples", [799, 800, 879, 1000])
def test_spectrogram__has_the_frames_that_it_promises(samples):
    model = spectrogram(samples, **SOUND)
    found = model(np.zeros((2, samples), "float32"))
    assert model.output_shape == (None, 32, 1 + samples // 80, 1)
    assert found.shape == (2, *model.output_shape[1:])


def test_spectrogram__is_the_logarithm_of_keras_powers():
    stock = keras.layers.MelSpectrogram(
        fft_length=256,
        sequence_length=256,
        sequence_stride=80,
        sampling_rate=RATE,
        num_mel_bins=32,
        min_freq=60.0,
        max_freq=4000.0,
        power_to_db=False,
    )
    powers = np.asarray(stock(CLIPS[:4]), "float64")
    found = spectrogram(SAMPLES, **SOUND, statistics=(-2.0, 1.5))(CLIPS[:4])[..., 0]
    np.testing.assert_allclose(found, (np.log(powers + 1e-7) + 2.0) / 1.5, atol=1e-4)


def test_spectrogram__shows_a_tone_in_the_band_of_its_frequency():
    edges = 700 * np.expm1(np.linspace(np.log1p(60 / 700), np.log1p(4000 / 700), 34))
    model = spectrogram(SAMPLES, **SOUND)
    for frequency in (300.0, 1000.0, 3000.0):
        tone = np.sin(2 * np.pi * frequency * np.arange(SAMPLES) / RATE).astype("float32")
        band = int(np.asarray(model(tone[None]))[0, :, 25, 0].argmax())
        assert edges[band] < frequency < edges[band + 2]


def test_spectrogram__of_silence_is_finite_and_no_clip_depends_on_another():
    model = spectrogram(SAMPLES, **SOUND)
    quiet = np.stack([np.zeros(SAMPLES), 1e-4 * CLIPS[0], CLIPS[0]]).astype("float32")
    together = np.asarray(model(quiet))
    np.testing.assert_allclose(together[0], np.log(1e-7), rtol=1e-6)
    for clip, found in zip(quiet, together, strict=True):
        np.testing.assert_allclose(model(clip[None])[0], found, atol=1e-4)


def test_statistics__bring_the_sample_to_mean_0_and_deviation_1():
    bare = spectrogram(SAMPLES, **SOUND)
    statistics = spectrogram_statistics(bare, CLIPS)
    values = np.asarray(spectrogram(SAMPLES, **SOUND, statistics=statistics)(CLIPS))
    assert (values.mean(), values.std()) == (pytest.approx(0.0, abs=1e-3), pytest.approx(1.0, abs=1e-3))
    assert LogMelSpectrogram(*statistics).get_config()["mean"] == statistics[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"samples": 0}, "`samples` must be a positive integer"),
        ({"mels": 2.5}, "`mels` must be a positive integer"),
        ({"samples": 200}, r"`window` must .* 200 samples, 0\.025 seconds\. Received: window=0\.032"),
        ({"window": 0.0}, "`window` must"),
        ({"hop": 0.0}, "`hop` must"),
        ({"hop": 1.0}, "`hop` must"),
        ({"high": 4001.0}, r"low < high <= 4000, half the rate\. Received: low=60\.0, high=4001\.0"),
        ({"low": 4000.0}, "`low` and `high` must"),
        ({"mels": 120}, r"`mels` must leave .* 129 frequencies .* Received: mels=120, of which \d+ would be silent"),
        (
            {"statistics": np.zeros(2)},
            "`deviation` positive. Received: mean=0.0, deviation=0.0",
        ),
        ({"statistics": (0.0, 1.0, 2.0)}, "`statistics` must be a mean and a deviation"),
    ],
)
def test_spectrogram__refuses_what_can_not_be(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        spectrogram(**{"samples": SAMPLES, **SOUND} | options)


def test_statistics__take_what_resampling_adds_to_full_scale():
    bare = spectrogram(SAMPLES, **SOUND)
    square = np.sign(np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLES) / (2 * RATE)))
    clips = resample_poly(square, 1, 2)[None].astype("float32")
    assert np.abs(clips).max() > 1.05
    bare.get_layer("log_mel").check(clips)
    assert np.isfinite(spectrogram_statistics(bare, clips)).all()


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (CLIPS[:, :100], r"of shape \(clips, 4000\)"),
        ((CLIPS * 32767).astype("int16"), "int16"),
        (CLIPS * 100, r"lie in \[-1, 1\]"),
        (CLIPS * np.float32("nan"), "must be finite"),
        (CLIPS * 0, "more than silence"),
    ],
)
def test_statistics__refuse_what_is_no_sound(clips, sentence):
    with pytest.raises(ValueError, match=sentence):
        spectrogram_statistics(spectrogram(SAMPLES, **SOUND), clips)


def test_encoder__adds_mean_and_peak_over_time_of_any_length():
    encoder = moved(bk.encoders.audio((20, None, 1), widths=(4, 6), features=7))
    steps = keras.Model(encoder.input, encoder.get_layer("dense_2").output)
    for frames, left in ((3, 1), (17, 5), (40, 10)):
        pictures = np.random.default_rng(0).normal(size=(2, 20, frames, 1)).astype("float32")
        found = steps(pictures).numpy()
        assert found.shape == (2, left, 7)
        np.testing.assert_allclose(encoder(pictures), found.mean(axis=1) + found.max(axis=1), atol=1e-5)
    fixed = bk.encoders.audio((20, 17, 1), widths=(4, 6), features=7)
    fixed.set_weights(encoder.get_weights())
    np.testing.assert_allclose(fixed(pictures[:, :, :17]), encoder(pictures[:, :, :17]), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"input_shape": (20, None, 3)},
        {"input_shape": (20, 17)},
        {"input_shape": (0, 17, 1)},
        {"widths": ()},
        {"widths": (4, 0)},
        {"features": 0},
        {"normalization": "none"},
    ],
)
def test_encoder__refuses_what_makes_no_network(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must"):
        bk.encoders.audio(**{"input_shape": (20, 17, 1)} | options)


def test_training__takes_waveforms_and_moves_the_encoder(trained):
    assert trained.predict(CLIPS, verbose=0).shape == (96, 32)
    names = [weight.path for weight in trained.trainable_variables]
    assert not [name for name in names if "log_mel" in name]
    fresh = byol().encoder.get_layer("dense_1").get_weights()
    for before, after in zip(fresh, trained.encoder.get_layer("dense_1").get_weights(), strict=True):
        assert np.abs(after - before).max() > 1e-3


def one_step(**options):
    """The loss of a first step, and the weights after it."""
    model = byol()
    model.compile(keras.optimizers.SGD(0.05), **options)
    history = model.fit(CLIPS[:8], batch_size=8, shuffle=False, verbose=0).history
    return history["loss"][0], weights_of(model.encoder)


@pytest.mark.long
def test_training__compiles_by_xla():
    plain, compiled = one_step(), one_step(jit_compile=True)
    assert plain[0] == pytest.approx(compiled[0], abs=1e-4)
    assert_same(plain[1], compiled[1], atol=1e-4)


def test_training__on_silence_alone_does_not_start():
    model = byol()
    model.compile(keras.optimizers.AdamW(1e-3))
    with pytest.raises(ValueError, match="all of them silent"):
        model.fit(0.0 * CLIPS, batch_size=16, verbose=0)


def test_save__keeps_all_of_it(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(revived.predict(CLIPS, verbose=0), trained.predict(CLIPS, verbose=0), atol=1e-5)
    assert revived.views.get_config() == trained.views.get_config()


def test_encoder_of_sound__is_none_of_pictures(trained, tmp_path):
    portable = Portable(trained.encoder)
    assert not portable.is_picture
    assert portable.inputs()["spectrogram"].shape == (None, 32, 51, 1)
    folder = bk.export.saved_model(trained.encoder, tmp_path / "encoder")
    assert set(tf.saved_model.load(folder).signatures) == {"serving_default"}
    card = json.loads((tmp_path / "encoder/1/model_card.json").read_text())
    assert list(card["inputs"]["serving_default"]["takes"]) == ["spectrogram"]
    with pytest.raises(ValueError, match="`size` must be the height and width of the pictures"):
        Portable(trained.encoder, size=32)


@pytest.mark.long
def test_exports__take_waveforms_or_spectrograms(trained, tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    saved = bk.export.saved_model(trained, tmp_path / "sound")
    files = [
        bk.export.litert(trained, tmp_path / f"{kind}.tflite", quantization=kind, representative=CLIPS[:64])
        for kind in ("float32", "float16", "int8")
    ]
    found = bk.export.verify(trained, [saved, *files], CLIPS, LABELS)
    assert found.ok, found.to_json()
    signature = tf.saved_model.load(saved).signatures["serving_default"]
    assert signature.structured_input_signature[1]["waveform"].shape == (None, SAMPLES)
    spectrograms = np.asarray(trained.preprocessor(CLIPS))
    files = [bk.export.onnx(trained.encoder, tmp_path / "encoder.onnx")]
    options = {"quantization": "int8", "representative": spectrograms[:64]}
    files.append(bk.export.litert(trained.encoder, tmp_path / "int8.tflite", **options))
    found = bk.export.verify(trained.encoder, files, spectrograms, LABELS)
    assert found.ok, found.to_json()


@pytest.mark.parametrize("options", [{"quantization": "dynamic"}, {"quantization": "int8", "integer": True}])
def test_eight_bits__of_powers_are_refused_in_a_sentence(trained, options, tmp_path):
    with pytest.raises(ValueError, match=r"`quantization` must be .* or 'int8' .*`model\.encoder`.* log_mel"):
        bk.export.litert(trained, tmp_path / "sound.tflite", **options, representative=CLIPS[:8])


def test_onnx__of_waveforms_is_refused_in_a_sentence(trained, tmp_path):
    pytest.importorskip("tf2onnx")
    with pytest.raises(ValueError, match=r"`model` must take spectrograms.*export `model\.encoder`.*with log_mel"):
        bk.export.onnx(trained, tmp_path / "sound.onnx")
