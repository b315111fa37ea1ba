"""`doctor`: what it finds in data, what it says about it, and its exit code."""

import shutil

import numpy as np
import pytest
from builders import picture_folder, pictures

from byol_keras import cli
from byol_keras.config import PretrainConfig
from byol_keras.data import Skipped, Source, TooManyBroken, open_source
from byol_keras.data.scanning import scan
from byol_keras.data.skipping import printable
from byol_keras.doctor import environment, findings
from byol_keras.training.advising import advice, cache_bytes, obstacles, planned_size
from byol_keras.training.planning import make_plan
from byol_keras.training.rundata import RunData


def examined(data, **options):
    config = PretrainConfig.of({"data": data, **options})
    opened = RunData(config)
    return scan(opened.source), opened, config


def said(data, **options):
    return "\n".join(advice(*examined(data, **options)))


def shown(table, width=200):
    from rich.console import Console

    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


@pytest.fixture
def mixed(tmp_path):
    """Eight good PNG files of two classes, and one each of what goes wrong."""
    from PIL import Image

    folder = picture_folder(tmp_path / "mixed", classes=("cat", "dog"))
    shutil.copy(folder / "cat" / "0000.png", folder / "dog" / "copy.png")
    Image.open(folder / "dog" / "0001.png").save(folder / "dog" / "copy.bmp")
    Image.fromarray(pictures(1, 8, 1)[0, ..., 0]).save(folder / "cat" / "tiny.png")
    (folder / "cat" / "cut.png").write_bytes((folder / "cat" / "0000.png").read_bytes()[:60])
    (folder / "cat" / "empty.jpg").touch()
    return folder


def test_scan__counts_everything_that_was_put_in(mixed):
    found = scan(open_source(str(mixed)))
    assert (found.examples, found.readable, found.broken) == (13, 11, 2)
    assert dict(found.reasons) == {"cat/cut.png": "is cut off or damaged", "cat/empty.jpg": "is empty"}
    assert (found.smallest, found.median, found.largest) == ((8, 8), (16, 16), (16, 16))
    assert found.kinds == {"PNG": 10, "BMP": 1}
    assert found.modes == {"RGB": 10, "L": 1}
    assert found.channels == {3: 11}
    assert found.deep == 0
    assert found.classes == {"cat": 5, "dog": 6}


def test_scan__finds_equal_pixels_in_files_of_other_formats_and_classes(mixed):
    found = scan(open_source(str(mixed))).duplicates
    assert (found.groups, found.copies, found.conflicts) == (2, 2, 1)
    assert found.named == (("cat/0000.png", "dog/copy.png"), ("dog/0001.png", "dog/copy.bmp"))


def test_duplicates__differ_by_shape_and_type_too():
    class Mixed(Source):
        def read(self, index):
            return [np.zeros((4, 2, 1), "uint8"), np.zeros((2, 4, 1), "uint8"), np.zeros((4, 2, 1), "float32")][index]

    assert scan(Mixed("mixed", 3)).duplicates.groups == 0


def test_duplicates__are_all_counted_and_named_up_to_ten_groups():
    images = pictures(70, 4)
    found = scan(open_source(images[np.r_[0:70, 0:50, 0]])).duplicates
    assert (found.groups, found.copies, len(found.named)) == (50, 51, 10)
    assert found.named[0] == ("array#0", "array#70", "array#120")


@pytest.mark.parametrize("count", [1, 31, 32, 33, 300])
def test_progress__ends_with_all_of_them(count):
    seen = []
    scan(open_source(pictures(count, 2)), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == count


def test_tiny__is_half_of_the_size_or_16_pixels(mixed):
    found = scan(open_source(str(mixed)))
    assert [found.tiny(size) for size in (8, 32, 33)] == [1, 1, 11]


def test_sides_and_labels__of_broken_pictures_do_not_count():
    images = pictures(6, 4).astype("float32") / 255.0
    images[2] = 7.0
    found = scan(open_source((images, np.array([0, 1, 2, 3, 3, 0]))))
    assert found.reasons == (("array#2", "holds floats outside [0, 1], in [7, 7]"),)
    assert found.classes == {"0": 2, "1": 1, "2": 0, "3": 2}
    assert found.deep == 5


def test_depth__is_counted_and_a_mixture_spoken_of(tmp_path):
    from PIL import Image

    folder = picture_folder(tmp_path, count=3)
    Image.fromarray(np.arange(256, dtype="uint16").reshape(16, 16) * 200).save(folder / "deep.png")
    found = scan(open_source(str(folder)))
    assert (found.deep, found.modes) == (1, {"RGB": 3, "I;16": 1})
    assert "8 bits 3, 16 bits or floats 1" in shown(findings(found, 16))
    assert "deeper ones are mixed" in said(str(folder), size=16)


def test_bomb__is_never_decoded(tmp_path, monkeypatch):
    from PIL import Image

    image = Image.new("L", (40, 40))
    image.save(tmp_path / "bomb.png")
    monkeypatch.setattr("byol_keras.data.pixels.LARGEST_PICTURE", 1000)
    monkeypatch.setattr("byol_keras.data.scanning.decode", lambda *_: pytest.fail("decoded"))
    found = scan(open_source(str(tmp_path)))
    assert found.reasons[0][1].startswith("claims 40 x 40 pixels")
    assert found.problems() == ["None of the pictures can be read."]


@pytest.mark.parametrize(("count", "broken"), [(199, 30), (200, 2), (200, 3), (400, 4), (400, 5)])
def test_problems__agree_with_the_ledger_of_a_run(count, broken):
    images = pictures(count, 2).astype("float32") / 255.0
    images[:broken] = np.nan
    found = scan(open_source(images))
    ledger, stops = Skipped(count), False
    try:
        ledger.good_ones(np.arange(broken, count))
        for index in range(broken):
            ledger.bad_one(index, f"{index}", "is broken")
    except TooManyBroken:
        stops = True
    assert bool(found.problems()) == stops
    assert not found.problems(max_bad_fraction=0.5)


@pytest.mark.parametrize(("channels", "fits"), [((3, 3), True), ((1, 3), False), ((3, 5), False), ((5, 5), True)])
def test_channels__of_arrays_must_agree_or_be_chosen(tmp_path, channels, fits):
    for number, count in enumerate(channels):
        np.save(tmp_path / f"{number}.npy", pictures(1, 16, count, seed=number)[0])
    found = scan(open_source(str(tmp_path)))
    assert bool(found.problems()) != fits
    assert bool(found.problems(channels=3)) == (5 in channels and len(set(channels)) > 1)


def test_obstacles__name_what_pretrain_would_refuse(tmp_path):
    assert obstacles(*examined(pictures(8, 16))) == []
    (refused,) = obstacles(*examined(pictures(8, 16), batch_size=9))
    assert "`batch_size` must lie between 1 and the 8 pictures" in refused
    (refused,) = obstacles(*examined(pictures(8, 16, 5), channels=3))
    assert "`channels` must fit the pictures" in refused


def test_advice__is_what_pretrain_would_do_and_a_command(mixed):
    text = said(str(mixed), encoder="resnet18", size=24, batch_size=5)
    assert "resnet18 at 24 px, recipe" in text
    assert "batches of 5: " in text
    assert f"byol-keras pretrain --data {mixed} --encoder resnet18 --size 24 --batch-size 5" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Broken pictures: 2; a run skips them"),
        ({}, "Only 11 pictures"),
        ({}, "Copies of other pictures: 2;"),
        ({}, "Equal pictures in different classes: 1 times"),
        ({"size": 64}, "--size 16 is faster"),
        ({"size": 16}, "Pictures that are tiny beside 16 px: 1;"),
    ],
)
def test_advice__speaks_of_what_was_found(mixed, options, sentence):
    assert sentence in said(str(mixed), **options)


def test_size__is_the_plans_or_the_recipes_where_there_is_no_plan(tmp_path):
    _, data, config = examined(str(picture_folder(tmp_path / "large", count=4, size=300)))
    assert planned_size(data, config) == make_plan(config, data, 0.0).shape[0]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "large").rename(tmp_path / ".hidden")
    _, data, config = examined(str(tmp_path), recipe="lightly-cifar10")
    assert planned_size(data, config) == 32


def test_advice__is_silent_about_what_is_well():
    text = said((pictures(1200, 16), np.arange(1200) % 7 % 4), size=16)
    for word in ("Broken", "Only", "Copies", "tiny", "enlarged", "few", "labels", "unbalanced", "cache"):
        assert word not in text


def test_advice__warns_of_classes_that_are_small_or_unbalanced():
    text = said((pictures(60, 16), np.repeat([0, 1, 2], [50, 6, 4])), size=16)
    assert "Classes with fewer than 5 pictures: 1 of 3" in text
    assert "very unbalanced, from 4 to 50" in text
    assert "no labels" in said(pictures(8, 16), size=16)


def test_cache__does_not_pay_where_memory_is_short(tmp_path, monkeypatch):
    folder = str(picture_folder(tmp_path, count=4))
    for memory, pays in [(2 * 4 * 16 * 16 * 3, True), (2 * 4 * 16 * 16 * 3 - 1, False)]:
        monkeypatch.setattr("byol_keras.training.advising._memory", lambda memory=memory: memory)
        assert ("--cache" in said(folder, size=16)) == pays


def test_cache__pays_for_small_files_of_one_shape_only(tmp_path):
    small = picture_folder(tmp_path / "small", count=4)
    assert f"--data {small} --size 16 --cache" in said(str(small), size=16)
    assert "--cache" not in said(str(picture_folder(tmp_path / "large", count=4, size=64)), size=16)
    assert "--cache" not in said(pictures(8, 16), size=16)
    _, data, config = examined(str(small), size=16)
    assert cache_bytes(data.training(make_plan(config, data, 0.0))) == 4 * 16 * 16 * 3


def test_cache__is_of_no_use_for_pictures_in_memory_of_which_the_first_is_broken():
    values = np.full((8, 16, 16, 3), 0.5, "float32")
    values[0, 0, 0, 0] = np.nan
    _, data, config = examined(values, size=16)
    assert cache_bytes(data.training(make_plan(config, data, 0.0))) == 0


def test_findings__show_names_as_text(mixed):
    strange = mixed / "cat" / "[red]x\x1b[31m\n:smile:.png"
    strange.touch()
    text = shown(findings(scan(open_source(str(mixed))), 32))
    assert r"cat/[red]x\x1b[31m\n:smile:.png is empty" in text
    assert "\x1b" not in text
    assert "smallest 8 x 8, median 16 x 16, largest 16 x 16" in text
    assert "cat/0000.png = dog/copy.png" in text
    assert "colour 10, grey 1" in text


def test_findings__count_what_they_do_not_name():
    images = pictures(60, 4).astype("float32") / 255.0
    images[:13] = np.nan
    images[20:40] = images[40:60]
    text = shown(findings(scan(open_source((images, np.arange(60) % 12))), 8))
    assert "13, 21.7% of all" in text
    assert text.count("holds floats that are not finite") == 10
    assert "and 3 more" in text
    assert "20 superfluous copies, in 20 groups" in text
    assert "and 17 more" in text
    assert "and 2 more" in text


def test_printable__leaves_other_alphabets_alone():
    assert printable("日本 é\t\udcff") == "日本 é\\t\\udcff"


def test_environment__has_versions_and_devices():
    assert {"tensorflow", "keras", "devices", "fastest precision"} <= set(environment())


def test_command__exits_with_0_where_data_is_fit(mixed, capsys):
    assert cli.main(["doctor", "--data", str(mixed), "--size", "16"]) == 0
    out = capsys.readouterr().out
    assert "fit to train on" in out
    assert "not fit" not in out
    assert "superfluous" in out


def test_command__shows_how_far_it_is_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert cli.main(["doctor", "--data", "shapes"]) == 0
    assert "looking at every picture" in capsys.readouterr().out


def test_command__exits_with_1_where_it_is_not(tmp_path, capsys):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"no picture")
    assert cli.main(["doctor", "--data", str(tmp_path)]) == 1
    assert "not fit to train on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--data", "/no/such/folder"], 1, "`data` must be a folder"),
        (["--size", "8"], 2, "`--data` is missing"),
        (["--data", "shapes", "--size", "-1"], 2, "`size` must be a positive integer"),
        (["--date", "shapes"], 2, "Did you mean `--data`?"),
    ],
)
def test_command__says_what_is_wrong_in_a_sentence(arguments, code, sentence, capsys):
    assert cli.main(["doctor", *arguments]) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
