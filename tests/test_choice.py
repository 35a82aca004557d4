"""Anybody's model and images: wrong preprocessing is noticed, and a named method beats every other map."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from black_average_drop import agreement, cams, choice, masks, networks
from black_average_drop.datasets import Dataset, phantoms
from black_average_drop.provenance import ROOT
from closeness import assert_close

CONTROLS = ("all ones", "centre prior")


def drops(generator, means, images=80, spread=0.05):
    """Drops around the mean of each map, the same for an image but for noise of its own."""
    common = generator.normal(0, 0.2, (images, 1))
    values = np.array(list(means.values())) + common + generator.normal(0, spread, (images, len(means)))
    return pd.DataFrame(values, columns=list(means), index=[f"image {i}" for i in range(images)])


def recommended(table, groups=None, same_as=None):
    groups = np.arange(len(table)) if groups is None else groups
    ranking = choice.ranking(table, CONTROLS, groups, resamples=300)
    pairs = choice.comparisons(table, CONTROLS, groups, resamples=300)
    return choice.recommendation("BAD", ranking, pairs, same_as)


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
        ({"CAM": 0.4, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6}, "is within chance of it"),
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
    found = {"CAM": maps[0], "Grad-CAM++": maps[1], "Eigen-CAM": maps[2]}
    said = choice.blanks(found, classes, ["NORMAL", "<b>`$x$\n"])
    assert said == (
        "Blank maps, which point nowhere and are scored as a black image: CAM 6 of 10 (`NORMAL` 5 of 5, `<b>'$x$` 1 of "
        "5); Grad-CAM++ 1 of 10 (`<b>'$x$` 1 of 5)."
    )
    many = choice.blanks({"CAM": -maps[2]}, np.arange(10) % 5, [f"class {number}" for number in range(5)])
    assert "CAM 10 of 10 (`class 0` 2 of 2, `class 1` 2 of 2, `class 2` 2 of 2, 2 more classes)" in many
    assert choice.blanks({"Eigen-CAM": maps[2]}, classes, ["NORMAL", "PNEUMONIA"]) == ""


def test_images_of_one_patient_do_not_count_as_many(generator):
    """80 images of four patients: no test that flips whole patients can be below 2 / 2^4."""
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    assert "do not tell the methods apart" in recommended(table, groups=np.arange(80) // 20)


def test_ranking_and_comparisons_leave_out_images_without_a_drop(generator):
    table = drops(generator, {"CAM": 0.5, "Grad-CAM++": 0.4, "all ones": 0.7, "centre prior": 0.6})
    table.iloc[:7] = np.nan
    ranking = choice.ranking(table, CONTROLS, np.arange(80), resamples=300)
    assert list(ranking["map"]) == ["Grad-CAM++", "CAM", "centre prior", "all ones"]
    assert list(ranking["control"]) == [False, False, True, True] and (ranking["images"] == 73).all()
    np.testing.assert_allclose(ranking.set_index("map")["drop"], table.mean()[ranking["map"]])
    assert (ranking["low"] < ranking["drop"]).all() and (ranking["drop"] < ranking["high"]).all()
    pairs = choice.comparisons(table, CONTROLS, np.arange(80), resamples=300)
    assert len(pairs) == 5  # of six, one has no method in it
    by_hand = agreement.differences(table.to_numpy(), list(table), np.arange(80), 300)
    by_hand = by_hand[by_hand["first"] != "all ones"].reset_index(drop=True)
    np.testing.assert_array_equal(pairs["p"], by_hand["p"])
    assert (pairs["p_holm"] <= by_hand["p_holm"]).all()


@pytest.fixture(scope="module")
def bright_or_dark():
    """A model that tells bright from dark images if it is given values from -1 to 1, and the images."""
    keras.utils.set_random_seed(0)
    convolution = layers.Conv2D(2, 3, padding="same", activation="relu")
    dense = layers.Dense(2, "softmax")
    model = keras.Sequential([keras.Input((16, 16, 3)), convolution, layers.GlobalAveragePooling2D(), dense])
    kernel = np.zeros((3, 3, 3, 2), "float32")
    kernel[1, 1, :, 0], kernel[1, 1, :, 1] = 1, -1
    convolution.set_weights([kernel, np.zeros(2, "float32")])
    dense.set_weights([np.array([[4, -4], [-4, 4]], "float32"), np.zeros(2, "float32")])
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = np.where(labels == 0, 180, 80)[:, None, None, None] + generator.normal(0, 5, (40, 16, 16, 3))
    return model, images.astype("uint8"), labels


def test_the_right_preprocessing_raises_no_doubt(bright_or_dark):
    model, images, labels = bright_or_dark
    tried = choice.trials(model, images, labels, "-1..1")
    assert tried.set_index("preprocessing")["accuracy"]["-1..1"] == 1
    assert choice.doubts(tried, "-1..1") == []
    assert choice.doubts(choice.trials(model, images, None, "-1..1"), "-1..1") == []


@pytest.mark.parametrize("wrong", ["", "0..1"])
def test_a_wrong_preprocessing_is_noticed_with_and_without_labels(bright_or_dark, wrong):
    model, images, labels = bright_or_dark
    found = " ".join(choice.doubts(choice.trials(model, images, labels, wrong), wrong))
    assert "50 % of the labels are met, and 50 % would be by chance" in found
    assert "With preprocessing='-1..1' 100 % of the labels would be met" in found
    without = choice.doubts(choice.trials(model, images, None, wrong), wrong)
    assert len(without) == 1 and "hardly vary" in without[0]


def test_images_of_one_class_cannot_tell_chance(bright_or_dark):
    model, images, labels = bright_or_dark
    bright = labels == 0
    assert choice.doubts(choice.trials(model, images[bright], labels[bright], "-1..1"), "-1..1") == []
    wrong = choice.doubts(choice.trials(model, images[~bright], labels[~bright], ""), "")
    assert any("hardly vary" in doubt for doubt in wrong) and not any("by chance" in doubt for doubt in wrong)


def test_classes_in_the_wrong_order_are_noticed_also_where_most_labels_are_met():
    """70, 15 and 15 % of the images, the two rare classes exchanged: 70 % are met, which is far above chance."""
    labels = np.repeat([0, 1, 2], (70, 15, 15))
    found = choice._agreement_with_labels(np.array([0, 2, 1])[labels], labels, 3)
    assert found["accuracy"] == pytest.approx(0.7) and found["reordered"] == pytest.approx(1)
    assert found["by_chance"] == pytest.approx(0.7**2 + 2 * 0.15**2)
    said = choice.doubts(pd.DataFrame([{"preprocessing": "", "spread": 0.5, "surest": 0.9} | found]))
    assert len(said) == 1 and "With the classes in another order 100 % of the labels would be met" in said[0]


def test_nothing_is_recommended_where_no_image_has_a_score():
    table = pd.DataFrame(np.full((5, 2), np.nan), columns=["CAM", "all ones"])
    ranking = choice.ranking(table, CONTROLS, np.arange(5), resamples=20)
    assert choice.recommendation("BAD", ranking, None).startswith("No image has a score above 0")


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
    logits, fit, unfit = choice.first_look(network, data, cams.chosen(cams.PAPER_METHODS), 4)
    assert seen == [4, 4, 2] and list(fit) == ["CAM", "Grad-CAM"] and list(unfit) == ["Grad-CAM++"]
    assert_close(logits, network.score(pixels)[0])
    assert choice.output_names(data, 3) == ["class 0", "class 1", "class 2"] and choice.output_names(data, 1) == ["a"]


def test_preprocessing_by_name(bright_or_dark):
    _, images, _ = bright_or_dark
    assert networks.preprocessing("") is None
    assert_close(networks.preprocessing("0..1")(images), images / 255, 1e-6)
    assert_close(networks.preprocessing("-1..1")(images), images / 127.5 - 1, 1e-6)
    caffe = networks.preprocessing("VGG16")(images)
    assert_close(caffe[..., 0], images[..., 2] - 103.939, 1e-6)
    with pytest.raises(ValueError, match="preprocessing is 'tanh': choose '', '0..1', '-1..1' or a name in keras"):
        networks.preprocessing("tanh")


def test_labels_count_only_where_they_name_the_outputs():
    data = phantoms.radiographs(6, size=64)
    assert choice.known_labels(data, 2) is not None and choice.known_labels(data, 1000) is None


def test_disagreement_is_the_light_that_one_mask_keeps_and_the_other_does_not():
    data = phantoms.radiographs(3, size=64)
    generator = np.random.default_rng(1)
    maps = {name: generator.random((3, 64, 64), "float32") for name in ("one", "other", "third")}
    found = choice.disagreement(data, maps, 0.3, batch_size=2)
    light = data.images().astype(float).sum(axis=-1)
    kept = [masks.kept_pixels(drawn, 0.3) for drawn in maps.values()]
    by_hand = [
        np.mean([(light[i] * (kept[a][i] != kept[b][i])).sum() for a, b in ((0, 1), (0, 2), (1, 2))]) / light[i].sum()
        for i in range(3)
    ]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)
    assert (choice.disagreement(data, {"one": maps["one"]}, 0.3) == 0).all()


def test_the_verdict_of_trust_is_quoted_from_the_committed_results():
    said = choice.verdict_of_trust()
    table = pd.read_csv(ROOT / "paper_figures/laptop/trust.csv")
    rows = table[(table["data"] == "NIH boxes") & (table["truth"] == "hit") & table["metric"].isin(["AD", "BAD"])]
    assert len(rows) == 4 and all(
        f"{row.metric} {row.set:+.2f} [{row.set_low:+.2f}" in said for row in rows.itertuples()
    )
    sure = rows[(rows["maps"] == "methods alone") & (rows["set_low"] > 0)]["metric"]
    assert ("neither could be shown" in said) == sure.empty
