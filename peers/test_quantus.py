"""Where maps point, against Quantus: hits, mass, and top pixels, of maps without ties."""

import importlib.metadata

import numpy as np
import pytest

from black_average_drop.trust import localization

SIZE, MOST = 64, 1e-6


def maps_and_regions(count=100):
    """Maps (N, H, W) that are nowhere negative, and a rectangle for each, in which every other map is brighter."""
    generator = np.random.default_rng(9)
    maps, regions = generator.random((count, SIZE, SIZE)), np.zeros((count, SIZE, SIZE), bool)
    for number, (values, region) in enumerate(zip(maps, regions, strict=True)):
        top, left, height, width = generator.integers(4, 30, 4)
        region[top : top + height, left : left + width] = True
        values[region] += 0.2 * (number % 2)
    return maps, regions


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("PointingGame", "hit"),
        ("RelevanceMassAccuracy", "mass_inside"),
        ("AttributionLocalisation", "mass_inside"),
        ("RelevanceRankAccuracy", "top_inside"),
    ],
)
def test_scores(row, tables, name, score):
    quantus = pytest.importorskip("quantus")
    maps, regions = maps_and_regions()
    metric = getattr(quantus, name)(normalise=False, disable_warnings=True, display_progressbar=False)
    batch = {"a_batch": maps[:, None], "s_batch": regions[:, None], "x_batch": maps[:, None]}
    theirs = np.asarray(metric.evaluate_batch(**batch), float)
    ours = localization.scores(maps, regions)[score].to_numpy()
    assert 0.05 < ours.mean() < 0.95
    difference = np.abs(ours - theirs).max()
    row("Quantus", f"{score} and {name}", difference, MOST)
    tables["metrics"].append(
        {
            "metric": score.replace("_", " "),
            "library": f"Quantus {importlib.metadata.version('quantus')}",
            "difference": difference,
            "most": MOST,
            "sentence": f"Both, of maps without ties: `{name}`.",
        }
    )
