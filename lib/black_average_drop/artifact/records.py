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
    record = read(path)
    if not are_checksums(record, "inputs", "outputs"):
        return None
    whole = all(isinstance(record.get(name), kind) for name, kind in OF_NOTEBOOK.items())
    whole = whole and isinstance(record["parameters"].get("profile"), str)
    return record if whole and set(OF_MACHINE) <= set(record["machine"]) else None
