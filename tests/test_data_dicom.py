"""Medical pictures: what a DICOM file says of itself is what comes out."""

import io

import numpy as np
import pytest

from byol_keras.data import Broken, Pictures, open_source
from byol_keras.data.decoding import decode, read_header

pydicom = pytest.importorskip("pydicom")
STORED = np.arange(48, dtype="uint16").reshape(6, 8) * 80


def dicom(stored=STORED, interpretation="MONOCHROME2", compression=None, **facts):
    """The content of a file; `compression` names one without doing it."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    meta.TransferSyntaxUID = compression or ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns = stored.shape[:2]
    file.SamplesPerPixel = stored.shape[2] if stored.ndim == 3 else 1
    file.PhotometricInterpretation = interpretation
    if stored.ndim == 3:
        file.PlanarConfiguration = 0
    file.BitsAllocated = 8 * stored.dtype.itemsize
    file.BitsStored = 12 if stored.dtype == np.uint16 else file.BitsAllocated
    file.HighBit = file.BitsStored - 1
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    file.PixelData = pydicom.encaps.encapsulate([stored.tobytes()]) if compression else stored.tobytes()
    for name, value in facts.items():
        setattr(file, name, value)
    stream = io.BytesIO()
    file.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_picture__without_a_window_takes_the_range_of_its_bits():
    data = dicom()
    header = read_header(data)
    assert (header.kind, header.height, header.width, header.channels, header.deep) == ("DICOM", 6, 8, 1, True)
    np.testing.assert_allclose(decode(data)[..., 0], STORED / 4095, atol=1e-6)


def test_picture__is_cut_to_its_window_in_what_it_measures():
    facts = {
        "RescaleSlope": 2.0,
        "RescaleIntercept": -1000.0,
        "WindowCenter": [1000.0, 5.0],
        "WindowWidth": [800.0, 1.0],
    }
    expected = np.clip((2.0 * STORED - 1000.0 - 600.0) / 800.0, 0.0, 1.0)
    np.testing.assert_allclose(decode(dicom(**facts))[..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("look", [read_header, decode])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("JPEGLosslessSV1", r"Prediction .*, which pydicom reads after `pip install python-gdcm`"),
        ("MPEG2MPML", "is compressed as MPEG2 .*, which pydicom can't read"),
    ],
)
def test_picture__whose_compression_nothing_here_reads(look, name, reason):
    with pytest.raises(Broken, match=reason):
        look(dicom(compression=getattr(pydicom.uid, name)))


def test_picture__whose_high_numbers_are_dark_is_inverted():
    np.testing.assert_allclose(decode(dicom(interpretation="MONOCHROME1"))[..., 0], 1 - STORED / 4095, atol=1e-6)


def test_picture__of_signed_numbers_and_of_colours():
    signed = np.array([[-32768, 0], [16384, 32767]], "int16")
    np.testing.assert_allclose(decode(dicom(signed))[..., 0], [[0, 0.5], [0.75, 1]], atol=1e-4)
    colours = np.arange(60, dtype="uint8").reshape(4, 5, 3)
    found = decode(dicom(colours, "RGB"))
    np.testing.assert_allclose(found, colours / 255, atol=1e-6)
    assert decode(dicom(), channels=3).shape == (6, 8, 3)


def test_folder__streams_grey_pictures_in_floats(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(STORED + number))
    (tmp_path / "cut.dcm").write_bytes(dicom()[:-20])
    (tmp_path / "film.dcm").write_bytes(dicom(NumberOfFrames=3))
    pictures = Pictures(open_source(str(tmp_path)), size=6, max_bad_fraction=1.0)
    values, _, kept = pictures.arrays()
    assert (values.shape, values.dtype, len(kept)) == ((4, 6, 6, 1), "float32", 4)
    assert set(pictures.skipped.reasons) == {"cut.dcm", "film.dcm"}
    assert pictures.skipped.reasons["film.dcm"] == "holds 3 frames, not one picture"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0" * 128 + b"DICM", "holds no picture"),
        (dicom(Rows=60000, Columns=60000), "more than the"),
        (dicom(PhotometricInterpretation="PALETTE COLOR"), "PALETTE COLOR"),
    ],
)
def test_file__that_is_no_picture_is_broken(data, reason):
    for look in (read_header, decode):
        with pytest.raises(Broken, match=reason):
            look(data)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"RescaleSlope": 0}, "no range of numbers"), ({"BitsStored": None}, "is damaged")],
)
def test_picture__whose_numbers_make_no_sense_is_broken(facts, reason):
    with pytest.raises(Broken, match=reason):
        decode(dicom(**facts))


def test_picture__with_empty_notes_is_shown_as_without():
    empty = dict.fromkeys(("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"))
    np.testing.assert_array_equal(decode(dicom(**empty)), decode(dicom()))


def test_pydicom__is_named_where_it_is_missing(monkeypatch):
    import sys

    data = dicom()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ImportError, match=r"byol-keras\[dicom\]"):
        decode(data)
