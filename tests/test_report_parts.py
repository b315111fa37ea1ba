"""The parts of the page: journal, pictures, neighbours, map and preview, by laws and by hand."""

import json
import re
import sys
import types

import numpy as np
import pytest
from PIL import Image

from byol_keras.report import Material, preview
from byol_keras.report.atlas import atlas
from byol_keras.report.drawing import draw_texts
from byol_keras.report.gallery import gallery, nearest, shared_class
from byol_keras.report.journal import read_metrics, series
from byol_keras.report.markup import readable
from byol_keras.report.pixels import displayable, thumbnail
from byol_keras.report.plane import Plane, lay_out
from byol_keras.report.plots import curve, scatter

GENERATOR = np.random.default_rng(0)


def test_readable__leaves_what_words_are_made_of():
    for text in ("\u0645\u06cc\u200c\u062e\u0648", "\U0001f469\u200d\U0001f52c", "co\u00adop"):
        assert readable(text) == text
    assert readable("a\u202eb\u200f\ufeff") == "a\ufffdb\ufffd\ufffd"


def test_gallery__asks_about_examples_with_features_only():
    features = GENERATOR.normal(size=(12, 5))
    features[0] = np.nan
    for labels in (None, np.arange(12) % 2):
        sample = Material(np.zeros((12, 4, 4, 3), "uint8"), features, labels=labels)
        asked = re.findall(r"Query: picture (\d+)", gallery(sample, nearest(features)))
        assert len(set(asked)) == 8
        assert "0" not in asked
    assert shared_class(sample, nearest(features))[0] <= 1.0


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows)


def test_metrics__of_one_step_are_merged_and_the_newer_number_counts():
    text = lines(
        {"step": 20, "loss": 1.0}, {"step": 10, "loss": 2.0}, {"step": 20, "loss": 0.5}, {"step": 20, "tau": 1}
    )
    assert read_metrics(text) == [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 0.5, "tau": 1.0}]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_metrics__cut_anywhere_are_those_of_the_whole_lines(cut):
    whole = lines({"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5})
    torn = whole + "\n" + lines({"step": 3, "loss": 0.25, "a rather long name for a number": 1.0})[:cut]
    assert read_metrics(torn) == read_metrics(whole)


def test_series__leaves_out_what_is_no_finite_number():
    history = read_metrics(
        '{"step": 1, "a": NaN}\n{"step": 2, "a": -Infinity}\n{"step": 3, "a": true}\n{"step": 4, "a": 7}'
    )
    steps, values = series(history, "a")
    assert (steps.tolist(), values.tolist()) == ([4], [7.0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
def test_displayable__keeps_three_channels_or_repeats_the_first(channels):
    pictures = GENERATOR.integers(0, 256, (2, 4, 5, channels), dtype="uint8")
    kept = pictures[..., :3] if channels >= 3 else pictures[..., [0, 0, 0]]
    np.testing.assert_array_equal(displayable(pictures), kept)


def test_displayable__means_the_same_picture_in_any_type():
    expected = np.array([0, 51, 255], "uint8").reshape(1, 1, 3)
    for same in (expected / 255.0, (expected / 255).astype("float16"), expected.astype("uint16") * 257):
        np.testing.assert_array_equal(displayable(same), expected)


def test_displayable__stretches_other_ranges_and_blackens_what_is_not_finite():
    stretched = displayable(np.array([-2.0, 0.0, 2.0]).reshape(1, 1, 3))
    assert stretched.ravel().tolist() == [0, 128, 255]
    assert displayable(np.array([np.nan, 1.0, np.inf]).reshape(1, 1, 3)).ravel().tolist() == [0, 255, 0]
    with np.errstate(all="raise"):
        assert displayable(np.full((1, 1, 3), 5.0)).ravel().tolist() == [0, 0, 0]
    assert displayable(np.array([-0.004, 0.5, 1.004]).reshape(1, 1, 3)).ravel().tolist() == [0, 128, 255]


def test_thumbnail__keeps_the_shape_and_never_enlarges():
    assert thumbnail(np.zeros((40, 80, 3), "uint8"), 20).size == (20, 10)
    assert thumbnail(np.zeros((4, 8, 3), "uint8"), 20).size == (8, 4)


def test_nearest__is_the_order_of_cosines():
    features = GENERATOR.normal(size=(9, 3))
    found = nearest(features, 8)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for query in range(9):
        others = [index for index in range(9) if index != query]
        assert found[query].tolist() == sorted(others, key=lambda index: -(unit[query] @ unit[index]))


def test_nearest__does_not_depend_on_lengths_and_avoids_what_is_not_finite():
    features = GENERATOR.normal(size=(9, 3))
    lengths = GENERATOR.uniform(0.1, 10.0, size=(9, 1))
    np.testing.assert_array_equal(nearest(features, 3), nearest(features * lengths, 3))
    features[4, 1] = np.nan
    assert 4 not in nearest(features, 8)
    assert nearest(features, 8).shape == (9, 7)
    assert nearest(np.full((3, 2), np.nan)).shape == (3, 0)


def sample(labels, features=None):
    labels = np.array(labels)
    return Material(
        np.zeros((len(labels), 2, 2, 3), "uint8"), np.eye(len(labels)) if features is None else features, labels
    )


def test_shared_class__by_hand():
    neighbours = np.array([[1, 2], [0, 2], [0, 3], [2, 1]])
    same, chance = shared_class(sample([0, 0, 1, 1]), neighbours)
    # Of eight neighbours four share the class; of three others, one does.
    assert (same, chance) == (4 / 8, 1 / 3)
    assert shared_class(sample([-1, -1, -1, -1]), neighbours) is None
    assert shared_class(sample([0, 0, -1, -1]), neighbours)[0] == 1.0
    assert shared_class(sample([0, 0, 10**12, 10**12]), neighbours) == (same, chance)


def test_gallery__marks_neighbours_by_class_even_where_classes_share_a_name():
    material = Material(np.zeros((4, 2, 2, 3), "uint8"), np.eye(4), np.array([0, 0, 1, -1]), ("cat", "cat"))
    first = gallery(material, np.array([[1, 2, 3]] * 4)).split("</figure>")[1]
    assert [first.count(f'class="{kind}"') for kind in ("query", "same", "other", "plain")] == [1, 1, 1, 1]
    assert "1 of 3 share its class" in first


class FlatUmap:
    """Stands for UMAP, which is large: the first two components."""

    def __init__(self, random_state, n_jobs):
        assert (random_state, n_jobs) == (0, 1)

    def fit_transform(self, rows):
        return rows[:, :2]


class BrokenUmap:
    """Stands for one whose import ends in an error of something that it imports itself."""

    @property
    def UMAP(self):
        raise RuntimeError("operator torchvision::nms does not exist")


@pytest.mark.parametrize(
    ("method", "umap"),
    [("t-SNE", None), ("t-SNE", BrokenUmap()), ("UMAP", types.SimpleNamespace(UMAP=FlatUmap))],
    ids=["absent", "broken", "installed"],
)
def test_map__keeps_groups_together(method, umap, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", umap)
    centres = 10.0 * np.eye(8)[:3]
    features = np.concatenate([centre + GENERATOR.normal(size=(20, 8)) for centre in centres])
    features[5, 0] = np.inf
    plane = lay_out(features)
    assert plane.indices.tolist() == [index for index in range(60) if index != 5]
    assert plane.method.startswith(f"{method} of the features")
    groups = plane.indices // 20
    middles = np.array([plane.points[groups == group].mean(axis=0) for group in range(3)])
    distances = np.linalg.norm(plane.points[:, None] - middles, axis=-1)
    assert (distances.argmin(axis=1) == groups).all()
    np.testing.assert_array_equal(plane.points, lay_out(features).points)


def test_map__of_few_examples_shows_their_main_components():
    angles = np.linspace(0, 1, 10)
    plane = lay_out(np.stack([np.cos(angles), np.sin(angles), np.zeros(10)], axis=1) * 7.0)
    expected = 2.0 * np.sin(np.diff(angles) / 2.0)
    np.testing.assert_allclose(np.linalg.norm(np.diff(plane.points, axis=0), axis=1), expected, atol=1e-6)


@pytest.mark.parametrize("features", [np.zeros((80, 3)), np.full((80, 3), np.nan), np.eye(2), np.zeros((0, 3))])
def test_map__is_none_where_nothing_can_be_told_apart(features):
    assert lay_out(features) is None


@pytest.mark.parametrize("count", [1, 2, 500])
def test_curve__follows_the_colours_of_the_page(count):
    drawing = curve(np.arange(count), GENERATOR.uniform(size=count), 'up & "down"')
    assert 'aria-label="up &amp; &quot;down&quot;"' in drawing
    assert "var(--accent)" in drawing
    assert not any(word in drawing for word in ("#010101", "font-family", "<style", "metadata", "http", "nan"))


def test_scatter__draws_every_point():
    drawing = scatter(
        GENERATOR.normal(size=(30, 2)), [np.arange(10), np.arange(0), np.arange(20, 30)], np.arange(10, 20), "a map"
    )
    assert drawing.count("<use") == 30


def test_atlas__names_the_commonest_classes_in_their_order_and_greys_the_rest():
    labels = np.concatenate([np.repeat(np.arange(12), [3, 3, 1, 1, *[2] * 8]), [-1, -1, -1, -1]])
    points = GENERATOR.normal(size=(len(labels), 2))
    drawn = atlas(sample(labels), Plane(points, np.arange(len(labels)), "by hand"))
    named = re.findall("<bdi>class ([0-9]+)</bdi>", drawn)
    assert named == ["0", "1", "4", "5", "6", "7", "8", "9", "10", "11"]
    assert "2 other classes or no class" in drawn
    assert "in 12 classes" in drawn


@pytest.mark.parametrize(
    ("classes", "unknown", "legend"), [(11, 0, "1 other class<"), (10, 1, ">no class<"), (12, 0, "2 other classes<")]
)
def test_atlas__says_what_is_grey(classes, unknown, legend):
    labels = np.array([*range(classes), *range(2), *[-1] * unknown])
    assert legend in atlas(sample(labels), Plane(GENERATOR.normal(size=(len(labels), 2)), np.arange(len(labels)), ""))


def test_texts__are_drawn_in_the_letters_of_their_script():
    alphabets = ("ab", "αβ", "жд", "אב", "عر")
    drawn = draw_texts([letter for letters in alphabets for letter in letters])
    assert len({picture.tobytes() for picture in drawn}) == len(drawn)
    with pytest.warns(UserWarning, match="lacks are drawn as boxes"):
        draw_texts(["漢字"])


def test_material__refuses_what_does_not_belong_together():
    pictures, features = np.zeros((3, 2, 2, 1), "uint8"), np.zeros((3, 4))
    for name in ("features", "labels", "names"):
        with pytest.raises(ValueError, match=f"`{name}` must have one entry for each of the 3 pictures"):
            Material(**({"pictures": pictures, "features": features} | {name: np.zeros((2, 4))}))
    with pytest.raises(ValueError, match="`pictures` must have shape"):
        Material(pictures[..., 0], features)
    with pytest.raises(ValueError, match="`view_pairs` must be two arrays of the same length"):
        Material(pictures, features, view_pairs=(pictures, pictures[:2]))


def test_preview__puts_each_picture_at_its_place(tmp_path):
    colours = np.arange(1, 7).reshape(3, 2) * 40
    columns = [np.broadcast_to(column[:, None, None, None], (2, 8, 8, 3)).astype("uint8") for column in colours]
    path = preview(*columns, f"file://{tmp_path}/views.png")
    assert path == f"file://{tmp_path}/views.png"
    path = preview(*columns, tmp_path / "views.png")
    sheet = np.asarray(Image.open(path))
    seen = [[sheet[160 + 184 * row, 120 + 184 * column, 0] for row in range(2)] for column in range(3)]
    np.testing.assert_array_equal(seen, colours)
    assert [entry.name for entry in tmp_path.iterdir()] == ["views.png"]


def test_preview__takes_any_sizes_and_channels(tmp_path):
    originals = [np.zeros((50, 9, 1), "uint8"), np.zeros((3, 400, 13), "uint8")]
    views = np.full((2, 8, 8, 13), np.nan, "float32")
    assert Image.open(preview(originals, views, views, tmp_path / "views.png")).size[0] == 608


@pytest.mark.parametrize("lengths", [(0, 0, 0), (2, 2, 1)])
def test_preview__refuses_columns_that_do_not_match(tmp_path, lengths):
    columns = [np.zeros((length, 4, 4, 3), "uint8") for length in lengths]
    with pytest.raises(ValueError, match="must hold equally many pictures"):
        preview(*columns, tmp_path / "views.png")
    assert not list(tmp_path.iterdir())
