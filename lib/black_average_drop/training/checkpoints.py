"""Where a training stands after an epoch, in a file from which the same training goes on."""

import hashlib
import inspect
import json
import re
import zipfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np

from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import replacing, sha256

SAMPLE = 64  # images that tell trainings apart, next to ids and labels
# The modules that decide where a training ends.
CODE = [
    Path(__file__).with_name(f"{name}.py")
    for name in ("batches", "checkpoints", "devices", "fitting", "prediction", "settings")
]


@dataclass
class State:
    """Where a training stands after an epoch."""

    rows: list = field(default_factory=list)  # of the table that `fit` returns, a dict an epoch
    best: float = -np.inf  # the best validation quality
    best_weights: list = ()  # the model's, in the epoch of that quality
    best_tops: np.ndarray = ()  # (C,) the highest score of each class in that epoch
    done: bool = False
    variables: list = ()  # of the model, to go on from
    optimizer: list = ()  # its variables, to go on from


def training_key(model, training, validation, settings, augment):
    """What a checkpoint must have been written for, as SHA-256, hexadecimal.

    It is made of the images, settings, code, architecture and first weights.
    """
    digest = hashlib.sha256()
    for part in (training, validation):
        digest.update(json.dumps([part.ids.tolist(), part.labels.tolist(), part.size]).encode())
        digest.update(dataset_checksum(part.subset(np.arange(0, len(part), -(-len(part) // SAMPLE)))).encode())
    architecture = re.sub(r"_\d+\b", "", json.dumps(model.get_config(), default=str))  # names count up in a process
    code = [*map(sha256, CODE), *_augmentation_key(augment)]
    digest.update(json.dumps([settings, code, architecture, keras.__version__, keras.backend.backend()]).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _augmentation_key(augment):
    """What tells one augmentation from another: its code, and the arguments that it was given before."""
    if not augment:
        return [""]
    whole = augment if isinstance(augment, partial) else partial(augment)
    return [sha256(inspect.getsourcefile(whole.func)), repr((whole.args, whole.keywords))]


def write_checkpoint(path, key, state, model):
    """Write the state after an epoch, with all that the next one depends on: weights, optimizer, and Dropout's state.

    Of a training that is done only the best weights are kept.
    """
    arrays = {"best_tops": state.best_tops}
    lists = {"best_weights": state.best_weights}
    if not state.done:
        lists |= {"variables": model.variables, "optimizer": model.optimizer.variables}
    for name, values in lists.items():
        arrays |= {f"{name}_{index:05d}": np.asarray(value) for index, value in enumerate(values)}
    facts = {"key": key, "rows": state.rows, "best": state.best, "done": state.done}
    with replacing(path) as partial:
        np.savez(partial, facts=json.dumps(facts), **arrays)


def read_checkpoint(path, key):
    """The `State` that `write_checkpoint` wrote, or None if there is none, or none of this training."""
    if not path or not Path(path).is_file():
        return None
    try:
        with np.load(path) as file:
            facts = json.loads(str(file["facts"]))
            if facts.pop("key") != key:
                print(f"{Path(path).name} is of another training: starting again.")
                return None
            lists = {}
            for name in ("best_weights", "variables", "optimizer"):
                lists[name] = [file[entry] for entry in sorted(file.files) if entry.startswith(f"{name}_")]
            state = State(**facts, **lists, best_tops=file["best_tops"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        print(f"{Path(path).name} cannot be read: starting again.")
        return None
    done = "is of a training that is done" if state.done else "was interrupted: going on from there"
    print(f"{Path(path).name}, {len(state.rows)} epochs, {done}.")
    return state
