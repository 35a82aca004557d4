"""A .pt2 archive, as torch.export.save writes it, read without PyTorch: JSON and bytes, nothing that runs.

Nothing is unpickled, evaluated, imported or compiled. What is a pickle in every archive, the example that the model was
exported with, is not read, and neither are the texts that hold code: guards, symbolic sizes and stack traces.
"""

import os
import zipfile
from contextlib import nullcontext
from pathlib import Path

from black_average_drop.model_files.pt2_archive import CLASS_NAMES, examined
from black_average_drop.model_files.pt2_graph import nodes
from black_average_drop.model_files.pt2_program import Constant, Node, Program, Reference, Stored
from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal, why_not_read
from black_average_drop.model_files.pt2_signature import inputs_and_stored, outputs
from black_average_drop.model_files.pt2_values import checked_text
from black_average_drop.model_files.pt2_weights import stored_tensors
from black_average_drop.model_files.zip_checks import name_shown

__all__ = ["Constant", "Node", "Program", "Reference", "Stored", "read", "read_without_weights"]

SCHEMA = 8  # of the program in an archive: PyTorch 2.9 to 2.13 write it


def read(file, path=None):
    """The program in a .pt2 archive.

    Args:
        file: where it is, or an open binary file.
        path: what messages call it; `file` if it is None.

    Returns:
        A `Program`.

    Raises:
        ValueError: one sentence, naming what is damaged, would run code, or is not read, and what to do.
    """
    return _read(file, path or file, lambda archive: archive.content)


def read_without_weights(file, path=None):
    """As `read`, but the data of what is stored is empty: it takes no time, however large the file is."""
    return _read(file, path or file, lambda archive: lambda member: b"")


def _read(file, path, reader):
    """The program in an archive, whose bytes of weights are what the reader of the archive gives."""
    try:
        with open(file, "rb") if isinstance(file, str | Path) else nullcontext(file) as opened:
            size = opened.seek(0, os.SEEK_END)
            archive = zipfile.ZipFile(opened)
            return _program(*examined(archive, size, path), path, reader)
    except MemoryError:
        raise
    except Exception as problem:  # of all kinds, since anything may be in the file
        raise ValueError(why_not_read(path, problem)) from problem


def _program(archive, model, path, reader):
    """The program in an archive."""
    content = archive.parsed(f"models/{model}.json")
    major = content["schema_version"]["major"]
    if major != SCHEMA:
        raise Refusal(f"is written in schema {name_shown(str(major))}, and {SCHEMA} is read: {AGAIN} of PyTorch 2.13.")
    weights, constants = (
        stored_tensors(archive, f"data/{folder}/{model}_{folder}_config.json", f"data/{folder}", reader(archive), path)
        for folder in ("weights", "constants")
    )
    module = content["graph_module"]
    images, stored = inputs_and_stored(module, weights, constants)
    calls, names = nodes(module["graph"], [*images, *stored], stored)
    given = outputs(module, names, lambda spec: archive.parsed_text(checked_text(spec), "out_spec"))
    return Program(checked_text(content["torch_version"]), images, stored, calls, given, _class_names(archive))


def _class_names(archive):
    """The names of the classes in an archive, or ()."""
    if CLASS_NAMES not in archive:
        return ()
    names = archive.parsed(CLASS_NAMES)
    if not isinstance(names, list) or not all(isinstance(name, str) and name.isprintable() for name in names):
        raise Refusal(f"has names of classes that are no list of texts ({CLASS_NAMES}): write that file again.")
    return tuple(names)
