import tracemalloc

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers

from black_average_drop import cams, controls, evaluation, masks, metrics, networks
from black_average_drop import first_pass as first_pass_module
from black_average_drop.datasets import from_files
from black_average_drop.datasets.maps import map_files
from cam_cases import same_up_to_factor
from closeness import assert_close, assert_same_drops, assert_same_rows

NEED_POOLING = ("CAM", "Ablation-CAM")


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


def test_rows_against_every_step_done_by_hand(network, small_model, pixels):
    """Maps from the model's own layers, masks one image at a time, scores from the model itself."""
    rows = evaluation.evaluate(network, pixels, alpha=0.3, batch_size=4, ids=[f"image {i}" for i in range(10)])
    assert len(rows) == 10 * len(cams.METHODS) * 2
    feature_model = keras.Model(small_model.inputs, small_model.get_layer("last_convolution").output)
    head, bias = small_model.layers[-1].get_weights()
    for i, image in enumerate(pixels):
        features = feature_model.predict(image[None].astype("float32"), verbose=0)[0]
        logits = features.mean(axis=(0, 1)) @ head + bias
        chosen = int(logits.argmax())
        weights = head[:, chosen]
        low = {
            "CAM": np.maximum(features @ weights, 0),
            "Grad-CAM": np.maximum(features @ weights, 0),
            "Grad-CAM++": features @ (np.maximum(weights, 0) / (2 + weights * features.mean(axis=(0, 1)))),
        }
        for method, small in low.items():
            big = cams.upsample(small[None].astype("float32"), (32, 32))[0]
            faded = image * (np.maximum(big, 0) / big.max())[..., None]
            eta = np.sort(big.ravel())[::-1][round(0.3 * 1024)]
            black = np.where((big > eta)[..., None], image, 0)
            for metric, masked in (("AD", faded), ("BAD", black)):
                row = rows.query(
                    "id == @name and method == @method and metric == @metric",
                    local_dict={"name": f"image {i}", "method": method, "metric": metric},
                ).iloc[0]
                full = small_model.predict(image[None].astype("float32"), verbose=0)[0]
                score = small_model.predict(masked[None].astype("float32"), verbose=0)[0]
                assert row["class"] == chosen and row["alpha"] == 0.3
                assert_close(row["full_score"], full[chosen])
                assert_close(row["masked_score"], score[chosen], of=full)
                expected = max(0, full[chosen] - score[chosen]) / full[chosen]
                assert_same_drops(row["drop"], expected, full[chosen])
                assert row["kept"] == pytest.approx(1 if metric == "AD" else (big > eta).mean())


def test_summary_of_rows_is_the_metrics_own(network, pixels):
    rows = evaluation.evaluate(network, pixels, alpha=0.5)
    for _, group in rows.groupby(["method", "metric"]):
        expected = metrics.average_drop(group["full_score"], group["masked_score"])
        assert group["drop"].mean() == pytest.approx(expected)
    softmax = evaluation.evaluate(network.with_activation("softmax"), pixels, alpha=0.5)
    np.testing.assert_allclose(softmax["full_score"], rows["full_softmax"], rtol=1e-6)
    np.testing.assert_allclose(softmax["masked_score"], rows["masked_softmax"], rtol=1e-6)
    np.testing.assert_allclose(np.maximum(rows["masked_logit"], 0), rows["masked_score"], rtol=1e-6)


class Batches:
    """Re-iterable, with groups of uneven size."""

    def __init__(self, pixels, ends):
        self.pixels, self.ends = pixels, ends

    def __iter__(self):
        return iter(np.split(self.pixels, self.ends))


@pytest.mark.parametrize("ends", [[3, 4, 9], [1], []])
def test_rows_do_not_depend_on_how_images_are_grouped(network, pixels, ends):
    whole = evaluation.evaluate(network, pixels, batch_size=4)
    grouped = evaluation.evaluate(network, Batches(pixels, ends), batch_size=4)
    assert whole.equals(grouped)


def test_every_batch_reaches_the_network_at_one_size(network, pixels):
    sizes = []
    explain, score = network.explain, network.score
    network.explain = lambda images: sizes.append(len(images)) or explain(images)
    network.score = lambda images: sizes.append(len(images)) or score(images)
    first_pass = evaluation.explain_all(network, pixels, batch_size=4)
    distinct = len(cams.METHODS) - len(first_pass.same_as)
    assert set(sizes) == {4} and len(sizes) == 3
    evaluation.evaluate(network, pixels, alpha=0.5, batch_size=4, first_pass=first_pass)
    assert set(sizes) == {4} and len(sizes) == 3 + 3 * distinct * 2


def test_opacity_and_lit_area_are_those_of_the_map_as_it_is_shown(network, pixels):
    rows = evaluation.evaluate(network, pixels, alpha=0.3, batch_size=4).set_index(["method", "metric"])
    maps = evaluation.explain_all(network, pixels, batch_size=4).maps  # the very same, as what is lit is counted
    for method in ("CAM", "Grad-CAM++"):
        shown = masks.scaled_to_peak(cams.upsample(np.maximum(maps[method], 0), (32, 32)))
        for metric in ("AD", "BAD"):
            np.testing.assert_allclose(rows.loc[(method, metric), "opacity"], shown.mean(axis=(1, 2)), rtol=1e-5)
            np.testing.assert_allclose(rows.loc[(method, metric), "lit"], (shown > 0.5).mean(axis=(1, 2)))


def test_maps_that_differ_on_one_image_are_not_the_same_wherever_it_stands(network, pixels, monkeypatch):
    """Against a comparison of whole arrays, two images at a time."""
    monkeypatch.setattr(first_pass_module, "AT_ONCE", 2)
    base = np.random.default_rng(0).random((len(pixels), 4, 4)).astype("float32")
    for place in range(len(pixels)):
        other = base.copy()
        other[place, 0, 0] += 0.1
        maps = {"one": base, "twin": 3 * base, "other": other, "wide": base[:, :2], "its twin": other / 7}
        step = np.float32(0.7 * first_pass_module.SAME_MAP) * (base < base.max(axis=(1, 2), keepdims=True))
        maps |= {"near": base + step, "like near alone": base + 2 * step}
        methods = {name: lambda e, drawn=drawn: drawn for name, drawn in maps.items()}
        explained = evaluation.explain_all(network, pixels, methods, len(pixels))
        assert explained.same_as == {"twin": "one", "its twin": "other", "near": "one"}
        np.testing.assert_array_equal(explained.maps["other"], other)


def test_another_head_is_differentiated(pixels, monkeypatch):
    """The slope of a flattened head is its weight at each position; other backends are refused."""
    weights = layers.Dense(2, "softmax")
    convolution = layers.Conv2D(3, 8, strides=8, activation="relu")
    model = keras.Sequential([keras.Input((32, 32, 3)), convolution, layers.Flatten(), weights])
    network = networks.CamNetwork.from_model(model)
    features, logits, _ = network.explain(pixels)
    explanation = evaluation.explain(network, features, logits, np.zeros(10, int), pixels)
    expected = np.asarray(weights.get_weights()[0])[:, 0].reshape(4, 4, 3)
    np.testing.assert_allclose(explanation.gradients, np.broadcast_to(expected, (10, 4, 4, 3)), rtol=1e-6)
    assert explanation.class_weights is None and explanation.head_weights is None
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(ValueError, match="set KERAS_BACKEND=tensorflow, KERAS_BACKEND=jax or KERAS_BACKEND=torch"):
        network.differentiate(features, np.zeros(10, int), pixels)


def test_exact_ties_keep_the_share_by_the_unclipped_map(network, pixels):
    """A map that is negative but for one position: clipped it is a plateau, unclipped it ranks the rest."""
    ramp = -np.arange(1.0, 17, dtype="float32").reshape(4, 4)
    ramp[0, 0] = 20
    positive = (evaluation.upsampled(ramp[None], (32, 32)) > 0).mean()
    alpha = positive + 0.1  # in the middle of the plateau, where eq. (11) as it stands keeps what is above 0
    methods = {"ramp": lambda e: np.repeat(ramp[None], len(e.features), axis=0)}
    strict = evaluation.evaluate(network, pixels, methods=methods, alpha=alpha).query("metric == 'BAD'")
    exact = evaluation.evaluate(network, pixels, methods=methods, alpha=alpha, ties="exact").query("metric == 'BAD'")
    np.testing.assert_allclose(strict["kept"], positive)
    np.testing.assert_allclose(exact["kept"], round(alpha * 1024) / 1024)
    ranking = cams.upsample(ramp[None], (32, 32))
    masked = masks.blacken(pixels[:1], ranking, alpha, ties="exact")
    logits, _ = network.score(masked)
    assert_close(exact["masked_logit"].iloc[0], logits[0, exact["class"].iloc[0]], of=logits)


def test_gradients_of_a_pooled_head_against_automatic_differentiation(network, small_model, pixels):
    """Equation (12) on the real network: a tape from its features to its logits."""
    features, logits, _ = network.explain(pixels)
    classes = np.arange(10) % 3
    explanation = evaluation.explain(network, features, logits, classes, pixels)
    head, bias = small_model.layers[-1].get_weights()
    tensor = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        score = tf.linalg.matmul(tf.reduce_mean(tensor, axis=(1, 2)), head) + bias
        chosen = tf.gather(score, classes, axis=1, batch_dims=1)
    assert_close(score, logits)
    assert_close(explanation.gradients, tape.gradient(chosen, tensor))
    np.testing.assert_array_equal(explanation.class_weights, head.T[classes])


def test_images_that_can_be_read_only_once_are_refused(network, pixels):
    with pytest.raises(ValueError, match="re-iterable"):
        evaluation.evaluate(network, iter(np.split(pixels, 2)), alpha=0.5)


def test_alpha_comes_from_the_papers_methods_alone(network, pixels):
    few = {name: cams.METHODS[name] for name in cams.PAPER_METHODS}
    extra = cams.METHODS | {"flat": lambda e: np.ones(e.features.shape[:3], "float32")}
    rows = evaluation.evaluate(network, pixels, methods=few)
    more = evaluation.evaluate(network, pixels, methods=extra, controls=controls.IN_TABLE_1)
    common = more[more["method"].isin(few)].reset_index(drop=True)
    assert rows.equals(common)
    first_pass = evaluation.explain_all(network, pixels)
    maps = {name: evaluation.upsampled(first_pass.maps[name], (32, 32)) for name in ("CAM", "Grad-CAM++")}
    curve = masks.alpha_curve(pixels.astype("float32"), maps)
    np.testing.assert_allclose(first_pass.curve, curve, rtol=1e-9)  # CAM and Grad-CAM count once
    assert rows["alpha"].iloc[0] == masks.select_alpha(curve)


def signed_model():
    """Like EfficientNet at its end: swish, whose values go slightly below 0, global average pooling, a dense layer."""
    parts = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 5, strides=8, activation="swish", name="top")]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((32, 32, 3)), *parts])
    generator = np.random.default_rng(0)  # the same on every backend
    model.set_weights([generator.uniform(-0.4, 0.4, one.shape) * (one.ndim > 1) for one in model.get_weights()])
    return model


@pytest.mark.parametrize("on_accelerator", [False, True])
def test_where_features_go_negative_the_positive_part_has_a_row_of_its_own(pixels, on_accelerator):
    model = signed_model()
    network = networks.CamNetwork.from_model(model)
    network.on_accelerator = on_accelerator
    methods = {name: method for name, method in cams.METHODS.items() if not name.startswith("Grad-CAM++")}
    with_it = methods | {cams.POSITIVE_PART: cams.METHODS[cams.POSITIVE_PART]}
    first_pass = evaluation.explain_all(network, pixels, with_it, batch_size=4)
    features = keras.Model(model.inputs, model.get_layer("top").output).predict(pixels.astype("float32"), verbose=0)
    kernel = model.layers[-1].get_weights()[0].astype("float64")
    for image, chosen, drawn in zip(features, first_pass.classes, first_pass.maps[cams.POSITIVE_PART], strict=True):
        slopes, expected = kernel[:, chosen] / features[0, ..., 0].size, 0
        for channel, slope in enumerate(slopes):
            if slope > 0:
                above = image[..., channel][image[..., channel] > 0].sum()
                expected = expected + slope / (2 + slope * above) * image[..., channel]
        same_up_to_factor(drawn, expected, 1e-4)
    below = -sum(value for value in features.ravel() if value < 0) / np.abs(features).sum()
    assert 0.05 < below < 0.5 and first_pass.negative_share == pytest.approx(below, rel=1e-5)
    assert cams.POSITIVE_PART in first_pass.distinct
    np.testing.assert_array_equal(
        first_pass.curve, evaluation.explain_all(network, pixels, methods, batch_size=4).curve
    )
    rows = evaluation.evaluate(network, pixels, with_it, 0.3, first_pass=first_pass)
    of_method = rows[rows["method"] == cams.POSITIVE_PART]
    assert len(of_method) == 20 and of_method["drop"].between(0, 1).all() and of_method["drop"].nunique() > 10


def test_the_positive_part_has_no_part_in_alpha(network, pixels):
    first_pass = evaluation.explain_all(network, pixels)
    without = {name: method for name, method in cams.METHODS.items() if name != cams.POSITIVE_PART}
    np.testing.assert_array_equal(first_pass.curve, evaluation.explain_all(network, pixels, without).curve)
    assert first_pass.curve.max() > 0 and first_pass.negative_share == 0


def test_methods_that_ask_the_network_again_have_no_part_in_alpha(network, pixels):
    few = pixels[:2]
    named = cams.chosen([*cams.ON_REQUEST, *cams.PAPER_METHODS])  # RISE first: its maps are as large as the images
    rows = evaluation.evaluate(network, few, named, batch_size=100)
    without = evaluation.evaluate(network, few, cams.chosen(cams.PAPER_METHODS), batch_size=100)
    pd.testing.assert_frame_equal(rows[rows["method"].isin(cams.PAPER_METHODS)].reset_index(drop=True), without)
    others = rows[rows["method"].isin(cams.ON_REQUEST)]
    assert len(others) == 2 * 2 * 2 and others["drop"].between(0, 1).all() and not others["same_map_as"].any()
    assert set(evaluation.evaluate(network, few, batch_size=100)["method"]) == set(cams.METHODS)


def test_maps_that_are_the_same_are_scored_once(network, pixels):
    passes = []
    score = network.score
    network.score = lambda images: passes.append(1) or score(images)
    rows = evaluation.evaluate(network, pixels, alpha=0.5, batch_size=10)
    same = {"Grad-CAM": "CAM", "XGrad-CAM": "CAM", "HiRes-CAM": "CAM"}
    same |= {cams.POSITIVE_PART: "Grad-CAM++"}
    same |= dict.fromkeys(("Grad-CAM (positive gradients)", "Layer-CAM"), "Grad-CAM++ (normalised alpha)")
    assert len(passes) == (len(cams.METHODS) - len(same)) * 2  # under two metrics
    named = rows.groupby("method")["same_map_as"].first()
    assert dict(named[named != ""]) == same
    cam, grad_cam = (rows[rows["method"] == name] for name in ("CAM", "Grad-CAM"))
    np.testing.assert_array_equal(cam["drop"], grad_cam["drop"])


def test_controls_are_what_they_are_called(network, pixels):
    maps = np.arange(6 * 4, dtype="float32").reshape(6, 2, 2)
    groups = np.array(["a", "a", "a", "b", "b", "b"])
    drawn = set()
    for seed in range(20):
        donors = controls.another_images_map(maps, groups, (8, 8), seed)[:, 0, 0] // 4
        assert (donors[:3] >= 3).all() and (donors[3:] < 3).all()  # never a map of the same patient
        drawn.add(tuple(donors))
    assert len(drawn) > 10
    with pytest.raises(ValueError, match="at least two patients"):
        controls.another_images_map(maps, np.zeros(6), (8, 8))
    random = controls.smooth_random_map(maps, groups, (8, 8))
    assert random.shape == maps.shape and 0 <= random.min() < random.max() <= 1
    assert (random != controls.smooth_random_map(maps, groups, (8, 8), seed=1)).any()
    rows = evaluation.evaluate(network, pixels, alpha=0.25, controls=controls.IN_TABLE_1)
    control = rows[(rows["method"] == "smooth random map") & (rows["metric"] == "BAD")]
    np.testing.assert_allclose(control["kept"], 0.25)  # the same area as the methods


def test_all_ones_map_drops_nothing_under_average_drop(network, pixels):
    ones = {"ones": lambda e: np.ones(e.features.shape[:3], "float32")}
    rows = evaluation.evaluate(network, pixels, methods=ones, alpha=0.5)
    faded = rows[rows["metric"] == "AD"]
    assert_same_drops(faded["drop"], np.zeros(10), faded["full_score"])


def test_given_classes_are_explained(network, pixels):
    rows = evaluation.evaluate(network, pixels, alpha=0.5, classes=np.full(10, 2))
    assert set(rows["class"]) == {2}
    logits, _ = network.score(pixels)
    assert_close(rows["full_logit"][:10], logits[:, 2], of=logits)


def test_several_labels_need_classes_and_are_incorrect_when_they_cross_a_half(pixels):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    model.add(layers.Conv2D(6, 5, strides=8, padding="same", activation="relu"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(3, "sigmoid", bias_initializer=keras.initializers.Constant(-0.12)))
    network = networks.CamNetwork.from_model(model)
    with pytest.raises(ValueError, match="pass classes"):
        evaluation.evaluate(network, pixels, alpha=0.5)
    rows = evaluation.evaluate(network, pixels, alpha=0.5, classes=np.arange(10) % 3)
    crossed = (rows["full_score"] > 0.5) != (rows["masked_score"] > 0.5)
    assert crossed.any() and not crossed.all()
    np.testing.assert_array_equal(rows["masked_class"], np.where(crossed, -1, rows["class"]))


def test_an_image_with_several_findings_has_rows_for_each_of_them(pixels):
    """Pairs of image and finding are the rows that each image would have alone, also where two are in one batch."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    model.add(layers.Conv2D(6, 5, strides=8, padding="same", activation="relu"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(3, "sigmoid"))
    network = networks.CamNetwork.from_model(model)
    images, classes = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 2, 1, 0, 2])
    ids = np.array(["a", "b", "c"])[images]
    thresholds = np.array([0.5, 0.45, 0.55])
    rows = evaluation.evaluate(
        network, pixels[images], alpha=0.3, classes=classes, ids=ids, thresholds=thresholds, batch_size=4
    )
    assert not rows.duplicated(["id", "class", "method", "metric"]).any() and rows.duplicated(["id", "method"]).any()
    crossed = (rows["full_score"] > thresholds[rows["class"]]) != (rows["masked_score"] > thresholds[rows["class"]])
    np.testing.assert_array_equal(rows["masked_class"], np.where(crossed, -1, rows["class"]))
    for finding in range(3):
        chosen = classes == finding
        given = {"classes": classes[chosen], "ids": ids[chosen], "alpha": 0.3}
        alone = evaluation.evaluate(network, pixels[images[chosen]], **given)
        together = rows[rows["class"] == finding].reset_index(drop=True)
        assert list(together["id"]) == list(alone["id"])
        assert_same_drops(together["drop"], alone["drop"], alone["full_score"])
    with pytest.raises(ValueError, match="ids has 'a' twice for class 0"):
        evaluation.evaluate(network, pixels[:2], alpha=0.3, classes=[0, 0], ids=["a", "a"])
    for wrong in (1.2, [0.5, 0.5], [0.1, np.nan, 0.2]):
        with pytest.raises(ValueError, match="thresholds needs numbers from 0 to 1"):
            evaluation.evaluate(network, pixels[:2], alpha=0.3, classes=[0, 1], thresholds=wrong)


def test_ringing_is_counted_where_a_mask_needs_more_than_the_map_supports(network, pixels):
    spike = {"spike": lambda e: np.pad(np.ones((len(e.features), 1, 1), "float32"), ((0, 0), (1, 2), (1, 2)))}
    rows = evaluation.evaluate(network, pixels, methods=spike, alpha=0.9)
    assert (rows[rows["metric"] == "BAD"]["kept_unsupported"] > 0.2).all()
    rows = evaluation.evaluate(network, pixels, methods=spike, alpha=0.05)
    assert (rows["kept_unsupported"] == 0).all()


def test_first_pass_of_other_methods_is_refused(network, pixels):
    first_pass = evaluation.explain_all(network, pixels, {"CAM": cams.METHODS["CAM"]})
    with pytest.raises(ValueError, match="first_pass was made with other methods"):
        evaluation.evaluate(network, pixels, alpha=0.5, first_pass=first_pass)
    whole = evaluation.explain_all(network, pixels)
    pd.testing.assert_frame_equal(
        evaluation.evaluate(network, pixels, first_pass=whole), evaluation.evaluate(network, pixels)
    )


def test_black_logits_are_the_models_own(network, small_model):
    expected = small_model.layers[-1].get_weights()[1]
    maps = keras.Model(small_model.inputs, small_model.get_layer("last_convolution").output)
    features = maps.predict(np.zeros((1, 32, 32, 3), "float32"), verbose=0)
    expected = expected + features.mean(axis=(1, 2))[0] @ small_model.layers[-1].get_weights()[0]
    assert_close(evaluation.black_logits(network), expected)


def test_memory_does_not_grow_with_the_number_of_images():
    """With 1,001 classes, so that keeping every logit would be seen."""
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(6, 5, strides=8, activation="relu")])
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(1001, "softmax"))
    network = networks.CamNetwork.from_model(model)

    class Many:
        def __init__(self, count):
            self.count = count

        def __iter__(self):
            return (np.full((8, 32, 32, 3), i % 256, "uint8") for i in range(self.count // 8))

    def peak(count):
        tracemalloc.start()
        evaluation.evaluate(network, Many(count), cams.chosen(cams.PAPER_METHODS), alpha=0.5, batch_size=8)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(16)  # compiles
    # A float32 image takes 12 KB; what is kept of one, its small maps and rows, is far less.
    assert (peak(808) - peak(8)) / 800 < 8_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": {}}, "methods is empty"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"images": np.zeros((0, 32, 32, 3))}, "no image"),
        ({"ids": ["one"]}, "ids has 1 entries for 10"),
        ({"groups": ["one"]}, "groups has 1 entries for 10"),
        ({"classes": np.zeros(3, int)}, "classes"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"images": np.full((2, 32, 32, 3), np.nan)}, "An image among 0 to 1 holds NaN"),
    ],
)
def test_evaluate_refuses(network, pixels, arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluation.evaluate(**{"network": network, "images": pixels, "alpha": 0.5, **arguments})


@pytest.mark.parametrize("ties", ["strict", "exact"])
@pytest.mark.parametrize("head", ["pooled", "flattened"])
def test_on_an_accelerator_maps_and_masks_are_tensors_and_rows_the_same(network, pixels, monkeypatch, head, ties):
    """There tensors go from the image to the scores; where there is no accelerator they do so on the processor."""
    methods = {name: method for name, method in cams.METHODS.items() if head == "pooled" or name not in NEED_POOLING}
    if head == "flattened":
        parts = [layers.Conv2D(6, 5, strides=4, activation="relu"), layers.Flatten(), layers.Dense(3, "relu")]
        network = networks.CamNetwork.from_model(keras.Sequential([keras.Input((32, 32, 3)), *parts]))
    given = {"methods": methods, "batch_size": 4, "ties": ties, "controls": controls.IN_TABLE_1}
    expected = evaluation.evaluate(network, pixels, **given)
    network.on_accelerator = True
    kinds = []
    for place, name in ((network, "explain"), (network, "score"), (masks, "kept_pixels"), (masks, "scaled_to_peak")):
        function = getattr(place, name)

        def seen(values, *others, function=function):
            kinds.append(keras.ops.is_tensor(values))
            return function(values, *others)

        monkeypatch.setattr(place, name, seen)
    rows = evaluation.evaluate(network, pixels, **given)
    assert len(kinds) > 30 and all(kinds)
    assert_same_rows(rows, expected)
    assert rows["alpha"].iloc[0] == expected["alpha"].iloc[0]


def test_any_masking_has_the_same_drops_on_an_accelerator(network, pixels):
    first_pass = evaluation.explain_all(network, pixels)
    shares = masks.scaled_to_peak(evaluation.upsampled(first_pass.maps["Grad-CAM++"], (32, 32)))
    score, kinds, drops = network.score, [], []
    network.score = lambda images: kinds.append(keras.ops.is_tensor(images)) or score(images)
    for network.on_accelerator in (False, True):
        drops.append(evaluation.blended_drops(network, pixels, shares, first_pass, 4, fill=7))
    assert kinds == [False] * 3 + [True] * 3
    assert_same_drops(drops[1], drops[0], first_pass.scores["score"])


class ReadBySlices:
    """Maps (N, h, w) that count how many are in memory at a time."""

    def __init__(self, maps):
        self.maps, self.most = maps, 0

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, rows):
        self.most = max(self.most, len(self.maps[rows]))
        return self.maps[rows]


@pytest.mark.parametrize("ties", ["strict", "exact"])
def test_maps_that_others_drew_have_the_rows_of_a_method_that_draws_them(network, pixels, ties):
    """Also signed ones. Nothing else changes: neither alpha nor a row of a method or a control."""
    given = {"batch_size": 4, "controls": controls.IN_TABLE_1, "ties": ties}
    first_pass = evaluation.explain_all(network, pixels, batch_size=4)
    expected = evaluation.evaluate(network, pixels, **given)
    drawn = {name: ReadBySlices(first_pass.maps[name]) for name in ("CAM", "Grad-CAM++")}
    rows = evaluation.evaluate(network, pixels, **given, drawn={f"of {name}": maps for name, maps in drawn.items()})
    assert rows[~rows["method"].str.startswith("of ")].reset_index(drop=True).equals(expected)
    assert list(rows["method"].unique()) == [*cams.METHODS, "of CAM", "of Grad-CAM++", *controls.IN_TABLE_1]
    for name, maps in drawn.items():
        of_method = expected[expected["method"] == name].drop(columns=["method", "same_map_as"])
        of_drawn = rows[rows["method"] == f"of {name}"]
        assert (of_drawn["same_map_as"] == name).all() and maps.most == 4
        assert of_drawn[of_method.columns].reset_index(drop=True).equals(of_method.reset_index(drop=True))


def test_maps_read_from_files_have_the_rows_of_the_method_that_drew_them(network, pixels, tmp_path):
    """Of an image with two findings, too, and at another scale; the same map in the image's size is another kind."""
    rows_of, classes = np.r_[0:9, 8], np.r_[np.arange(9) % 3, 0]
    data = from_files([f"{i}" for i in range(9)], [f"{i}.png" for i in range(9)], [0] * 9, range(9), "xyz", (32, 32))
    first_pass = evaluation.explain_all(network, pixels[rows_of], batch_size=4, classes=classes)
    for image, number, drawn in zip(rows_of, classes, first_pass.maps["Grad-CAM++"], strict=True):
        for name, values in {"small": drawn * 1e-9, "large": evaluation.upsampled(drawn[None], (32, 32))}.items():
            path = tmp_path / name / "xyz"[number] / f"{image}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, values)
    drawn = map_files.load(tmp_path, data.subset(rows_of), classes, "xyz")
    rows = evaluation.evaluate(network, pixels[rows_of], batch_size=4, first_pass=first_pass, drawn=drawn)
    of_method, small, large = (rows[rows["method"] == name] for name in ("Grad-CAM++", "small", "large"))
    assert (small["same_map_as"] == "Grad-CAM++").all() and (large["same_map_as"] == "").all()
    for column in ("id", "class", "metric", "drop", "masked_class", "kept"):
        np.testing.assert_array_equal(small[column], of_method[column])
    assert_same_drops(large["drop"], of_method["drop"], of_method["full_score"])


def test_one_drawn_map_by_hand(network, small_model, pixels):
    """A map of the image's own size, so that nothing is upsampled: AD and BAD of the third image in NumPy."""
    drawn = np.random.default_rng(1).normal(size=(10, 32, 32))
    rows = evaluation.evaluate(network, pixels, alpha=0.3, batch_size=4, drawn={"pen": drawn})
    rows = rows[(rows["method"] == "pen") & (rows["id"] == 2)].set_index("metric")
    image, values = pixels[2].astype("float64"), np.maximum(drawn[2], 0)
    kept = values > np.sort(values.ravel())[::-1][round(0.3 * 1024)]
    masked = {"AD": image * (values / values.max())[..., None], "BAD": image * kept[..., None]}
    full = small_model.predict(image[None], verbose=0)[0]
    chosen = int(full.argmax())
    for metric, picture in masked.items():
        score = small_model.predict(picture[None], verbose=0)[0]
        drop = max(0, full[chosen] - score[chosen]) / full[chosen]
        assert_close(rows.loc[metric, "masked_score"], score[chosen], of=full)
        assert_same_drops(rows.loc[metric, "drop"], drop, full[chosen])
    assert rows.loc["BAD", "kept"] == kept.mean() == 307 / 1024


def test_drawn_maps_are_the_same_only_if_they_are_on_every_image(network, pixels):
    """Up to a factor, to what is below 0, and to rounding; and only at one resolution."""
    maps = evaluation.explain_all(network, pixels).maps["Grad-CAM++"]
    one_differs = maps.copy()
    one_differs[9] = maps[8]
    drawn = {
        "scaled": np.where(maps > 0, maps * 7 * (1 + 1e-6), -5),
        "one differs": one_differs,
        "upsampled": evaluation.upsampled(maps, (32, 32)),
        "upsampled again": evaluation.upsampled(maps, (32, 32)),
    }
    rows = evaluation.evaluate(network, pixels, alpha=0.3, batch_size=4, drawn=drawn)
    same = rows[rows["method"].isin(drawn)].groupby("method")["same_map_as"].unique().str.join("|")
    assert dict(same) == {"scaled": "Grad-CAM++", "one differs": "", "upsampled": "", "upsampled again": "upsampled"}


@pytest.mark.parametrize(
    ("name", "maps", "message"),
    [
        ("CAM", np.ones((10, 4, 4)), "^A drawn map and a method or control are both named 'CAM': rename the drawn one"),
        ("smooth random map", np.ones((10, 4, 4)), "both named 'smooth random map'"),
        ("pen", np.ones((9, 4, 4)), "^drawn 'pen' has 9 maps for 10 images: one for each is expected.$"),
        ("pen", np.ones((10, 4)), r"^drawn 'pen' gives \(4, 4\) for 4 images: \(n, h, w\) is expected.$"),
        ("pen", np.full((10, 4, 4), [[[1]]] * 6 + [[[np.nan]]] * 4), "^The map 'pen' of image g holds NaN or infinite"),
    ],
)
def test_drawn_maps_that_do_not_fit_are_refused(network, pixels, name, maps, message):
    with pytest.raises(ValueError, match=message):
        evaluation.evaluate(
            network,
            pixels,
            alpha=0.3,
            batch_size=4,
            ids=list("abcdefghij"),
            controls=controls.IN_TABLE_1,
            drawn={name: maps},
        )
