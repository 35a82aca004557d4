"""Every map against a hand-computed case, against automatic differentiation and against the other maps."""

import keras
import mpmath
import numpy as np
import pytest
import tensorflow as tf

from black_average_drop import cams, perturbation
from cam_cases import as_tensor, gap_case, same_up_to_factor
from closeness import assert_close

FLOAT32_SOFTMAX = 2e-3  # of the peak: where terms cancel, it loses up to 4e-4
# One image, 1 x 2 positions, 2 channels: A^1 = (1, 3), A^2 = (2, 0); weights 2 and -4.
FEATURES = np.array([[[[1.0, 2.0], [3.0, 0.0]]]], "float32")
WEIGHTS = np.array([[2.0, -4.0]], "float32")
GRADIENTS = np.broadcast_to(WEIGHTS[:, None, None] / 2, FEATURES.shape).astype("float32")


def derivatives(score, features, orders=3):
    """Value and pure derivatives d^n Y / dA^n for every entry of features, by nested automatic differentiation.

    Each entry is moved alone: Y(A + t e) differentiated in t at 0.
    """
    flat = features.reshape(-1)
    basis = tf.eye(flat.size, dtype=tf.float64)

    def along(step):
        moved = tf.constant(flat)[None] + step[:, None] * basis
        return score(tf.reshape(moved, (-1, *features.shape)))

    step = tf.Variable(tf.zeros(flat.size, tf.float64))
    with tf.GradientTape() as third, tf.GradientTape() as second, tf.GradientTape() as first:
        value = along(step)
        d1 = first.gradient(value, step)
        d2 = second.gradient(d1, step)
    d3 = third.gradient(d2, step)
    return value[0].numpy(), *(d.numpy().reshape(features.shape) for d in (d1, d2, d3)[:orders])


def equation_7_and_8(features, d1, d2, d3, normalize_alpha=False, summed=None):
    activity = (features if summed is None else summed).sum(axis=(0, 1), keepdims=True)
    alpha = d2 / (2 * d2 + activity * d3)
    weights = (alpha * np.maximum(d1, 0)).sum(axis=(0, 1))
    if normalize_alpha:  # as the reference implementation: where no position is positive alpha is left as it is
        total = np.where(d1 > 0, alpha, 0).sum(axis=(0, 1))
        weights = weights / np.where(total == 0, 1, total)
    return features @ weights


def test_cam_by_hand(kind):
    drawn = np.asarray(cams.cam(kind(FEATURES), kind(WEIGHTS)))
    np.testing.assert_allclose(drawn, [[[(2 - 8) / 2, 6 / 2]]])  # (2*1 - 4*2)/2 and (2*3 - 4*0)/2
    assert drawn.sum() == pytest.approx(WEIGHTS[0] @ FEATURES.mean(axis=(1, 2))[0])  # eq. (4): the logit


def test_grad_cam_by_hand(kind):
    np.testing.assert_allclose(np.asarray(cams.grad_cam(kind(FEATURES), kind(GRADIENTS))), [[[0, 3]]])


def test_grad_cam_plus_plus_by_hand(kind):
    # Channel 1: slope 1, activity 4, alpha 1/6, twice: w = 1/3. Channel 2 falls: w = 0.
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(FEATURES), kind(GRADIENTS)))
    np.testing.assert_allclose(drawn, [[[1 / 3, 1]]], rtol=1e-6)
    # Curvature 3: alpha 1/(2 + 3*4) = 1/14, w = 1/7.
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(FEATURES), kind(GRADIENTS), curvature=3.0))
    np.testing.assert_allclose(drawn, [[[1 / 7, 3 / 7]]], rtol=1e-6)


def test_grad_cam_plus_plus_normalised_by_hand(kind):
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(FEATURES), kind(GRADIENTS), normalize_alpha=True))
    np.testing.assert_allclose(drawn, [[[1, 3]]], rtol=1e-6)  # w = slope = 1


def test_alpha_is_normalised_over_the_positions_where_the_gradient_is_positive(kind):
    """Of three channels one rises at one position, one nowhere, one at both."""
    features = np.array([[[[1.0, 2.0, 2.0], [3.0, 1.0, 0.0]]]], "float32")
    gradients = np.array([[[[2.0, -1.0, 1.0], [-1.0, 0.0, 3.0]]]], "float32")
    # Channel 1: alpha counts where it rises alone, w = 2. Channel 2: w = 0. Channel 3: activity 2, alpha 1/4 and 1/8,
    # w = (1/4 + 3/8) / (3/8) = 5/3.
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(features), kind(gradients), normalize_alpha=True))
    np.testing.assert_allclose(drawn, [[[2 + 10 / 3, 6]]], rtol=1e-6)
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(features), kind(-np.abs(gradients)), normalize_alpha=True))
    np.testing.assert_array_equal(drawn, 0)


def test_grad_cam_plus_plus_closed_form_on_a_pooled_head(generator):
    features, head, chosen, gradients = gap_case(generator)
    weights = head.T[chosen]
    closed = np.maximum(weights, 0) / (2 + weights * features.mean(axis=(1, 2)))
    drawn = cams.grad_cam_plus_plus(features, gradients)
    np.testing.assert_allclose(drawn, np.einsum("nhwk,nk->nhw", features, closed), rtol=1e-12)


def test_grad_cam_is_clipped_cam_on_a_pooled_head(generator):
    features, head, chosen, gradients = gap_case(generator)
    clipped = np.maximum(cams.cam(features, head.T[chosen]), 0)
    assert (clipped == 0).any() and (clipped > 0).any()
    np.testing.assert_allclose(cams.grad_cam(features, gradients), clipped, atol=1e-14)


def test_normalised_grad_cam_plus_plus_is_cam_without_negative_weights(generator):
    features, head, chosen, gradients = gap_case(generator)
    drawn = cams.grad_cam_plus_plus(features, gradients, normalize_alpha=True)
    np.testing.assert_allclose(drawn, cams.cam(features, np.maximum(head.T[chosen], 0)), rtol=1e-12)


def test_pooled_head_against_automatic_differentiation(generator):
    """Value and three derivatives of exp(S): gradients of S for CAM and Grad-CAM, eq. (7)-(8) for Grad-CAM++."""
    features, head, chosen, gradients = gap_case(generator)
    bias = generator.normal(size=2)
    for n in range(len(features)):

        def logit(maps, n=n):
            return tf.reduce_mean(maps, axis=(1, 2)) @ head[:, chosen[n], None] + bias[chosen[n]]

        # The term that is 0 gives the linear logit higher derivatives to trace.
        value, slope, *_ = derivatives(
            lambda maps: logit(maps)[:, 0] + 0 * tf.reduce_sum(maps, (1, 2, 3)) ** 3, features[n]
        )
        np.testing.assert_allclose(slope, gradients[n], atol=1e-12)
        assert cams.cam(features, head.T[chosen])[n].sum() + bias[chosen[n]] == pytest.approx(value)

        exponential = derivatives(lambda maps: tf.exp(logit(maps)[:, 0]), features[n])
        expected = equation_7_and_8(features[n], *exponential[1:])
        same_up_to_factor(cams.grad_cam_plus_plus(features, gradients)[n], expected, 1e-10)


def test_curvature_against_automatic_differentiation(generator):
    """For phi(S) = S^3 at S: rho = phi'''/phi'' = 6 / (6 S)."""
    features, head, chosen, gradients = gap_case(generator)
    for n in range(len(features)):
        logit = float(head[:, chosen[n]] @ features[n].mean(axis=(0, 1))) + 5.0
        cubed = derivatives(
            lambda maps, n=n: ((tf.reduce_mean(maps, axis=(1, 2)) @ head[:, chosen[n], None])[:, 0] + 5.0) ** 3,
            features[n],
        )
        drawn = cams.grad_cam_plus_plus(features, gradients, curvature=1 / logit)[n]
        same_up_to_factor(drawn, equation_7_and_8(features[n], *cubed[1:]), 1e-10)


def test_gradients_that_vary_over_positions_against_automatic_differentiation(generator):
    """A hidden layer behind flattened features: the head is not pooled, and Grad-CAM takes the mean gradient."""
    features = np.maximum(generator.normal(size=(3, 4, 2)), 0)
    hidden, output = generator.normal(size=(24, 5)), generator.normal(size=5)

    def logit(maps):
        return tf.linalg.matvec(tf.nn.relu(tf.reshape(maps, (-1, 24)) @ hidden), output)

    tensor = tf.constant(features[None])
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        score = logit(tensor)
    gradients = tape.gradient(score, tensor).numpy()
    weights = gradients.mean(axis=(1, 2))[0]
    np.testing.assert_allclose(cams.grad_cam(features[None], gradients)[0], np.maximum(features @ weights, 0))
    exponential = derivatives(lambda maps: tf.exp(logit(maps)), features)
    for normalised in (False, True):
        drawn = cams.grad_cam_plus_plus(features[None], gradients, normalize_alpha=normalised)[0]
        same_up_to_factor(drawn, equation_7_and_8(features, *exponential[1:], normalised), 1e-9)


def test_the_positive_part_against_automatic_differentiation(generator):
    """Features of both signs: those below 0 count in the map, and not in the sum of alpha."""
    features = generator.normal(size=(3, 4, 2))
    hidden, output = generator.normal(size=(24, 5)), generator.normal(size=5)

    def logit(maps):
        return tf.linalg.matvec(tf.tanh(tf.reshape(maps, (-1, 24)) @ hidden / 4), output)

    tensor = tf.constant(features[None])
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        score = logit(tensor)
    gradients = tape.gradient(score, tensor).numpy()
    # exp of the logit's tangent: eq. (8) reads higher derivatives of the activation, not of the head.
    exponential = derivatives(lambda maps: tf.exp(tf.reduce_sum((maps - features) * gradients[0], (1, 2, 3))), features)
    summed = np.where(features > 0, features, 0)
    drawn = cams.grad_cam_plus_plus(features[None], gradients, positive_part=True)[0]
    same_up_to_factor(drawn, equation_7_and_8(features, *exponential[1:], summed=summed), 1e-9)
    assert drawn.min() < 0 < drawn.max()


def test_the_positive_part_by_hand(kind):
    # Channel 1 is 3 and -2: slope 1, sum of the positive part 3, alpha 1/5, twice: w = 2/5.
    # Channel 2 is -1 and -4: slope 2, sum 0, alpha 1/2, twice: w = 2.
    features = np.array([[[[3.0, -1.0], [-2.0, -4.0]]]], "float32")
    gradients = np.broadcast_to(np.array([1.0, 2.0], "float32"), features.shape)
    drawn = np.asarray(cams.grad_cam_plus_plus(kind(features), kind(gradients), positive_part=True))
    np.testing.assert_allclose(drawn, [[[1.2 - 2, -0.8 - 8]]], rtol=1e-6)


def test_the_positive_part_of_features_that_are_never_negative_is_all_of_them(generator, kind):
    features, _, _, gradients = gap_case(generator)
    plain, positive = (
        np.asarray(cams.grad_cam_plus_plus(kind(features), kind(gradients), positive_part=part))
        for part in (False, True)
    )
    np.testing.assert_array_equal(positive, plain)


@pytest.mark.parametrize("classes", [2, 10])
def test_softmax_form_against_automatic_differentiation(generator, classes):
    features, head, chosen, _ = gap_case(generator, classes)
    logits = features.mean(axis=(1, 2)) @ head
    drawn = cams.softmax_grad_cam_plus_plus(features, head, logits, chosen)
    for n in range(len(features)):
        score = derivatives(
            lambda maps, n=n: tf.nn.softmax(tf.reduce_mean(maps, axis=(1, 2)) @ head)[:, chosen[n]], features[n]
        )
        same_up_to_factor(drawn[n], equation_7_and_8(features[n], *score[1:]), 1e-8)


@pytest.mark.parametrize("classes", [2, 10])
def test_softmax_form_at_huge_logits_against_mpmath(generator, classes):
    """At logits of several thousand every float derivative underflows; 4,000 digits do not."""
    features, head, _, _ = gap_case(generator, classes)
    head = head * 2000
    logits = features.mean(axis=(1, 2)) @ head
    chosen = logits.argmax(axis=1)
    assert 3000 < np.ptp(logits, axis=1).max() < 12000  # exp(-3000) is 0 in float64
    drawn = cams.softmax_grad_cam_plus_plus(features, head, logits, chosen)
    with mpmath.workdps(4000):
        for n in range(len(features)):
            powers = [mpmath.exp(mpmath.mpf(float(logit - logits[n].max()))) for logit in logits[n]]
            shares = [power / mpmath.fsum(powers) for power in powers]
            weights = []
            for k in range(7):
                slopes = [mpmath.mpf(float(weight)) / 15 for weight in head[k]]
                # The derivatives of the softmax along one feature, by its moments around the mean slope.
                mean = mpmath.fsum(p * g for p, g in zip(shares, slopes, strict=True))
                moment = [mpmath.fsum(p * (g - mean) ** i for p, g in zip(shares, slopes, strict=True)) for i in (2, 3)]
                ahead = slopes[chosen[n]] - mean
                second = ahead**2 - moment[0]
                third = ahead**3 - 3 * ahead * moment[0] - moment[1]
                activity = mpmath.mpf(float(features[n, :, :, k].sum()))
                # The common factor Y leaves the weights as they are up to one positive factor for all of them.
                weights.append(second / (2 * second + activity * third) * max(ahead, 0))
            largest = max(abs(weight) for weight in weights)
            expected = features[n] @ np.array([float(weight / largest) for weight in weights])
            same_up_to_factor(drawn[n], expected, 1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_give_arrays_and_a_tensor_among_them_makes_it_tensors(generator, dtype):
    features, head, chosen, gradients = gap_case(generator, dtype=dtype)
    gradients, weights, logits = gradients.astype(dtype), head.T[chosen], features.mean(axis=(1, 2)) @ head
    by_gradients = [cams.grad_cam, cams.grad_cam_plus_plus, cams.positive_grad_cam, cams.xgrad_cam]
    cases = {method: (features, gradients) for method in (*by_gradients, cams.hires_cam, cams.layer_cam)}
    cases |= {cams.cam: (features, weights), cams.ablation_cam: (features, weights), cams.eigen_cam: (features,)}
    of_softmax = (features, head, logits)
    # JAX, as it comes, has no float64; on PyTorch Keras loses it.
    as_given = dtype if keras.backend.backend() == "tensorflow" else "float32"
    cases[lambda *arrays: cams.softmax_grad_cam_plus_plus(*arrays, chosen)] = of_softmax
    cases |= {lambda *arrays, i=i: cams.softmax_weights(*arrays, chosen)[i]: of_softmax for i in range(2)}
    for method, arrays in cases.items():
        expected = method(*arrays)
        assert isinstance(expected, np.ndarray) and expected.dtype == dtype
        for i in range(len(arrays)):
            mixed = [as_tensor(array) if i == j else array for j, array in enumerate(arrays)]
            drawn = method(*mixed)
            assert keras.ops.is_tensor(drawn) and keras.backend.standardize_dtype(drawn.dtype) == as_given
            assert_close(drawn, expected, FLOAT32_SOFTMAX if arrays is of_softmax else 1e-5)


def test_a_channel_that_speaks_for_every_class_alike_has_no_weight(generator, kind):
    features, head, chosen, _ = gap_case(generator, classes=3)
    head[2] = 0.5
    logits = features.mean(axis=(1, 2)) @ head
    weights, lead = (np.asarray(x) for x in cams.softmax_weights(kind(features), kind(head), kind(logits), chosen))
    assert (weights[:, 2] == 0).all() and (lead[:, 2] == 0).all() and np.isfinite(weights).all()


def test_softmax_form_runs_on_tensors(generator):
    features, head, chosen, _ = gap_case(generator, dtype="float32")
    logits = features.mean(axis=(1, 2)) @ head
    tensors = [keras.ops.convert_to_tensor(array) for array in (features, head, logits)]
    drawn = np.asarray(cams.softmax_grad_cam_plus_plus(*tensors, chosen))
    assert_close(drawn, cams.softmax_grad_cam_plus_plus(features, head, logits, chosen), FLOAT32_SOFTMAX)


def test_negative_features_are_refused(generator):
    features = generator.normal(size=(1, 2, 2, 3))
    with pytest.raises(
        ValueError,
        match=r"^Grad-CAM\+\+ needs feature maps >= 0, these go negative: choose Grad-CAM\+\+ \(positive part\) in",
    ):
        cams.grad_cam_plus_plus(features, np.ones_like(features))


def test_cam_without_a_pooled_head_is_refused(generator):
    with pytest.raises(ValueError, match="^CAM needs a head of .* one dense layer: leave CAM out"):
        cams.cam(generator.random((1, 2, 2, 3)), None)


def test_chosen_methods_come_in_the_order_of_their_names():
    names = ["Layer-CAM", "CAM"]
    assert list(cams.chosen(names)) == names and list(cams.chosen(cams.PAPER_METHODS)) == list(cams.PAPER_METHODS)
    assert all(cams.chosen(names)[name] is cams.METHODS[name] for name in names)
    with_others = ["RISE", "CAM", "Score-CAM"]
    assert list(cams.chosen(with_others)) == with_others
    assert cams.chosen(with_others) == {"CAM": cams.METHODS["CAM"]} | cams.ON_REQUEST
    every = "CAM, Grad-CAM, .*, Eigen-CAM, Score-CAM, RISE\\.$"
    with pytest.raises(ValueError, match=f"^There is no method 'Grad-CAMs': choose from {every}"):
        cams.chosen(["CAM", "Grad-CAMs"])
    with pytest.raises(ValueError, match=f"^No method is named: choose from {every}"):
        cams.chosen([])
    with pytest.raises(ValueError, match="^The method 'CAM' is named twice: name it once"):
        cams.chosen(["CAM", "Grad-CAM", "CAM"])


def test_methods_that_cannot_be_drawn_come_with_the_reason(generator):
    features = generator.normal(size=(2, 3, 3, 4))
    explanation = cams.Explanation(features, features, None, None, np.zeros((2, 2)), np.zeros(2, int))
    methods = cams.chosen(["Ablation-CAM", "Grad-CAM", "CAM", "Grad-CAM++", cams.POSITIVE_PART, "Eigen-CAM"])
    fit, unfit = cams.usable(explanation, methods)
    assert fit == {name: methods[name] for name in ("Grad-CAM", cams.POSITIVE_PART, "Eigen-CAM")}
    assert list(unfit) == ["Ablation-CAM", "CAM", "Grad-CAM++"]
    assert "leave CAM out" in unfit["CAM"] and "go negative" in unfit["Grad-CAM++"]


def test_methods_that_ask_the_network_again_can_be_drawn_and_are_not_tried(generator):
    features = generator.normal(size=(2, 3, 3, 4))
    explanation = cams.Explanation(features, features, None, None, np.zeros((2, 2)), np.zeros(2, int))
    methods = cams.chosen(["RISE", "Grad-CAM", "CAM", "Score-CAM"])  # without a score these two would be refused
    fit, unfit = cams.usable(explanation, methods)
    assert fit == {name: methods[name] for name in ("RISE", "Grad-CAM", "Score-CAM")} and list(unfit) == ["CAM"]


def test_no_method_that_asks_the_network_again_is_among_the_others():
    assert not set(cams.ON_REQUEST) & {*cams.METHODS, *cams.PAPER_METHODS}
    assert {type(method) for method in cams.ON_REQUEST.values()} == {perturbation.Perturbing}
    assert not any(isinstance(method, perturbation.Perturbing) for method in cams.METHODS.values())


def test_registry_holds_the_papers_methods_and_each_name_its_own(generator):
    features, head, chosen, gradients = gap_case(generator)
    gradients = gradients * generator.uniform(-0.5, 2, features.shape)  # another one at each position
    weights = head.T[chosen]
    explanation = cams.Explanation(features, gradients, weights, head, features.mean((1, 2)) @ head, chosen)
    further = {
        "Grad-CAM (positive gradients)": cams.positive_grad_cam(features, gradients),
        "XGrad-CAM": cams.xgrad_cam(features, gradients),
        "HiRes-CAM": cams.hires_cam(features, gradients),
        "Layer-CAM": cams.layer_cam(features, gradients),
        "Ablation-CAM": cams.ablation_cam(features, weights),
        "Eigen-CAM": cams.eigen_cam(features),
    }
    for name, maps in further.items():
        np.testing.assert_array_equal(cams.METHODS[name](explanation), maps)
    assert list(cams.METHODS)[:3] == list(cams.PAPER_METHODS)
    for method in cams.METHODS.values():
        assert method(explanation).shape == (4, 3, 5)
