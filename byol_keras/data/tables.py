"""Tables as files: comma-separated text and Parquet, column by column."""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

import numpy as np
import tensorflow as tf

from .source import check_no_parts

__all__ = ["LABELS", "Table", "as_classes", "delimiter_of", "is_table", "parquet_tools", "read_rows", "read_table"]

LABELS = ("label", "class", "target")
"""What the column of classes is called, where nobody says."""

_MISSING = ("", "nan", "na", "null", "none")


class Table:
    """A table as it was read: texts and numbers, by column.

    Args:
        name: what the user typed.
        columns: by name, in their order; each an array of numbers, or a list of texts.
        named: whether the names are the table's own.
    """

    def __init__(self, name: str, columns: Mapping[str, np.ndarray | list[str]], named: bool) -> None:
        self.name, self.columns, self.named = name, dict(columns), named

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def find_label(self, label_key: str | None, required: bool = True) -> str | None:
        """The column that holds the classes: as told, or by one of the usual names; None where there is none.

        Args:
            label_key: its name, where it is known.
            required: whether that column must be there.
        """
        if label_key is not None:
            if required:
                self.check([label_key], "label_key")
            return label_key if label_key in self.columns else None
        return next((name for name in self.columns if self.named and name.strip().lower() in LABELS), None)

    def check(self, names: Sequence[str], argument: str) -> None:
        """Refuses names of columns that there are not."""
        for name in names:
            if name not in self.columns:
                known = ", ".join(list(self.columns)[:20])
                raise ValueError(f"`{argument}` must name columns of {self.name}: {known}. Received: {name!r}")

    def labels(self, name: str, required: bool = True) -> list[int | str | None] | None:
        """A column as classes, see `as_classes`; one of other numbers than whole ones holds none.

        Args:
            name: of the column.
            required: whether a column without classes is refused; else it has no labels.
        """
        classes = as_classes(self._texts(name))
        names = {label for label in classes if isinstance(label, str) and label.lower() not in _MISSING}
        if not names or not all(map(_is_number, names)):
            return classes
        if not required:
            return None
        raise ValueError(
            f"`label_key` must name a column of classes, whole numbers or names. Received: {name!r} of {self.name}, "
            f"which holds {min(names)}"
        )

    def categories(self, name: str, words: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
        """A column as numbers of its words, -1 for words that are not among them, and the words."""
        texts = self._texts(name)
        words = sorted(set(texts)) if words is None else list(words)
        numbers = {word: float(number) for number, word in enumerate(words)}
        return np.array([numbers.get(text, -1.0) for text in texts], "float32"), words

    def _texts(self, name: str) -> list[str]:
        column = self.columns[name]
        if isinstance(column, list):
            return [text.strip() for text in column]
        return [text.removesuffix(".0") for text in column.astype(str).tolist()]

    def numbers(self, name: str, remedy: str = "", gaps: bool = False) -> np.ndarray:
        """A column as float64; what is missing or no number is a ValueError that tells where.

        Args:
            name: of the column.
            remedy: what to do about a column of words, in words.
            gaps: whether numbers may be missing, and are NaN then; infinity passes as well.
        """
        column = self.columns[name]
        if gaps and isinstance(column, list):
            column = ["nan" if text.strip().lower() in _MISSING else text for text in column]
        try:
            values = np.array(column, "float64")
        except ValueError:
            raise ValueError(self._no_number(name, column, remedy)) from None
        bad = [] if gaps else np.flatnonzero(~np.isfinite(values))
        if len(bad):
            where = f"whose column {name!r} holds {values[bad[0]]} in row {bad[0] + 1} ({len(bad)} of them)"
            raise ValueError(
                "`source` must have a finite number in every row: fill what is missing, or leave the row out. "
                f"Received: {self.name}, {where}"
            )
        return values

    def _no_number(self, name: str, column: list[str], remedy: str) -> str:
        row, text = next((row, text) for row, text in enumerate(column, start=1) if not _is_number(text))
        if text.strip().lower() in _MISSING:
            return (
                "`source` must have a number in every row: fill what is missing, or leave the row out. Received: "
                f"{self.name}, whose column {name!r} is empty in row {row}"
            )
        where = f"whose column {name!r} holds {text!r} in row {row}"
        return f"`source` must hold numbers{remedy}. Received: {self.name}, {where}"


def read_table(path: str, split: str | None = None) -> Table:
    """Reads a `.csv` or `.parquet` file.

    The first line of a CSV file names the columns if no cell of it is a number; otherwise columns are called 1, 2, ...

    Args:
        path: of the file, local or of any store that `tf.io.gfile` knows.
        split: None or `"train"`: a table has no parts.
    """
    check_no_parts(path, split)
    if not tf.io.gfile.exists(path):
        raise ValueError(f"`source` must exist. Received: {path}, and there is no such file")
    table = _read_parquet(path) if path.lower().endswith(".parquet") else _read_csv(path)
    if not len(table):
        raise ValueError(f"`source` must have rows. Received: {path}, which has none")
    return table


def as_classes(cells: Iterable[object]) -> list[int | str | None]:
    """Classes as they are written: whole numbers if all are, otherwise names; None where nothing is.

    Example:
    >>> as_classes(["0", "", "NA", "12.0"]), as_classes(["cat", "", 3])
    ([0, None, None, 12], ['cat', None, '3'])
    """
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    known = {text for text in texts if text.lower() not in _MISSING}
    if all(_is_number(text) and float(text).is_integer() for text in known):
        return [_whole(text) if text in known else None for text in texts]
    return [text or None for text in texts]


def _whole(text: str) -> int:
    # Many digits are more than a float holds.
    return int(text) if text.removeprefix("-").isdecimal() else int(float(text))


def is_table(source: object) -> bool:
    """Whether this is the path of a table."""
    return isinstance(source, str | os.PathLike) and os.fspath(source).lower().endswith((".csv", ".parquet"))


def parquet_tools() -> tuple[ModuleType, ModuleType]:
    """The modules `pyarrow` and `pyarrow.parquet`, or an ImportError that says how to get them."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError('Parquet files need pyarrow: pip install "byol-keras[parquet]"') from None
    return pyarrow, pyarrow.parquet


def _read_csv(path: str) -> Table:
    try:
        rows = read_rows(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"`source` must be a CSV file that can be read. Received: {path} ({error})") from error
    named = bool(rows) and not any(map(_is_number, rows[0]))
    width = max(map(len, rows), default=0)
    names = [text.strip() for text in rows.pop(0)] if named else []
    names += [str(number) for number in range(len(names) + 1, width + 1)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`source` must name each column once. Received: {path} with {twice!r} twice")
    # A line that ends early lacks its last columns.
    texts = zip(*(row + [""] * (len(names) - len(row)) for row in rows), strict=True)
    columns = {name: list(column) for name, column in zip(names, texts, strict=True)} if rows else {}
    return Table(path, columns, named)


def read_rows(path: str) -> list[list[str]]:
    """The cells of a CSV file without its empty lines; commas, semicolons or tabs divide them, as in the first one."""
    with tf.io.gfile.GFile(path, "rb") as stream:
        text = stream.read().decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text)) if any(row)]


def delimiter_of(text: str) -> str:
    """What divides the cells of a CSV file, by its first line.

    Example:
    >>> delimiter_of("body;stars"), delimiter_of("body")
    (';', ',')
    """
    return next((sign for sign in ",;\t" if sign in text[: text.find("\n") + 1 or None]), ",")


def _read_parquet(path: str) -> Table:
    pa, pq = parquet_tools()
    try:
        with tf.io.gfile.GFile(path, "rb") as stream:
            table = pq.read_table(pa.BufferReader(stream.read()))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"`source` must be a Parquet file that can be read. Received: {path} ({error})") from error
    return Table(path, {name: _column(table.column(name)) for name in table.column_names}, named=True)


def _column(column: object) -> np.ndarray | list[str]:
    values = column.to_numpy()
    if values.dtype.kind in "iufb":
        return values.astype("uint8") if values.dtype.kind == "b" else values
    return ["" if value is None else str(value) for value in values]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
