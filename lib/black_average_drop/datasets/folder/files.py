"""Which files of a folder are images, by name and content, and what else lies there: counted by kind, without names."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from black_average_drop import progress
from black_average_drop.datasets.dicom import headers
from black_average_drop.datasets.paths import IMAGE_SUFFIXES, listing

TIFF_SUFFIXES = (".tif", ".tiff")
LEADS_OUT = "link that leads out of the folder"
# Other suffixes are not named, since what follows a dot may be part of a person's name.
_KNOWN_SUFFIXES = frozenset(
    "avi bak bmp csv db doc docx exe gif gz h5 hdr heic htm html img inf ini ipynb j2k jp2 json log mat md mha mhd mov "
    "mp4 nii npy npz nrrd pdf pkl pptx py raw rar rtf svg tar tfrecord tsv txt xls xlsx xml yaml yml zip".split()
)
_READERS = 8  # threads: files of a clinic often lie behind a network
_MANY = 500  # files, from which on a bar is shown


@dataclass(frozen=True)
class FolderFiles:
    """What lies in a folder and below; names are paths below it, in POSIX form."""

    images: list[str]  # in order of name
    dicom: frozenset[str]  # those of them that are DICOM by their content
    links_out: list[str]  # links to files or folders that lie elsewhere, which are not followed
    passed_over: Counter  # kind, in words -> how many


def find_files(root, table=None):
    """List what lies in a folder and below, hidden folders left out.

    A file is an image if its content is DICOM, or if its name ends as those of images do.

    Args:
        root: the folder, a Path.
        table: the path of a CSV in it that says what the images are, which is not counted.

    Returns:
        `FolderFiles`.

    Raises:
        ValueError: if a folder cannot be read.
    """
    files, links_out, passed_over = [], [], Counter()
    table = None if table is None else os.path.abspath(table)
    inside = str(root.resolve()) + os.sep
    waiting = [(root, "")]
    while waiting:
        place, above = waiting.pop()
        with listing(place), os.scandir(place) as entries:
            for entry in entries:
                kind = _kind(entry, inside)
                if kind == "folder":
                    waiting.append((Path(entry.path), f"{above}{entry.name}/"))
                elif kind == LEADS_OUT:
                    links_out.append(above + entry.name)
                elif kind == "file":
                    if os.path.abspath(entry.path) != table:
                        files.append(above + entry.name)
                else:
                    passed_over[kind] += 1
    files.sort(key=lambda name: name.split("/"))
    images, dicom = [], set()
    for name, is_dicom in zip(files, _in_threads(lambda name: _is_dicom(root / name), files, "files"), strict=True):
        path = PurePosixPath(name)
        if path.name.upper() == "DICOMDIR":
            passed_over["DICOMDIR"] += 1
        elif is_dicom or path.suffix.lower() in IMAGE_SUFFIXES:
            images.append(name)
            dicom.update([name] if is_dicom else [])
        else:
            passed_over[_kind_by_suffix(path.suffix.lower().removeprefix("."))] += 1
    return FolderFiles(images, frozenset(dicom), sorted(links_out), passed_over)


def headers_of(root, names):
    """Read the headers of DICOM files: name -> `headers.Header`; damaged ones are left out.

    Args:
        root: the folder, a Path.
        names: paths below it.
    """

    def read_header(name):
        try:
            return headers.header(root / name)
        except (ValueError, OSError):  # whoever decodes the file says what is wrong
            return None

    found = zip(names, _in_threads(read_header, names, "headers"), strict=True)
    return {name: header for name, header in found if header is not None}


def pages_of(root, names):
    """Count the pages of the TIFF files among some: name -> count, of those that can be opened.

    Args:
        root: the folder, a Path.
        names: paths below it.
    """

    def count_pages(name):
        try:
            with Image.open(root / name, formats=("TIFF",)) as image:
                return image.n_frames
        except Exception:  # damaged files make Pillow raise errors of every kind; whoever decodes the file says so
            return 1

    tiffs = [name for name in names if PurePosixPath(name).suffix.lower() in TIFF_SUFFIXES]
    return dict(zip(tiffs, _in_threads(count_pages, tiffs, "pages"), strict=True))


def _kind(entry, inside):
    """What an entry of a folder is: "file", "folder", or why it is passed over; inside: the root, with a separator."""
    is_folder = entry.is_dir()
    if entry.name.startswith("."):
        return "hidden folder" if is_folder else "hidden"
    if entry.is_symlink():
        if not is_folder and not entry.is_file():
            return "link that leads nowhere"
        if not os.path.realpath(entry.path).startswith(inside):
            return LEADS_OUT
        return "link to another folder" if is_folder else "file"  # what it leads to is listed where it lies
    if is_folder:
        return "folder"
    return "file" if entry.is_file() else "no file"


def _is_dicom(path):
    try:
        return headers.is_dicom_file(path)
    except OSError:  # whoever decodes the file says that it cannot be opened
        return False


def _kind_by_suffix(suffix):
    if not suffix:
        return "not an image (no suffix)"
    return f"not an image (.{suffix})" if suffix in _KNOWN_SUFFIXES else "not an image (another suffix)"


def _in_threads(read, names, what):
    """What read gives of each name, in their order."""
    with ThreadPoolExecutor(_READERS) as readers:
        given = readers.map(read, names)
        return list(progress.bar(given, total=len(names), desc=what, unit="file") if len(names) > _MANY else given)
