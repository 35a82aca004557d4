"""What a user gives to make choose: SET as single settings, paths, and the folder that all of it together names."""

import hashlib
import json
import os
import re
from pathlib import Path

import yaml

from black_average_drop.choice import hidden_names


def split_settings(text):
    """Split one text into its settings "name=value", a list.

    Another setting begins at a blank before a word and =. A value may hold blanks: where it is no YAML without what
    follows, the setting goes on.
    """
    separate = []
    for part in re.split(r"\s+(?=\w+\s*=)", text.strip()):
        if separate and not _is_yaml(separate[-1].partition("=")[2]):
            separate[-1] += f" {part}"
        elif part:
            separate.append(part)
    return separate


def _is_yaml(text):
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


def height_and_width(value):
    """Return [height, width] in pixels of what a user gives as image_size, or [] where that is [].

    Args:
        value: two numbers, or one for both; or the text "(height, width)", which YAML leaves as it is.

    Raises:
        ValueError: the value is anything else.
    """
    pixels = _two_numbers(value)
    if pixels is None:
        raise ValueError(
            f"image_size is {value!r}: give height and width in pixels, such as image_size=[224,320], or one number "
            "for both."
        )
    return pixels


def rows_and_columns(value):
    """Return [rows, columns] of what a user gives as reshape, or [] where that is [].

    Args:
        value: as for `height_and_width`.

    Raises:
        ValueError: the value is anything else.
    """
    places = _two_numbers(value)
    if places is None:
        raise ValueError(
            f"reshape is {value!r}: give the rows and columns of the patches, such as reshape=[14,14], or one number "
            "for both."
        )
    return places


def _two_numbers(value):
    """A list of two positive numbers, or [], of what a user gives; None for anything else."""
    if isinstance(value, str) and (written := re.fullmatch(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)", value)):
        value = [int(number) for number in written.groups()]
    elif type(value) is int:
        value = [value, value]
    numbers = list(value) if isinstance(value, list | tuple) else [None]
    fits = len(numbers) in (0, 2) and all(type(number) is int and number > 0 for number in numbers)
    return numbers if fits else None


def of_model(parameters):
    """Return the settings of `networks.network_of` among the parameters of your_data, without those left empty.

    Args:
        parameters: name -> value, all of the notebook.

    Raises:
        ValueError: image_size or reshape is not as it should be.
    """
    given = {name: parameters[name] for name in ("activation", "layer", "output", "held")}
    given["image_size"] = tuple(height_and_width(parameters["image_size"]))
    given["reshape"] = tuple(rows_and_columns(parameters["reshape"]))
    return {name: value for name, value in given.items() if value} | {"precision": parameters["precision"]}


def of_images(parameters):
    """Return the arguments of `user_images.read_images` among the parameters of your_data.

    Args:
        parameters: name -> value, all of the notebook.
    """
    given = ("most_images", "seed", "names", "unreadable", "fit", "class_names", "layout", "split", "patients", "frame")
    values = {name: parameters[name] for name in given}
    return values | {"labels": parameters["labels"] or None, "window": window_or_pair(parameters["window"])}


def recorded(parameters):
    """Return parameters of your_data as its record may have them: without paths of images, where names are hidden.

    Args:
        parameters: name -> value, all of the notebook.
    """
    return hidden_names.without_places(parameters, parameters["names"])


def window_or_pair(value):
    """Return the window that a user names: one of `grey.WINDOWS`, or [centre, width] of a text such as "40/400"."""
    numbers = re.fullmatch(r"\s*([-+]?\d+(?:\.\d*)?)\s*/\s*(\d+(?:\.\d*)?)\s*", value)
    return [float(number) for number in numbers.groups()] if numbers else value


def window_as_text(value):
    """Return what a user gives as window as text: two numbers become "centre/width"."""
    pair = isinstance(value, list) and len(value) == 2 and all(type(number) in (int, float) for number in value)
    return "{:g}/{:g}".format(*value) if pair else value


def number_as_text(value):
    """Return a whole number as text, and anything else as it is."""
    return str(value) if type(value) is int else value


def held_values(value):
    """Return what a user gives as held, where it has a number, or a list of numbers, for each name.

    Args:
        value: name -> value.

    Raises:
        ValueError: the value is anything else.
    """
    named = value if isinstance(value, dict) else {"": None}
    numbers = [one for given in named.values() for one in (given if isinstance(given, list) else [given])]
    if not all(isinstance(name, str) for name in named) or not all(isinstance(one, int | float) for one in numbers):
        raise ValueError(
            f"held is {value!r}: give each further input of the model a number, with a blank behind the colon, such "
            "as held={age: 60}."
        )
    return value


def thresholds_by_name(value):
    """Return what a user gives as thresholds, where it has a number from 0 to 1 for each name.

    Args:
        value: name -> value.

    Raises:
        ValueError: the value is anything else.
    """
    names, numbers = (value, value.values()) if isinstance(value, dict) else ((), [None])
    read = all(type(name) in (str, int) for name in names)  # YAML reads no as False
    if not read or not all(type(one) in (int, float) and 0 <= one <= 1 for one in numbers):
        raise ValueError(
            f"thresholds is {value!r}: give outputs of the model a number from 0 to 1, with a blank behind the colon, "
            "such as thresholds={Edema: 0.3}."
        )
    return {str(name): number for name, number in value.items()}


def trusted_code(code, trust):
    """Return the path of a Python file that may run, or None where there is none.

    Args:
        code: the path as it was given, or "".
        trust: what was given as TRUST.

    Raises:
        ValueError: nobody says that its author is trusted, the path names no Python file, or SCHEDULER names others to
            run it.
        FileNotFoundError: it is missing.
    """
    if not code:
        if trust:
            raise ValueError(f"TRUST={trust} is about code of your own: name that too, CODE=layers.py TRUST=yes.")
        return None
    if trust != "yes":
        raise ValueError(
            f"CODE={code} runs as a program with your rights: give TRUST=yes, which says that you trust its author."
        )
    if Path(code).suffix != ".py" or Path(code).is_dir():
        raise ValueError(f"CODE={code} is no Python file: name one that ends in .py, such as CODE=layers.py.")
    if not Path(code).is_file():
        raise FileNotFoundError(f"CODE={code} is missing: name the Python file with the layers of your model.")
    if os.environ.get("SCHEDULER", "").strip():
        raise ValueError(f"CODE={code} runs on this machine alone: leave SCHEDULER empty.")
    return resolved(code)


def folder_of_maps(maps, images):
    """Return the path of a folder of maps, as `resolved` does.

    Args:
        maps: the path as it was given.
        images: the path of the folder of images, resolved.

    Raises:
        ValueError: the path names a file, or the images themselves.
        FileNotFoundError: the folder is missing.
    """
    if not Path(maps).exists():
        raise FileNotFoundError(f"MAPS={maps} is missing: name the folder that your maps are in.")
    if not Path(maps).is_dir():
        raise ValueError(f"MAPS={maps} is no folder: name the folder that your maps are in.")
    if resolved(maps) == images:
        raise ValueError(f"MAPS={maps} is the folder of the images: put your maps into another one, and name that.")
    return resolved(maps)


def place_of_lesions(lesions):
    """Return the path of a file or folder of boxes or masks, as `resolved` does.

    Args:
        lesions: the path as it was given.

    Raises:
        FileNotFoundError: it is missing.
    """
    if not Path(lesions).exists():
        raise FileNotFoundError(f"LESIONS={lesions} is missing: name the file or folder of your boxes or masks.")
    return resolved(lesions)


def study(model, images, parameters):
    """Return the name of the folder for a study, which no other model, images or settings share.

    The name of the folder of images is in it only with names=shown.
    """
    folder = images.name if parameters.get("names") == "shown" else "images"
    words = [re.sub(r"[^\w.-]+", "_", name)[:30] for name in (model.stem, folder)]
    given = json.dumps([str(model), str(images), parameters], sort_keys=True)
    return "-".join([*words, hashlib.sha256(given.encode()).hexdigest()[:8]])


def resolved(path):
    """Return a path from the root, without links.

    Raises:
        ValueError: the path cannot be written into a notebook.
    """
    path = Path(path).resolve()
    try:
        str(path).encode()
    except UnicodeEncodeError as problem:
        raise ValueError(f"{str(path)!a} is not named in UTF-8: rename that file or folder.") from problem
    return path
