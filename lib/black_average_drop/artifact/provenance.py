"""Where an artifact comes from, written next to it: commit, versions, parameters, seed, checksums. No path or host."""

import datetime
import json
import os
import platform
from pathlib import Path

from black_average_drop.artifact import code_hashes, halves, records
from black_average_drop.artifact.versions import surroundings
from black_average_drop.files import remembered, replacing, sha256
from black_average_drop.hardware import devices

# Parameters that say where things are and who computes, not what.
PLACES = ("data_root", "build", "results", "scheduler")


def write_record(notebook, outputs, inputs, variables, results, started):
    """Write results/<notebook>.json, which says where the results of a notebook come from.

    Of a notebook with two halves, these are the results of the measuring half; see `halves`.

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
    import keras  # here, since it takes seconds and this module also serves commands that need none of it

    results = Path(results)
    made_from = code_hashes.notebook_sources(notebook)
    if changed := [*code_hashes.changed_sources(made_from), *_changed_inputs(inputs, started)]:
        _refuse(changed, outputs, results)
    record = {
        "notebook": notebook,
        **surroundings(),
        "minutes": round((datetime.datetime.now() - started).total_seconds() / 60, 1),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "backend": keras.backend.backend(),
        "devices": devices(),
        "parameters": _recorded(notebook, halves.MEASURING, variables),
        "sources": made_from,
        "inputs": {name: _checksum(value) for name, value in inputs.items()},
        "outputs": {os.path.relpath(path, results): sha256(path) for path in outputs},
    }
    with replacing(results / f"{notebook}.json") as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
    return record


def write_analysis(notebook, outputs, inputs, variables, results):
    """Write results/<notebook>.analysis.json, which says what the analysis half of a notebook made, and of what.

    An earlier record stays as it is where it says the same, so that tables which are made again leave no trace.

    Args:
        notebook: its name, such as "03_table1".
        outputs: the files that its analysis half wrote below `results`.
        inputs: file name -> path of each file below `results` that the analysis half read: row files, and tables of
            earlier analyses.
        variables: the notebook's globals(), of which the parameters of the analysis half are recorded.
        results: the folder of results.

    Returns:
        The content of the record.

    Raises:
        ValueError: an input is not called as its file, or does not lie below `results`.
        RuntimeError: a source or an input is no longer what was computed with. The outputs are removed.
    """
    for name, file in inputs.items():
        if not isinstance(file, Path) or file.name != name or not file.is_relative_to(results):
            raise ValueError(f"{name} is no input of an analysis: give a file below {results} under its own name.")
    results, path = Path(results), analysis_record(notebook, results)
    made_from = code_hashes.analysis_sources(notebook)
    if changed := [*code_hashes.changed_sources(made_from), *_replaced_inputs(inputs)]:
        _refuse(changed, outputs, results)
    around = surroundings()
    record = {
        "parameters": _recorded(notebook, halves.ANALYSIS, variables),
        "sources": made_from,
        "inputs": {name: sha256(file) for name, file in inputs.items()},
        "outputs": {os.path.relpath(file, results): sha256(file) for file in outputs},
    }
    earlier = records.read(path) or {}
    if earlier.get("lock") == around["lock"] and all(earlier.get(name) == value for name, value in record.items()):
        return earlier
    record = {"notebook": notebook, "half": halves.ANALYSIS, **around, **record}
    with replacing(path) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
    return record


def analysis_record(notebook, results):
    """Return the path of the record of an analysis half."""
    return Path(results) / f"{notebook}.analysis.json"


def _refuse(changed, outputs, results):
    """Remove the outputs in the folder of results, and say which files changed."""
    for path in outputs:
        if Path(path).resolve().is_relative_to(results.resolve()):
            Path(path).unlink(missing_ok=True)
    raise RuntimeError(code_hashes.stale(changed))


def _recorded(notebook, half, variables):
    """Name -> value of the parameters of a half, as a record holds them."""
    names = [name for name in halves.parameters_of(notebook, half) if name not in PLACES]
    names = names if "profile" in names else ["profile", *names]
    return {name: _without_folder(variables[name]) for name in names}


def _replaced_inputs(inputs):
    """The names of inputs that are not there as this process read them last, or read them at all."""
    for name, path in inputs.items():
        read = remembered(path, datetime.datetime.min)
        if not Path(path).is_file() or (read and sha256(path) not in read):
            yield name


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
