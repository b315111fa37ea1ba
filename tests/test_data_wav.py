"""WAV files: every kind of number, one channel, one rate, and what makes a file a broken one."""

import io
import struct
import tracemalloc
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from byol_keras.data import Broken, decode_wav, open_sounds, wav_header
from byol_keras.data.folder import find_files, find_pictures
from byol_keras.data.wav import LARGEST_CLIP

RATE = 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2000) / RATE)


def wav(samples, rate=RATE):
    """What SciPy makes of an array, whose type says which kind of number is stored."""
    stream = io.BytesIO()
    wavfile.write(stream, rate, samples)
    return stream.getvalue()


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def made(body, code=1, channels=1, rate=RATE, bits=16, more=b"", before=b""):
    """A file by hand, so that it may lie."""
    form = struct.pack("<HHIIHH", code, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + more
    content = b"WAVE" + before + chunk(b"fmt ", form) + body
    return b"RIFF" + struct.pack("<I", len(content)) + content


def in_24_bits(samples):
    return np.round(samples * 2**23).astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()


FILES = {
    "uint8": (wav(np.round(TONE * 128 + 128).astype("uint8")), 2**-8),
    "int16": (wav(np.round(TONE * 2**15).astype("int16")), 2**-16),
    "int24": (made(chunk(b"data", in_24_bits(TONE)), bits=24), 2**-24),
    "int32": (wav(np.round(TONE * 2**31).astype("int32")), 2**-24),
    "float32": (wav(TONE.astype("float32")), 1e-7),
    "float64": (wav(TONE), 1e-7),
}


@pytest.mark.parametrize("kind", FILES)
def test_decode__gives_what_was_stored_to_half_a_step(kind):
    data, step = FILES[kind]
    samples = decode_wav(data, RATE)
    assert (samples.dtype, samples.shape) == ("float32", (2000,))
    np.testing.assert_allclose(samples, TONE, atol=step)
    header = wav_header(data)
    assert (header.rate, header.channels, header.frames) == (RATE, 1, 2000)
    assert f"{header.kind}{header.bits}" == kind


def test_decode__channels_are_averaged():
    stereo = np.stack([np.full(50, 0.5), np.full(50, -0.25), np.full(50, 0.5)], axis=1).astype("float32")
    np.testing.assert_allclose(decode_wav(wav(stereo), RATE), np.full(50, 0.25), atol=1e-7)
    assert wav_header(wav(stereo)).channels == 3


def test_decode__cuts_at_the_end_or_fills_with_silence():
    data = wav(TONE.astype("float32"))
    np.testing.assert_array_equal(decode_wav(data, RATE, 300), decode_wav(data, RATE)[:300])
    longer = decode_wav(data, RATE, 2100)
    np.testing.assert_array_equal(longer[:2000], decode_wav(data, RATE))
    assert longer.shape == (2100,)
    assert not longer[2000:].any()


@pytest.mark.parametrize("kind", ["int16", "float32"])
@pytest.mark.parametrize(("place", "first"), [(0.0, 0), (0.5, 850), (0.9999, 1700)])
def test_decode__begins_at_its_place_in_a_longer_sound(kind, place, first):
    sound = np.stack([TONE, 0.5 * TONE], axis=1)
    data = wav((32767 * sound).astype("int16") if kind == "int16" else sound.astype("float32"))
    np.testing.assert_array_equal(decode_wav(data, RATE, 300, place), decode_wav(data, RATE)[first : first + 300])
    np.testing.assert_array_equal(decode_wav(data, RATE, 2100, place), decode_wav(data, RATE, 2100))


@pytest.mark.parametrize("rate", [16000, 6000, 11025])
def test_decode__another_rate_keeps_the_tone(rate):
    """Compared with the same tone drawn at that rate, away from the ends, which the filter blurs."""
    found = decode_wav(wav(TONE.astype("float32")), rate)
    assert len(found) == -(-2000 * rate // RATE)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(found)) / rate)
    inside = slice(len(found) // 10, -len(found) // 10)
    np.testing.assert_allclose(found[inside], wanted[inside], atol=2e-3)


@pytest.mark.parametrize("rate", [16000, 6000, 11025])
def test_decode__the_beginning_of_another_rate_is_that_of_the_whole(rate):
    data = wav(np.random.default_rng(0).uniform(-1, 1, 4000).astype("float32"))
    np.testing.assert_allclose(decode_wav(data, rate, 700), decode_wav(data, rate)[:700], atol=1e-6)


def test_decode__what_a_lower_rate_can_not_hold_is_silenced_and_not_folded_down():
    high = np.sin(2 * np.pi * 3500 * np.arange(4000) / RATE).astype("float32")
    assert np.abs(decode_wav(wav(high), 4000)[100:-100]).max() < 0.01


def test_decode__other_chunks_are_passed_over_and_extensible_ones_understood():
    values = np.arange(-5, 5, dtype="<i2")
    guid = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + bytes(14)
    for options in ({"before": chunk(b"LIST", b"odd")}, {"code": 0xFFFE, "more": guid}):
        data = made(chunk(b"data", values.tobytes()) + chunk(b"id3 ", b"later"), **options)
        np.testing.assert_array_equal(decode_wav(data, RATE), values / np.float32(2**15))


def test_decode__a_stream_that_did_not_know_its_length_goes_to_its_end():
    data = made(b"data" + b"\xff" * 4 + np.arange(7, dtype="<i2").tobytes() + b"x")
    assert len(decode_wav(data, RATE)) == 7


def test_decode__reads_what_the_standard_library_writes():
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(np.repeat(np.arange(441, dtype="<i2"), 2).tobytes())
    np.testing.assert_array_equal(decode_wav(stream.getvalue(), 44100), np.arange(441) / np.float32(2**15))


SOUND = chunk(b"data", bytes(100))
BROKEN = {
    "empty": (b"", "is empty"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "no WAV"),
    "cut in its header": (wav(TONE)[:30], "cut off"),
    "cut in its sound": (wav(TONE)[:-100], "cut off"),
    "no sound": (made(chunk(b"data", b"")), "holds no sound"),
    "no data": (made(b""), "holds no sound"),
    "no form": (b"RIFF" + struct.pack("<I", 12) + b"WAVE" + SOUND, "does not say how"),
    "form too short": (b"RIFF\x10\0\0\0WAVE" + chunk(b"fmt ", b"abc") + SOUND, "does not say how"),
    "mu-law": (made(SOUND, code=7, bits=8), "compressed as mu-law"),
    "mp3": (made(SOUND, code=0x55), "compressed as MP3"),
    "unknown": (made(SOUND, code=999), "compressed as format 999"),
    "12 bits": (made(SOUND, bits=12), "12 bits"),
    "no channels": (made(SOUND, channels=0), "0 channels"),
    "no rate": (made(SOUND, rate=0), "0 samples a second"),
    "wild rate": (made(SOUND, rate=2**30), "samples a second"),
    "not finite": (wav(np.array([0.0, np.nan, 1.0], "float32")), "not finite"),
    "another scale": (wav(np.array([0.0, 20000.0], "float32")), "up to 20000"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken__says_why(case):
    data, reason = BROKEN[case]
    with pytest.raises(Broken, match=reason):
        decode_wav(data, RATE)


def test_broken__at_every_cut_and_never_anything_else():
    data = wav(np.round(TONE[:60] * 2**15).astype("int16"))
    for end in range(len(data)):
        with pytest.raises(Broken):
            decode_wav(data[:end], RATE)


def long(frames):
    """An RF64 file, whose header may claim any length."""
    sizes = struct.pack("<QQQI", 0, 2 * frames, frames, 0)
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    return b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes) + form + b"data\xff\xff\xff\xff"


def test_claims__cost_no_memory():
    slow = made(chunk(b"data", bytes(2**21)), rate=1000)  # a million samples that would become half a billion
    tracemalloc.start()
    for data, rate, reason in ((long(2**40), RATE, "cut off"), (slow, 512000, f"more than the {LARGEST_CLIP}")):
        with pytest.raises(Broken, match=reason):
            decode_wav(data, rate)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert len(decode_wav(slow, 512000, samples=500)) == 500  # of which nobody asked for the rest


def test_long_files__have_their_length_elsewhere():
    values = np.arange(9, dtype="<i2")
    np.testing.assert_array_equal(decode_wav(long(9) + values.tobytes(), RATE), values / np.float32(2**15))


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": 8000, "samples": 0}])
def test_numbers__that_are_none_are_refused(options):
    with pytest.raises(ValueError, match=r"`(rate|samples)` must be a positive integer"):
        decode_wav(wav(TONE), **options)


def test_sounds__of_a_folder_take_classes_from_an_array_or_a_table(tmp_path):
    for name in ("train/a.wav", "train/b.wav", "val/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert open_sounds(str(tmp_path), labels=["low", "high"]).class_names == ("high", "low")
    (tmp_path / "classes.csv").write_text("a.wav,1\nb.wav,0\nc.wav,1\n")
    assert open_sounds(str(tmp_path), labels="classes.csv").labels.tolist() == [1, 0]


def test_find_files__by_suffix(tmp_path):
    for name in ("b.wav", "class/A.WAV", "class/c.png", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert find_files(str(tmp_path), (".wav",)) == ["b.wav", "class/A.WAV"]
    assert find_pictures(str(tmp_path)) == ["class/c.png"]
    with pytest.raises(ValueError, match=r"a folder with sounds \(\.flac\)\. Received: .*, which holds 2 x \.wav"):
        find_files(str(tmp_path), (".flac",), "sounds")
