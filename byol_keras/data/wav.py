"""Sound from WAV files: one channel of floats at one sampling rate."""

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..arguments import check_positive
from .source import CUT, Broken

__all__ = ["LARGEST_CLIP", "WAV_SUFFIXES", "WavHeader", "decode_wav", "wav_header"]

WAV_SUFFIXES = (".wav", ".wave")

LARGEST_CLIP = 2**27
"""How many samples are made of one file: two hours at 16 kHz, half a gigabyte."""

# What any recorder or instrument might use; a rate outside would only be a way to have a small file fill the memory.
_RATES = range(1_000, 1_000_001)
# Floats may overshoot; numbers far outside are of another scale, such as that of 16-bit integers.
_LOUDEST = 10.0
# `scipy.signal.resample_poly` has a filter of this half-length, times the larger of both factors.
_REACH = 10

_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {
    **{(_INTEGERS, bits): f"int{bits}" for bits in (16, 24, 32)},
    **{(_FLOATS, bits): f"float{bits}" for bits in (32, 64)},
    (_INTEGERS, 8): "uint8",
}
_COMPRESSIONS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 0x11: "ADPCM", 0x31: "GSM", 0x50: "MPEG", 0x55: "MP3"}
_FORM = struct.Struct("<HHIIHH")
_TO_THE_END = 2**32 - 1


class WavHeader(NamedTuple):
    """What is known of a WAV file before its samples are read."""

    rate: int
    """Samples per second and channel."""
    channels: int
    kind: str
    """`"uint"`, `"int"` or `"float"`."""
    bits: int
    """Of a number."""
    frames: int
    """Samples of each channel."""
    start: int
    """The byte where they begin."""


def wav_header(data: bytes) -> WavHeader:
    """The header of a WAV file. Raises `Broken` for what is none, is compressed, or ends before its sound does.

    Args:
        data: the content of the file.

    Example:
    >>> from scipy.io import wavfile; import io
    >>> wavfile.write(file := io.BytesIO(), 8000, np.zeros((100, 2), "int16"))
    >>> wav_header(file.getvalue())
    WavHeader(rate=8000, channels=2, kind='int', bits=16, frames=100, start=44)
    """
    if not data:
        raise Broken("is empty")
    if not data.startswith((b"RIFF", b"RF64")) or data[8:12] != b"WAVE":
        raise Broken("is no WAV file: it does not begin like one")
    form, length = None, None
    for name, start, size in _chunks(data):
        if name == b"ds64" and size >= 16:  # where a file of over four gigabytes has its sizes
            (length,) = struct.unpack_from("<Q", data, start + 8)
        elif name == b"fmt ":
            form = _formed(data[start : start + size])
        elif name == b"data":
            if form is None:
                raise Broken("does not say how its samples are stored")
            return _located(form, start, size, length, len(data))
    raise Broken("holds no sound")


def decode_wav(data: bytes, rate: int, samples: int | None = None, place: float = 0.0) -> np.ndarray:
    """The sound of a WAV file, float32 of shape `(samples,)`, as one channel at one rate. Raises `Broken`.

    PCM of 8, 16, 24 and 32 bits and floats are read, the integers as fractions of their range, so in [-1, 1].
    Channels are averaged. Another sampling rate is changed by a polyphase filter (`scipy.signal.resample_poly`;
    SciPy comes with scikit-learn), which removes what a lower rate can't hold. Nothing is taken on trust: a header
    that claims more than the file has is refused before memory is taken.

    Args:
        data: the content of the file.
        rate: wanted samples per second.
        samples: length of the result: a longer sound is cut, a shorter one filled with silence. Default None: as long
            as it is.
        place: where in a longer sound the result begins, in [0, 1), as a share of all places where it can begin.
            Default 0: at the beginning.

    Example:
    >>> from scipy.io import wavfile; import io
    >>> wavfile.write(file := io.BytesIO(), 8000, np.array([[0, 16384], [16384, 16384]], "int16"))
    >>> decode_wav(file.getvalue(), rate=8000, samples=3)
    array([0.25, 0.5 , 0.  ], dtype=float32)
    """
    check_positive(rate=rate, **{} if samples is None else {"samples": samples})
    header = wav_header(data)
    common = math.gcd(rate, header.rate)
    up, down = rate // common, header.rate // common
    wanted = header.frames if samples is None else min(header.frames, _needed(samples, up, down))
    claimed = -(-wanted * up // down)
    if max(wanted, claimed) > LARGEST_CLIP:
        raise Broken(f"claims {claimed} samples, more than the {LARGEST_CLIP} that are decoded")
    header = _moved(header, int(place * (header.frames - wanted + 1)))
    sound = _checked(_numbers(data, header, wanted)).mean(axis=1, dtype="float32")
    if up != down:
        sound = _resampled(sound, up, down)
    return sound if samples is None else np.pad(sound[:samples], (0, max(0, samples - len(sound))))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and size of each."""
    start = 12
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        if name != b"data" and start + 8 + size > len(data):
            raise Broken(CUT)
        yield name, start + 8, size
        start += 8 + size + size % 2
    if start != len(data):
        raise Broken(CUT)


def _formed(form: bytes) -> WavHeader:
    """A header without a place."""
    if len(form) < _FORM.size:
        raise Broken("does not say how its samples are stored")
    code, channels, rate, _, _, bits = _FORM.unpack_from(form)
    if code == _EXTENSIBLE and len(form) >= 26:
        (code,) = struct.unpack_from("<H", form, 24)
    if code not in (_INTEGERS, _FLOATS):
        raise Broken(f"is compressed as {_COMPRESSIONS.get(code, f'format {code}')}, which is not read")
    if (code, bits) not in _TYPES:
        raise Broken(f"has samples of {bits} bits, which are not read")
    if channels < 1 or rate not in _RATES:
        raise Broken(f"claims {channels} channels of {rate} samples a second")
    return WavHeader(rate, channels, _TYPES[code, bits].rstrip("0123456789"), bits, 0, 0)


def _located(form: WavHeader, start: int, size: int, length: int | None, end: int) -> WavHeader:
    if size == _TO_THE_END:  # A stream, whose length nobody knew, or a long file.
        size = end - start if length is None else length
    if start + size > end:
        raise Broken(CUT)
    frames = size // (form.channels * form.bits // 8)
    if frames == 0:
        raise Broken("holds no sound")
    return form._replace(frames=frames, start=start)


def _needed(samples: int, up: int, down: int) -> int:
    """How many samples of the file the first ones of the result depend on."""
    return samples if up == down else -(-samples * down // up) + _REACH * max(up, down) // up + 1


def _moved(header: WavHeader, frames: int) -> WavHeader:
    """The header of what begins so much later."""
    return header._replace(
        frames=header.frames - frames, start=header.start + frames * header.channels * header.bits // 8
    )


def _numbers(data: bytes, header: WavHeader, frames: int) -> np.ndarray:
    count, bits = frames * header.channels, header.bits
    if bits == 24:
        # As the upper three bytes of four.
        whole = np.zeros((count, 4), "u1")
        whole[:, 1:] = np.frombuffer(data, "u1", 3 * count, header.start).reshape(-1, 3)
        values = whole.view("<i4")[:, 0].astype("float32") * np.float32(2**-31)
    else:
        values = np.frombuffer(data, f"<{header.kind[0]}{bits // 8}", count, header.start).astype("float32")
        if header.kind != "float":
            values *= np.float32(2.0 ** (1 - bits))
            values -= np.float32(header.kind == "uint")
    return values.reshape(frames, header.channels)


def _checked(values: np.ndarray) -> np.ndarray:
    loudest = max(-float(values.min()), float(values.max()))
    if not np.isfinite(loudest):
        raise Broken("holds floats that are not finite")
    if loudest > _LOUDEST:
        raise Broken(f"holds floats up to {loudest:g}, which are no sound in [-1, 1]")
    return values


def _resampled(sound: np.ndarray, up: int, down: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return resample_poly(sound, up, down).astype("float32")
