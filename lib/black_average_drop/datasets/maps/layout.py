"""Where maps that others made lie: which file is the map of which image and finding, by names alone.

A folder of maps has a sub-folder for each set of maps, and the set has its name. Below it the map of an image is
`<finding>/<image>.npy` or `.png`, where <image> is the image's path below the folder of images, without its suffix.
"""

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from black_average_drop.datasets.maps.formats import MAP_SUFFIXES
from black_average_drop.datasets.paths import DICOM_SUFFIXES, IMAGE_SUFFIXES, check_name, listing, visible_folders

_SUFFIXES = (*IMAGE_SUFFIXES, *DICOM_SUFFIXES)


@dataclass(frozen=True)
class MapFolder:
    """What lies below a folder of maps."""

    files: dict[str, list[Path]]  # path below the folder without its suffix -> the maps of that name
    passed_over: int  # other files, and hidden ones


def image_stems(ids):
    """Return the names (M,) that maps of images have: ids without the suffix, such as NORMAL/a of NORMAL/a.png.

    Args:
        ids: (M,) text, paths below the folder of images; an image with several findings is there several times.

    Raises:
        ValueError: if two images differ in their suffix alone.
    """
    stems, seen = [], {}
    for name in map(str, ids):
        path, suffix = os.path.splitext(name)
        stems.append(path if suffix.lower() in _SUFFIXES else name)
        if seen.setdefault(stems[-1], name) != name:
            raise ValueError(
                f"{seen[stems[-1]]} and {name} would have the same map, since they differ in the suffix alone: rename "
                "one of them."
            )
    return stems


def list_maps(folder):
    """List the maps anywhere below a folder, hidden files and what lies in hidden folders left out.

    Returns:
        A `MapFolder`.

    Raises:
        ValueError: if a folder cannot be read, a link leads out of it, or a name is not UTF-8.
    """
    files, passed_over = {}, 0
    for place, _, names in os.walk(folder, onerror=_refuse_unreadable):
        for name in sorted(names):
            path = Path(place) / name
            below = path.relative_to(folder)
            if path.suffix.lower() not in MAP_SUFFIXES or any(part.startswith(".") for part in below.parts):
                passed_over += 1
                continue
            check_name(path)
            _check_link(path, folder)
            files.setdefault(below.with_suffix("").as_posix(), []).append(path)
    return MapFolder(files, passed_over)


def sets_in(root, stems, class_names):
    """Find the sets of maps in a folder.

    Each sub-folder is a set. But where a map of an image lies in the folder itself, or a sub-folder is named like a
    finding or like the first folder of an image's path, the folder itself is the one set there is.

    Args:
        root: the folder.
        stems: of the images, as `image_stems` gives them.
        class_names: the findings, as the outputs of the network are called.

    Returns:
        name of the set -> its folder.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if there is no set, if the folder could be meant either way, or if a link leads out of it.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is missing: name the folder that the maps are in.")
    with listing(root):
        maps = [path for path in sorted(root.iterdir()) if path.suffix.lower() in MAP_SUFFIXES]
    images, folders = set(stems), visible_folders(root)
    for folder in folders:
        _check_link(folder, root)
    own = [path for path in maps if path.stem in images]
    of_set = {_folded(name) for name in (*class_names, *(stem.partition("/")[0] for stem in images if "/" in stem))}
    inside = own + [folder for folder in folders if _folded(folder.name) in of_set]
    apart = [folder for folder in folders if folder not in inside]
    if inside and apart:
        raise ValueError(
            f"{root} holds {inside[0].name}, as one set of maps does, next to {apart[0].name}, as a folder of several "
            f"sets does: put all that is of one set into one folder, such as {root / 'maps' / inside[0].name}."
        )
    if not inside and not apart:
        raise ValueError(f"{root} holds no maps: put each set of maps into a folder of its own there.")
    return {root.resolve().name: root} if inside else {folder.name: folder for folder in apart}


def files_of_pairs(listed, place, stems, classes, class_names):
    """Find the map of each pair of an image and a finding.

    The folder of the finding is named like the finding, with _ for what no file system takes. Capitals, and _ for a
    blank, may differ where no folder has the very name. The folder may be missing where each image has one finding.

    Args:
        listed: the `MapFolder` of the set.
        place: the folder of the set.
        stems: (M,), of the images, as `image_stems` gives them.
        classes: (M,), the findings, indices into class_names.
        class_names: text, as the outputs of the network are called.

    Returns:
        [path, ...] (M,).

    Raises:
        ValueError: if a map is missing, if there are two of one pair, or if one is that of two pairs.
    """
    folders, once = _finding_folders(listed.files, classes, class_names), len(set(stems)) == len(stems)
    paths, missing, owners = [], [], {}
    for stem, number in zip(stems, classes, strict=True):
        looked_for = [f"{folders.get(number, _file_name(class_names[number]))}/{stem}", *([stem] if once else [])]
        maps = next((listed.files[name] for name in looked_for if name in listed.files), [])
        if len(maps) > 1:
            raise ValueError(f"{maps[0]} and {maps[1].name} are maps of the same image: leave one of them.")
        if not maps:
            missing.append(looked_for)
            continue
        pair = f"{class_names[number]} in {stem}"
        if owners.setdefault(maps[0], pair) != pair:
            raise ValueError(
                f"{maps[0]} could be the map of {owners[maps[0]]} or of {pair}: put the maps of each finding into a "
                "folder named after it."
            )
        paths += maps
    if missing:
        wanting = " or ".join(f"{Path(place) / name}.npy" for name in missing[0])
        raise ValueError(
            f"{place} lacks {len(missing)} of {len(stems)} maps, such as {wanting} (.png will do): save one for each "
            f"image and finding, or leave {Path(place).name} out."
        )
    return paths


def _finding_folders(files, classes, class_names):
    """Number of each explained class -> the name of the folder of its maps, where there is one."""
    there = {name.partition("/")[0] for name in files if "/" in name}
    names = [_file_name(name) for name in class_names]
    exact, alike, folders = Counter(names), Counter(map(_folded, names)), {}
    for number in sorted(set(classes)):
        name = names[number]
        if exact[name] > 1:
            raise ValueError(
                f"Two outputs of the network would have their maps in one folder, {name}: give them other names by "
                "class_names."
            )
        others = sorted(folder for folder in there if _folded(folder) == _folded(name))
        if name in there:
            folders[number] = name
        elif alike[_folded(name)] == 1 and others:
            if len(others) > 1:
                raise ValueError(f"{others[0]} and {others[1]} could both hold the maps of {name}: rename one of them.")
            folders[number] = others[0]
    return folders


def _file_name(name):
    """The name of a finding with _ for each character that a file system refuses."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name)


def _folded(name):
    """A name without what may differ: capitals, _ for a blank, and how accents are stored."""
    return unicodedata.normalize("NFC", _file_name(name).casefold()).replace("_", " ")


def _check_link(path, root):
    if not path.resolve().is_relative_to(Path(root).resolve()):
        raise ValueError(f"{path} is a link that leads out of {root}: copy it there, or leave it out.")


def _refuse_unreadable(problem):
    with listing(problem.filename):
        raise problem
