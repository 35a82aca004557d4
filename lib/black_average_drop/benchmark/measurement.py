"""What evaluation costs next to the forward passes that it cannot do without: `make benchmark`.

Every row is a ratio of two times, or two sizes, of the same run. Images are phantoms and weights random, which changes
no time, so that nothing has to be downloaded; with --data they are the photos and radiographs of `make data`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from black_average_drop import cams, evaluation, masks, networks
from black_average_drop.arrays import placed_with
from black_average_drop.artifact import allocator
from black_average_drop.benchmark import comparators, footprint
from black_average_drop.benchmark.timing import Seconds, bare_passes, in_turns, passes, ratio, row
from black_average_drop.datasets import catalogue

FURTHER_METHOD = "Ablation-CAM"  # its maps are none of the paper's, and it needs no pass of its own
# The network, its image size and target, and how many images in batches of how many.
NETWORKS = (("MobileNetV2", 224, 1.10, 100, 32), ("InceptionResNetV2", 299, 1.05, 24, 8))
BUSY = 0.85  # of the time, a GPU
ROUNDS = 3
SEED = 0  # of weights and phantoms


def logit_network(backbone, images, classes=1000):
    """A flat Keras model that ends in logits, and its `networks.CamNetwork`.

    Its weights are random, and its BatchNorm is set to the images. Otherwise features would shrink from layer to layer
    to numbers that processors are slow with.

    Args:
        backbone: a name in keras.applications.
        images: pixels (N, H, W, 3) like those to be evaluated.
        classes: how many logits there are.
    """
    keras.utils.set_random_seed(SEED)
    inputs = keras.Input(images.shape[1:])
    scaled = layers.Rescaling(1 / 127.5, -1)(inputs)
    trunk = getattr(keras.applications, backbone)(include_top=False, weights=None, input_tensor=scaled)
    logits = layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(trunk.output))
    model = keras.Model(inputs, logits)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    model(images[:16].astype("float32"), training=True)
    return model, networks.CamNetwork.from_model(model, activation="softmax")


def evaluation_rows(name, network, images, batch_size, rounds, most):
    """Evaluation against its bare passes, alpha against evaluation, and one more method against its own passes.

    Args:
        name: of the network.
        network: a `networks.CamNetwork`.
        images: pixels (N, H, W, 3).
        batch_size: how many images go through the network at a time.
        rounds: how often each side runs.
        most: the target of the first ratio.

    Returns:
        A row for each comparison, and one each for the forward passes and the images per second.
    """
    methods = cams.chosen(cams.PAPER_METHODS)
    further = cams.chosen([*cams.PAPER_METHODS, FURTHER_METHOD])
    explained = evaluation.explain_all(network, images, methods, batch_size)
    chunks = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]

    def alpha():
        for chunk in chunks:
            pixels, shown = network.placed(images[chunk]), {}
            for method in explained.distinct:
                low = placed_with(pixels, explained.maps[method][chunk])
                shown[method] = evaluation.upsampled(low, network.image_size)
            masks.alpha_curve(pixels, shown)

    sides = {
        "evaluation": lambda: evaluation.evaluate(network, images, methods, batch_size=batch_size),
        "bare": lambda: bare_passes(network, images, batch_size, masked=passes(explained) - 1),
        "further": lambda: evaluation.evaluate(network, images, further, batch_size=batch_size),
        "further, bare": lambda: bare_passes(network, images, batch_size, 0, len(evaluation.METRICS)),
        "alpha": alpha,
    }
    sides["bare"]()
    spent = in_turns(sides, rounds)
    added = Seconds(*(np.subtract(spent["further"], spent["evaluation"])))
    here = f"{name}, {len(images)} images of {network.image_size[0]} pixels in batches of {batch_size}"
    same = ", ".join(f"{method} is the map of {earlier}" for method, earlier in explained.same_as.items())
    rates = {side: float(np.median(len(images) / spent[side].wall)) for side in ("evaluation", "bare")}
    return [
        ratio(
            f"{name}: evaluation",
            one=spent["evaluation"],
            other=spent["bare"],
            of=f"its {passes(explained)} distinct forward passes an image",
            most=most,
            note=f"{here}; AD and BAD of {', '.join(methods)}; {same or 'all maps differ'}",
        ),
        ratio(f"{name}: all alphas together", spent["alpha"], spent["evaluation"], "evaluation", 0.1),
        ratio(
            f"{name}: one more method ({FURTHER_METHOD})",
            one=added,
            other=spent["further, bare"],
            of="its own 2 masked passes an image",
            note="the difference of two evaluations, so its range is wide",
        ),
        row(f"{name}: forward passes", rates["bare"] * passes(explained), "images/s"),
        row(f"{name}: evaluation, images", rates["evaluation"], "images/s"),
    ]


def as_it_comes_rows(name, images, batch_size, rounds, scratch):
    """The rows of `comparators` again, of a process whose memory the C library manages by itself.

    The settings of `allocator` help those libraries as much as ours, and nobody has to use them.

    Args:
        name, images, batch_size, rounds: as for `evaluation_rows`.
        scratch: a folder for the images.

    Returns:
        The rows; none where there is nothing to set.

    Raises:
        RuntimeError: if the process fails.
    """
    if not allocator.settings({}):
        return []
    file = Path(scratch) / "images.npy"
    np.save(file, images)
    code = "import sys; from black_average_drop.benchmark import measurement as m; m.print_comparison(*sys.argv[1:])"
    command = [sys.executable, "-c", code, name, file, str(batch_size), str(rounds)]
    environment = {**os.environ, allocator.VARIABLE: ""}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("The comparison without the settings of allocator.py failed: see above.")
    rows = json.loads(done.stdout.splitlines()[-1])
    return [one | {"row": f"{one['row']}, memory as it comes"} for one in rows]


def print_comparison(name, file, batch_size, rounds):
    """Print the rows of `comparators` for images in an .npy file as JSON, in a line of its own."""
    images = np.load(file)
    model, network = logit_network(name, images)
    print(json.dumps(comparators.rows(model, network, images.astype("float32"), int(batch_size), int(rounds))))


def measure(data, scratch, rounds=ROUNDS):
    """Yield all rows, the slow ones last.

    Args:
        data: the data root, or "" for phantoms.
        scratch: a folder for images.
        rounds: how often each side of a comparison runs.
    """
    for name, side, most, count, batch_size in NETWORKS:
        size = (side, side)
        if data:
            photos = catalogue.load("imagenet", "test", size, data, count)
        else:
            photos = footprint.files("phantom objects", count, size, Path(scratch) / name)
        images = photos.images()
        model, network = logit_network(name, images)
        yield from evaluation_rows(name, network, images, batch_size, rounds, most)
        for precision in ("float32", "mixed_float16") if network.on_accelerator else ("float32",):
            tried = networks.CamNetwork.from_model(model, activation="softmax", precision=precision)
            yield footprint.gpu_row(f"{name} in {precision}", tried, photos, batch_size, BUSY)
        if name == NETWORKS[0][0]:
            yield footprint.reading_row(network, photos, batch_size, rounds)
            yield from comparators.rows(model, network, images.astype("float32"), batch_size, rounds)
            yield from as_it_comes_rows(name, images, batch_size, rounds, scratch)
    keras.backend.clear_session()
    batch_size, steps, size = 32, 9, (224, 224)
    if data:
        radiographs = catalogue.load("chest_xray", "train", size, data, steps * batch_size)
    else:
        radiographs = footprint.files("phantom radiographs", batch_size, size, scratch)
        radiographs = radiographs.subset(np.resize(np.arange(batch_size), steps * batch_size))
    yield footprint.training_row(radiographs, batch_size, steps, rounds, 1.05)
    yield from footprint.memory_rows((100, 1_000, 10_000), 1.10)
    yield from footprint.reproduce_rows()
