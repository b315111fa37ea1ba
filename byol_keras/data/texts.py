"""Texts from files, with their classes where there are any."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..arguments import did_you_mean
from .folder import find_files
from .labels import labels_from_folders, labels_where_known
from .opening import folder_part
from .rows import Rows
from .source import Source, check_no_parts
from .tables import as_classes, delimiter_of

__all__ = ["Texts", "open_texts", "read_texts"]

MANY = "texts"
_TABLES = (".csv", ".tsv")


class Texts(NamedTuple):
    """What `read_texts` found.

    Args:
        texts: an array of strings, as `fit` and `predict` take it.
        labels: classes as int64 from 0 on, -1 where one is missing, or None.
        class_names: their names, or None.
    """

    texts: np.ndarray
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None


def read_texts(path: str | os.PathLike, text: str = "text", label: str = "label") -> Texts:
    r"""Reads all texts of a file or a folder, UTF-8. Those without a single character to see are left out.

    | path | a text | its class |
    |---|---|---|
    | `NAME.txt` | a line | none |
    | `NAME.csv`, `NAME.tsv` | a row's cell in the column `text` | its cell in the column `label`, if there is one |
    | `NAME.jsonl` | a line's object, under the key `text` | in the same under `label`, if it is there |
    | a folder | a whole `.txt` file, in sub-folders too | the first sub-folder, if there are several |

    Classes that are names are numbered in alphabetical order.

    Args:
        path: file or folder, here or in any store that TensorFlow reads.
        text: name of the column or key with the texts. Default `"text"`.
        label: name of the column or key with the classes. Default `"label"`.

    Example:
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "words.csv"
    >>> _ = file.write_text("text,label\nsee it,verb\nan eye,noun\n")
    >>> found = read_texts(file)
    >>> found.texts.tolist(), found.labels.tolist(), found.class_names
    (['see it', 'an eye'], [1, 0], ('noun', 'verb'))
    """
    path = os.fspath(path)
    if not tf.io.gfile.exists(path):
        raise ValueError(f"`path` must be a file or a folder that exists. Received: path={path}")
    if tf.io.gfile.isdir(path):
        return _from_folder(path)
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".txt":
        return _kept(((line, None) for line in _read(path).split("\n")), path)
    if suffix in _TABLES:
        return _kept(_rows(path, text, label), path)
    if suffix == ".jsonl":
        return _kept(_objects(path, text, label), path)
    raise ValueError(
        f"`path` must be a .txt, .csv, .tsv or .jsonl file, or a folder of .txt files. Received: path={path}"
    )


def open_texts(
    source: Any,
    *,
    split: str | None = None,
    labels: Any = None,
    text_key: str = "text",
    label_key: str | None = None,
    labelled: bool = True,
) -> Source:
    """Opens texts, all in memory.

    Args:
        source: a list or array of strings, a pair (strings, labels), or what `read_texts` reads; of a folder with a
            sub-folder `train` beside `test` or `val`, that part.
        split: `"train"` or `"test"`, sub-folders; other sources have no parts.
        labels: array of a class for each text. Default: what the source itself brings.
        text_key: of tables, the column of the texts. Default `"text"`.
        label_key: of tables, the column of the classes. Default: `"label"`, if there is one.
        labelled: whether a table without the column of that name is refused. Default True.

    Example:
    >>> texts = open_texts((["see it", "an eye"], ["verb", "noun"]))
    >>> texts.read(0), texts.labels, texts.class_names
    ('see it', array([1, 0]), ('noun', 'verb'))
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | os.PathLike):
        path = folder_part(os.fspath(source), split)
        found = Texts(*_renamed(read_texts, path, text_key, label_key or "label"))
        if label_key is not None and labelled and found.labels is None:
            raise ValueError(
                f"`label_key` must name what holds the classes in {path}, which has none. Received: {label_key!r}"
            )
        classes = found[1:] if labels is None else (labels, None)
        return Rows(found.texts, *classes, path, many=MANY)
    check_no_parts("a list of texts", split)
    texts, found = source if isinstance(source, tuple) and len(source) == 2 else (source, None)
    return Rows(_strings(texts), found if labels is None else labels, many=MANY)


def _renamed(read: Callable, *arguments: str) -> Texts:
    """What a user of a command has given as data is `source` there."""
    try:
        return read(*arguments)
    except ValueError as error:
        text = str(error).replace("`path`", "`source`").replace("`text`", "`text_key`")
        text = text.replace("Received: path=", "Received: source=").replace("Received: text=", "Received: text_key=")
        raise ValueError(text) from None


def _strings(texts: Any) -> np.ndarray:
    if isinstance(texts, str | bytes) or not hasattr(texts, "__len__") or not len(texts):
        raise ValueError(f"`source` must be a list or an array of texts. Received: {str(texts)[:100]!r}")
    for index, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise ValueError(f"`source` must hold texts. Received: {type(text).__name__} at position {index}")
        if not text.strip():
            raise ValueError(f"`source` must hold texts with something to see. Received: {text!r} at position {index}")
    return np.array([_string(text, index) for index, text in enumerate(texts)], "object")


def _string(text: str | bytes, index: int) -> str:
    try:
        return text.decode() if isinstance(text, bytes) else _whole(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"`source` must hold texts in UTF-8. Received: position {index} ({error})") from error


def _whole(text: str) -> str:
    """With a question mark for half a character, as of an emoji that was cut: no file could hold it."""
    return str(text).encode("utf-8", "replace").decode()


def _from_folder(path: str) -> Texts:
    try:
        files = find_files(path, (".txt",), "texts")
    except ValueError as error:
        raise ValueError(str(error).replace("`source`", "`path`")) from None
    texts = [_read(os.path.join(path, file)) for file in files]
    kept = [number for number, content in enumerate(texts) if content.strip()]
    found = _kept(((texts[number], None) for number in kept), path)
    return Texts(found.texts, *labels_from_folders([files[number] for number in kept]))


def _rows(path: str, text: str, label: str) -> Iterator[tuple[str, str | None]]:
    # A cell may be longer than the 128 KiB that the module allows by itself.
    csv.field_size_limit(2**31 - 1)
    content = _read(path)
    delimiter = "\t" if path.lower().endswith(".tsv") else delimiter_of(content)
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    columns = reader.fieldnames or []
    if text not in columns:
        raise ValueError(
            f"`text` must name a column of the first line of {path}.{did_you_mean(text, columns)} "
            f"Received: text={text!r}"
        )
    try:
        for row in reader:
            yield row[text] or "", row.get(label) or None
    except csv.Error as error:
        raise ValueError(f"`path` must be a CSV file. Received: {path}, line {reader.line_num} ({error})") from error


def _objects(path: str, text: str, label: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"`path` must hold a JSON object a line. Received: {path}, line {number}") from error
        if not isinstance(row, dict) or not isinstance(row.get(text), str):
            raise ValueError(
                f"`path` must hold a JSON object with a string under {text!r} a line. "
                f"Received: {path}, line {number}: {line.strip()[:100]}"
            )
        yield _whole(row[text]), row.get(label)


def _kept(rows: Iterator[tuple[str, object]], path: str) -> Texts:
    """The rows with a text, as arrays."""
    pairs = [(text.strip(), label) for text, label in rows if text.strip()]
    if not pairs:
        raise ValueError(f"`path` must hold at least one text. Received: path={path}, without any")
    texts, labels = zip(*pairs, strict=True)
    return Texts(np.array(texts, "object"), *labels_where_known(as_classes(labels), path))


def _read(path: str) -> str:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read().decode("utf-8-sig")
    except (OSError, tf.errors.OpError) as error:
        raise ValueError(f"`path` must hold texts that may be read. Received: {path} ({error})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"`path` must hold texts in UTF-8. Received: {path} ({error})") from error
