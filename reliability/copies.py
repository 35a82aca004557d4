"""Copies of the project to run, to kill and to starve, and what to look for in them afterwards."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import zipfile

import nbformat
import numpy as np
import psutil
from PIL import Image

from black_average_drop.files import ROOT, sha256


class Copy:
    """A clone of the checkout whose `make` uses this environment and the clone's own package."""

    def __init__(self, folder):
        self.folder, self.build = folder, folder / "build" / "smoke"
        self.results = self.build / "results"


def clone(folder):
    """Clone what is committed, and put uncommitted changes of tracked files on top; returns a `Copy`."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    changes = subprocess.run(["git", "-C", ROOT, "diff", "HEAD", "--binary"], capture_output=True, check=True).stdout
    if changes:
        subprocess.run(["git", "-C", folder, "apply"], input=changes, check=True)
    # What `make env` would build, without building it: a Python that is this one, under the lock of the clone.
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    python = binaries / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / "requirements.lock").write_bytes((folder / "requirements.lock").read_bytes())
    return Copy(folder)


def start(copy, **environment):
    """`make reproduce PROFILE=smoke`, in a process group of its own, as a Popen with text pipes.

    environment: variables that are to be other there than here."""
    return subprocess.Popen(
        ["make", "reproduce", "PROFILE=smoke"],
        cwd=copy.folder,
        env={**os.environ, "PYTHONPATH": str(copy.folder / "lib")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def reproduce(copy):
    """`start` to its end, as a CompletedProcess."""
    process = start(copy)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def minutes_by_notebook(out):
    """notebook -> minutes, as a run prints them."""
    return {name: float(minutes) for name, minutes in re.findall(r"^(\w+) \(smoke\): done in ([\d.]+)", out, re.M)}


class Running:
    """A started run whose output is read as it comes, so that one can wait for a notebook to begin."""

    def __init__(self, copy):
        self.process, self.out, self.err, self.changed = start(copy), [], [], threading.Condition()
        self.readers = [
            threading.Thread(target=self._read, args=pipe, daemon=True)
            for pipe in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe, lines):
        for line in pipe:
            with self.changed:
                lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, text):
        """Whether a line with that text was printed before the run ended."""
        with self.changed:
            self.changed.wait_for(lambda: any(text in line for line in self.out) or not self.readers[0].is_alive(), 600)
            return any(text in line for line in self.out)

    def notebook(self):
        """The notebook that was begun last, or "between" where it is done or none was begun."""
        begun = [line.split()[0] for line in self.out if "running" in line]
        return begun[-1] if begun and not any(f"{begun[-1]} (smoke): done" in line for line in self.out) else "between"

    def kill(self, kernels=True):
        """SIGKILL make, the pipeline and the notebook's kernel, which has a session of its own; with kernels=False the
        pipeline alone, as where memory runs out. Returns the exit status of make."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        pipeline_only = [one for one in children if "-m black_average_drop.artifact" in " ".join(_command(one)[:4])]
        for one in [psutil.Process(self.process.pid), *children] if kernels else pipeline_only:
            try:
                one.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                pass
        # A kernel that is left alone keeps the pipes open until it notices; make's end is what counts.
        return self.process.wait(timeout=60)


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def faults(copy, reference=None):
    """What is wrong in a build folder, at any moment: sentences, none if all is well.

    Each stamp's outputs must be there with their checksum and not be partial; every file under its final name must be
    whole; and a table or figure that is there must be the undisturbed run's, if that is given.
    """
    sentences = []
    for stamp in copy.build.glob("*.stamp.json"):
        if stamp.name.startswith("partial-"):
            continue
        for name, checksum in json.loads(stamp.read_text())["outputs"].items():
            path = copy.results / name
            if not path.is_file() or sha256(path) != checksum:
                sentences.append(f"{stamp.name} names {name}, which is missing or other than recorded")
            if path.name.startswith("partial-"):
                sentences.append(f"{stamp.name} takes {name} for a result")
    for path in sorted(copy.build.rglob("*")):
        if path.is_file() and not path.name.startswith("partial-"):
            try:
                _read_whole(path)
            except Exception as problem:  # whatever a reader says of half a file
                sentences.append(f"{path.name} is not whole: {type(problem).__name__}: {problem}")
    if reference:
        theirs = contents(reference)
        mine = contents(copy)
        sentences += [f"{name} differs from the undisturbed run's" for name in mine if mine[name] != theirs.get(name)]
    return sentences


def contents(copy):
    """name -> bytes of each table and row file, and pixels of each PNG, that a run has put among its results."""
    files = (path for path in sorted(copy.results.rglob("*")) if not path.name.startswith("partial-"))
    by_name = {}
    for path in files:
        if path.suffix in (".csv", ".md", ".tex", ".xz"):
            by_name[path.name] = path.read_bytes()
        elif path.suffix == ".png":
            by_name[path.name] = np.asarray(Image.open(path, formats=["PNG"])).tobytes()
    return by_name


def partial_files(copy):
    """Half-written files that a run left behind under their temporary names."""
    return sorted(str(path.relative_to(copy.build)) for path in copy.build.rglob("partial-*"))


def _read_whole(path):
    """Raise an error if the file is not what its suffix says, to its end."""
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".ipynb":
        nbformat.validate(nbformat.read(path, as_version=4))
    elif path.suffix in (".keras", ".npz"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
    elif path.suffix == ".png":
        Image.open(io.BytesIO(path.read_bytes()), formats=["PNG"]).load()
    elif path.suffix == ".pdf":
        assert path.read_bytes().rstrip().endswith(b"%%EOF")
    elif path.suffix == ".gz":
        gzip.decompress(path.read_bytes())
