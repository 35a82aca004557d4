"""Maps of five libraries, of one small network with two heads, against the equations of their papers and against ours.

Where a library's map is not that of the equation, a formula is named, and its map has to be that of the formula.
"""

import copy

import equations
import libraries
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from small_network import RIDGE, channels_first, images, prepared, twins

from black_average_drop import cams, evaluation, networks

MOST = 1e-5  # of the peak
ROUGH = {"Ablation-CAM": 1e-4}  # a small difference of two scores in float32
EPSILON = 1e-6  # of pytorch-grad-cam
FORMULAS = {
    ("pytorch-grad-cam", "Grad-CAM++"): equations.epsilon,
    ("pytorch-grad-cam", "Eigen-CAM"): equations.centred,
    ("torchcam", "Grad-CAM++"): equations.undivided,
    ("captum", "Grad-CAM"): equations.unclipped,
    ("tf-keras-vis", "Grad-CAM++"): equations.normalised,
    ("Xplique", "Grad-CAM++"): equations.mean_for_sum,
}
SENTENCES = {
    ("pytorch-grad-cam", "Grad-CAM++"): "The paper. `GradCAMPlusPlus.get_cam_weights` adds 1e-6 to the denominator of "
    "eq. (8). The median squared gradient here is {median:.0e}. Set `eps` there to 0, or take ours.",
    ("pytorch-grad-cam", "Eigen-CAM"): "The paper. `get_2d_projection` takes the mean of each channel away first, and "
    "the sign of the map is that of the decomposition. Take ours.",
    ("pytorch-grad-cam", "Ablation-CAM"): "Both. Where the logit is below 0, it turns the map around, as its paper "
    "does; ours does not.",
    ("torchcam", "Grad-CAM++"): "The paper. `GradCAMpp._get_weights` divides `alpha[idx][mask]`, which is a copy, so "
    "nothing is divided. Its weights are sums of relu(g)³. Take ours.",
    ("torchcam", "CAM"): "Both: signed, as eq. (3)-(4). Its page names a ReLU that is not applied. Clip at 0 before "
    "you scale: `normalized=True` scales from the minimum.",
    ("captum", "Grad-CAM"): "Both, once clipped: `LayerGradCam` leaves the ReLU out. Pass `relu_attributions=True`.",
    ("tf-keras-vis", "Grad-CAM++"): "The paper. `GradcamPlusPlus` divides alpha by its sum, as the authors' code does, "
    "and sums also where gradients are negative. Its exp(S) is infinite above S = 88, and the map NaN. Take ours.",
    ("Xplique", "Grad-CAM++"): "The paper. `GradCAMPP._compute_weights` has the mean of a feature map where eq. (8) "
    "has its sum. Ours with `curvature=1/{positions}` is its map.",
}
SAME = "Both: the same map."


@pytest.fixture(scope="module")
def drawn():
    """Head -> what is known of the network and its maps: dict of features, gradients, papers and ours by method."""
    return {head: _drawn(head) for head in RIDGE}


def _drawn(head):
    both, (pixels, _) = twins(head), images(4, seed=9)
    exact = copy.deepcopy(both.torch).double().requires_grad_(False)
    features = exact.features(channels_first(prepared(pixels)).double()).requires_grad_()
    logits = exact.head_of(features)
    classes = logits.argmax(dim=1)
    (gradients,) = torch.autograd.grad(logits[torch.arange(len(logits)), classes].sum(), features)
    features, gradients = (values.detach().permute(0, 2, 3, 1).numpy() for values in (features, gradients))
    classes, head_of = classes.numpy(), lambda channels: exact.head_of(channels[None])[0]
    class_weights = exact.head.weight.numpy()[classes] if head == "pooled" else None
    papers = equations.maps_of_papers(head_of, features, gradients, classes, class_weights)
    network = networks.CamNetwork.from_model(both.keras_of_pixels, activation="softmax")
    explanation = evaluation.explain_batch(network, pixels, classes, len(pixels))
    maps = {method: np.asarray(cams.METHODS[method](explanation)) for method in papers}
    return {
        "twins": both,
        "pixels": pixels,
        "classes": classes,
        "head": head_of,
        "features": features,
        "gradients": gradients,
        "papers": papers,
        "ours": {method: values if method == "CAM" else np.maximum(values, 0) for method, values in maps.items()},
    }


@pytest.mark.parametrize("head", RIDGE)
def test_ours_are_the_equations(row, drawn, head):
    known = drawn[head]
    for method, maps in known["papers"].items():
        row(
            f"small network, {head}",
            f"{method}, ours, as a share of the peak",
            apart(known["ours"][method], maps),
            MOST,
        )


@pytest.mark.parametrize("head", RIDGE)
def test_derivatives_of_eq_8(row, drawn, head):
    """Those of exp(S), by automatic differentiation, at places that are drawn where gradients are not 0."""
    known = drawn[head]
    slopes = known["gradients"][0].transpose(2, 0, 1).ravel()
    places = np.random.default_rng(0).choice(np.flatnonzero(slopes), 10, replace=False)
    found = equations.derivatives(known["head"], known["features"][0], known["classes"][0], places)
    expected = slopes[places, None] ** np.array([1, 2, 3])
    difference = (np.abs(found - expected) / np.abs(expected).max(axis=0)).max()
    row(f"small network, {head}", "derivatives of exp(S) by automatic differentiation", difference, 1e-10)


@pytest.mark.parametrize("library", libraries.DRAWN_BY)
def test_maps(row, tables, drawn, library):
    maps, missing = {}, ""
    for head, known in drawn.items():
        try:
            found = libraries.DRAWN_BY[library](known["twins"], known["pixels"], known["classes"], head == "pooled")
        except Exception as problem:
            missing = f"{type(problem).__name__}: {' '.join(str(problem).split())[:120]}"
            found = {method: None for one, method in FORMULAS if one == library}
        for method, values in found.items():
            maps.setdefault(method, {})[head] = values
    for method, by_head in maps.items():
        tables["maps"].append(_row(row, library, method, by_head, drawn, missing))


def _row(row, library, method, by_head, drawn, missing):
    """One row of the table of maps; by_head: head -> maps (N, h, w), or None where the library could not be run."""
    formula = FORMULAS.get((library, method))
    papers, ours, ranks, formulas = {}, [], [], []
    for head, values in by_head.items():
        known = drawn[head]
        if formula is not None:
            by_formula = formula(known["features"], known["gradients"])
            values = by_formula if values is None else values
            formulas.append(apart(values, by_formula))
        papers[head] = apart(values, known["papers"][method])
        ours.append(apart(values, known["ours"][method]))
        pairs = zip(values, known["papers"][method], strict=True)
        ranks += [spearmanr(one, other, axis=None).statistic for one, other in pairs]
    name, most = f"{method} of {library}", None if formula else ROUGH.get(method, MOST)
    row("small network", f"{name}, from the equation", max(papers.values()), most)
    if formula:
        row("small network", f"{name}, from the formula that is named", max(formulas), MOST)
        assert max(papers.values()) > 30 * MOST, f"{library} has changed: look at its {method} again."
    sentence = SENTENCES.get((library, method), SAME)
    return {
        "method": method,
        "library": f"{library} {libraries.version(library)}".strip(),
        "pooled": papers.get("pooled"),
        "by_position": papers.get("by position"),
        "ours": max(ours),
        "rank": min(ranks),
        "formula": max(formulas) if formulas else None,
        "sentence": (f"Not run here ({missing}), so its formula by hand. " if missing else "")
        + sentence.format(
            median=np.median(drawn["pooled"]["gradients"] ** 2),
            positions=drawn["pooled"]["features"].shape[1] * drawn["pooled"]["features"].shape[2],
        ),
    }


def test_exp_overflows_in_tf_keras_vis(row, drawn):
    """Its exp(S) is infinite above S = 88; ours is the same map whatever is added to the logits."""
    known = drawn["pooled"]
    model = known["twins"].keras
    kernel, bias = model.layers[-1].get_weights()
    try:
        model.layers[-1].set_weights([kernel, bias + 100])
        theirs = libraries.tf_keras_vis(known["twins"], known["pixels"], known["classes"], True)["Grad-CAM++"]
    finally:
        model.layers[-1].set_weights([kernel, bias])
    row("small network, logits above 100", "share of NaN in Grad-CAM++ of tf-keras-vis", float(np.isnan(theirs).mean()))
    assert np.isnan(theirs).all(), "tf-keras-vis has changed: look at its Grad-CAM++ again."


def test_the_formula_of_xplique_is_a_curvature(row, drawn):
    known = drawn["by position"]
    features, gradients = known["features"], known["gradients"]
    theirs = equations.mean_for_sum(features, gradients)
    ours = cams.grad_cam_plus_plus(features, gradients, curvature=1 / (features.shape[1] * features.shape[2]))
    row("small network, by position", "Grad-CAM++ of Xplique as ours with another curvature", apart(theirs, ours), MOST)


def apart(one, other):
    """The largest difference between maps (N, h, w), each scaled to a peak of 1."""
    one, other = (values / values.max(axis=(1, 2), keepdims=True) for values in (one, other))
    return float(np.abs(one - other).max())
