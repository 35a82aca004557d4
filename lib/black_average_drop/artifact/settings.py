"""What a user gives to make choose: SET as single settings, paths, and the folder that all of it together names."""

import hashlib
import json
import re
from pathlib import Path

import yaml


def split(text):
    """The settings "name=value" of one text, as a list: another one begins at a blank before a word and =, unless the
    value before it, which may hold blanks, is no YAML without what follows."""
    found = []
    for part in re.split(r"\s+(?=\w+\s*=)", text.strip()):
        if found and not _is_yaml(found[-1].partition("=")[2]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


def _is_yaml(text):
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


def study(model, images, parameters):
    """The name of the folder for what these give, which no other model, images or settings share."""
    words = [re.sub(r"[^\w.-]+", "_", name)[:30] for name in (model.stem, images.name)]
    given = json.dumps([str(model), str(images), parameters], sort_keys=True)
    return "-".join([*words, hashlib.sha256(given.encode()).hexdigest()[:8]])


def resolved(path):
    """A path from the root, without links. Raises ValueError where it cannot be written into a notebook."""
    path = Path(path).resolve()
    try:
        str(path).encode()
    except UnicodeEncodeError as problem:
        raise ValueError(f"{str(path)!a} is not named in UTF-8: rename that file or folder.") from problem
    return path
