"""Instruments told apart by their sound, without a label: BYOL on waveforms.

    python examples/tones.py

Nine instruments, synthesised here, differ in what musicians call timbre: which harmonics are strong, how a tone begins
and ends, whether it trembles. Each plays at any pitch, loudness, length and moment, behind a filter as of another room,
in noise, so that neither the average spectrum nor its picture gives the instrument away. BYOL hears waveforms only; the
views shift, stretch, fade and mix their spectrograms. Labels only judge.

Ours, in percent, means of three seeds (`--seeds 3`) with standard deviations; a seed takes eight minutes of one core:

                             linear          kNN
    average spectrum     41.4 ± 1.0   59.3 ± 0.8
    spectrogram          49.4 ± 0.3   64.9 ± 0.9
    PCA                  50.7 ± 3.2   63.5 ± 1.4
    untrained            71.5 ± 3.4   60.7 ± 3.6
    reconstruction       84.8 ± 2.0   69.7 ± 1.6
    BYOL                 85.5 ± 0.8   74.1 ± 1.2
    supervised           97.0 ± 1.0   96.7 ± 1.1

To a linear classifier an autoencoder's vectors are worth as much as BYOL's; neighbours BYOL finds better.
"""

import argparse
import json
import statistics

import keras
import numpy as np
import rich
import rich.table

import byol_keras as bk

RATE, SAMPLES, MELS = 8000, 6000, 48
BATCH_SIZE = 128


def main() -> None:
    options = parse_options()
    found = [compared(seed, options) for seed in range(options.seeds)]
    rows = {
        name: {judge: [round(run[name][judge], 4) for run in found] for judge in found[0][name]} for name in found[0]
    }
    rich.print(table(rows, options))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"seeds": options.seeds, "clips": options.clips, "rows": rows}, file, indent=2)


def compared(seed: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Accuracies of every representation, all learned from the same clips."""
    keras.utils.set_random_seed(seed)
    clips, labels = play(options.clips, seed=2 * seed)
    test_clips, test_labels = play(options.test_clips, seed=2 * seed + 1)
    model = build(clips)
    spectrograms, test_spectrograms = (model.preprocessor.predict(part, verbose=0) for part in (clips, test_clips))
    untrained = bk.evaluation.untrained(model.encoder, seed=seed)
    train(model, clips, options.epochs)
    rebuilding = rebuilt(bk.evaluation.untrained(model.encoder, seed=seed), spectrograms, options.epochs, seed)
    classifier = supervised(bk.evaluation.untrained(model.encoder, seed=seed), spectrograms, labels, options.epochs)

    flat, test_flat = (part.reshape(len(part), -1) for part in (spectrograms, test_spectrograms))
    features = {
        "average spectrum": (averaged(spectrograms), averaged(test_spectrograms)),
        "spectrogram": (flat, test_flat),
        "PCA": bk.evaluation.pca(flat, test_flat, components=64),
    }
    networks = {"untrained": untrained, "reconstruction": rebuilding, "BYOL": model.encoder, "supervised": classifier}
    for name, network in networks.items():
        features[name] = tuple(
            bk.evaluation.extract_features(network, part) for part in (spectrograms, test_spectrograms)
        )
    judged = bk.evaluation.judge(features, labels, test_labels, ["linear", "knn"], k=20, seed=seed)
    return {name: {row.judge: row.accuracy for row in judged.rows if row.representation == name} for name in features}


def build(clips: np.ndarray) -> bk.BYOL:
    """The whole model, from waveforms on."""
    sound = {"rate": RATE, "mels": MELS, "window": 0.064, "hop": 0.016, "high": RATE / 2}
    measured = bk.layers.spectrogram_statistics(bk.layers.spectrogram(SAMPLES, **sound), clips[:500])
    preprocessor = bk.layers.spectrogram(SAMPLES, **sound, statistics=measured)
    encoder = bk.encoders.audio(preprocessor.output_shape[1:], widths=(16, 32, 64), features=256)
    return bk.BYOL(encoder, views=bk.views.AudioViews(), preprocessor=preprocessor)


def train(model: bk.BYOL, clips: np.ndarray, epochs: int) -> None:
    steps = epochs * (len(clips) // BATCH_SIZE)
    rate = bk.schedules.WarmupCosine(1e-3, steps, warmup_steps=max(1, steps // 10))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4))
    model.fit(clips, epochs=epochs, batch_size=BATCH_SIZE, callbacks=[bk.callbacks.TargetEMA(tau=0.97)], verbose=2)


def rebuilt(encoder: keras.Model, spectrograms: np.ndarray, epochs: int, seed: int) -> keras.Model:
    """The same network, trained to give back what it was shown."""
    autoencoder = bk.baselines.Reconstruction(encoder, bk.baselines.decoder_for(encoder), seed=seed)
    autoencoder.compile(keras.optimizers.AdamW(1e-3))
    autoencoder.fit(spectrograms, epochs=epochs, batch_size=BATCH_SIZE, verbose=2)
    return encoder


def supervised(encoder: keras.Model, spectrograms: np.ndarray, labels: np.ndarray, epochs: int) -> keras.Model:
    """The same network, trained on the labels of all clips."""
    head = keras.layers.Dense(len(INSTRUMENTS), name="classes")
    classifier = keras.Model(encoder.inputs, head(encoder.output))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.AdamW(1e-3), loss=loss)
    classifier.fit(spectrograms, labels, epochs=epochs, batch_size=BATCH_SIZE, verbose=2)
    return encoder


def averaged(spectrograms: np.ndarray) -> np.ndarray:
    """Mean and deviation of every band over time."""
    return np.concatenate([spectrograms.mean(axis=2), spectrograms.std(axis=2)], axis=1)[..., 0]


NUMBERS = np.arange(1, 25)
ODD = NUMBERS % 2 == 1
# Strengths of the harmonics, seconds of attack and of decay (None: held), depths of trembling in pitch and loudness.
INSTRUMENTS = {
    "flute": (NUMBERS**-2.5, 0.08, None, 0.006, 0.2),
    "clarinet": (np.where(ODD, NUMBERS**-1.0, 0.02), 0.05, None, 0.0, 0.0),
    "violin": (NUMBERS**-1.0, 0.10, None, 0.012, 0.0),
    "trumpet": (np.exp(-(((NUMBERS - 4) / 3) ** 2)), 0.03, None, 0.0, 0.0),
    "organ": (np.isin(NUMBERS, [1, 2, 4, 8]) * 1.0, 0.01, None, 0.0, 0.0),
    "tremolo": (NUMBERS**-1.0, 0.10, None, 0.0, 0.7),
    "guitar": (NUMBERS**-1.0, 0.004, 0.15, 0.0, 0.0),
    "marimba": (np.isin(NUMBERS, [1, 4, 10]) / NUMBERS**0.5, 0.002, 0.07, 0.0, 0.0),
    "plucked reed": (np.where(ODD, NUMBERS**-1.0, 0.02), 0.004, 0.15, 0.0, 0.0),
}


def play(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Waveforms of shape `(count, SAMPLES)` in [-1, 1], and which instrument each is."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(INSTRUMENTS), count)
    sounds = list(INSTRUMENTS.values())
    return np.stack([play_one(*sounds[label], generator) for label in labels]).astype("float32"), labels


def play_one(
    harmonics: np.ndarray,
    attack: float,
    decay: float | None,
    vibrato: float,
    tremolo: float,
    generator: np.random.Generator,
) -> np.ndarray:
    time = np.arange(SAMPLES) / RATE - generator.uniform(0.0, 0.25)
    trembling = np.sin(2 * np.pi * (generator.uniform(5, 7) * time + generator.uniform()))
    pitch = 110.0 * 2.0 ** generator.uniform(0.0, 2.5)
    phase = 2 * np.pi * np.cumsum(pitch * (1 + vibrato * trembling)) / RATE
    heard = NUMBERS[pitch * NUMBERS * (1 + vibrato) < 0.95 * RATE / 2]
    # No two of a kind are alike, nor two rooms.
    strengths = harmonics[: len(heard)] * np.exp(generator.normal(0, 0.4, len(heard)))
    strengths = strengths * np.exp(generator.uniform(-1.2, 1.2) * np.log(pitch * heard / 1000))
    tone = strengths @ np.sin(heard[:, None] * phase + generator.uniform(0, 2 * np.pi, (len(heard), 1)))
    held = generator.uniform(0.3, 0.6)
    fading = np.exp(-np.maximum(time - held, 0) / 0.03) if decay is None else np.exp(-np.maximum(time, 0) / decay)
    sound = tone * fading * (1 + tremolo * trembling) * np.where(time > 0, -np.expm1(-np.maximum(time, 0) / attack), 0)
    sound = sound / np.abs(sound).max() * 10 ** generator.uniform(-1.2, -0.3)
    return np.clip(sound + 10 ** generator.uniform(-2.7, -1.7) * generator.normal(size=SAMPLES), -1.0, 1.0)


def table(rows: dict, options: argparse.Namespace) -> rich.table.Table:
    """Means over the seeds, in percent, with the standard deviation where there are several."""
    caption = f"% right, {len(INSTRUMENTS)} instruments; {options.clips} clips, {options.epochs} epochs"
    drawn = rich.table.Table("representation", "linear", "kNN", caption=caption, caption_justify="left")
    for name, judged in rows.items():
        drawn.add_row(name, *(cell(judged[judge]) for judge in ("linear", "knn")))
    return drawn


def cell(accuracies: list[float]) -> str:
    spread = f" ± {100 * statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else ""
    return f"{100 * statistics.mean(accuracies):.1f}{spread}"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="how often everything is done anew")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--clips", type=int, default=3072, help="to learn from")
    parser.add_argument("--test-clips", type=int, default=1000)
    parser.add_argument("--json", help="file for the numbers of the table, by seed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
