"""Principal components, and what a representation keeps that is shortened to a few of them."""

import json
import tracemalloc

import numpy as np
import pytest

import byol_keras as bk
from byol_keras.evaluation import PrincipalComponents, compression_curve
from byol_keras.evaluation.principal import _FEW, _MANY

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.normal(size=(200, 6)) @ np.diag([5, 3, 2, 1, 0.5, 0.1]) + 4.0
LABELS = (FEATURES[:, 0] > 4).astype(int)


def curve(components=None, **options):
    return compression_curve(FEATURES[:150], LABELS[:150], FEATURES[150:], LABELS[150:], components, **options)


def test_components__are_an_orthogonal_projection_that_keeps_most_variance():
    found = PrincipalComponents(FEATURES, 3)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(3), atol=1e-12)
    turned = found(FEATURES)
    np.testing.assert_allclose(turned.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(turned.var(axis=0).cumsum() / FEATURES.var(axis=0).sum(), found.kept(), rtol=1e-5)
    assert np.all(np.diff(turned.var(axis=0)) < 0)
    np.testing.assert_allclose(FEATURES.astype("float32") @ found.kernel + found.bias, turned, atol=1e-4)


def test_components__are_scikit_learns_however_many_pieces_they_are_read_in():
    from sklearn.decomposition import PCA

    for rows in (5, 24, 25, 200):
        ours, theirs = PrincipalComponents(FEATURES[:rows]), PCA(svd_solver="full").fit(FEATURES[:rows])
        np.testing.assert_allclose(ours.deviations**2, theirs.explained_variance_, rtol=1e-5, atol=1e-9)
        cosines = np.abs(np.sum(ours.directions * theirs.components_, axis=1))
        np.testing.assert_allclose(cosines[: rows - 1], 1.0, atol=1e-5)


def test_components__are_found_in_little_memory():
    features = np.random.default_rng(0).normal(size=(40_000, 16)).astype("float32")
    tracemalloc.start()
    PrincipalComponents(features)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes


def test_components__keep_small_variance_beside_a_large_one_and_a_large_mean():
    scales = np.array([1e3, 1.0, 1e-2])
    axes = np.linalg.qr(GENERATOR.normal(size=(3, 3)))[0]
    vectors = ((GENERATOR.normal(size=(500, 3)) * scales) @ axes).astype("float32")
    exact = np.linalg.svd(vectors.astype("float64") - vectors.mean(axis=0, dtype="float64"))[1] / np.sqrt(499)
    np.testing.assert_allclose(PrincipalComponents(vectors).deviations, exact, rtol=1e-9)
    far = (GENERATOR.integers(-8, 9, (500, 3)) + 2.0**20).astype("float32")
    near = far - np.float32(2.0**20)
    np.testing.assert_allclose(PrincipalComponents(far)(far), PrincipalComponents(near)(near), atol=0.07)
    np.testing.assert_allclose(PrincipalComponents(far).deviations, PrincipalComponents(near).deviations, rtol=1e-9)


def test_components__of_wide_features_are_found_by_a_randomised_solver_too():
    width = _MANY + 88
    spread = np.r_[np.full(4, 20.0), np.full(width - 4, 0.1)]
    wide = GENERATOR.normal(size=(width + 40, width)) * spread + 3.0
    few, all_of_them = PrincipalComponents(wide, 4, seed=1), PrincipalComponents(wide)
    assert _FEW * width > 4
    np.testing.assert_allclose(few.deviations, all_of_them.deviations[:4], rtol=1e-4)
    np.testing.assert_allclose(few.kept(), all_of_them.kept()[:4], rtol=1e-4)
    np.testing.assert_allclose(few(wide), all_of_them(wide, 4), atol=0.02)


def test_whitening__gives_every_number_unit_variance_and_no_correlation():
    found = PrincipalComponents(FEATURES, 4, whiten=True)(FEATURES)
    np.testing.assert_allclose(np.cov(found.T), np.eye(4), atol=1e-4)


def test_whitening__does_not_blow_up_directions_without_variance():
    flat = np.concatenate([FEATURES, np.ones((200, 2))], axis=1)
    assert np.abs(PrincipalComponents(flat, whiten=True)(flat)).max() < 10


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_whitening__needs_features_that_differ(value):
    constant = np.full((50, 3), value) * [1, 2, 3]
    with pytest.raises(ValueError, match=r"`features` must differ .* to be whitened\. Received: 50"):
        PrincipalComponents(constant, 2, whiten=True)
    found = PrincipalComponents(constant, 2)
    assert np.isfinite(found(constant)).all()
    assert np.all((found.kept() >= 0.0) & (found.kept() <= 1.0))


def test_components__are_of_features_as_wide_as_those_they_were_found_in():
    with pytest.raises(ValueError, match=r"`features` must have as many numbers .* in, 6. Received: .*\(2, 5\)"):
        PrincipalComponents(FEATURES, 2)(np.zeros((2, 5)))


@pytest.mark.parametrize("limit", [0, 7, 1.5])
def test_limit__must_fit_the_features(limit):
    with pytest.raises(ValueError, match="`limit` must"):
        PrincipalComponents(FEATURES, limit)


def test_curve__by_hand():
    """The bank's variance is 8 along (1, 1) and 2 along (1, -1); the mean lies at (1, 0)."""
    root = np.sqrt(0.5)
    along, across = np.array([root, root]), np.array([root, -root])
    mean = np.array([1.0, 0.0])
    bank = mean + np.stack([4 * along, -4 * along, 2 * across, -2 * across])
    queries = mean + np.stack([3 * along + across, -along])
    first, second = compression_curve(bank, None, queries, None).rows
    assert (first.components, first.bytes, second.components, second.bytes) == (1, 4, 2, 8)
    assert first.variance == pytest.approx(32 / 40)
    # Missed is the 1 across, of 9 + 1 + 1 in all.
    assert first.error == pytest.approx(1 / 11, rel=1e-5)
    assert (second.variance, second.error) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-12))
    assert first.accuracy is None


def test_curve__at_full_rank_has_all_variance_and_no_error():
    rows = curve().rows
    assert [row.components for row in rows] == [1, 2, 4, 6]
    assert rows[-1].variance == pytest.approx(1.0, abs=1e-12)
    assert rows[-1].error < 1e-20
    assert rows[-1].accuracy == bk.evaluation.knn_accuracy(
        FEATURES[:150] - FEATURES[:150].mean(axis=0),
        LABELS[:150],
        FEATURES[150:] - FEATURES[:150].mean(axis=0),
        LABELS[150:],
    )


def test_curve__is_monotone_and_agrees_with_rebuilt_vectors():
    rows = curve(components=range(1, 7)).rows
    assert np.all(np.diff([row.variance for row in rows]) > 0)
    assert np.all(np.diff([row.error for row in rows]) < 0)
    assert all(row.accuracy > 0.9 for row in rows)
    found = PrincipalComponents(FEATURES[:150])
    centred = FEATURES[150:] - found.mean
    for row in rows:
        kept = found.directions[: row.components]
        missed = np.sum((centred - centred @ kept.T @ kept) ** 2) / np.sum(centred**2)
        assert row.error == pytest.approx(missed, rel=1e-4, abs=1e-12)


def test_curve__of_fewer_examples_than_features_says_what_held_out_ones_lose():
    wide = GENERATOR.normal(size=(60, 40))
    rows = compression_curve(wide[:20], None, wide[20:], None).rows
    assert [row.components for row in rows] == [1, 2, 4, 8, 16, 20]
    assert rows[-1].variance == pytest.approx(1.0)
    # Nineteen directions of forty.
    assert rows[-1].error == pytest.approx(21 / 40, abs=0.08)


def test_curve__of_vectors_that_are_all_the_same_loses_nothing():
    constant = np.ones((5, 3))
    assert [(row.variance, row.error) for row in compression_curve(constant, None, constant, None).rows] == [
        (1.0, 0.0)
    ] * 3


def test_save__writes_what_was_measured(tmp_path):
    found = curve(k=20)
    found.save(tmp_path / "compression.json")
    content = json.loads((tmp_path / "compression.json").read_text())
    assert content["rows"][1] == vars(found.rows[1])
    assert (content["width"], content["bank_examples"], content["query_examples"]) == (6, 150, 50)
    assert content["knn"] == {"k": 20, "temperature": 0.1}


@pytest.mark.parametrize("components", [(), (0, 1), (7,)])
def test_components__must_be_there(components):
    with pytest.raises(ValueError, match="`components` must be numbers from 1 to 6"):
        curve(components)


def test_curve__needs_labels_on_both_sides_and_vectors_of_one_width():
    with pytest.raises(ValueError, match=r"must be given both, or neither\. Received: query_labels=None"):
        compression_curve(FEATURES, LABELS, FEATURES, None)
    with pytest.raises(ValueError, match="`queries` must have as many features"):
        compression_curve(FEATURES, None, FEATURES[:, :3], None)
