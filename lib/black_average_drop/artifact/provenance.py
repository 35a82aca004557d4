"""Where an artifact comes from, written next to it: commit, versions, parameters, seed, checksums. No path or host."""

import ast
import datetime
import json
import os
import platform
from pathlib import Path

from black_average_drop.artifact import code_hashes
from black_average_drop.artifact.versions import surroundings
from black_average_drop.files import NOTEBOOKS, remembered, replacing, sha256

# Parameters that say where things are and who computes, not what.
PLACES = ("data_root", "build", "results", "scheduler")


def write_record(notebook, outputs, inputs, variables, results, started):
    """Write results/<notebook>.json, which says where the results of a notebook come from.

    Args:
        notebook: its name, such as "03_table1".
        outputs: the files that it wrote, recorded relative to `results` with their SHA-256.
        inputs: name -> a file, a checksum as text, or a pair of checksums, taken at the start and now.
        variables: the notebook's globals(), of which its parameters are recorded.
        results: the folder of results.
        started: a datetime, since when files were read and the minutes are counted.

    Returns:
        The content of the record.

    Raises:
        RuntimeError: a source or an input is no longer what was computed with. The outputs in `results` are removed.
    """
    # Here, since it takes seconds and this module also serves commands that need none of it.
    import keras

    from black_average_drop.networks import devices

    results = Path(results)
    made_from = code_hashes.notebook_sources(notebook)
    if changed := [*code_hashes.changed_sources(made_from), *_changed_inputs(inputs, started)]:
        for path in outputs:
            if Path(path).resolve().is_relative_to(results.resolve()):
                Path(path).unlink(missing_ok=True)
        raise RuntimeError(code_hashes.stale(changed))
    parameters = [name for name in default_parameters(notebook) if name not in PLACES]
    record = {
        "notebook": notebook,
        **surroundings(),
        "minutes": round((datetime.datetime.now() - started).total_seconds() / 60, 1),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "backend": keras.backend.backend(),
        "devices": devices(),
        "parameters": {name: _without_folder(variables[name]) for name in parameters},
        "sources": made_from,
        "inputs": {name: _checksum(value) for name, value in inputs.items()},
        "outputs": {os.path.relpath(path, results): sha256(path) for path in outputs},
    }
    with replacing(results / f"{notebook}.json") as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
    return record


def default_parameters(notebook):
    """Read name -> default of a notebook's parameters from the cell tagged "parameters" of its percent script."""
    cell = (NOTEBOOKS / f"{notebook}.py").read_text().split('tags=["parameters"]')[1].split("# %%")[0]
    cell = cell.split("\n", 1)[1]
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(cell).body
        if isinstance(statement, ast.Assign)
    }


def _changed_inputs(inputs, started):
    """The names of inputs that are no longer what was read since a datetime."""
    for name, value in inputs.items():
        if isinstance(value, Path):
            now = {sha256(value)} if value.is_file() else {""}
            if not remembered(value, started) <= now or now == {""}:
                yield name
        elif isinstance(value, tuple) and value[0] != value[1]:
            yield name


def _checksum(value):
    """The checksum of an input as `write_record` takes it."""
    return sha256(value) if isinstance(value, Path) else value[0] if isinstance(value, tuple) else value


def _without_folder(value):
    """A file or folder by its name alone: where it is on this machine is nobody's business."""
    return Path(value).name if isinstance(value, str) and os.path.isabs(value) else value
