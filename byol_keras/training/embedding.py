"""Features of examples, written to a file as they come."""

import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from ..data import Examples, Source
from ..data.tables import parquet_tools
from ..evaluation import extract_features
from ..writing import beside

__all__ = ["embed"]

_BATCH = 256


def embed(encoder: keras.Model, source: Source, examples: Examples, path: str | os.PathLike) -> int:
    """Writes the features of every example that can be read, and which example each belongs to.

    An `.npz` file holds `features` (float32), `paths`, and `labels` where there are any (-1 where unknown); a
    `.parquet` file the columns `path`, `label` and `feature_0` to `feature_N`. Features stream to the disk: memory
    holds the paths only.

    Args:
        encoder: what makes the features.
        source: of the examples.
        examples: the same source, as the encoder takes them.
        path: ends in `.npz` or `.parquet`.

    Returns:
        The number of examples written.
    """
    kind = Path(path).suffix
    if kind not in _WRITERS:
        raise ValueError(f"`output` must end in {' or '.join(_WRITERS)}. Received: output={os.fspath(path)}")
    if not Path(path).absolute().parent.is_dir():
        raise ValueError(f"`output` must lie in a folder that exists. Received: output={os.fspath(path)}")
    with beside(path) as draft, examples.skipped.explained():
        return _WRITERS[kind](Path(draft), _chunks(encoder, examples), source)


def _chunks(encoder: keras.Model, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    found = 0
    for batch, indices in examples.whole(_BATCH):
        yield extract_features(encoder, iter([batch])), indices.numpy()
        found += len(indices)
    if not found:
        raise examples.skipped.none_left(examples.source.name)


def _write_npz(path: Path, chunks: Iterator, source: Source) -> int:
    kept = []
    with tempfile.TemporaryDirectory(dir=path.absolute().parent) as folder:
        rows = Path(folder) / "features.npy"
        with rows.open("wb") as file:
            for features, indices in chunks:
                if not kept:
                    _write_header(file, features.shape[1], 0)
                file.write(features.tobytes())
                kept.append(indices)
            width = features.shape[1]
            file.seek(0)
            _write_header(file, width, sum(map(len, kept)))
        found = np.concatenate(kept)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.write(rows, "features.npy")
            _add(archive, "paths", np.array([source.path(index) for index in found.tolist()]))
            if source.labels is not None:
                _add(archive, "labels", source.labels[found])
    return len(found)


def _write_header(file: object, width: int, count: int) -> None:
    # NumPy leaves room in a header for the first dimension to grow, so that this one can be written again.
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, width)}
    np.lib.format.write_array_header_1_0(file, header)


def _add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _write_parquet(path: Path, chunks: Iterator, source: Source) -> int:
    pa, pq = parquet_tools()
    count, writer = 0, None
    try:
        for features, indices in chunks:
            columns = {"path": [source.path(index) for index in indices.tolist()]}
            if source.labels is not None:
                columns["label"] = source.labels[indices]
            rows = pa.table(columns | {f"feature_{i}": column for i, column in enumerate(features.T)})
            writer = writer or pq.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
            count += len(indices)
    finally:
        if writer is not None:
            writer.close()
    return count


_WRITERS = {".npz": _write_npz, ".parquet": _write_parquet}
