"""Many images: memory stays flat and nothing slows down."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import copies
import numpy as np
import psutil

from black_average_drop.artifact import allocator
from black_average_drop.datasets import folder, phantoms

IMAGES, IN_NOTEBOOK, FEW = 10_000, 1000, 100
SLOWER = 1.1  # seconds of the processor for the last thousand over those for the first
MORE_MEMORY = 1.3  # of a process that keeps what it has freed
GROWTH = 100  # MiB for all further images; these themselves would be more, and so would their maps


def test_load(check, undisturbed):
    """10,000 images through evaluation.evaluate."""
    model = undisturbed.build / "radiographs_relu_0.keras"
    script = Path(__file__).with_name("many_images.py")
    started = time.monotonic()
    done = subprocess.run([sys.executable, script, model, str(IMAGES)], stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    (_, _, after_first, peak_first), end = measured["passes"][0][1], measured["end"]
    size = f"{measured['size']} x {measured['size']}"
    check(
        f"{IMAGES:,} phantoms of {size}, drawn as they are read, under the paper's three methods",
        f"{measured['rows']:,} rows in {(time.monotonic() - started) / 60:.1f} minutes",
        "a row for each image, method and metric",
        measured["rows"] == 6 * IMAGES,
    )
    pixels = IMAGES * measured["size"] ** 2 * 3 / 2**20
    check(
        "Peak memory of the process, after the first thousand and at the end",
        f"{peak_first:.0f} and {end[3]:.0f} MiB (in use then: {after_first:.0f} and {end[2]:.0f}; the images "
        f"as float32 would be {4 * pixels:.0f})",
        f"at most {GROWTH} MiB more, for maps and rows",
        max(end[3] - peak_first, end[2] - after_first) <= GROWTH,
    )
    for name, marks in zip(("maps", "masked images"), measured["passes"], strict=True):
        elapsed, processor = (np.diff([one[column] for one in marks]) for column in (0, 1))
        check(
            f"The first and the last thousand, {name}",
            f"{processor[0]:.1f} and {processor[-1]:.1f} seconds of the processor ({elapsed[0]:.1f} and "
            f"{elapsed[-1]:.1f} by the clock; all ten: {', '.join(f'{one:.1f}' for one in processor)})",
            f"at most {100 * (SLOWER - 1):.0f} % more by the processor",
            processor[-1] <= SLOWER * processor[0],
        )


def test_load_of_notebook(check, undisturbed, tmp_path):
    """1,000 images through the whole notebook of `make choose`."""
    images, model = tmp_path / "phantoms", undisturbed.build / "radiographs_relu_0.keras"
    folder.save_images(phantoms.radiographs(IN_NOTEBOOK, seed=6, size=128), images)
    peaks = {}
    for count in (FEW, IN_NOTEBOOK):
        started = time.monotonic()
        status, counted, peaks[count] = choose(undisturbed.folder, model, images, count)
        minutes = (time.monotonic() - started) / 60
        check(
            f"`make choose` with {count:,} images of 128 x 128 of a folder, every method and control map",
            f"exit status {status}, {counted} images, {minutes:.1f} minutes, kernel at most {peaks[count]:.0f} MiB",
            f"0; {count} images; below 4 GiB",
            status == 0 and counted == count and 0 < peaks[count] < 4096,
        )
    further = IN_NOTEBOOK - FEW
    check(
        f"What {further} further images take of memory, at the peak",
        f"{peaks[IN_NOTEBOOK] - peaks[FEW]:.0f} MiB (as float32 they would be {further * 128**2 * 12 / 2**20:.0f})",
        f"at most {GROWTH} MiB, for maps and rows",
        peaks[IN_NOTEBOOK] - peaks[FEW] <= GROWTH,
    )


def test_memory(check, tmp_path):
    """Memory that is kept for the next step (`allocator.py`), against memory as it comes."""
    written, peaks, seconds = [], [], []
    for name, environment in (("kept", {}), ("as it comes", {allocator.VARIABLE: ""})):
        copy, highest, started = copies.clone(tmp_path / name.replace(" ", "_")), {}, time.monotonic()
        process = copies.start(copy, **environment)
        watcher = threading.Thread(target=watch, args=(process, highest))
        watcher.start()
        out, _ = process.communicate()
        watcher.join()
        seconds.append(time.monotonic() - started)
        share = re.search(r"of which (\d+ % the system's)", out)[1]
        check(
            f"`make reproduce PROFILE=smoke`, memory {name}",
            f"exit status {process.returncode}, {seconds[-1]:.0f} seconds, of the processor time {share}",
            "0",
            process.returncode == 0,
        )
        written.append(copies.contents(copy))
        peaks.append(max(highest.values()))
    same = sum(written[0][name] == written[1].get(name) for name in written[0])
    check("Tables and figures", f"{same} of {len(written[0])} are the same", "all", same == len(written[0]) > 30)
    check(
        "Peak memory of the largest kernel",
        f"{peaks[0]:.0f} and {peaks[1]:.0f} MiB, {peaks[0] / peaks[1]:.2f} times",
        f"at most {MORE_MEMORY} times, and below 2 GiB",
        peaks[0] <= min(MORE_MEMORY * peaks[1], 2048),
    )


def choose(project, model, images, count):
    """`make choose` in a copy of the project with so many images of a folder: exit status, how many it counted, and MiB
    of its kernel at the peak."""
    command = ["make", "choose", f"MODEL={model}", f"DATA={images}", f"SET=most_images={count}"]
    environment = {**os.environ, "PYTHONPATH": str(project / "lib")}
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    peaks = {}
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    out, _ = process.communicate()
    watcher.join()
    counted = re.search(r"(\d+) images of \d+ patients", out)
    return process.returncode, int(counted[1]) if counted else 0, max(peaks.values(), default=0)


def watch(process, peaks):
    """Fill peaks, process id -> MiB at the peak, of the kernels below a process until it ends."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if "ipykernel_launcher" in " ".join(child.cmdline()):
                    status = Path(f"/proc/{child.pid}/status").read_text()
                    peaks[child.pid] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
            except (psutil.Error, OSError, TypeError):
                pass
        time.sleep(1)
