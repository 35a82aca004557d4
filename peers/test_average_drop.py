"""Average Drop as each library prints it, of the same images and maps, and what of its definition matters."""

import importlib
from functools import partial

import libraries
import numpy as np
import pytest
import torch
from masked_by_hand import Definition, drops
from small_network import channels_first, images, prepared, twins

from black_average_drop import cams, evaluation, networks

IMAGES = 24
MOST = 1e-4  # of a number that is a mean of drops
OURS = Definition()
DEFINITIONS = {
    "the paper, and ours": OURS,
    "ours with softmax scores": Definition(score="softmax"),
    "torchcam": Definition(
        "min to max, before",
        "bilinear",
        masked="prepared images",
        score="softmax",
        drawn="Grad-CAM of the softmax score",
    ),
    "pytorch-grad-cam": Definition(
        "min to max, twice", "bilinear", masked="prepared images", score="softmax", divided=False
    ),
    "Xplique": Definition("min to max, after", "bicubic", absolute=True, masked="prepared images", score="softmax"),
    "ADCC's authors": Definition("min to max, before", "bilinear", masked="prepared images", score="softmax"),
}
SENTENCES = {
    "the paper, and ours": "ReLU scores, and black is pixel 0: eq. (10) of the paper.",
    "ours with softmax scores": "The softmax saturates: a large fall of the logit can be a small one of the score.",
    "torchcam": "`ClassificationMetric` hands the softmax of `logits_fn` on to the extractor: its map is of the "
    "softmax score, not of the logit. It masks what goes into the network, where 0 is mid-grey.",
    "pytorch-grad-cam": "`DropInConfidence` is the fall itself, not the fall as a share of the score. Divide by the "
    "score of the image.",
    "Xplique": '`AverageDropMetric` with `activation="softmax"` takes the map without its sign: where bicubic '
    "interpolation rings below 0, pixels come back.",
    "ADCC's authors": "Their code takes a map that is scaled already, and masks the prepared image. Printed as a "
    "percentage in their paper.",
}
STEPS = {
    "softmax scores": (Definition(score="softmax"), "torchcam, Xplique, ADCC's authors, pytorch-grad-cam as its page"),
    "the prepared image is masked, so that what is hidden is mid-grey": (
        Definition(masked="prepared images"),
        "every library, if the network does not prepare its images itself",
    ),
    "bilinear interpolation": (Definition(kernel="bilinear"), "torchcam, pytorch-grad-cam"),
    "bicubic interpolation, without the sign": (Definition(kernel="bicubic", absolute=True), "Xplique"),
    "the map scaled from its minimum before it is enlarged": (Definition("min to max, before"), "torchcam"),
    "a fall that is not divided by the score": (Definition(divided=False), "pytorch-grad-cam"),
    "a rise counts as a negative drop": (Definition(clipped=False), "nobody here; seen where max(0, ·) is forgotten"),
    "the signed map of CAM, scaled from its minimum": (
        Definition("min to max, before", drawn="CAM"),
        "torchcam's CAM and captum's Grad-CAM, as they come",
    ),
    "the map of the softmax score": (
        Definition(drawn="Grad-CAM of the softmax score"),
        "torchcam, and whoever explains a network that ends in a softmax",
    ),
}


@pytest.fixture(scope="module")
def known():
    """The network with a pooled head, images, classes, maps (N, h, w) of Grad-CAM and of CAM, and logits by hand."""
    both, (pixels, _) = twins("pooled"), images(IMAGES, seed=9)
    network = networks.CamNetwork.from_model(both.keras_of_pixels, activation="relu")
    methods = cams.chosen(["Grad-CAM", "CAM"])
    with torch.no_grad():
        classes = both.torch(channels_first(prepared(pixels))).argmax(dim=1).numpy()
    explained = evaluation.explain_batch(network, pixels, classes, IMAGES)
    maps = {name: np.asarray(method(explained)) for name, method in methods.items()}
    maps["Grad-CAM of the softmax score"] = of_softmax(both.torch, channels_first(prepared(pixels)), classes)

    def logits_of(images):
        with torch.no_grad():
            return both.torch(channels_first(images)).numpy()

    return {"twins": both, "pixels": pixels, "classes": classes, "maps": maps, "logits_of": logits_of}


def of_softmax(module, inputs, classes):
    """Grad-CAM (N, h, w) of the softmax score, by hand."""
    features = module.features(inputs).detach().requires_grad_()
    scores = torch.softmax(module.head_of(features), dim=1)
    (gradients,) = torch.autograd.grad(scores[torch.arange(len(scores)), torch.as_tensor(classes)].sum(), features)
    return torch.relu((gradients.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)).detach().numpy()


def by_hand(known, definition):
    """The mean drop, and the share of images that score more when masked."""
    lost, more = drops(definition, known["maps"], known["pixels"], known["logits_of"], known["classes"])
    return float(lost.mean()), float(more.mean())


def evaluated(known, activation):
    """Ours: AD of Grad-CAM, and the share of images that score more when masked."""
    network = networks.CamNetwork.from_model(known["twins"].keras_of_pixels, activation=activation)
    methods = cams.chosen(["Grad-CAM"])
    table = evaluation.evaluate(network, known["pixels"], methods, 0.3, IMAGES, classes=known["classes"])
    table = table[table["metric"] == "AD"]
    return table["drop"].mean(), (table["masked_score"] > table["full_score"]).mean()


def torchcam(known):
    methods = importlib.import_module("torchcam.methods")
    metrics = importlib.import_module("torchcam.metrics")
    with methods.GradCAM(known["twins"].torch, "features") as extractor:
        metric = metrics.ClassificationMetric(extractor, partial(torch.softmax, dim=-1))
        metric.update(channels_first(prepared(known["pixels"])), known["classes"].tolist())
        said = metric.summary()
    return said["avg_drop"], said["conf_increase"]


def pytorch_grad_cam(known):
    library = importlib.import_module("pytorch_grad_cam")
    measures = importlib.import_module("pytorch_grad_cam.metrics.cam_mult_image")
    kinds, inputs = library.utils.model_targets, channels_first(prepared(known["pixels"]))
    with library.GradCAM(known["twins"].torch, [known["twins"].torch.features]) as explainer:
        maps = explainer(inputs, [kinds.ClassifierOutputTarget(int(one)) for one in known["classes"]])
    targets = [kinds.ClassifierOutputSoftmaxTarget(int(one)) for one in known["classes"]]
    measured = [
        getattr(measures, name)()(inputs, maps, targets, known["twins"].torch)
        for name in ("DropInConfidence", "IncreaseInConfidence")
    ]
    return tuple(float(np.mean(values)) for values in measured)


def xplique(known):
    attributions, metrics = (importlib.import_module(f"xplique.{name}") for name in ("attributions", "metrics"))
    targets, inputs = np.eye(2, dtype="float32")[known["classes"]], prepared(known["pixels"])
    maps = attributions.GradCAM(known["twins"].keras, conv_layer="maps")(inputs, targets)
    kinds = metrics.AverageDropMetric, metrics.AverageIncreaseMetric
    return tuple(kind(known["twins"].keras, inputs, targets, activation="softmax")(maps) for kind in kinds)


PRINTED = {
    "the paper, and ours": partial(evaluated, activation="relu"),
    "ours with softmax scores": partial(evaluated, activation="softmax"),
    "torchcam": torchcam,
    "pytorch-grad-cam": pytorch_grad_cam,
    "Xplique": xplique,
}


@pytest.mark.parametrize("whose", DEFINITIONS)
def test_what_is_printed(row, tables, known, whose):
    """Each number is that of its definition by hand. One that could not be run is by hand, and says so."""
    definition, sentence = DEFINITIONS[whose], SENTENCES[whose]
    expected = by_hand(known, definition)
    try:
        found = PRINTED[whose](known) if whose in PRINTED else expected
    except ImportError as problem:
        found, sentence = expected, f"Not run here ({problem}), so by hand. {sentence}"
    difference = max(abs(one - other) for one, other in zip(found, expected, strict=True))
    if whose in PRINTED:
        row("Average Drop", f"{whose}, from its definition by hand", difference, MOST)
    tables["average_drops"].append(
        {
            "whose": f"{whose} {libraries.version(whose)}".strip() if whose in libraries.PACKAGES else whose,
            "AD": found[0],
            "increase": found[1],
            "score": definition.score,
            "divided": "score of the image" if definition.divided else "nothing",
            "scaled": definition.scaled + (", without its sign" if definition.absolute else ""),
            "kernel": definition.kernel,
            "masked": definition.masked,
            "by_hand": difference if whose in PRINTED else None,
            "sentence": sentence,
        }
    )


def test_one_change_at_a_time(row, tables, known):
    start, _ = by_hand(known, OURS)
    for step, (definition, who) in STEPS.items():
        value, _ = by_hand(known, definition)
        row("Average Drop", step, abs(value - start))
        tables["steps"].append({"step": step, "AD": value, "difference": value - start, "sentence": who})
