"""The ROC curve, by brute force over all thresholds and all pairs."""

import numpy as np
import pytest

from black_average_drop.statistics import roc


def test_area_under_roc_against_all_pairs(generator):
    labels = generator.integers(0, 2, 60)
    scores = np.round(generator.normal(size=60) + labels, 1)  # rounded, so that ties occur
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert roc.area_under_roc(labels, scores) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    with pytest.raises(ValueError, match="^AUC needs both classes among the labels; these"):
        roc.area_under_roc(np.ones(5), np.arange(5))
    for labels, scores in (([0, 1, np.nan], [1, 2, 3]), ([0, 1, 2], [1, 2, 3]), ([0, 1, 1], [1, 2, np.nan])):
        with pytest.raises(ValueError, match="^AUC needs labels of 0 and 1 and scores that are numbers"):
            roc.area_under_roc(labels, scores)


def test_true_positive_rates_are_the_roc_curve_by_brute_force(generator):
    labels, scores = generator.integers(0, 2, 60), generator.normal(size=60).round(1)  # ties among them
    scores = scores + labels
    for rate in np.linspace(0, 1, 21):
        thresholds = [-np.inf, *scores]
        reached = [
            (scores[labels == 1] > threshold).mean()
            for threshold in thresholds
            if (scores[labels == 0] > threshold).mean() <= rate + 1e-9
        ]
        assert roc.true_positive_rates(labels, scores, [rate])[0] == pytest.approx(max(reached))


def test_the_area_under_the_curve_is_auc(generator):
    labels, scores = generator.integers(0, 2, 200), generator.normal(size=200)
    scores = scores + labels
    negatives = int((labels == 0).sum())
    steps = roc.true_positive_rates(labels, scores, np.arange(negatives) / negatives)
    assert steps.mean() == pytest.approx(roc.area_under_roc(labels, scores))


def test_confusion_counts_by_class_and_prediction():
    table = roc.confusion([0, 0, 0, 1, 1, 1], [1, 2, -1, 1, 3, 0], ("normal", "pneumonia"))
    assert table.loc["is normal"].tolist() == [1, 2] and table.loc["is pneumonia"].tolist() == [1, 2]
    table = roc.confusion([0, 0, 0, 1], [1, 2, -1, 1], ("normal", "pneumonia"))
    assert table.to_numpy().tolist() == [[1, 2], [0, 1]] and list(table.columns) == ["normal", "pneumonia"]


def test_specificity_without_misses_is_the_best_of_all_thresholds(generator):
    """Against every threshold at a score, at or above which an image is called ill."""
    for _ in range(20):
        labels = generator.permutation(np.repeat([0, 1], [12, 7]))
        scores = (generator.normal(size=19) + 2 * labels).round(1)
        ill, healthy = scores[labels == 1], scores[labels == 0]
        by_threshold = [(healthy < one).mean() for one in scores if (ill >= one).all()]
        assert roc.specificity_without_misses(labels, scores) == pytest.approx(max(by_threshold, default=0))
    assert roc.specificity_without_misses([0, 0, 0, 0, 1, 1], [-3, -1, 0, 2, 0, 5]) == 0.5
    assert np.isnan(roc.specificity_without_misses([1, 1], [0, 1]))
    assert np.isnan(roc.specificity_without_misses([0, 0], [0, 1]))
