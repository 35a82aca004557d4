"""Every file is decoded once a run: its pixels as the network sees them are then read from a folder on the disk."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import progress
from black_average_drop.datasets.checksums import update_with_labels
from black_average_drop.datasets.dataset import Dataset, Picture
from black_average_drop.files import sha256, write_csv

CHOICES = ("stop", "leave out")  # what a run may do about images that cannot be read


@dataclass(frozen=True)
class Decoded:
    """What `decode_once` made of a data set, whose M of N images could be read."""

    dataset: Dataset  # M images, read from the disk
    appearances: pd.DataFrame  # (M rows): id, shown and filled as in `Picture`, width and height of the original
    unreadable: pd.DataFrame  # (N - M rows): id and reason, a sentence
    contents: dict[int, str]  # position -> SHA-256 of the bytes of the file that was decoded


@dataclass(frozen=True)
class _Kept:
    """An image that was decoded, but for its pixels, which lie on the disk."""

    name: str  # of the file with the pixels
    content: str  # SHA-256 of the bytes of the original file
    about: Picture  # without pixels


class _Contents:
    """SHA-256 of files, which are read again only where their size or times say that they changed."""

    def __init__(self):
        self._known = {}

    def of(self, path):
        about = os.stat(path)
        key = (str(path), about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        if key not in self._known:
            self._known[key] = sha256(path)
        return self._known[key]


def decode_once(dataset, place):
    """Decode every image of a data set, in threads, and keep its pixels on the disk.

    Memory does not grow with the images. Of a grey image one channel is kept. Equal images are kept once, under the
    SHA-256 of their pixels. The bytes of a file are known before it is decoded. If the file is another one afterwards,
    by its size, its times and then its bytes, it counts as unreadable.

    Args:
        dataset: a `Dataset` with `look` and `file`, as `images.from_files` makes it.
        place: a folder for the pixels, which the caller removes when the data set is no longer needed.

    Returns:
        A `Decoded`.

    Raises:
        ValueError: if the pixels cannot be written.
    """
    place, contents = Path(place), _Contents()
    different = list(dict.fromkeys(dataset.positions.tolist()))
    _make(place, dataset)

    def decode(position):
        try:
            content = contents.of(dataset.file(position))
            picture = dataset.look(position)
            changed = contents.of(dataset.file(position)) != content
        except (ValueError, OSError) as problem:
            return _reason(problem, dataset.file(position))
        if changed:
            return "has changed while it was read: run it again when nobody writes to the folder."
        return _Kept(_keep(picture.pixels, place, dataset), content, replace(picture, pixels=None))

    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        decoding = progress.bar(decoders.map(decode, different), total=len(different), desc="images", unit="image")
        results = dict(zip(different, decoding, strict=True))
    return _put_together(dataset, place, results)


def check_unreadable(unreadable):
    """Refuse what is no choice.

    Raises:
        ValueError: if it is none of CHOICES.
    """
    if unreadable not in CHOICES:
        raise ValueError(f"unreadable is {unreadable!r}: choose one of {', '.join(CHOICES)}.")


def check_all_read(decoded, unreadable, path, profile=""):
    """List the images that cannot be read in a CSV with the columns image and reason, if there are any.

    Args:
        decoded: a `Decoded`.
        unreadable: one of CHOICES.
        path: of the CSV, which is written only if an image cannot be read. Nobody else on this machine may read it.
        profile: as in `files.write_csv`.

    Returns:
        A sentence for the report, "" if every image was read.

    Raises:
        ValueError: if some cannot and unreadable is "stop", or if none can.
    """
    check_unreadable(unreadable)
    missing, number = len(decoded.unreadable), len(decoded.unreadable) + len(set(decoded.dataset.ids))
    if not missing:
        return ""
    table = decoded.unreadable.rename(columns={"id": "image"})
    os.chmod(write_csv(table, Path(path), profile), 0o600)  # it names files, and so perhaps patients
    if missing == number:
        raise ValueError(
            f"None of {number} images can be read, as {path} lists: mend them, or name a folder of other images."
        )
    if unreadable == "stop":
        raise ValueError(
            f"{missing} of {number} images cannot be read, listed in {path}: mend them, leave them out of the folder, "
            'or set unreadable="leave out".'
        )
    return f"{missing} of {number} images cannot be read and {'is' if missing == 1 else 'are'} left out."


def contents_checksum(dataset, contents=None):
    """Compute the SHA-256, hexadecimal, over ids, labels, findings and the bytes of every file, with nothing decoded.

    Args:
        dataset: a `Dataset` with `file`.
        contents: those of `Decoded`, of the files as they were decoded; by default the files as they are now.

    Raises:
        ValueError: if a file cannot be read any more.
    """
    now = _Contents()

    def content(position):
        try:
            return contents[position] if contents else now.of(dataset.file(position))
        except OSError as problem:
            path = dataset.file(position)
            raise ValueError(
                f"{path} cannot be read any more ({problem.strerror}): put it back and run it again."
            ) from problem

    whole = hashlib.sha256()
    update_with_labels(whole, dataset)
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        whole.update("\n".join(readers.map(content, dataset.positions.tolist())).encode())
    return whole.hexdigest()


def _make(place, dataset):
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _no_room(place, dataset, problem) from problem


def _keep(pixels, place, dataset):
    """Write pixels (H, W, 3) below a folder, of a grey image one channel: the file's name."""
    grey = (pixels == pixels[..., :1]).all()
    stored = np.ascontiguousarray(pixels[..., :1] if grey else pixels).tobytes()
    name = hashlib.sha256(stored).hexdigest()
    try:
        (place / name).write_bytes(stored)
    except OSError as problem:
        raise _no_room(place, dataset, problem) from problem
    return name


def _no_room(place, dataset, problem):
    megabytes = len(dataset) * dataset.size[0] * dataset.size[1] * 3 / 1e6
    return ValueError(
        f"{place} does not take the decoded images ({problem.strerror or problem}): make room for up to "
        f"{megabytes:.0f} MB there, or set a smaller most_images."
    )


def _put_together(dataset, place, results):
    """A `Decoded` of results: position -> `_Kept`, or the reason why there is none."""
    kept = {position: result for position, result in results.items() if isinstance(result, _Kept)}
    ids = dict(zip(dataset.positions.tolist(), dataset.ids, strict=True))
    reasons = [(ids[position], result) for position, result in results.items() if position not in kept]

    def look(position):
        one = kept[int(position)]
        return replace(one.about, pixels=_read_back(place / one.name, dataset.size))

    read = dataset.subset(np.array([position in kept for position in dataset.positions.tolist()], bool))
    pictures = [kept[position].about for position in read.positions.tolist()]
    rows = [(one.shown, one.filled, *one.original) for one in pictures]
    appearances = pd.DataFrame(rows, columns=["shown", "filled", "width", "height"])
    appearances.insert(0, "id", read.ids)
    return Decoded(
        dataset=replace(read, read=lambda position: look(position).pixels, look=look),
        appearances=appearances,
        unreadable=pd.DataFrame(reasons, columns=["id", "reason"]),
        contents={position: one.content for position, one in kept.items()},
    )


def _read_back(path, size):
    """Pixels (H, W, 3) that `_keep` wrote."""
    try:
        pixels = np.frombuffer(path.read_bytes(), "uint8").reshape(*size, -1)
        return np.broadcast_to(pixels, (*size, 3))
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path.parent} has lost the decoded images of this run: run it again.") from problem


def _reason(problem, path):
    """Why a file cannot be read, as a sentence without its name in front."""
    if isinstance(problem, OSError):
        return f"cannot be opened ({problem.strerror or problem}): make it readable, or leave it out."
    return str(problem).removeprefix(str(path)).lstrip(": ")
