"""The page of the paper's claims, put together from what each notebook measured, and the record of its origin."""

import json
from pathlib import Path

import pandas as pd

from black_average_drop.artifact import records
from black_average_drop.artifact.code_hashes import module_sources
from black_average_drop.artifact.versions import surroundings
from black_average_drop.files import read_csv, replacing, sha256, write_csv
from black_average_drop.paper import claims_text, verdicts


def assemble(results, profile):
    """Write claims.csv, claims.md and claims.json, the record that says where the two others come from.

    All three stay as they are where that says the same.

    Args:
        results: the folder that holds the claims_*.csv of the notebooks.
        profile: its name.

    Returns:
        The table of claims with their verdicts, a DataFrame.
    """
    results = Path(results)
    parts = [read_csv(path) for path in sorted(results.glob("claims_*.csv"))]
    table = verdicts.decide(pd.concat(parts, ignore_index=True))
    record = {"parameters": {"profile": profile}, "sources": module_sources("paper.claims_text")}
    record |= {"inputs": _checksums(results, "claims_*.csv"), "outputs": _checksums(results, "claims.[cm]*")}
    around = surroundings()
    record["lock"] = around["lock"]
    path = results / "claims.json"
    earlier = records.read(path) or {}
    if len(record["outputs"]) == 2 and all(earlier.get(name) == value for name, value in record.items()):
        return table
    write_csv(table, results / "claims.csv", profile)
    with replacing(results / "claims.md") as partial:
        partial.write_text(claims_text.page(table, profile), encoding="utf-8")
    record["outputs"] = _checksums(results, "claims.[cm]*")
    if any(earlier.get(name) != value for name, value in record.items()):
        with replacing(path) as partial:
            partial.write_text(json.dumps(around | record, indent=1) + "\n")
    return table


def _checksums(results, pattern):
    """Name -> SHA-256 of the files of a folder whose names fit a pattern."""
    return {path.name: sha256(path) for path in sorted(results.glob(pattern))}
