"""What evaluation stands next to: reading images, training on them, memory, and a whole `make reproduce`."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from black_average_drop import cams, evaluation, networks
from black_average_drop.benchmark.timing import Seconds, bare_passes, in_turns, ratio, row
from black_average_drop.datasets import catalogue, folder
from black_average_drop.files import ROOT
from black_average_drop.training import augmentation
from black_average_drop.training.batches import ShuffledBatches

SIDES = {"phantom objects": 500, "phantom radiographs": 1024}  # pixels, about those of photos and of radiographs


def files(phantoms, count, size, scratch):
    """A data set of phantoms that are read from JPEG files.

    Args:
        phantoms: a name in `catalogue.PHANTOMS` that SIDES has.
        count: how many are drawn.
        size: (H, W), to which they are resized when they are read.
        scratch: the folder below which the files are written.

    Returns:
        A `Dataset`.
    """
    side = SIDES[phantoms]
    drawn = catalogue.load(phantoms, "test", (side, side), count=count)
    root = Path(scratch) / phantoms
    for number, (position, label) in enumerate(zip(drawn.positions, drawn.labels, strict=True)):
        place = root / drawn.class_names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.read(position)).save(place / f"{number}.jpg", quality=90)
    return folder.load(root, size)


def reading_row(network, dataset, batch_size, rounds):
    """A row: decoding and resizing the images of a `Dataset` against evaluating them."""
    images, methods = dataset.images(), cams.chosen(cams.PAPER_METHODS)
    sides = {
        "reading": lambda: [len(batch) for batch in dataset.batches(batch_size)],
        "evaluation": lambda: evaluation.evaluate(network, images, methods, batch_size=batch_size),
    }
    spent = in_turns(sides, rounds)
    note = f"one reading of {len(dataset)} files by {os.cpu_count()} threads; evaluation reads twice"
    return ratio("Reading images", spent["reading"], spent["evaluation"], "evaluation", note=note)


def training_row(dataset, batch_size, steps, rounds, most):
    """A row: a training step on batches as `training.fit` reads them, augmented, against the same on kept batches."""
    model = networks.build("MobileNetV2", dataset.size, dataset.class_names, "softmax")
    model.compile("adam", "sparse_categorical_crossentropy")
    batches = ShuffledBatches(dataset.in_memory(), batch_size, 0, augmentation.radiograph)
    kept = [batches[index] for index in range(steps)]
    model.train_on_batch(*kept[0])

    def train(source):
        for index in range(1, steps):
            model.train_on_batch(*source[index])

    seconds = {"files": [], "kept": []}
    for number in range(rounds):
        batches.start(number)
        batches[0]  # the first batch of an epoch, which nothing could read ahead
        spent = in_turns({"files": lambda: train(batches), "kept": lambda: train(kept)}, 1)
        for side in seconds:
            seconds[side].append(np.ravel(spent[side]))
    spent = {side: Seconds(*np.transpose(rounds_of_one)) for side, rounds_of_one in seconds.items()}
    note = (
        f"MobileNetV2 at {dataset.size[0]}, {steps - 1} steps of {batch_size} images, decoded before, augmented again"
    )
    return ratio(
        "Training step, real input", spent["files"], spent["kept"], "the same steps on kept batches", most, note=note
    )


def gpu_row(name, network, dataset, batch_size, least, count=2000):
    """A row: how busy evaluation keeps the GPU, as nvidia-smi tells ten times a second.

    Args:
        name: of the network.
        network: a `networks.CamNetwork`.
        dataset: a `Dataset`, whose images are evaluated again and again.
        batch_size: how many images go through the network at a time.
        least: the target, a share of the time.
        count: how many images are evaluated.
    """
    title = f"{name}: GPU busy in evaluation"
    if not network.on_accelerator or shutil.which("nvidia-smi") is None:
        return row(title, np.nan, "of the time", least=least, note="not measured: no GPU here")
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=100"]
    methods = cams.chosen(cams.PAPER_METHODS)
    evaluation.evaluate(network, dataset.batches(batch_size), methods, batch_size=batch_size)  # compiles
    many = dataset.subset(np.resize(np.arange(len(dataset)), count))
    with subprocess.Popen(query, stdout=subprocess.PIPE, text=True) as asked:
        started = time.perf_counter()
        evaluation.evaluate(network, many.batches(batch_size), methods, batch_size=batch_size)
        rate = count / (time.perf_counter() - started)
        asked.terminate()
        shares = np.array(asked.stdout.read().split(), float) / 100
    note = f"{len(shares)} samples, {count} images read from files, {rate:.1f} a second"
    return row(title, shares.mean(), "of the time", least=least, note=note)


def memory_rows(counts, most, size=96):
    """Two rows: the peak memory with the most images by that with the fewest, and what each further image adds.

    Args:
        counts: of images, a process each, from the fewest to the most.
        most: the target of the first ratio.
        size: of an image along each side, in pixels.
    """
    peaks = {}
    for count in counts:
        code = f"from black_average_drop.benchmark import footprint; print(*footprint.peak_memory({count}, {size}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment(ROOT))
        if done.returncode:
            raise RuntimeError(f"Evaluating {count} images failed: {done.stderr.strip().splitlines()[-1]}")
        peaks[count] = np.array(done.stdout.split()[-2:], float)
    fewest, most_images = counts[0], counts[-1]
    growth = (peaks[most_images][1] - peaks[fewest][1]) * 1024**2 / (most_images - fewest)
    listed = "; ".join(f"{n:,} images: {after:.0f} MB, {after - start:.0f} more" for n, (start, after) in peaks.items())
    share = growth / (3 * size**2)
    return [
        row(
            f"Peak memory, {most_images:,} images",
            peaks[most_images][1] / peaks[fewest][1],
            "ratio",
            f"that of {fewest} images",
            most,
            note=f"{listed} than with the network loaded and used; small CNN, {size} pixels; a process each",
        ),
        row(
            "Memory that a further image takes",
            share,
            "ratio",
            "its pixels, uint8",
            note=f"{growth / 1024:.1f} KB: maps before upsampling, and its rows of the table",
        ),
    ]


def peak_memory(count, size, batch_size=32):
    """Peak memory of this process in MiB: with the network used once, and after images drawn as they are evaluated.

    Args:
        count: how many images are evaluated.
        size: of an image along each side, in pixels.
        batch_size: how many images go through the network at a time.
    """

    class Drawn:
        total = count

        def __iter__(self):
            generator = np.random.default_rng(0)
            for start in range(0, count, batch_size):
                yield generator.integers(0, 256, (min(batch_size, count - start), size, size, 3), dtype="uint8")

    network = networks.CamNetwork.from_model(networks.build("small_cnn", (size, size), ["a", "b"], "softmax"))
    bare_passes(network, next(iter(Drawn())), batch_size, masked=1)
    before = peak_so_far()
    evaluation.evaluate(network, Drawn(), cams.chosen(cams.PAPER_METHODS), batch_size=batch_size)
    return before, peak_so_far()


def peak_so_far():
    """The most memory of this process, in MiB, read where Linux says it: that of getrusage began with its parent."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def reproduce_rows(profile="smoke"):
    """Three rows of `make reproduce` in a copy of the checkout: from nothing, and again when nothing is to be done."""
    seconds = {}
    with tempfile.TemporaryDirectory() as copy:
        for part in ("lib", "notebooks"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
            shutil.copytree(ROOT / part, Path(copy) / part, ignore=ignored)
        shutil.copy(ROOT / "requirements.lock", copy)
        command = [sys.executable, "-m", "black_average_drop.artifact", "run", "--profile", profile]
        for run in ("cold", "warm"):
            started = time.perf_counter()
            done = subprocess.run(command, cwd=copy, env=_environment(Path(copy)), capture_output=True, text=True)
            seconds[run] = time.perf_counter() - started
            if done.returncode:
                raise RuntimeError(f"The {run} run of the {profile} profile failed: {done.stderr.strip()[-500:]}")
    name = f"make reproduce PROFILE={profile}"
    return [
        row(f"{name}, cold", seconds["cold"] / 60, "minutes", note="the environment is there already"),
        row(f"{name}, warm", seconds["warm"], "seconds", note="nothing is stale"),
        row(f"{name}, warm", seconds["warm"] / seconds["cold"], "ratio", "cold"),
    ]


def _environment(root):
    """That of this process, in which the package comes from a checkout."""
    return {**os.environ, "PYTHONPATH": str(root / "lib"), "JUPYTER_PREFER_ENV_PATH": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
