"""Each metric against its definition, worked out image by image without the code under test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from black_average_drop import cams, controls, evaluation, masks, metrics, networks
from black_average_drop.datasets import Dataset
from black_average_drop.trust import composites, faithfulness, imputation
from closeness import assert_same_drops


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model, activation="relu")


def as_dataset(pixels):
    count = len(pixels)
    names = np.array([f"image {i}" for i in range(count)])
    return Dataset(names, np.arange(count) % 2, names, ("a", "b", "c"), (32, 32), np.arange(count), lambda i: pixels[i])


@pytest.fixture
def dataset(pixels):
    return as_dataset(pixels)


@pytest.fixture
def maps(network, dataset):
    first_pass = evaluation.explain_all(
        network, dataset.batches(4), cams.chosen(["CAM", "Grad-CAM++"]), 4, dataset.labels
    )
    drawn = dict(first_pass.maps)
    for name in ("all ones", "inverted Grad-CAM", "uniform random map"):
        drawn[name] = controls.CONTROLS[name](np.maximum(drawn["CAM"], 0), dataset.groups, dataset.size, 0)
    return drawn


@pytest.fixture
def redraw():
    return cams.chosen(["CAM", "Grad-CAM++"]) | controls.REDRAWN


def read(table, metric, name):
    return table[(table["metric"] == metric) & (table["map"] == name)]["value"].to_numpy()


def scores_of(network, images, labels):
    """Score and softmax of each image's class, one image at a time."""
    logits = np.concatenate([network.score(image[None].astype("float32"))[0] for image in images]).astype("float64")
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels)), labels
    return np.maximum(logits, 0)[rows], softmax[rows]


def test_ad_and_bad_are_those_of_evaluation(network, dataset, maps, redraw):
    backgrounds = {"black": faithfulness.fills(dataset)["black"]}
    measured = faithfulness.single_masks(network, dataset, dataset.labels, maps, redraw, 0.3, backgrounds, 4)
    methods = cams.chosen(["CAM", "Grad-CAM++"])
    rows = evaluation.evaluate(network, dataset.batches(4), methods, 0.3, 4, classes=dataset.labels)
    full = rows["full_score"][:10]
    for name in methods:
        for metric in ("AD", "BAD"):
            expected = rows[(rows["method"] == name) & (rows["metric"] == metric)]["drop"].to_numpy()
            assert_same_drops(read(measured, metric, name), expected, full)
    assert np.nanmax(read(measured, "BAD", "CAM")) > 0.01


def test_metrics_of_one_masked_image(network, dataset, maps, redraw):
    """By their formulas; the backgrounds by theirs."""
    normal = as_dataset(np.full((3, 32, 32, 3), 77, "uint8"))
    images, labels = dataset.images().astype("float32"), dataset.labels
    backgrounds = faithfulness.fills(dataset, normal, 1)
    measured = faithfulness.single_masks(network, dataset, labels, maps, redraw, 0.3, backgrounds, 4)
    full, full_softmax = scores_of(network, images, labels)
    for name in ("CAM", "uniform random map"):
        shown = evaluation.upsampled(maps[name], (32, 32))
        scaled = np.maximum(shown, 0) / np.maximum(shown, 0).max(axis=(1, 2), keepdims=True)
        faded, faded_softmax = scores_of(network, images * scaled[..., None], labels)
        assert (np.abs(faded - full) > 1e-5 * full.max()).all()  # which is larger does not depend on rounding
        assert (np.abs(faded_softmax - full_softmax) > 1e-5).all()
        np.testing.assert_array_equal(read(measured, "Average Increase", name), faded_softmax > full_softmax)
        np.testing.assert_array_equal(read(measured, "Average Increase, ReLU scores", name), faded > full)
        softmax_drops = metrics.drops(full_softmax, faded_softmax)
        np.testing.assert_allclose(read(measured, "AD, softmax scores", name), softmax_drops, atol=1e-5)
        gain = np.maximum(0, faded_softmax - full_softmax) / (1 - full_softmax)
        assert_same_drops(read(measured, "Average Gain", name), gain, 1 - full_softmax)
        kept = masks.kept_pixels(shown, 0.3)[..., None]
        hidden = {
            "BAD": np.zeros_like(images),
            "BAD, image's mean": np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape),
            "BAD, data set's mean": np.broadcast_to(images.mean(axis=(0, 1, 2)), images.shape),
            "BAD, blurred": np.stack([gaussian_filter(one, (1.6, 1.6, 0)) for one in images]),
            "BAD, another normal image": np.full_like(images, 77),
        }
        for metric, fill in hidden.items():
            masked, _ = scores_of(network, np.where(kept, images, fill), labels)
            assert_same_drops(read(measured, metric, name), metrics.drops(full, masked), full)
    parts = ("opacity", "coherency", "AD, softmax scores")
    assert len(set(measured["metric"])) == 4 + 5 + len(parts)


def test_average_increase_follows_softmax_where_both_scores_rise(dataset, monkeypatch):
    """Faded images have twice the ReLU score and less softmax: every score rises, the other one more."""
    whole = dataset.images().astype("float32")

    def answered(network, images, classes, batch_size):
        as_they_are = np.array([(image == whole).all(axis=(1, 2, 3)).any() for image in np.asarray(images)])
        values = {"score": np.where(as_they_are, 1.0, 2.0), "softmax": np.where(as_they_are, 0.6, 0.3)}
        return pd.DataFrame(values | {"logit": 1.0, "predicted": 1})

    monkeypatch.setattr(evaluation, "masked_scores", answered)
    drawn = {"half": np.tile(np.linspace(0, 1, 32, dtype="float32"), (10, 32, 1))}
    measured = faithfulness.single_masks(None, dataset, dataset.labels, drawn, {}, 0.3, {}, 10)
    assert (read(measured, "Average Increase", "half") == 0).all()
    assert (read(measured, "Average Increase, ReLU scores", "half") == 1).all()
    assert (read(measured, "AD", "half") == 0).all()
    np.testing.assert_allclose(read(measured, "AD, softmax scores", "half"), 0.5)


def test_adcc_is_the_harmonic_mean_of_its_three_parts(network, dataset, maps, redraw):
    backgrounds = {"black": faithfulness.fills(dataset)["black"]}
    measured = faithfulness.single_masks(network, dataset, dataset.labels, maps, redraw, 0.3, backgrounds, 4)
    measured = composites.with_composites(measured)
    full, full_softmax = scores_of(network, dataset.images(), dataset.labels)
    scaled = masks.scaled_to_peak(evaluation.upsampled(maps["CAM"], (32, 32)))
    faded = dataset.images() * scaled[..., None]
    again = evaluation.explain_all(network, faded, cams.chosen(["CAM"]), 4, dataset.labels).maps["CAM"]
    again = masks.scaled_to_peak(evaluation.upsampled(again, (32, 32)))
    masked, masked_softmax = scores_of(network, faded, dataset.labels)
    drops = {"ADCC, ReLU scores": metrics.drops(full, masked), "ADCC": metrics.drops(full_softmax, masked_softmax)}
    for metric, drop in drops.items():
        for i, value in enumerate(read(measured, metric, "CAM")):
            correlation = stats.pearsonr(scaled[i].ravel(), again[i].ravel()).statistic
            shares = (1 - drop[i], 1 - scaled[i].mean(), (1 + correlation) / 2)
            assert value == pytest.approx(stats.hmean(shares), abs=1e-4)
            assert read(measured, "opacity", "CAM")[i] == pytest.approx(1 - shares[1], abs=1e-5)
            assert read(measured, "coherency", "CAM")[i] == pytest.approx(shares[2], abs=1e-4)
        assert (read(measured, metric, "all ones") == 0).all()  # as complex as a map can be
    assert np.abs(drops["ADCC"] - drops["ADCC, ReLU scores"]).max() > 0.01
    assert (read(measured, "coherency", "all ones") == 1).all()  # whatever the image


def test_all_ones_fade_nothing_and_keep_nothing(network, dataset, maps, redraw):
    backgrounds = {"black": faithfulness.fills(dataset)["black"]}
    measured = faithfulness.single_masks(network, dataset, dataset.labels, maps, redraw, 0.3, backgrounds, 4)
    for metric in ("AD", "Average Increase", "Average Gain"):  # the very same image
        assert (read(measured, metric, "all ones") == 0).all()
    full, _ = scores_of(network, dataset.images(), dataset.labels)
    black, _ = scores_of(network, np.zeros((10, 32, 32, 3)), dataset.labels)
    assert_same_drops(read(measured, "BAD", "all ones"), metrics.drops(full, black), full)


def test_curves_are_the_areas_of_their_definitions(network, dataset, maps):
    labels, images = dataset.labels, dataset.images().astype("float32")
    measured = faithfulness.curves(network, dataset, labels, maps, faithfulness.fills(dataset), 4, 3)
    full, _ = scores_of(network, images, labels)
    blurred = np.stack([gaussian_filter(one, (1.6, 1.6, 0)) for one in images])
    mean = np.broadcast_to(images.mean(axis=(0, 1, 2)), images.shape)
    shown = evaluation.upsampled(maps["uniform random map"], (32, 32))
    order = np.argsort(-shown.reshape(10, -1), axis=1)
    along = {"BAD over alpha": [], "insertion": [], "deletion": []}
    for share in np.arange(17) / 16:
        first = np.zeros((10, 1024), bool)
        for row, ranked in zip(first, order, strict=True):
            row[ranked[: round(share * 1024)]] = True
        first = first.reshape(10, 32, 32, 1)
        along["BAD over alpha"].append(metrics.drops(full, scores_of(network, images * first, labels)[0]))
        along["insertion"].append(scores_of(network, np.where(first, images, blurred), labels)[1])
        along["deletion"].append(scores_of(network, np.where(first, mean, images), labels)[1])
    for metric in ("BAD over alpha", "insertion", "deletion"):
        expected = (np.sum(along[metric], axis=0) - (along[metric][0] + along[metric][-1]) / 2) / 16
        assert_same_drops(
            read(measured, metric, "uniform random map"), expected, full if "BAD" in metric else np.ones(10)
        )
    measured = composites.with_composites(measured)
    expected = {"ROAD, most relevant first": np.zeros(10), "ROAD, least relevant first": np.zeros(10)}
    for share in (0.2, 0.5, 0.8):
        for curve, ranked in zip(expected, (order, order[:, ::-1]), strict=True):
            hidden = np.zeros((10, 1024), bool)
            for row, pixels in zip(hidden, ranked, strict=True):
                row[pixels[: int(share * 1024)]] = True
            imputed = imputation.noisy_linear(images, hidden.reshape(10, 32, 32), seed=[[3, row] for row in range(10)])
            expected[curve] += scores_of(network, imputed, labels)[1] / 3
    first, last = expected.values()
    for curve, values in (expected | {"ROAD, combined": (last - first) / 2}).items():
        np.testing.assert_allclose(read(measured, curve, "uniform random map"), values, atol=1e-3)


def test_ties_are_broken_at_random_and_not_by_place(network, dataset, maps):
    ranks = faithfulness._ranks(np.ones((2, 32, 32)), [[0, 0], [0, 1]])
    for one in ranks[..., 0]:
        assert sorted(one.ravel()) == list(range(1, 1025))
        assert abs((one[:16] <= 512).mean() - 0.5) < 0.1  # the upper half has no more of the first than the lower
    assert (ranks[0] != ranks[1]).any()


def test_rows_do_not_depend_on_the_batches(network, dataset, maps, redraw):
    backgrounds = faithfulness.fills(dataset, dataset, 0)
    full, _ = scores_of(network, dataset.images(), dataset.labels)
    for measure in (
        lambda size: faithfulness.single_masks(network, dataset, dataset.labels, maps, redraw, 0.3, backgrounds, size),
        lambda size: faithfulness.curves(network, dataset, dataset.labels, maps, backgrounds, size),
    ):
        one, other = (measure(size).set_index(["id", "map", "metric"])["value"].sort_index() for size in (3, 10))
        scores = one.index.get_level_values("id").map(dict(zip(dataset.ids, full, strict=True)))
        assert_same_drops(one, other, scores, 1e-4)


def test_counterfactual_drop_is_what_the_score_loses(network, dataset):
    without = as_dataset(np.zeros_like(dataset.images()))
    full, _ = scores_of(network, dataset.images(), dataset.labels)
    black, _ = scores_of(network, without.images(), dataset.labels)
    fall = faithfulness.counterfactual_drops(network, dataset, without, dataset.labels, 4)
    assert_same_drops(fall, metrics.drops(full, black), full)
    assert faithfulness.counterfactual_drops(network, dataset, dataset, dataset.labels, 4).max() == 0
