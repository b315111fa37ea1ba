"""Series, texts and sounds by the commands that pictures are trained with."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same

import byol_keras as bk
from byol_keras.cli import main
from byol_keras.training.building import build_model
from byol_keras.training.kinds import kind_of
from byol_keras.training.loading import Run
from byol_keras.training.planning import make_plan
from byol_keras.training.rundata import RunData

GENERATOR = np.random.default_rng(0)
NOUNS = ("cat", "dog", "tree", "house", "river", "stone", "cloud", "bird")


def series_file(folder):
    """Of 12 to 20 steps each, rising or falling."""
    labels = GENERATOR.integers(0, 2, 60)
    values = np.full((60, 20, 1), np.nan, "float32")
    for row, label in enumerate(labels):
        length = GENERATOR.integers(12, 21)
        slope = (1 - 2 * label) * np.linspace(-1, 1, length)
        values[row, :length, 0] = slope + GENERATOR.normal(scale=0.1, size=length)
    np.savez(folder / "series.npz", x=values, y=labels)
    return str(folder / "series.npz")


def text_file(folder):
    lines = ["body,label"]
    for row in range(60):
        words = GENERATOR.choice(NOUNS[:4] if row % 2 else NOUNS[4:], GENERATOR.integers(4, 9))
        lines.append(f"{' '.join(words)},{'animal' if row % 2 else 'thing'}")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "texts.csv")


def sound_folder(folder):
    """Low and high tones of half a second, some of them cut short."""
    from scipy.io import wavfile

    for row in range(40):
        place = folder / "sounds" / ("high" if row % 2 else "low")
        place.mkdir(parents=True, exist_ok=True)
        time = np.arange(4000 - 40 * row) / 8000
        tone = np.sin(2 * np.pi * (1800 if row % 2 else 300) * time + row) + GENERATOR.normal(scale=0.2, size=len(time))
        wavfile.write(place / f"{row:02d}.wav", 8000, (8000 * tone).astype("int16"))
    (folder / "sounds" / "low" / "broken.wav").write_bytes(b"RIFF")
    return str(folder / "sounds")


MAKERS = {
    "sequences": (series_file, ["--encoder", "gru"]),
    "text": (text_file, ["--columns", "body", "--vocabulary", "8"]),
    "audio": (sound_folder, ["--max-bad-fraction", "1", "--clip-seconds", "0.4"]),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def run(request, tmp_path_factory):
    """A short run of one kind: its kind, its data and its folder."""
    folder = tmp_path_factory.mktemp(request.param)
    make, words = MAKERS[request.param]
    data = make(folder)
    usual = ["--kind", request.param, "--epochs", "1", "--batch-size", "10", "--precision", "float32"]
    assert main(["pretrain", "--data", data, "--run", str(folder / "run"), *usual, *words]) == 0
    return request.param, data, folder / "run"


RAW = {"sequences": "raw values", "text": "bag of words", "audio": "raw spectrum"}


def test_pretrain__judges_an_encoder_that_takes_raw_examples(run):
    kind, _data, folder = run
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    assert {row["representation"] for row in rows} == {RAW[kind], "untrained", "online"}
    encoder = keras.models.load_model(folder / "encoder.keras")
    raw = {
        "sequences": tf.ones((2, 20, 1)),
        "text": tf.constant(["the cat", "a stone in a river"]),
        "audio": tf.random.stateless_normal((2, 3200), (0, 1)),
    }
    assert encoder(raw[kind]).shape == (2, encoder.output_shape[-1])
    page = (folder / "report.html").read_text()
    assert f"The {RAW[kind]} and the network before training" in page
    assert "Nearest neighbours" in page


def test_evaluate_embed_and_preview__work_for_every_kind(run, tmp_path, capsys):
    kind, data, folder = run
    assert main(["evaluate", "--run", str(folder), "--data", data, "--baselines", "pca", "--judges", "knn"]) == 0
    assert main(["embed", "--run", str(folder), "--data", data, "--output", str(tmp_path / "f.npz")]) == 0
    features = np.load(tmp_path / "f.npz")["features"]
    assert len(features) == (40 if kind == "audio" else 60)
    assert main(["preview", "--run", str(folder), "--output", str(tmp_path / "views.png"), "--count", "2"]) == 0
    assert (tmp_path / "views.png").stat().st_size > 1000
    assert "report: " in capsys.readouterr().out


def test_evaluate__foretells_series_beside_the_rest(run, capsys):
    kind, _data, folder = run
    command = ["evaluate", "--run", str(folder), "--baselines", "untrained,next_step", "--judges", "linear"]
    if kind != "sequences":
        assert main([*command, "--baseline-epochs", "1"]) == 1
        assert "`baselines` can hold next_step for series" in capsys.readouterr().err
        return
    assert main([*command, "--baseline-epochs", "20"]) == 0
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    found = {row["representation"]: row["accuracy"] for row in rows}
    assert list(found) == ["untrained", "next_step", "online"]
    assert found["next_step"] != found["untrained"] or found["next_step"] == 1.0


def test_export__of_a_saved_model_takes_raw_examples_in_plain_tensorflow(run, tmp_path):
    kind, _data, folder = run
    assert main(["export", "--run", str(folder), "--output", str(tmp_path)]) == 0
    loaded = tf.saved_model.load(str(tmp_path / "encoder" / "1")).signatures["serving_default"]
    ((name, spec),) = loaded.structured_input_signature[1].items()
    assert spec.dtype == (tf.string if kind == "text" else tf.float32)
    raw = tf.constant(["a dog", "cloud"]) if kind == "text" else tf.ones((2, *spec.shape[1:]))
    encoder = keras.models.load_model(folder / "encoder.keras")
    np.testing.assert_allclose(loaded(**{name: raw})["representation"], encoder(raw), atol=1e-4)


def test_networks__of_a_run_take_the_same_inputs_and_can_be_exported(run, tmp_path):
    kind, _data, folder = run
    online, target = (Run(str(folder)).encoder(network) for network in ("online", "target"))
    assert online.input_shape == target.input_shape
    formats = ["savedmodel"] if kind == "text" else ["litert", "--batch-size", "1"]
    options = ["--output", str(tmp_path), "--network", "target", "--verify", "--format", *formats]
    assert main(["export", "--run", str(folder), *options]) == 0


@pytest.mark.parametrize("part", ["whole", "bare"])
def test_init_from__a_run_goes_on_with_what_its_encoder_has_learned(run, tmp_path, part):
    """Its words keep their numbers and its spectrogram its scale, whatever the new data would say."""
    kind, _data, folder = run
    whole = keras.models.load_model(folder / "encoder.keras")
    bare = whole if kind == "sequences" else whole.layers[-1]
    start = tmp_path / "start.keras"
    (whole if part == "whole" else bare).save(start)
    new = {
        "sequences": GENERATOR.normal(size=(12, 20, 1)).astype("float32"),
        "text": np.array(["a zebra and a cat", "stones"] * 6, "object"),
        "audio": GENERATOR.normal(scale=0.1, size=(12, 5000)).astype("float32"),
    }
    options = {"data": new[kind], "kind": kind, "batch_size": 4, "precision": "float32", "init_from": str(start)}
    if part == "bare" and kind != "sequences":
        with pytest.raises(ValueError, match="`init_from` must hold one"):
            planned(**options)
        return
    _, plan = planned(**options)
    model = build_model(plan, str(start))
    assert_same([weight.numpy() for weight in model.encoder.weights], [weight.numpy() for weight in bare.weights])
    if kind == "text":
        assert set(plan.known["vocabulary"]) <= set(NOUNS)
    if kind == "audio":
        assert plan.shape == (3200,)
        layer = whole.layers[1].get_layer("log_mel")
        assert plan.statistics == (layer.mean, layer.deviation)


def planned(**options):
    config = bk.PretrainConfig(epochs=1, **options)
    data = RunData(config)
    return data, make_plan(config, data, began=0.0)


def test_recordings__longer_than_a_clip_are_heard_in_all_their_parts(tmp_path):
    """Each pass another window of each, the same ones where a run goes on; outside of training the beginning."""
    recordings = np.arange(32000.0).reshape(4, 8000).astype("float32") / 32000
    data, plan = planned(data=recordings, kind="audio", sample_rate=8000, clip_seconds=0.1, batch_size=4)
    examples = data.training(plan)
    batches = [batch.numpy() for batch in examples.training(4).take(100)]
    windows = np.round(32000 * np.concatenate(batches)).astype(int)
    np.testing.assert_array_equal(np.diff(windows), 1)
    starts = windows[:, 0] % 8000
    assert starts.min() < 300
    assert 6900 < starts.max() <= 7200
    assert 3200 < starts.mean() < 4000
    np.testing.assert_array_equal(next(iter(examples.training(4, start=7))), batches[7])
    np.testing.assert_array_equal(data.arrays(data.source, plan)[0], recordings[:, :800])


def test_series__differing_in_length_are_drawn_as_long_as_they_are():
    values = np.ones((4, 10, 2))
    values[1, 5:] = np.nan
    data, plan = planned(data=values, kind="sequences", batch_size=2)
    drawn = data.kind.drawn(data.arrays(data.source, plan)[0], plan)
    columns = [np.flatnonzero((picture < 255).any(axis=(0, 2))).max() for picture in drawn[:2]]
    assert columns[0] > 85
    assert 35 < columns[1] < 50


def test_bag_of_words__counts_words_and_neither_padding_nor_unknown_ones():
    _data, plan = planned(data=["cat cat dog", "dog bird"], kind="text", batch_size=2, vocabulary=4, size=5)
    assert sorted(plan.known["vocabulary"]) == ["cat", "dog"]
    found = kind_of("text").features(plan)(np.array(["cat cat dog", "dog bird"], "object"))
    place = 2 + plan.known["vocabulary"].index("cat")
    np.testing.assert_allclose(found[:, place], np.log1p([2, 0]), rtol=1e-6)
    np.testing.assert_allclose(found[:, :2], 0.0)


def test_sounds__have_the_rate_and_the_length_of_those_of_all_classes(tmp_path):
    from scipy.io import wavfile

    for number, rate, seconds in [*((n, 4000, 0.01) for n in range(33)), *((n, 8000, 0.03) for n in range(33, 90))]:
        wavfile.write(tmp_path / f"{number:02d}.wav", rate, np.zeros(round(rate * seconds), "int16"))
    assert RunData(bk.PretrainConfig(data=str(tmp_path), kind="audio")).known == {"rate": 8000, "samples": 240}


def test_rows__may_be_broken_from_the_first_on_and_a_part_of_a_table(tmp_path):
    rows = GENERATOR.normal(size=(20, 3)).astype("float32")
    rows[0, 1] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    data, plan = planned(data=str(tmp_path / "rows.npy"), kind="vectors", batch_size=4)
    np.testing.assert_array_equal(data.arrays(data.source, plan)[0], rows[1:])
    part = bk.data.open_vectors(rows[1:], categorical=["2"]).subset(range(10))
    assert planned(data=part, kind="vectors", batch_size=4)[1].known["categories"].keys() == {"2"}
    np.save(tmp_path / "rows.npy", np.full((4, 3), np.inf))
    with pytest.raises(ValueError, match=r"must hold rows that can be read.*, of which all 4 are broken"):
        planned(data=str(tmp_path / "rows.npy"), kind="vectors", batch_size=4)


def test_sounds__of_an_array_have_the_rate_that_is_said():
    data, plan = planned(
        data=GENERATOR.normal(scale=0.1, size=(6, 4000)).astype("float32"), kind="audio", sample_rate=4000, batch_size=2
    )
    assert plan.known == {"rate": 4000, "samples": 4000}
    assert data.kind.features(plan)(data.arrays(data.source, plan)[0]).shape == (6, 128)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "sequences", "data": np.ones((4, 10)), "encoder": "mlp"}, "`encoder` must be temporal_conv"),
        ({"kind": "text", "data": ["a", "b"], "encoder": "mlp"}, "`encoder` must be gru"),
        ({"kind": "audio", "data": np.ones((4, 3200)), "encoder": "gru"}, "`encoder` must be audio"),
        ({"kind": "text", "data": ["a", " "]}, "texts with something to see"),
        ({"kind": "text", "data": [1, 2]}, "must hold texts. Received: int"),
        ({"kind": "text", "data": "texts.csv", "columns": "a,b"}, "one column"),
        ({"kind": "audio", "data": np.ones((4, 10), int)}, "waveforms of shape"),
        ({"kind": "audio", "data": "sound.wav"}, "waveforms, or a folder of WAV files"),
        ({"kind": "sequences", "data": "nothing.csv"}, "there is no such file"),
        ({"kind": "text", "data": "nothing.txt"}, "exists"),
    ],
)
def test_mistakes__are_sentences(options, sentence):
    from byol_keras.training.building import initial_encoder

    with pytest.raises(ValueError, match=sentence) as caught:
        initial_encoder(planned(batch_size=2, **options)[1])
    assert "\n" not in str(caught.value)
