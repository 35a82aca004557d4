"""The rows of `make benchmark` written down, with what was so when they were measured."""

import contextlib
import datetime
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop.artifact.code_hashes import module_sources
from black_average_drop.artifact.versions import surroundings
from black_average_drop.benchmark.measurement import ROUNDS, SEED
from black_average_drop.benchmark.timing import COLUMNS
from black_average_drop.files import ROOT, replacing, sha256
from black_average_drop.hardware import devices

RESULTS = ROOT / "paper_figures" / "benchmark"
FILES = ("benchmark.csv", "benchmark.md", "costs.md")
PACKAGES = ("tensorflow", "keras", "numpy", "tf-keras-vis", "xplique", "torch", "torchcam")
CHESTXRAY14 = 112_120  # images
WORKERS = 16


def costs(rows):
    """What all of ChestX-ray14 takes, as lines of Markdown: three methods and both metrics, at the rates in rows."""
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
    """Write benchmark.csv, benchmark.md and costs.md.

    Args:
        rows: what `timing.row` gives, in their order.
        results: the folder.

    Returns:
        The text of the last two.
    """
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
    """What a record says of a measurement that is about to begin; data: as for `measurement.measure`."""
    parameters = {"images": "of DATA" if data else "phantoms", "rounds": ROUNDS, "seed": SEED}
    return surroundings() | {"parameters": parameters, "sources": module_sources("benchmark")}


def record(made, results=RESULTS):
    """Write benchmark.json: what was so when the files next to it were measured, and their checksums.

    Args:
        made: what `circumstances` gives, with the versions of the libraries that were compared.
        results: the folder.

    Returns:
        The record.
    """
    content = made | {"inputs": {}, "outputs": {name: sha256(Path(results) / name) for name in FILES}}
    with replacing(Path(results) / "benchmark.json") as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def library_versions():
    """Name -> version of the packages that are compared, as far as they are installed."""
    installed = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed


def _machine():
    """A sentence on when, where and with what something was measured."""
    named = {"Python": platform.python_version(), **library_versions()}
    listed = ", ".join(f"{name} {number}" for name, number in named.items())
    found = ", ".join(devices())
    return f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, computing on {found}. {listed}."
