"""Anybody's model and images: labels that are labels, and a named method that beats every other map."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, masks, networks, statistics
from black_average_drop.choice import answers_and_maps, class_labels, ranking, recommendation
from black_average_drop.datasets import Dataset, phantoms
from black_average_drop.files import ROOT
from black_average_drop.statistics import Resampling
from closeness import assert_close

CONTROLS = ("all ones", "centre prior")


def drops(generator, means, images=80, spread=0.05):
    """Drops around the mean of each map, the same for an image but for noise of its own."""
    common = generator.normal(0, 0.2, (images, 1))
    values = np.array(list(means.values())) + common + generator.normal(0, spread, (images, len(means)))
    return pd.DataFrame(values, columns=list(means), index=[f"image {i}" for i in range(images)])


def recommended(table, groups=None, same_as=None):
    groups = np.arange(len(table)) if groups is None else groups
    resampling = Resampling(groups, 300)
    ranked = ranking.rank_maps(table, CONTROLS, resampling)
    pairs = ranking.comparisons(table, CONTROLS, resampling)
    return recommendation.recommend("BAD", ranked, pairs, same_as)


def test_a_method_is_recommended_if_it_beats_methods_and_controls(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    sentence = recommended(table, same_as={"Layer-CAM": "Grad-CAM++"})
    assert sentence.startswith("BAD recommends Grad-CAM++: it loses least of the score (Grad-CAM++, 0.4")
    assert "(the same map: Layer-CAM)" in sentence and "largest p after Holm's correction 0.000" in sentence


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        (
            {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.4},
            "1 may do as well or better: centre prior",
        ),
        ({"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.2, "centre prior": 0.6}, "1 may do as well or better: all ones"),
        ({"CAM": 0.4, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6}, "is not significant"),
    ],
)
def test_no_method_is_recommended_beside_an_equal(generator, means, reason):
    sentence = recommended(drops(generator, means))
    assert sentence.startswith("These images do not tell the methods apart by BAD") and reason in sentence


def test_no_method_is_recommended_where_too_few_images_differ(generator):
    """Grad-CAM++ is ahead of CAM, and far ahead, on nine images alone."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.5, "all ones": 0.8, "centre prior": 0.8})
    table["Grad-CAM++"] = table["CAM"]
    table.iloc[:9, 1] -= 0.3
    sentence = recommended(table)
    assert sentence.endswith("but between it and CAM too few images differ.")
    assert "do not tell the methods apart" in sentence and "nan" not in sentence
    table.iloc[9, 1] -= 0.3
    assert recommended(table).startswith("BAD recommends Grad-CAM++")


def test_blank_maps_are_counted_by_explained_class(generator):
    """Whatever makes them: nowhere positive before clipping, or not a number."""
    maps = generator.uniform(0.1, 1, (3, 10, 4, 4)).astype("float32")
    maps[0, :6] *= -1
    maps[1, 9, 0, 0] = np.nan
    classes = np.arange(10) // 5
    drawn = {"CAM": maps[0], "Grad-CAM++": maps[1], "Eigen-CAM": maps[2]}
    said = recommendation.blanks(drawn, classes, ["NORMAL", "<b>`$x$\n"])
    assert said == (
        "Blank maps, which point nowhere and are scored as a black image: CAM 6 of 10 (`NORMAL` 5 of 5, `<b>'$x$` 1 of "
        "5); Grad-CAM++ 1 of 10 (`<b>'$x$` 1 of 5)."
    )
    many = recommendation.blanks({"CAM": -maps[2]}, np.arange(10) % 5, [f"class {number}" for number in range(5)])
    assert "CAM 10 of 10 (`class 0` 2 of 2, `class 1` 2 of 2, `class 2` 2 of 2, 2 more classes)" in many
    assert recommendation.blanks({"Eigen-CAM": maps[2]}, classes, ["NORMAL", "PNEUMONIA"]) == ""


def test_images_of_one_patient_do_not_count_as_many(generator):
    """80 images of four patients: no test that flips whole patients can be below 2 / 2^4."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    assert "do not tell the methods apart" in recommended(table, groups=np.arange(80) // 20)


def test_ranking_and_comparisons_leave_out_images_without_a_drop(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    table.iloc[:7] = np.nan
    resampling = Resampling(np.arange(80), 300)
    ranked = ranking.rank_maps(table, CONTROLS, resampling)
    assert list(ranked["map"]) == ["Grad-CAM++", "CAM", "centre prior", "all ones"]
    assert list(ranked["control"]) == [False, False, True, True] and (ranked["images"] == 73).all()
    np.testing.assert_allclose(ranked.set_index("map")["drop"], table.mean()[ranked["map"]])
    assert (ranked["low"] < ranked["drop"]).all() and (ranked["drop"] < ranked["high"]).all()
    pairs = ranking.comparisons(table, CONTROLS, resampling)
    assert len(pairs) == 5  # of six, one has no method in it
    by_hand = statistics.differences(table.to_numpy(), list(table), resampling)
    by_hand = by_hand[by_hand["first"] != "all ones"].reset_index(drop=True)
    np.testing.assert_array_equal(pairs["p"], by_hand["p"])
    assert (pairs["p_holm"] <= by_hand["p_holm"]).all()


def test_nothing_is_recommended_where_no_image_has_a_score():
    table = pd.DataFrame(np.full((5, 2), np.nan), columns=["CAM", "all ones"])
    ranked = ranking.rank_maps(table, CONTROLS, Resampling(np.arange(5), 20))
    assert recommendation.recommend("BAD", ranked, None).startswith("No image has a score above 0")


def test_a_method_that_fails_on_a_later_batch_is_left_out(small_model, pixels):
    network = networks.CamNetwork.from_model(small_model)
    ids = np.arange(10).astype(str)
    data = Dataset(ids, np.zeros(10, int), ids, ("a",), (32, 32), np.arange(10), lambda i: pixels[i])
    real = network.explain
    seen = []

    def explain(images):
        features, logits, scores = real(images)
        seen.append(len(images))
        return (features if len(seen) == 1 else -features), logits, scores

    network.explain = explain
    logits, fit, unfit = answers_and_maps.first_look(network, data, cams.chosen(cams.PAPER_METHODS), 4)
    assert seen == [4, 4, 2] and list(fit) == ["CAM", "Grad-CAM"] and list(unfit) == ["Grad-CAM++"]
    assert_close(logits, network.score(pixels)[0])
    assert class_labels.output_names(data, 3) == ["class 0", "class 1", "class 2"]
    assert class_labels.output_names(data, 1) == ["a"]


def labelled(names, folders=True, class_names=None):
    """A data set of one image for each name, in a folder of that name or flat."""
    class_names = class_names or tuple(sorted(set(names)))
    ids = np.array([f"{name if folders else '.'}/{place}.png" for place, name in enumerate(names)])
    labels = np.array([class_names.index(name) for name in names])
    return Dataset(ids, labels, ids, class_names, (8, 8), np.arange(len(ids)), lambda i: np.zeros((8, 8, 3)))


@pytest.mark.parametrize(
    ("data", "classes", "named", "expected"),
    [
        (labelled(["DOE_0", "DOE_1", "DOE_1"]), 2, (), None),  # patients
        (labelled(["DOE_0", "DOE_1"]), 2, ("NORMAL", "PNEUMONIA"), None),
        (labelled(["NORMAL", "DOE_1"]), 2, ("NORMAL", "PNEUMONIA"), None),
        (labelled(["PNEUMONIA", "NORMAL"]), 2, (), None),  # nobody said in which order
        (labelled(["PNEUMONIA", "NORMAL"]), 2, ("PNEUMONIA", "NORMAL"), [0, 1]),
        (labelled(["PNEUMONIA", "NORMAL"]), 2, ("normal", "pneumonia"), [1, 0]),
        (labelled(["a", "b"]), 3, ("A", "a", "b"), [1, 2]),
        (labelled(["PNEUMONIA"]), 3, ("none", "PNEUMONIA", "NORMAL"), [1]),
        (labelled(["PNEUMONIA", "NORMAL"]), 3, ("PNEUMONIA", "NORMAL"), None),
        (labelled(["1", "0"]), 2, (), [1, 0]),
        (labelled(["1", "2"], class_names=("0", "1", "2")), 3, (), None),  # patients 1 and 2, perhaps
        (labelled(["1", "0"]), 1000, (), None),
        (labelled(["1", "2"], False, ("0", "1", "2")), 3, (), [1, 2]),  # of a CSV
        (labelled(["ill", "well"], False), 2, (), [0, 1]),
        (labelled(["ill", "well"], False), 1000, (), None),
        (labelled(["7", "7"], False, tuple("01234567")), 2, (), None),
    ],
)
def test_labels_count_only_where_they_can_be_names_of_outputs(data, classes, named, expected):
    known = class_labels.known_labels(data, classes, named)
    assert (known is None) if expected is None else list(known) == expected


def test_images_without_a_label_have_none():
    data = labelled(["a", "b"])
    data.labels[:] = -1
    assert class_labels.known_labels(data, 2, ("a", "b")) is None


def test_outputs_are_named_by_the_model_by_labels_or_by_number():
    patients = labelled(["DOE_0", "DOE_1"])
    assert class_labels.output_names(patients, 2) == ["class 0", "class 1"]
    assert class_labels.output_names(patients, 2, ("NORMAL", "PNEUMONIA")) == ["NORMAL", "PNEUMONIA"]
    assert class_labels.output_names(labelled(["ill", "well"], False), 2) == ["ill", "well"]


def test_labels_that_are_left_aside_are_said_with_the_remedy():
    said = class_labels.left_aside(labelled([f"DOE_{number}" for number in range(5)]), 2)
    assert said.startswith("Sub-folders or labels have 5 names (DOE_0, DOE_1, DOE_2, …)")
    assert 'SET="class_names=[DOE_0,DOE_1,…]"' in said and "the column patient of a labels.csv" in said


def test_disagreement_is_the_light_that_one_mask_keeps_and_the_other_does_not():
    data = phantoms.radiographs(3, size=64)
    generator = np.random.default_rng(1)
    maps = {name: generator.random((3, 64, 64), "float32") for name in ("one", "other", "third")}
    apart = answers_and_maps.disagreement(data, maps, 0.3, batch_size=2)
    light = data.images().astype(float).sum(axis=-1)
    kept = [masks.kept_pixels(drawn, 0.3) for drawn in maps.values()]
    by_hand = [
        np.mean([(light[i] * (kept[a][i] != kept[b][i])).sum() for a, b in ((0, 1), (0, 2), (1, 2))]) / light[i].sum()
        for i in range(3)
    ]
    np.testing.assert_allclose(apart, by_hand, rtol=1e-5)
    assert (answers_and_maps.disagreement(data, {"one": maps["one"]}, 0.3) == 0).all()


def test_the_verdict_of_trust_is_quoted_from_the_committed_results():
    said = recommendation.verdict_of_trust()
    table = pd.read_csv(ROOT / "paper_figures/laptop/trust.csv")
    rows = table[(table["data"] == "NIH boxes") & (table["truth"] == "hit") & table["metric"].isin(["AD", "BAD"])]
    assert len(rows) == 4 and all(
        f"{row.metric} {row.set:+.2f} [{row.set_low:+.2f}" in said for row in rows.itertuples()
    )
    sure = rows[(rows["maps"] == "methods alone") & (rows["set_low"] > 0)]["metric"]
    assert ("neither could be shown" in said) == sure.empty
