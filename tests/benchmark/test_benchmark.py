"""The rows of `make benchmark`: what is counted, computed and written. How long anything takes is no test."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, evaluation, networks
from black_average_drop.artifact import code_hashes, verify, versions
from black_average_drop.benchmark import command, comparators, footprint, measurement, report, timing
from black_average_drop.datasets import phantoms
from black_average_drop.files import ROOT
from closeness import DEEP, assert_close

RATES = [
    timing.row("MobileNetV2: forward passes", 500.0, "images/s"),
    timing.row("MobileNetV2: evaluation, images", 100.0, "images/s"),
]


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model, activation="softmax")


def test_bare_passes_are_the_whole_image_and_each_distinct_masked_one(network, pixels, monkeypatch):
    explained = evaluation.explain_all(network, pixels, cams.chosen(cams.PAPER_METHODS), 4)
    assert explained.same_as == {"Grad-CAM": "CAM"} and timing.passes(explained) == 5
    sizes = {"explain": [], "score": []}
    for name, seen in sizes.items():
        monkeypatch.setattr(network, name, lambda batch, seen=seen: seen.append(len(batch)))
    timing.bare_passes(network, pixels, 4, masked=4)
    assert sizes == {"explain": [4] * 3, "score": [4] * 12}  # 10 images fill three batches of 4


def test_sides_take_turns_and_change_who_begins():
    calls = []
    spent = timing.in_turns({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    assert "".join(calls) == "abbaab"
    assert {name: seconds.wall.shape for name, seconds in spent.items()} == {"a": (3,), "b": (3,)}


@pytest.mark.parametrize(
    "target, met",
    [({"most": 2.5}, "yes"), ({"most": 1.9}, "no"), ({"least": 2}, "yes"), ({"least": 2.1}, "no"), ({}, "")],
)
def test_ratio_is_the_median_over_rounds_with_its_range(target, met):
    one, other = (timing.Seconds(np.array(wall), np.ones(3)) for wall in ([2.0, 30.0, 4.0], [2.0, 3.0, 2.0]))
    ratio = timing.ratio("a row", one, other, "the other", **target)
    assert (ratio["low"], ratio["value"], ratio["high"], ratio["met"]) == (1, 2, 10, met)
    assert list(ratio) == timing.COLUMNS


def test_missing_library_is_a_row_that_says_so(network, small_model, pixels, monkeypatch, tmp_path):
    monkeypatch.setattr(comparators, "LIBRARIES", tmp_path)
    for name in ("tf_keras_vis.gradcam", "xplique.attributions", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    rows = comparators.rows(small_model, network, pixels.astype("float32"), 4, 1)
    assert [one["row"].split(",")[0] for one in rows] == ["tf-keras-vis", "Xplique", "torchcam"]
    assert [one["met"] for one in rows] == ["not measured", "", ""]
    for one, name in zip(rows, ("tf_keras_vis", "xplique", "torch"), strict=True):
        assert np.isnan(one["value"]) and "not measured: ModuleNotFoundError" in one["note"] and name in one["note"]


def test_comparison_is_made_again_in_a_process_without_the_settings(generator, monkeypatch, tmp_path):
    pixels, asked = generator.integers(0, 256, (3, 64, 64, 3)).astype("uint8"), []

    def run(command, env, **_):
        monkeypatch.setattr(sys, "argv", ["-c", *map(str, command[3:])])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(command[2], {})
        asked.append(env["GLIBC_TUNABLES"])
        return SimpleNamespace(returncode=0, stdout=f"chatter\n{out.getvalue()}")

    def rows(model, network, images, batch_size, rounds):
        assert network.image_size == (64, 64) and images.dtype == "float32" and (batch_size, rounds) == (4, 2)
        np.testing.assert_array_equal(images, pixels)
        return [timing.row("tf-keras-vis", 5.0, "ratio"), timing.row("torchcam", np.nan, "ratio")]

    monkeypatch.setattr(measurement.allocator, "settings", lambda environment: {"GLIBC_TUNABLES": "a=1"})
    monkeypatch.setattr(measurement.subprocess, "run", run)
    monkeypatch.setattr(comparators, "rows", rows)
    again = measurement.as_it_comes_rows("MobileNetV2", pixels, 4, 2, tmp_path)
    assert [one["row"] for one in again] == ["tf-keras-vis, memory as it comes", "torchcam, memory as it comes"]
    assert again[0]["value"] == 5 and np.isnan(again[1]["value"]) and asked == [""]
    monkeypatch.setattr(measurement.allocator, "settings", lambda environment: {})
    assert measurement.as_it_comes_rows("MobileNetV2", pixels, 4, 2, tmp_path) == []


def logits_model(small_model):
    """The same network, ending in logits: what the other libraries are given."""
    small_model.layers[-1].activation = lambda logits: logits
    return small_model


def test_table_of_another_library_is_ours_where_its_maps_are(network, small_model, pixels):
    """With our own maps in the place of theirs the table must be that of evaluation."""
    images, methods = pixels.astype("float32"), cams.chosen(cams.PAPER_METHODS)
    rows = evaluation.evaluate(network, images, methods, batch_size=4)
    explained = evaluation.explain_all(network, images, methods, 4)
    shown = {name: evaluation.upsampled(explained.maps[name], (32, 32)) for name in ("Grad-CAM", "Grad-CAM++")}

    def drawn_by(name):
        where = {image.tobytes(): row for row, image in enumerate(images)}
        return lambda batch, classes: np.stack([shown[name][where[image.tobytes()]] for image in batch])

    explainers = {name: drawn_by(name) for name in shown}
    alpha, logits, _ = comparators._table(explainers, logits_model(small_model), images, 4)
    assert alpha == rows["alpha"].iloc[0]
    assert set(logits) == set(methods)
    for (method, metric), part in rows.groupby(["method", "metric"]):
        theirs = logits[method][metric][np.arange(10), explained.classes]
        assert_close(theirs, part["masked_logit"])


@pytest.mark.parametrize("library, maker", [("tf_keras_vis", "_tf_keras_vis"), ("xplique", "_xplique")])
def test_maps_of_another_library_are_of_the_same_network(library, maker, network, small_model, pixels):
    try:
        explainers = getattr(comparators, maker)(logits_model(small_model), network)
    except ImportError:
        pytest.skip(f"{library} is no dependency: it is here only after make benchmark")
    images = pixels.astype("float32")
    explained = evaluation.explain_all(network, images, cams.chosen(["Grad-CAM"]))
    theirs = explainers["Grad-CAM"](images, explained.classes)
    ours = evaluation.upsampled(explained.maps["Grad-CAM"], (32, 32))
    lit = ours.max(axis=(1, 2)) > 0
    assert theirs.shape == ours.shape and lit.any()
    likeness = [
        np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(theirs[lit], ours[lit], strict=True)
    ]
    assert min(likeness) > 0.8  # each has a kernel of its own to resize 4 x 4 maps with


def test_evaluation_rows_name_what_they_divide_by(network, pixels):
    rows = measurement.evaluation_rows("small", network, pixels, 4, 1, 1.1)
    assert [one["row"].split(": ")[1] for one in rows] == [
        "evaluation",
        "all alphas together",
        "one more method (Ablation-CAM)",
        "forward passes",
        "evaluation, images",
    ]
    assert rows[0]["of"] == "its 5 distinct forward passes an image"
    assert [one["target"] for one in rows[:3]] == ["at most 1.1", "at most 0.1", ""]


def test_further_method_is_a_map_of_its_own(network, pixels):
    methods = cams.chosen([*cams.PAPER_METHODS, measurement.FURTHER_METHOD])
    assert timing.passes(evaluation.explain_all(network, pixels, methods)) == 7


def test_network_of_random_weights_does_not_fade_out():
    images = phantoms.objects(8, size=64).images()
    model, network = measurement.logit_network("MobileNetV2", images, classes=3)
    features, logits, _ = network.explain(images)
    assert 0.1 < features.mean() < 10
    assert_close(model.predict_on_batch(images.astype("float32")), logits, DEEP)


def test_gpu_is_asked_how_busy_it_is_while_images_are_evaluated(monkeypatch, tmp_path):
    images = phantoms.objects(3, size=64)
    network = networks.CamNetwork.from_model(networks.build("small_cnn", (64, 64), ("a", "b"), "softmax"))
    without = footprint.gpu_row("small", network, images, 4, 0.85)
    assert np.isnan(without["value"]) and without["note"] == "not measured: no GPU here"
    network.on_accelerator = True
    command = tmp_path / "nvidia-smi"
    command.write_text('#!/bin/sh\n[ "$1" = --query-gpu=utilization.gpu ] && echo 70 && echo 90 && exec sleep 100\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    busy = footprint.gpu_row("small", network, images, 4, 0.85, count=10)
    assert (busy["value"], busy["met"], busy["unit"]) == (0.8, "no", "of the time")
    assert busy["note"].startswith("2 samples, 10 images read from files")


def test_memory_is_compared_between_processes(monkeypatch):
    answers = iter(["300.0 400.0", "300.0 402.0", "300.0 500.0"])
    done = lambda *arguments, **settings: SimpleNamespace(returncode=0, stdout=f"chatter\n{next(answers)}\n")  # noqa: E731
    monkeypatch.setattr(footprint.subprocess, "run", done)
    peak, further = footprint.memory_rows((100, 200, 1124), most=1.1, size=64)
    assert (peak["value"], peak["met"]) == (1.25, "no")
    assert "1,124 images: 500 MB, 200 more" in peak["note"]
    assert further["value"] == pytest.approx(100 * 1024**2 / 1024 / (3 * 64**2))


def test_phantoms_are_read_from_files(tmp_path):
    read = footprint.files("phantom objects", 3, (24, 32), tmp_path)
    assert read.images().shape == (3, 24, 32, 3)
    assert len(list(tmp_path.rglob("*.jpg"))) == 3


def test_costs_on_paper():
    text = "\n".join(report.costs(RATES))
    assert "560,600 in all" in text and "560,600 / (forward passes a second" in text
    assert "| MobileNetV2 | 100.00 | 112,120 / 100.00 / 3,600 = 0.31 | 0.31 / 16 = 0.02 |" in text


def test_table_is_written_as_csv_and_markdown(tmp_path):
    rows = [*RATES, timing.row("missing | row", np.nan, "ratio", "ours", least=3, note="not measured")]
    text = report.write(rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["benchmark.csv", "benchmark.md", "costs.md"]
    written = (tmp_path / "benchmark.md").read_text(), (tmp_path / "costs.md").read_text()
    assert "\n".join(written) == text + "\n"
    assert "| missing / row | ours | – | at least 3 | not measured |" in written[0]
    assert "- missing | row: not measured." in written[0] and "560,600" in written[1]
    table = pd.read_csv(tmp_path / "benchmark.csv")
    assert list(table.columns) == timing.COLUMNS and list(table["row"]) == [one["row"] for one in rows]
    assert table["value"].iloc[:2].tolist() == [500, 100]


def test_sources_are_every_module_of_the_benchmark_and_what_they_measure():
    read, folder = code_hashes.module_sources("benchmark"), ROOT / "lib/black_average_drop/benchmark"
    modules = {path.relative_to(ROOT).as_posix() for path in folder.glob("*.py")}
    assert modules <= set(read) and "lib/black_average_drop/evaluation.py" in read


def test_it_is_a_command_of_its_own():
    module = [sys.executable, "-m", "black_average_drop.benchmark", "--help"]
    done = subprocess.run(module, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: black_average_drop.benchmark [-h] [--data DATA]")


@pytest.mark.parametrize("name", report.FILES)
def test_record_says_where_the_files_come_from_and_gives_an_edited_one_away(tmp_path, monkeypatch, capsys, name):
    for function in (report.write, report.record):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "benchmark",))
    monkeypatch.setattr(measurement, "measure", lambda data, scratch: iter(RATES))
    monkeypatch.setattr(sys, "argv", ["benchmark", "--data", "/home/somebody/data"])
    command.main()
    text = (tmp_path / "benchmark/benchmark.json").read_text()
    record = json.loads(text)
    assert set(record) >= set(versions.surroundings()) and "somebody" not in text
    assert record["parameters"] == {"images": "of DATA", "rounds": 3, "seed": 0}
    assert record["versions"]["python"] and record["versions"]["keras"] in capsys.readouterr().out
    states = verify.further(tmp_path)
    assert list(states["file"]) == list(report.FILES) and set(states["state"]) == {"current"}
    (tmp_path / "benchmark" / name).write_text("better numbers")
    assert list(verify.further(tmp_path).query("state == 'altered'")["file"]) == [name]
    (tmp_path / "benchmark" / name).unlink()
    assert list(verify.further(tmp_path).query("state == 'missing'")["file"]) == [name]


def test_versions_to_compare_with_are_pinned():
    lines = (ROOT / "benchmark-requirements.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned and all(re.fullmatch(r"[a-z-]+==[\d.]+", line) for line in pinned), pinned
    assert not {line.split("==")[0] for line in pinned} & {"tensorflow", "keras", "numpy", "scipy"}
