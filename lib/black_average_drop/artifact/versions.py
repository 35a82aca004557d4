"""The state of the project that a result was made with: versions, commit, time, and the locked environment."""

import datetime
import platform
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from black_average_drop.files import ROOT, sha256

LOCK = ROOT / "requirements.lock"
_PACKAGES = ("h5py", "jax", "keras", "matplotlib", "numpy", "pandas", "pillow", "pydicom", "python-gdcm", "scipy")
_PACKAGES += ("pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "tensorflow", "torch")
_BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
_IF_USED = ("torch",)  # recorded where something has imported it


def versions():
    """Return name -> version of Python and of the packages that numbers depend on, as far as they are installed."""
    by_name = {"python": platform.python_version()}
    for name in _PACKAGES:
        if name in _IF_USED and name not in sys.modules:
            continue
        with suppress(PackageNotFoundError):  # one backend is enough
            by_name[name] = version(name)
    return by_name


def programs():
    """Return name -> version of what a paper names: this package, Python, Keras and its backend."""
    import keras

    known, own, backend = versions(), "black-average-drop", keras.backend.backend()
    with suppress(PackageNotFoundError):  # where it runs from its folder and nothing is installed
        known[own] = version(own)
    written = {own: own, "python": "Python", "keras": "Keras", backend: _BACKENDS[backend]}
    return {shown: known[name] for name, shown in written.items() if name in known}


def surroundings():
    """Return what a record says of the project as it is now: commit, time, versions, and the lock by its checksum."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "lib", "notebooks", LOCK.name)),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "lock": sha256(LOCK) if LOCK.is_file() else "",
    }


def _git(*arguments):
    """What git says of the project, or "" outside a checkout."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
