"""What a user gives to make choose: SET as single settings, paths, and the folder that all of it together names."""

import hashlib
import json
import re
from pathlib import Path

import yaml


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


def study(model, images, parameters):
    """Return the name of the folder for a study, which no other model, images or settings share."""
    words = [re.sub(r"[^\w.-]+", "_", name)[:30] for name in (model.stem, images.name)]
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
