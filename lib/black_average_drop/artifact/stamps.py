"""Is what a notebook wrote still there and still its own? Its stamp in the build folder says what that was."""

from black_average_drop.artifact import records
from black_average_drop.files import sha256


def is_current(stamp, key, results):
    """Whether the stamp is of that key, and what a notebook wrote is there and as it was: executed, record, outputs."""
    if not stamp.exists() or unreadable(stamp, results):
        return False
    content, record = records.read(stamp), records.of_notebook(_record(stamp, results))
    return content.get("key") == key and content["outputs"] == record["outputs"] and match(record["outputs"], results)


def unreadable(stamp, results):
    """Return stamp, executed notebook and record of a notebook that has a stamp, as far as they cannot be read."""
    if not stamp.exists():
        return []
    executed, record = stamp.with_name(stamp.name.replace(".stamp.json", ".ipynb")), _record(stamp, results)
    whole = {stamp: records.are_checksums(records.read(stamp), "outputs")}
    whole |= {executed: "cells" in (records.read(executed) or {}), record: records.of_notebook(record) is not None}
    return [path for path, can_be_read in whole.items() if not can_be_read]


def _record(stamp, results):
    return results / stamp.name.replace(".stamp.json", ".json")


def match(outputs, results):
    """Whether the files of a table, path below results -> SHA-256, are there and have these checksums."""
    return all((results / name).is_file() and sha256(results / name) == h for name, h in outputs.items())
