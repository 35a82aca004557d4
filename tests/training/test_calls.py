import numpy as np
import pytest

from black_average_drop.training import calls


def test_confusion_counts_by_class_and_prediction():
    table = calls.confusion([0, 0, 0, 1, 1, 1], [1, 2, -1, 1, 3, 0], ("normal", "pneumonia"))
    assert table.loc["is normal"].tolist() == [1, 2] and table.loc["is pneumonia"].tolist() == [1, 2]
    table = calls.confusion([0, 0, 0, 1], [1, 2, -1, 1], ("normal", "pneumonia"))
    assert table.to_numpy().tolist() == [[1, 2], [0, 1]] and list(table.columns) == ["normal", "pneumonia"]


def test_specificity_without_misses_is_the_best_of_all_thresholds(generator):
    """Against every threshold at a score, at or above which an image is called ill."""
    for _ in range(20):
        labels = generator.permutation(np.repeat([0, 1], [12, 7]))
        scores = (generator.normal(size=19) + 2 * labels).round(1)
        ill, healthy = scores[labels == 1], scores[labels == 0]
        by_threshold = [(healthy < one).mean() for one in scores if (ill >= one).all()]
        assert calls.specificity_without_misses(labels, scores) == pytest.approx(max(by_threshold, default=0))
    assert calls.specificity_without_misses([0, 0, 0, 0, 1, 1], [-3, -1, 0, 2, 0, 5]) == 0.5
    assert np.isnan(calls.specificity_without_misses([1, 1], [0, 1]))
    assert np.isnan(calls.specificity_without_misses([0, 0], [0, 1]))
