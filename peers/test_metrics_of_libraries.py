"""Metrics of other libraries and of the authors' code, on the same masked images, against ours."""

import contextlib
import importlib
from functools import partial

import libraries
import numpy as np
import pandas as pd
import pytest
import torch
from small_network import SIZE, channels_first, images, prepared, twins

from black_average_drop import cams, evaluation, masks, networks
from black_average_drop.datasets.dataset import Dataset
from black_average_drop.trust import composites, faithfulness, imputation

IMAGES = 8
STEPS = faithfulness.STEPS
NOISE = 0.02  # of a score: what the noise of ROAD, drawn anew, moves
SENTENCES = {
    "Average Drop": "Both, of the same masked image. It adds 1e-7 to the score that it divides by.",
    "Average Increase": "Both, of the same masked image and softmax scores.",
    "fall of the score": "Ours, if AD is meant: divide `DropInConfidence` by the score of the image.",
    "Average Gain": "Both, of the same masked image.",
    "deletion": "Both, with its steps and its fill. Its fill is 0 of what goes into the network, ours the mean colour.",
    "insertion": "Both, with its steps and its fill. It begins at 0, ours at the blurred image, as RISE's authors do.",
    "ROAD, imputed pixels": "Both, without the noise: grey levels of 255.",
    "ROAD, combined": "Both, but for the noise, at the same shares. By default it takes nine shares, ours three.",
    "ROAD, accuracy": "Both, of grey images. It is the authors' curve: the share of right predictions without the most "
    "relevant pixels. With colours `ROAD.evaluate_batch` counts each channel as pixels, and ends in an IndexError.",
    "coherency": "Both, of the same two maps. The authors leave a constant map without a number; ours gives it 1.",
    "complexity": "Both: the mean of the map. It is named opacity here. The authors take a map that is scaled already.",
    "ADCC": "Both, of softmax scores. With ReLU scores it is another number.",
    "ADCC, prepared images": "The authors' code masks the prepared image, where 0 is the mean colour. Ours "
    "masks pixels, where 0 is black.",
}


@pytest.fixture(scope="module")
def known():
    """The network that takes pixels, images, classes, and enlarged maps (N, H, W) from 0 to 1 of Grad-CAM."""
    both, (pixels, labels) = twins("pooled"), images(IMAGES, seed=9)
    network = networks.CamNetwork.from_model(both.keras_of_pixels, activation="softmax")
    with torch.no_grad():
        classes = both.torch(channels_first(prepared(pixels))).argmax(dim=1).numpy()
    explained = evaluation.explain_batch(network, pixels, classes, IMAGES)
    maps = evaluation.upsampled(cams.METHODS["Grad-CAM"](explained), (SIZE, SIZE))
    maps = maps - maps.min(axis=(1, 2), keepdims=True)  # from 0: whether a library scales from 0 is not asked here
    maps = masks.scaled_to_peak(maps)
    names = np.array([f"{number}" for number in range(IMAGES)])
    dataset = Dataset(
        names, labels, names, ("radiograph", "photo"), (SIZE, SIZE), np.arange(IMAGES), lambda i: np.uint8(pixels[i])
    )
    return {"twins": both, "network": network, "dataset": dataset, "classes": classes, "maps": maps}


@pytest.fixture(scope="module")
def ours(known):
    """Metric -> (N,), by `faithfulness`, of softmax scores; insertion and deletion over black."""
    redraw = {"Grad-CAM": cams.METHODS["Grad-CAM"]}
    black = faithfulness.fills(known["dataset"])["black"]
    given = known["network"], known["dataset"], known["classes"], {"Grad-CAM": known["maps"]}
    single = faithfulness.single_masks(*given, redraw, 0.3, {"black": black}, IMAGES)
    backgrounds = dict.fromkeys({background for background, _, _ in faithfulness.CURVES.values()}, black)
    # Pixels that are equal come in an order of their own: maps without ties.
    untied = {"Grad-CAM": without_ties(known["maps"])}
    curves = faithfulness.curves(*given[:3], untied, backgrounds, IMAGES)
    every = composites.with_composites(pd.concat([single, curves], ignore_index=True))
    return {metric: part["value"].to_numpy() for metric, part in every.groupby("metric")}


def without_ties(maps):
    """Maps (N, H, W) with a little noise, so that no two pixels are equal."""
    return maps + np.random.default_rng(0).uniform(1e-6, 1e-3, maps.shape).astype("float32")


class Given:
    """In the place of an extractor of torchcam: maps that are given."""

    def __init__(self, model, maps):
        self.model, self.maps = model, maps

    def __call__(self, *_, **__):
        return [torch.from_numpy(self.maps.copy())]

    def fuse_cams(self, maps):
        return maps[0]

    def _hooks_off(self):
        return contextlib.nullcontext()


def compare(row, tables, metric, library, found, expected, most, sentence=None):
    """A row of the table of metrics. A difference above `most` is a surprise; without `most` it is told apart."""
    difference = float(np.abs(np.asarray(found) - np.asarray(expected)).max())
    name = f"{library} {libraries.version(library)}".strip() if library in libraries.PACKAGES else library
    row("metrics", f"{metric} of {library}", difference, most)
    tables["metrics"].append(
        {
            "metric": metric,
            "library": name,
            "difference": difference,
            "most": most,
            "sentence": sentence or SENTENCES[metric],
        }
    )


def test_torchcam(row, tables, known, ours):
    metrics = importlib.import_module("torchcam.metrics")
    model, inputs = known["twins"].torch_of_pixels, channels_first(known["dataset"].images())
    softmax, classes = partial(torch.softmax, dim=-1), known["classes"].tolist()
    single = metrics.ClassificationMetric(Given(model, known["maps"]), softmax)
    single.update(inputs, classes)
    said = single.summary()
    compare(row, tables, "Average Drop", "torchcam", said["avg_drop"], ours["AD"].mean(), 1e-5)
    expected = ours["Average Increase"].mean()
    compare(row, tables, "Average Increase", "torchcam", said["conf_increase"], expected, 1e-5)
    curves = metrics.DeletionInsertionMetric(Given(model, without_ties(known["maps"])), softmax, steps=STEPS)
    curves.update(inputs, classes)
    said = curves.summary()
    for metric in ("deletion", "insertion"):
        compare(row, tables, metric, "torchcam", said[f"{metric}_auc"], ours[metric].mean(), 1e-5)


def test_xplique(row, tables, known, ours):
    metrics = importlib.import_module("xplique.metrics")
    pixels, targets = known["dataset"].images().astype("float32"), np.eye(2, dtype="float32")[known["classes"]]
    given = known["twins"].keras_of_pixels, pixels, targets
    for metric, kind, name in (
        ("Average Drop", "AverageDropMetric", "AD"),
        ("Average Increase", "AverageIncreaseMetric", "Average Increase"),
        ("Average Gain", "AverageGainMetric", "Average Gain"),
    ):
        measured = getattr(metrics, kind)(*given, activation="softmax").detailed_evaluate(
            pixels, targets, known["maps"]
        )
        sentence = (
            "Both, of a map that is 0 somewhere. `_perturb_with_mask` takes it without its sign, from its minimum."
        )
        compare(row, tables, metric, "Xplique", measured, ours[name], 1e-5, sentence)
    for metric in ("deletion", "insertion"):
        kind = getattr(metrics, metric.title())
        measured = kind(*given, steps=STEPS, activation="softmax").evaluate(without_ties(known["maps"]))
        compare(row, tables, metric, "Xplique", measured, ours[metric].mean(), 1e-5)


def test_pytorch_grad_cam(row, tables, known, ours):
    kinds = importlib.import_module("pytorch_grad_cam.utils.model_targets")
    measures = importlib.import_module("pytorch_grad_cam.metrics.cam_mult_image")
    road = importlib.import_module("pytorch_grad_cam.metrics.road")
    arcc = importlib.import_module("pytorch_grad_cam.metrics.arcc")
    model, inputs = known["twins"].torch_of_pixels, channels_first(known["dataset"].images())
    targets = [kinds.ClassifierOutputSoftmaxTarget(int(one)) for one in known["classes"]]
    full = known["network"].score(known["dataset"].images())[1][np.arange(IMAGES), known["classes"]]
    falls = measures.DropInConfidence()(inputs, known["maps"], targets, model)
    compare(row, tables, "fall of the score", "pytorch-grad-cam", falls / full, ours["AD"], 1e-5)
    more = measures.IncreaseInConfidence()(inputs, known["maps"], targets, model)
    compare(row, tables, "Average Increase", "pytorch-grad-cam", more, ours["Average Increase"], 1e-5)
    untied, scaled = without_ties(known["maps"]), OfShares(model)
    percentiles = [100 * (1 - share) for share in faithfulness.ROAD_SHARES]
    theirs = road.ROADCombined(percentiles)(inputs[:4] / 255, untied[:4], targets[:4], scaled)
    compare(row, tables, "ROAD, combined", "pytorch-grad-cam", theirs, ours["ROAD, combined"][:4], NOISE)
    hidden = hidden_pixels(untied)
    expected = imputation.noisy_linear(known["dataset"].images([0]), hidden[None], noise=0)[0]
    imputed = road.NoisyLinearImputer(noise=0)(inputs[0] / 255, torch.from_numpy(1 - np.float32(hidden)))
    imputed = 255 * imputed.numpy().transpose(1, 2, 0)
    compare(row, tables, "ROAD, imputed pixels", "pytorch-grad-cam", imputed, expected, imputation.TOLERANCE)
    correlation = (arcc.batch_pearson_coherency(known["maps"], redrawn(known)) + 1) / 2
    compare(row, tables, "coherency", "pytorch-grad-cam", correlation, ours["coherency"], 1e-5)
    compare(row, tables, "complexity", "pytorch-grad-cam", arcc.Complexity()(known["maps"]), ours["opacity"], 1e-5)


class OfShares(torch.nn.Module):
    """A network of pixels that takes them from 0 to 1, as noise of 0.01 is meant."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, shares):
        return self.model(255 * shares)


def hidden_pixels(maps, share=0.5):
    """The first share of the pixels of the first map, boolean (H, W)."""
    return maps[0] > np.quantile(maps[0], 1 - share)


def redrawn(known):
    """The maps (N, H, W) from 0 to 1 of Grad-CAM of the faded images."""
    faded = masks.fade(known["dataset"].images().astype("float32"), known["maps"])
    explained = evaluation.explain_batch(known["network"], faded, known["classes"], IMAGES)
    again = evaluation.upsampled(cams.METHODS["Grad-CAM"](explained), (SIZE, SIZE))
    return masks.scaled_to_peak(again)


def test_quantus(row, tables, known):
    quantus = importlib.import_module("quantus")
    perturbing = importlib.import_module("quantus.functions.perturb_func")
    pixels, untied = known["dataset"].images().astype("float32"), without_ties(known["maps"])
    hidden = hidden_pixels(untied)
    expected = imputation.noisy_linear(pixels[:1], hidden[None], noise=0)[0]
    imputed = perturbing.noisy_linear_imputation(pixels[0].transpose(2, 0, 1), np.flatnonzero(hidden), noise=0)
    imputed = imputed.transpose(1, 2, 0)
    compare(row, tables, "ROAD, imputed pixels", "Quantus", imputed, expected, imputation.TOLERANCE)
    grey = pixels.mean(axis=3, keepdims=True)
    percentages = [20, 50, 80]
    metric = quantus.ROAD(percentages=percentages, noise=0.0, disable_warnings=True, display_progressbar=False)
    given = {"y_batch": known["classes"], "a_batch": untied[:, None], "device": "cpu"}
    said = metric(model=OfGrey(known["twins"].torch_of_pixels).eval(), x_batch=grey.transpose(0, 3, 1, 2), **given)
    right = []
    for share in percentages:
        gone = np.stack([one > np.sort(one, axis=None)[-1 - int(one.size * share / 100)] for one in untied])
        left = imputation.noisy_linear(grey, gone, noise=0).repeat(3, axis=3)
        right.append((known["network"].score(left)[0].argmax(axis=1) == known["classes"]).mean())
    compare(row, tables, "ROAD, accuracy", "Quantus", [said[share] for share in percentages], right, 1e-6)
    with pytest.raises(IndexError):  # if not, Quantus has changed: take colours
        quantus.ROAD(percentages=percentages, disable_warnings=True, display_progressbar=False)(
            model=known["twins"].torch_of_pixels, x_batch=pixels.transpose(0, 3, 1, 2), **given
        )


class OfGrey(torch.nn.Module):
    """A network of pixels that takes one channel for three."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, grey):
        return self.model(grey.repeat(1, 3, 1, 1))


def test_adcc_of_its_authors(row, tables, known, ours):
    """By hand, from what their code computes: softmax, Pearson's correlation, the mean of the map, a harmonic mean."""
    library = "ADCC's authors, by hand"
    again, flat = redrawn(known), known["maps"].reshape(IMAGES, -1).astype("float64")
    pairs = zip(flat, again.reshape(IMAGES, -1), strict=True)
    coherency = np.array([(1 + np.corrcoef(one, other)[0, 1]) / 2 for one, other in pairs])
    pixels = known["dataset"].images() * np.float32(1)
    shares = known["maps"][..., None]
    numbers = {}
    for name, inputs in (("pixels", prepared(pixels * shares)), ("prepared", prepared(pixels) * shares)):
        full, after = (softmax_of(known, images) for images in (prepared(pixels), inputs))
        drop = np.maximum(0, full - after) / full
        numbers[name] = 3 / (1 / (1 - drop) + 1 / (1 - flat.mean(axis=1)) + 1 / coherency)
    compare(row, tables, "ADCC", library, numbers["pixels"], ours["ADCC"], 1e-5)
    compare(row, tables, "ADCC, prepared images", library, numbers["prepared"], ours["ADCC"], None)


def softmax_of(known, inputs):
    """The softmax of the explained class of each prepared image, (N,) float64."""
    with torch.no_grad():
        logits = known["twins"].torch(channels_first(inputs)).double()
    return torch.softmax(logits, dim=1)[torch.arange(IMAGES), torch.as_tensor(known["classes"])].numpy()
