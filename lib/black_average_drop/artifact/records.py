"""Small JSON files that say what was made: what cannot be read is as good as not there."""

import json
from pathlib import Path

# What a record of a notebook holds, as far as it is read again.
OF_NOTEBOOK = {
    "notebook": str,
    "commit": str,
    "uncommitted_changes": bool,
    "created": str,
    "minutes": int | float,
    "machine": dict,
    "versions": dict,
    "parameters": dict,
    "inputs": dict,
    "outputs": dict,
}
# Of an analysis half, which takes seconds anywhere.
OF_ANALYSIS = {name: kind for name, kind in OF_NOTEBOOK.items() if name not in ("minutes", "machine")}
OF_MACHINE = ("system", "processor", "cores")


def read(path):
    """Return the JSON object of a file as a dict, or None where no file is there, or none that can be read as one."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def are_checksums(record, *names):
    """Whether a dict read from JSON holds a table of texts, name -> checksum, under each of the names."""
    tables = [record.get(name) if record else None for name in names]
    return all(isinstance(one, dict) and all(isinstance(value, str) for value in one.values()) for one in tables)


def of_notebook(path):
    """Return the record of a notebook's run, or None where it is not there or not whole."""
    record = _whole(path, OF_NOTEBOOK)
    return record if record and set(OF_MACHINE) <= set(record["machine"]) else None


def of_analysis(path):
    """Return the record of a notebook's analysis half, or None where it is not there or not whole."""
    record = _whole(path, OF_ANALYSIS)
    return record if record and are_checksums(record, "sources") else None


def _whole(path, contents):
    """The record at a path, or None where it has no checksums, no profile, or lacks one of the contents."""
    record = read(path)
    if not are_checksums(record, "inputs", "outputs"):
        return None
    whole = all(isinstance(record.get(name), kind) for name, kind in contents.items())
    return record if whole and isinstance(record["parameters"].get("profile"), str) else None
