"""Texts from files, and the vocabulary that is made of them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.config import PretrainConfig
from byol_keras.data import open_texts, read_texts, vectorizer
from byol_keras.training.rundata import RunData

CORPUS = ["The eye sees.", "the EYE, sees; the eye", "an ear", "the eye"]


def test_vectorizer__numbers_words_by_how_often_they_occur():
    words = vectorizer(CORPUS, vocabulary=np.int64(4), length=5)
    assert words.layers[-1].get_vocabulary() == ["", "[UNK]", "the", "eye"]
    ids = words(tf.constant(["The EYE!", "an eye for the eye of the ear", ""]))
    np.testing.assert_array_equal(ids, [[2, 3, 0, 0, 0], [1, 3, 1, 2, 3], [0, 0, 0, 0, 0]])
    assert ids.dtype == "int64"
    assert (words.input_shape, words.output_shape) == ((None,), (None, 5))


def test_vectorizer__takes_a_length_that_fits_almost_all():
    assert vectorizer(["a b"] * 19 + ["a b c d"] * 1).output_shape == (None, 3)
    assert vectorizer(["a b", "c"]).output_shape == (None, 2)


def test_vectorizer__takes_words_or_characters():
    words = vectorizer(CORPUS, vocabulary=["ear", "eye"], length=2)
    np.testing.assert_array_equal(words(tf.constant(["eye ear", "the"])), [[3, 2], [1, 0]])
    np.testing.assert_array_equal(vectorizer(["aab"], length=4, split="character")(tf.constant(["ba"])), [[3, 2, 0, 0]])


def test_vectorizer__knows_its_words_after_a_round_trip_of_its_config(tmp_path):
    words = vectorizer(CORPUS, length=4)
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(words))
    words.save(tmp_path / "words.keras")
    loaded = keras.models.load_model(tmp_path / "words.keras")
    for copy in (revived, loaded):
        np.testing.assert_array_equal(copy(tf.constant(CORPUS)), words(tf.constant(CORPUS)))


@pytest.mark.parametrize(
    ("texts", "options", "sentence"),
    [
        ([], {}, "`texts` must hold at least one string"),
        (["", "  ", "?!"], {}, "`texts` must hold words. Received: 3 texts without a single one"),
        (["a", float("nan")], {}, "`texts` must be strings.*'nan' of type float at position 1"),
        (np.zeros(3), {}, "`texts` must be strings"),
        ("a text", {}, "`texts` must be a list or an array"),
        (CORPUS, {"vocabulary": 2}, "`vocabulary` must .*3 or more"),
        (CORPUS, {"vocabulary": []}, "`vocabulary` must"),
        (CORPUS, {"vocabulary": 1e4}, "`vocabulary` must be a number of ids, or words. Received: vocabulary=10000.0"),
        (CORPUS, {"vocabulary": "words.txt"}, "`vocabulary` must be a number of ids, or words"),
        (CORPUS, {"vocabulary": ["Eye", "nose"]}, "2 words, of which none occurs in 4 texts"),
        (CORPUS, {"length": 0}, "`length` must be a positive integer"),
        (CORPUS, {"split": "words"}, "`split` must be one of"),
    ],
)
def test_vectorizer__refuses_what_makes_no_vocabulary(texts, options, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        vectorizer(texts, **options)


def test_vectorizer__leaves_room_for_a_word_where_almost_none_is():
    words = vectorizer(["eye", *["?!"] * 40])
    assert words.output_shape == (None, 1)
    assert words(tf.constant(["eye"])).numpy().tolist() == [[2]]


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_lines__are_texts(tmp_path):
    found = read_texts(written(tmp_path / "lines.txt", "\ufeffone line\r\n\n  \nun œil\n"))
    assert found.texts.tolist() == ["one line", "un œil"]
    assert found.labels is None
    assert found.class_names is None


def test_tables__have_a_column_of_texts_and_may_have_one_of_classes(tmp_path):
    table = 'id,text,label\n1,"see, it",verb\n2,"two\nlines",\n3,,noun\n4,an eye,noun\n'
    found = read_texts(written(tmp_path / "table.csv", table))
    assert found.texts.tolist() == ["see, it", "two\nlines", "an eye"]
    assert found.labels.tolist() == [1, -1, 0]
    assert found.class_names == ("noun", "verb")
    assert open_texts(str(tmp_path / "table.csv"), labels=[0, 1, 2]).class_names is None
    found = read_texts(written(tmp_path / "table.tsv", "body\tclass\na\t3\nb\t0\n"), text="body", label="class")
    assert (found.texts.tolist(), found.labels.tolist(), found.class_names) == (["a", "b"], [3, 0], None)
    assert read_texts(tmp_path / "table.tsv", text="body").labels is None


def test_objects__are_lines(tmp_path):
    rows = [{"text": "see it", "label": 1}, {"text": " "}, {"text": "an\u2028eye"}, {"text": "ear", "label": 0}]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    found = read_texts(written(tmp_path / "rows.jsonl", lines + "\n\n"))
    assert found.texts.tolist() == ["see it", "an\u2028eye", "ear"]
    assert found.labels.tolist() == [1, -1, 0]


def test_halves_of_characters__become_question_marks(tmp_path):
    half = "see \ud83d it"
    assert read_texts(written(tmp_path / "a.jsonl", json.dumps({"text": half}))).texts.tolist() == ["see ? it"]
    assert open_texts([half, b"an eye"]).read(0) == "see ? it"
    with pytest.raises(ValueError, match=r"`source` must hold texts in UTF-8\. Received: position 1"):
        open_texts(["an eye", "été".encode("latin-1")])


def test_folders__leave_hidden_files_out_and_name_what_can_not_be_read(tmp_path):
    written(tmp_path / "a.txt", "see it")
    written(tmp_path / "._a.txt", b"\0\xff")
    written(tmp_path / ".ipynb_checkpoints" / "a.txt", "hidden")
    assert read_texts(tmp_path).texts.tolist() == ["see it"]
    (tmp_path / "b.txt").symlink_to(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match=r"`path` must hold texts that may be read. Received: .*b\.txt"):
        read_texts(tmp_path)


def test_folders__are_classes(tmp_path):
    for name, content in {"b/1.txt": "one\ntext", "a/deep/2.txt": "other", "a/3.TXT": "more", "a/4.txt": "\n"}.items():
        written(tmp_path / name, content)
    written(tmp_path / "a/notes.md", "not read")
    found = read_texts(tmp_path)
    assert found.texts.tolist() == ["more", "other", "one\ntext"]
    assert (found.labels.tolist(), found.class_names) == ([0, 0, 1], ("a", "b"))
    assert read_texts(tmp_path / "b").labels is None


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", " \n\n", "must hold at least one text"),
        ("a.txt", b"\xff\xfe\x00", "UTF-8"),
        ("a.csv", "texts,label\na,b\n", "Did you mean `texts`"),
        ("a.csv", "", "`text` must name a column"),
        ("a.csv", "text\n\n", "must hold at least one text"),
        ("a.jsonl", "{\n", "JSON object a line. Received: .*line 1"),
        ("a.jsonl", '{"text": "a"}\n{"text": 3}\n', "string under 'text' a line. Received: .*line 2"),
        ("a.jsonl", "[1]\n", "JSON object"),
        ("a.pdf", "text", "must be a .txt, .csv"),
        ("folder/a.md", "text", r"`path` must be a folder with texts \(.txt\)"),
        ("folder/a.txt", "", "must hold at least one text"),
    ],
)
def test_files__that_hold_no_texts_are_refused_in_a_sentence(name, content, sentence, tmp_path):
    written(tmp_path / name, content)
    with pytest.raises(ValueError, match=sentence):
        read_texts(tmp_path / name.split("/")[0])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_labels__are_refused_by_a_name_that_nothing_has(name, tmp_path):
    written(tmp_path / name, "text,label\na,b\n" if name == "a.csv" else '{"text": "a", "label": "b"}\n')
    assert open_texts(tmp_path / name, label_key="label").class_names == ("b",)
    assert open_texts(tmp_path / name, label_key="lable", labelled=False).labels is None
    with pytest.raises(ValueError, match="`label_key` must name what holds the classes"):
        open_texts(tmp_path / name, label_key="lable")


def test_columns__that_a_table_of_texts_has_not_are_named_as_they_were_given(tmp_path):
    written(tmp_path / "a.csv", "texts,label\na,b\n")
    with pytest.raises(ValueError, match=r"`text_key` must name a column.* Received: text_key='text'"):
        open_texts(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"`columns` must name a column.* Received: columns='word'"):
        RunData(PretrainConfig(data=str(tmp_path / "a.csv"), kind="text", columns="word"))


def test_columns__are_renamed_in_sentences_and_not_in_paths(tmp_path):
    folder = tmp_path / "context=en"
    written(folder / "a.csv", "texts,label\na,b\n")
    for given in ({}, {"columns": "word"}):
        with pytest.raises(ValueError, match=r"context=en/a\.csv"):
            RunData(PretrainConfig(data=str(folder / "a.csv"), kind="text", **given))


def test_tables__may_be_divided_by_semicolons(tmp_path):
    written(tmp_path / "a.csv", "text;label\none, two;b\nthree;a\n")
    found = read_texts(tmp_path / "a.csv")
    assert (found.texts.tolist(), found.class_names) == (["one, two", "three"], ("a", "b"))


def test_files__that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`path` must be a file or a folder that exists"):
        read_texts(tmp_path / "nothing.csv")
