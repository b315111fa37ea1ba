"""What is written is whole, or was never there."""

import os
from pathlib import Path

import pytest

from byol_keras.writing import beside, replace_file


def test_beside__a_file_appears_when_the_block_ends(tmp_path):
    with beside(tmp_path / "a.txt") as draft:
        Path(draft).write_text("new")
        assert os.listdir(tmp_path) == [Path(draft).name]
    assert os.listdir(tmp_path) == ["a.txt"]


def test_beside__a_folder_appears_when_the_block_ends(tmp_path):
    with beside(tmp_path / "model") as draft:
        Path(draft).mkdir()
        (Path(draft) / "part").write_text("x")
    assert os.listdir(tmp_path) == ["model"]
    assert (tmp_path / "model/part").read_text() == "x"


def test_beside__ends_in_the_suffix_asked_for(tmp_path):
    with beside(tmp_path / "encoder.keras", suffix=".keras") as draft:
        assert draft.endswith(".keras")
        Path(draft).write_text("x")


def fail_half_way(path, folder):
    with beside(path) as draft:
        Path(draft).mkdir() if folder else Path(draft).write_text("half")
        raise OSError("full")


@pytest.mark.parametrize("folder", [False, True])
def test_beside__leaves_nothing_of_what_failed(tmp_path, folder):
    (tmp_path / "kept").write_text("old")
    with pytest.raises(OSError, match="full"):
        fail_half_way(tmp_path / "kept", folder)
    assert os.listdir(tmp_path) == ["kept"]
    assert (tmp_path / "kept").read_text() == "old"


def test_replace_file__keeps_the_old_content_if_the_new_can_not_be_written(tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def write(file):
        file.write(b"half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        replace_file(tmp_path / "a.txt", write)
    assert os.listdir(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"
