"""Other libraries that draw the same maps, timed against ours on the same network, images and batches.

None of them is needed for anything else. `make benchmark` puts the versions of benchmark-requirements.txt into a folder
of their own, LIBRARIES, and what cannot be imported from there is a row that says so.
"""

import importlib
import sys
import time

import numpy as np

from black_average_drop import cams, evaluation, masks
from black_average_drop.benchmark.timing import Seconds, in_turns, ratio, row
from black_average_drop.files import ROOT

LIBRARIES = ROOT / "build" / "benchmark" / "libraries"
# How many times slower than ours a library is to be, at least; for Xplique, which compiles its gradients, none is set.
SPEEDUP = {"tf-keras-vis": 3, "Xplique": None}


def rows(model, network, images, batch_size, rounds):
    """The rows of all comparators: tables by tf-keras-vis and Xplique, maps by torchcam.

    Args:
        model: a flat Keras model that ends in logits, which tf-keras-vis needs.
        network: the `networks.CamNetwork` of it.
        images: pixels (N, H, W, 3).
        batch_size: how many images go through the network at a time.
        rounds: how often each side runs.
    """
    tables = []
    for library, maker in (("tf-keras-vis", _tf_keras_vis), ("Xplique", _xplique)):
        tables += _or_reason(
            f"{library}, the same Table 1",
            SPEEDUP[library],
            lambda library=library, maker=maker: _table_rows(
                library, maker(model, network), model, network, images, batch_size, rounds
            ),
        )
    return tables + _or_reason("torchcam, the maps alone", None, lambda: _torchcam_rows(network, images, rounds))


def _or_reason(name, least, rows_of):
    """The rows, or one that says why there are none: a missing or unfit library must not end the benchmark."""
    try:
        return rows_of()
    except Exception as problem:
        reason = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
        return [row(name, np.nan, "ratio", "ours", least=least, note=f"not measured: {reason}")]


def _module(name):
    """A module of a comparator. What the environment has, too, comes from the environment."""
    if LIBRARIES.is_dir() and str(LIBRARIES) not in sys.path:
        sys.path.append(str(LIBRARIES))
    return importlib.import_module(name)


def _tf_keras_vis(model, network):
    """(name of the map -> function of pixels and classes giving maps (n, H, W)); scores are the logits."""
    gradcam, scores = _module("tf_keras_vis.gradcam"), _module("tf_keras_vis.utils.scores")
    place = {"penultimate_layer": network.layer, "seek_penultimate_conv_layer": False}

    def drawn_by(explainer):
        return lambda pixels, classes: explainer(scores.CategoricalScore(classes.tolist()), pixels, **place)

    return {
        "Grad-CAM": drawn_by(gradcam.Gradcam(model)),
        "Grad-CAM++": drawn_by(gradcam.GradcamPlusPlus(model)),
    }


def _xplique(model, network):
    """As `_tf_keras_vis`. Its explainers split into batches by themselves: they get one at a time here, like others."""
    attributions = _module("xplique.attributions")

    def drawn_by(explainer):
        targets = np.eye(network.classes, dtype="float32")
        return lambda pixels, classes: np.asarray(explainer(pixels, targets[classes]))[..., 0]

    settings = {"batch_size": None, "conv_layer": network.layer}
    return {
        "Grad-CAM": drawn_by(attributions.GradCAM(model, **settings)),
        "Grad-CAM++": drawn_by(attributions.GradCAMPP(model, **settings)),
    }


def _table_rows(library, explainers, model, network, images, batch_size, rounds):
    """Two rows of one library, against `evaluation.evaluate` with the paper's three methods.

    Neither library draws CAM. A user who does not know that it is Grad-CAM there puts a third map in its place, which
    costs as much: the first row. The second row leaves that out, as if the library knew what ours finds out.
    """
    methods = cams.chosen(cams.PAPER_METHODS)
    twice = []  # what the second Grad-CAM of each round took

    def ours():
        return evaluation.evaluate(network, images, methods, batch_size=batch_size)

    def theirs():
        _, _, seconds = _table(explainers, model, images, batch_size)
        twice.append(seconds)

    for explainer in explainers.values():
        explainer(images[:batch_size], np.zeros(len(images[:batch_size]), int))
    model.predict(images[:batch_size], batch_size=batch_size, verbose=0)
    ours()
    spent = in_turns({"ours": ours, "theirs": theirs}, rounds)
    once = Seconds(*(spent["theirs"] - np.transpose(twice)))
    likeness = _likeness(explainers, network, images[:batch_size])
    name = f"{library}, the same Table 1"
    settings = {"least": SPEEDUP[library], "of": "ours, all of it"}
    return [
        ratio(name, spent["theirs"], spent["ours"], note=f"Grad-CAM drawn again for CAM; {likeness}", **settings),
        ratio(
            f"{name}, Grad-CAM serving as CAM",
            one=once,
            other=spent["ours"],
            note="as if it knew that both are one map behind this head",
            **settings,
        ),
    ]


def _table(explainers, model, images, batch_size):
    """Table 1 as one writes it with maps of another library: (alpha, name -> metric -> logits (N, C)), and seconds.

    The seconds are the wall and processor time that the map in the place of CAM took of it.
    """
    chunks = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
    classes = model.predict(images, batch_size=batch_size, verbose=0).argmax(axis=1)

    def maps_of(name):
        explainer = explainers[name]
        return np.concatenate([explainer(images[rows], classes[rows]) for rows in chunks])

    def answers_to(maps, alpha):
        masked = {
            "AD": lambda rows: masks.fade(images[rows], maps[rows]),
            "BAD": lambda rows: masks.blacken(images[rows], maps[rows], alpha),
        }
        return {
            metric: np.concatenate([model.predict(one(rows), batch_size=batch_size, verbose=0) for rows in chunks])
            for metric, one in masked.items()
        }

    maps = {name: maps_of(name) for name in explainers}
    curve = sum(masks.alpha_curve(images[r], {name: values[r] for name, values in maps.items()}) for r in chunks)
    alpha = masks.select_alpha(curve)
    logits = {name: answers_to(values, alpha) for name, values in maps.items()}
    started = time.perf_counter(), time.process_time()
    logits["CAM"] = answers_to(maps_of("Grad-CAM"), alpha)
    return alpha, logits, (time.perf_counter() - started[0], time.process_time() - started[1])


def _likeness(explainers, network, images):
    """How far their maps are ours, as text: the median correlation over the images.

    Each library has a kernel of its own to resize maps with. On this pooled head it does not matter that tf-keras-vis
    sums alpha over all positions.
    """
    methods = cams.chosen(["Grad-CAM", "Grad-CAM++ (normalised alpha)"])  # which tf-keras-vis draws, and Xplique nearly
    ours = evaluation.explain_all(network, images, methods, len(images))
    texts = []
    for name, method in zip(("Grad-CAM", "Grad-CAM++"), methods, strict=True):
        theirs = explainers[name](images, ours.classes)
        shown = evaluation.upsampled(ours.maps[method], images.shape[1:3])
        values = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(theirs, shown, strict=True)]
        texts.append(f"{np.median(values):.4f} ({name})")
    return f"median correlation of their maps with ours {', '.join(texts)}"


def _torchcam_rows(network, images, rounds):
    """The three maps from features on: torchcam on a torch head with the same weights, ours on the same features."""
    torch, methods = _module("torch"), _module("torchcam.methods")
    features, logits, _ = network.explain(images)
    classes = logits.argmax(axis=1)
    head = torch.nn.Sequential(
        torch.nn.Identity(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(*network.head_weights.shape),
    )
    with torch.no_grad():
        head[3].weight.copy_(torch.from_numpy(np.ascontiguousarray(network.head_weights.T)))
        head[3].bias.zero_()  # it moves no map
    channels_first = torch.from_numpy(np.ascontiguousarray(features.transpose(0, 3, 1, 2))).requires_grad_()

    def theirs():
        drawn = {}
        for name, kind in zip(cams.PAPER_METHODS, ("CAM", "GradCAM", "GradCAMpp"), strict=True):
            with getattr(methods, kind)(head, "0", *(["3"] if kind == "CAM" else [])) as extractor:
                scores = head(channels_first)
                drawn[name] = extractor(classes.tolist(), scores, normalized=False)[0].detach().numpy()
        return drawn

    def ours():
        explanation = evaluation.explain(network, features, logits, classes, images)
        return {name: method(explanation) for name, method in cams.chosen(cams.PAPER_METHODS).items()}

    drawn = theirs()
    apart = ", ".join(f"{_difference(drawn[name], maps):.1e} ({name})" for name, maps in ours().items())
    spent = in_turns({"ours": ours, "theirs": theirs}, max(rounds, 10))  # each takes milliseconds
    # The division that makes alpha of g^2 works on a copy there, alpha[mask].div_(...), and is lost.
    note = f"{len(images)} images' features; largest difference as a share of the peak {apart}"
    note += "; torchcam 0.5.0 weights Grad-CAM++ with relu(g)^3, not by eq. (7)-(8)"
    return [ratio("torchcam, the maps alone", spent["theirs"], spent["ours"], "ours, features to maps", note=note)]


def _difference(one, other):
    """The largest difference between maps (n, h, w), clipped and scaled to a peak of 1."""
    return float(np.abs(masks.scaled_to_peak(one) - masks.scaled_to_peak(other)).max())
