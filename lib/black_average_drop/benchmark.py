"""What evaluation costs beside the forward passes that it cannot do without: `make benchmark`.

Every row is a ratio of two times, or two sizes, of the same run. Images are phantoms and weights random, which changes
no time, so that nothing has to be downloaded; with --data they are the photos and radiographs of `make data`.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from black_average_drop import cams, comparators, evaluation, footprint, masks, networks
from black_average_drop.arrays import placed_with
from black_average_drop.artifact import allocator
from black_average_drop.artifact.sources import check_sources, module_sources
from black_average_drop.artifact.versions import surroundings
from black_average_drop.datasets import catalogue
from black_average_drop.files import ROOT, replacing, sha256
from black_average_drop.timing import COLUMNS, Seconds, bare_passes, in_turns, passes, ratio, row

RESULTS = ROOT / "paper_figures" / "benchmark"
FURTHER_METHOD = "Ablation-CAM"  # its maps are none of the paper's, and it needs no pass of its own
# The network, its image size and target, and how many images in batches of how many.
NETWORKS = (("MobileNetV2", 224, 1.10, 100, 32), ("InceptionResNetV2", 299, 1.05, 24, 8))
BUSY = 0.85  # of the time, a GPU
CHESTXRAY14 = 112_120  # images
WORKERS = 16
ROUNDS = 3
SEED = 0  # of weights and phantoms
FILES = ("benchmark.csv", "benchmark.md", "costs.md")
PACKAGES = ("tensorflow", "keras", "numpy", "tf-keras-vis", "xplique", "torch", "torchcam")


def logit_network(backbone, images, classes=1000):
    """A flat Keras model ending in logits, and its `networks.CamNetwork`, for pixels (N, H, W, 3) like these.

    Its weights are random, and its batch normalisation is set to the images: otherwise features would shrink from layer
    to layer to numbers that processors are slow with.
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
    """Evaluation against its bare passes, alpha against evaluation, one more method against its own passes, and the
    images per second of both. name: of the network; images: pixels (N, H, W, 3); most: the target."""
    methods = cams.chosen(cams.PAPER_METHODS)
    further = cams.chosen([*cams.PAPER_METHODS, FURTHER_METHOD])
    found = evaluation.explain_all(network, images, methods, batch_size)
    distinct = {method: maps for method, maps in found.maps.items() if method not in found.same_as}
    chunks = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]

    def alpha():
        for chunk in chunks:
            pixels, shown = network.placed(images[chunk]), {}
            for method, maps in distinct.items():
                shown[method] = evaluation.upsampled(placed_with(pixels, maps[chunk]), network.image_size)
            masks.alpha_curve(pixels, shown)

    sides = {
        "evaluation": lambda: evaluation.evaluate(network, images, methods, batch_size=batch_size),
        "bare": lambda: bare_passes(network, images, batch_size, masked=passes(found) - 1),
        "further": lambda: evaluation.evaluate(network, images, further, batch_size=batch_size),
        "further, bare": lambda: bare_passes(network, images, batch_size, 0, len(evaluation.METRICS)),
        "alpha": alpha,
    }
    sides["bare"]()
    spent = in_turns(sides, rounds)
    added = Seconds(*(np.subtract(spent["further"], spent["evaluation"])))
    here = f"{name}, {len(images)} images of {network.image_size[0]} pixels in batches of {batch_size}"
    same = ", ".join(f"{method} is the map of {earlier}" for method, earlier in found.same_as.items())
    rates = {side: float(np.median(len(images) / spent[side].wall)) for side in ("evaluation", "bare")}
    return [
        ratio(
            f"{name}: evaluation",
            *(spent["evaluation"], spent["bare"]),
            f"its {passes(found)} distinct forward passes an image",
            most,
            note=f"{here}; AD and BAD of {', '.join(methods)}; {same or 'all maps differ'}",
        ),
        ratio(f"{name}: all alphas together", spent["alpha"], spent["evaluation"], "evaluation", 0.1),
        ratio(
            f"{name}: one more method ({FURTHER_METHOD})",
            *(added, spent["further, bare"]),
            "its own 2 masked passes an image",
            note="the difference of two evaluations, so its range is wide",
        ),
        row(f"{name}: forward passes", rates["bare"] * passes(found), "images/s"),
        row(f"{name}: evaluation, images", rates["evaluation"], "images/s"),
    ]


def as_it_comes_rows(name, images, batch_size, rounds, scratch):
    """The rows of `comparators` once more, of a process whose memory the C library manages by itself: the settings of
    `allocator` gain those libraries as much as ours, and nobody need use them. None where there is nothing to set.

    Arguments as of `evaluation_rows`; scratch: a folder for the images. Raises RuntimeError where the process fails.
    """
    if not allocator.settings({}):
        return []
    file = Path(scratch) / "images.npy"
    np.save(file, images)
    code = "import sys; from black_average_drop import benchmark; benchmark.print_comparison*sys.argv[1:]"

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


def costs(rows):
    """What all of ChestX-ray14 takes, as lines of Markdown: three methods, both metrics, at the rates in rows."""
    images = {row["row"].split(":")[0]: row["value"] for row in rows if row["row"].endswith(": evaluation, images")}
    each = 5  # passes: CAM and Grad-CAM are one map
    lines = [
        f"ChestX-ray14 has {CHESTXRAY14:,} images. Three methods, of which two draw the same map, and both metrics are "
        f"{each} forward passes an image, {CHESTXRAY14 * each:,} in all. At the rate of evaluation on this machine:",
        "",
        f"| network | images/s | one worker, hours | {WORKERS} such workers, hours |",
        "|---|---|---|---|",
    ]
    for name, rate in images.items():
        hours = CHESTXRAY14 / rate / 3600
        lines.append(
            f"| {name} | {rate:.2f} | {CHESTXRAY14:,} / {rate:.2f} / 3,600 = {hours:.2f} | "
            f"{hours:.2f} / {WORKERS} = {hours / WORKERS:.2f} |"
        )
    return [
        *lines,
        "",
        "On one GPU nothing was measured. As long as reading the images keeps up, it takes "
        f"{CHESTXRAY14 * each:,} / (forward passes a second of the network on that GPU) / 3,600 hours.",
    ]


def write(rows, results=RESULTS):
    """Write benchmark.csv, benchmark.md and costs.md, and return the text of the last two."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    with replacing(Path(results) / "benchmark.csv") as partial:
        table.to_csv(partial, index=False, float_format="%.4g")
    lines = [
        "# Benchmark",
        "",
        _machine(),
        "",
        "| what | against | value | target | met |",
        "|---|---|---|---|---|",
    ]
    notes = []
    for one in rows:
        span = "" if np.isnan(one["low"]) else f" [{one['low']:.3g}, {one['high']:.3g}]"
        value = "–" if np.isnan(one["value"]) else f"{one['value']:.3g}{span}"
        unit = "" if one["unit"] == "ratio" else f" {one['unit']}"
        cells = (one["row"], one["of"], value + unit, one["target"], one["met"])
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        notes += [f"- {one['row']}: {one['note']}."] if one["note"] else []
    lines += [
        "",
        "Values are ratios where no unit is named: medians over rounds in which both sides ran in turns, with their "
        "smallest and largest. Memory as it comes: both sides in a process without the settings of `allocator.py`.",
        "",
        "## Notes",
        "",
        *notes,
    ]
    texts = {"benchmark.md": lines, "costs.md": ["# On paper: all of ChestX-ray14", "", *costs(rows)]}
    for name, text in texts.items():
        with replacing(Path(results) / name) as partial:
            partial.write_text("\n".join(text) + "\n", encoding="utf-8")
    return "\n".join([*lines, "", *texts["costs.md"]])


def circumstances(data):
    """What a record says of a measurement that is about to begin; data: as of `measure`."""
    parameters = {"images": "of DATA" if data else "phantoms", "rounds": ROUNDS, "seed": SEED}
    return surroundings() | {"parameters": parameters, "sources": module_sources("benchmark")}


def record(made, results=RESULTS):
    """Write benchmark.json, what was so when the files beside it were measured and their checksums, and return it.

    made: as of `circumstances`, with the versions of the libraries that were compared."""
    content = made | {"inputs": {}, "outputs": {name: sha256(Path(results) / name) for name in FILES}}
    with replacing(Path(results) / "benchmark.json") as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def _versions():
    """Of the packages that are compared, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _machine():
    versions = {"Python": platform.python_version(), **_versions()}
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    devices = ", ".join(keras.distribution.list_devices())
    return f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, computing on {devices}. {listed}."


def measure(data, scratch, rounds=ROUNDS):
    """Yield all rows, the slow ones last; data: the data root, or "" for phantoms; scratch: a folder for images."""
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


def main():
    """The command line: python -m black_average_drop.benchmark [--data folder]."""
    parser = argparse.ArgumentParser(prog="black_average_drop.benchmark", description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="", help="the folder of `make data`, for photos and radiographs")
    arguments = parser.parse_args()
    rows, made = [], circumstances(arguments.data)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for one in measure(arguments.data, scratch):
                rows.append(one)
                print(f"{one['row']}: {one['value']:.3g} {one['unit']}", file=sys.stderr, flush=True)
        check_sources(module_sources("benchmark"))
    except (ValueError, FileNotFoundError, RuntimeError) as problem:
        sys.exit(str(problem))
    print(write(rows))
    record(made | {"versions": made["versions"] | _versions()})


if __name__ == "__main__":
    main()
