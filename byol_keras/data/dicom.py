"""Medical pictures: DICOM files, as grey or colour in [0, 1]."""

import io
from typing import Any

import numpy as np

from .pixels import as_pixels, check_area
from .source import Broken, failing_in_words

__all__ = ["decode_dicom", "dicom_header", "is_dicom"]


def is_dicom(data: bytes) -> bool:
    """Whether the content of a file is a DICOM one: its name stands behind 128 bytes that mean nothing."""
    return data[128:132] == b"DICM"


def dicom_header(data: bytes) -> tuple[int, int, int]:
    """Height, width and channels. Raises `Broken` for what is no single picture, or too large to be decoded."""
    return _sides(_read(data, stop_before_pixels=True))


def decode_dicom(data: bytes) -> np.ndarray:
    """The picture `(height, width, channels)` as float32 in [0, 1]. Raises `Broken`.

    Stored numbers are rescaled to what they measure where the file says how (Hounsfield units of a CT), and cut to the
    window that it names for looking at them; without a window the whole range of the stored bits counts. Where high
    numbers mean dark, the picture is inverted. Needs the extra `dicom`.

    Args:
        data: the content of the file.
    """
    file = _read(data)
    _sides(file)
    with failing_in_words():
        stored = np.asarray(file.pixel_array, "float64")
        low, high = _range(file)
        if low == high:
            raise Broken("names no range of numbers to show")
        share = np.clip((_measured(file, stored) - low) / (high - low), 0.0, 1.0).astype("float32")
    share = 1.0 - share if file.PhotometricInterpretation == "MONOCHROME1" else share
    return as_pixels(share if share.ndim == 3 else share[..., None])


def _read(data: bytes, **options: bool) -> Any:
    try:
        import pydicom
    except ImportError:
        raise ImportError('DICOM files need pydicom: pip install "byol-keras[dicom]"') from None
    with failing_in_words():
        file = pydicom.dcmread(io.BytesIO(data), **options)
        _check_decoder(file.file_meta.get("TransferSyntaxUID"))
        return file


def _check_decoder(syntax: Any) -> None:
    """Much of what hospitals keep is compressed in ways that pydicom reads by a package of somebody else's."""
    from pydicom.pixels import get_decoder

    if syntax is None or not syntax.is_compressed:
        return
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        raise Broken(f"is compressed as {syntax.name}, which pydicom can't read") from None
    if not readable:
        raise Broken(f"is compressed as {syntax.name}, which pydicom reads after `pip install python-gdcm`")


def _sides(file: Any) -> tuple[int, int, int]:
    try:
        height, width, channels = int(file.Rows), int(file.Columns), int(file.get("SamplesPerPixel", 1))
        frames, meaning = int(file.get("NumberOfFrames", 1)), str(file.PhotometricInterpretation)
    except (AttributeError, TypeError, ValueError) as error:
        raise Broken("holds no picture") from error
    if frames != 1:
        raise Broken(f"holds {frames} frames, not one picture")
    if meaning not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
        raise Broken(f"is stored as {meaning}, not MONOCHROME1, MONOCHROME2 or RGB")
    check_area(height, width)
    return height, width, channels


def _range(file: Any) -> tuple[float, float]:
    """The measured numbers that are shown black and white."""
    centre, width = (_first(file.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is not None and width is not None and width > 0.0:
        return centre - width / 2, centre + width / 2
    bits, signed = int(file.BitsStored), bool(file.get("PixelRepresentation", 0))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return _measured(file, low), _measured(file, high)


def _measured(file: Any, stored: Any) -> Any:
    return stored * _first(file.get("RescaleSlope"), 1.0) + _first(file.get("RescaleIntercept"), 0.0)


def _first(value: Any, absent: float | None = None) -> float | None:
    """Of several numbers, such as those of windows, the first; `absent` where there is none."""
    values = [] if value is None or value == "" else [value] if isinstance(value, int | float | str) else [*value]
    return float(values[0]) if values else absent
