"""Run analysis halves on the rows of a profile: in a copy of its results, so that a half that fails changes nothing."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from black_average_drop.artifact import halves, records, stamps
from black_average_drop.artifact.code_hashes import analysis_sources
from black_average_drop.artifact.execution import execute_analysis
from black_average_drop.artifact.provenance import PLACES, analysis_record
from black_average_drop.artifact.versions import LOCK
from black_average_drop.files import ROOT, replacing, sha256
from black_average_drop.rows import FOLDER

SECTION = "tables"  # the folder below build/<profile> where halves are executed


def is_current_analysis(notebook, profile, given, results):
    """Whether what the analysis half of a notebook made is there, and made by its code and parameters of its inputs.

    Args:
        notebook: its name.
        profile: the name of the profile.
        given: name -> value of the parameters that the profile gives to the notebook.
        results: the folder of results.
    """
    record = records.of_analysis(analysis_record(notebook, results))
    if record is None or record.get("lock") != sha256(LOCK) or record["sources"] != analysis_sources(notebook):
        return False
    parameters = {"profile": profile} | analysis_parameters(notebook, profile, given)
    inputs = {os.path.relpath(_input(name, results), results): value for name, value in record["inputs"].items()}
    is_same = record["parameters"] == parameters
    return is_same and stamps.match(inputs, results) and stamps.match(record["outputs"], results)


def analysis_parameters(notebook, profile, given):
    """Return name -> value of the parameters of an analysis half, places left out; arguments as above."""
    parameters = halves.parameters_of(notebook, halves.ANALYSIS)
    values = {name: given.get(name, default) for name, default in parameters.items() if name not in PLACES}
    return values | ({"profile": profile} if "profile" in values else {})


def check_rows(notebook, profile, results):
    """Check that the rows which the measuring half of a notebook recorded are there, and are those of a profile.

    Args:
        notebook: its name.
        profile: the name of the profile.
        results: the folder of results.

    Raises:
        FileNotFoundError: a row file is not there, or the half recorded none.
        ValueError: a row file is not what was recorded, or another profile's.
    """
    record, where = records.of_notebook(results / f"{notebook}.json"), os.path.relpath(results, ROOT)
    outputs = record["outputs"] if record else {}
    rows = {name: checksum for name, checksum in outputs.items() if name.startswith(f"{FOLDER}/")}
    if not rows or not all((results / name).is_file() for name in rows):
        raise FileNotFoundError(
            f"There are no rows of {notebook} in {where}: run make reproduce PROFILE={profile}, which measures them."
        )
    if record["parameters"]["profile"] != profile:
        theirs = record["parameters"]["profile"]
        raise ValueError(f"The rows of {notebook} in {where} are those of {theirs}: run make tables PROFILE={theirs}.")
    for name, checksum in rows.items():
        if sha256(results / name) != checksum:
            raise ValueError(
                f"{where}/{name} is not what was recorded: bring it back by git checkout, or run make reproduce "
                f"PROFILE={profile}, which measures it."
            )


@contextmanager
def copied_results(build, results):
    """Work on a copy of a folder of results; what the block changed there takes its place in `results` at the end.

    Where the block fails, `results` stays as it was.

    Args:
        build: the build folder of the profile. The copy vanishes in the end.
        results: the folder of results.

    Yields:
        The folder of the copy, and a list, to which the names of the changed files are added at the end.
    """
    copy, changed = build / SECTION / "results", []
    shutil.rmtree(copy, ignore_errors=True)
    try:
        for path in (path for path in results.rglob("*") if path.is_file() and not _is_aside(path.name)):
            place = copy / path.relative_to(results)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)  # without its mode: the copy of a file that is read-only is not
        yield copy, changed
        for path in sorted(path for path in copy.rglob("*") if path.is_file()):
            place = results / path.relative_to(copy)
            if not place.is_file() or place.read_bytes() != path.read_bytes():
                with replacing(place) as partial:
                    shutil.copyfile(path, partial)
                changed.append(place.relative_to(results).as_posix())
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def analyse(notebook, profile, given, build, results):
    """Run the analysis half of a notebook; the executed half goes to build/tables/.

    Args:
        notebook: its name.
        profile: the name of the profile.
        given: name -> value of the parameters that the profile gives to the notebook.
        build: the build folder of the profile.
        results: the folder that holds the rows, and gets the tables.

    Raises:
        RuntimeError: the half failed, or left before it wrote its record.
    """
    parameters = analysis_parameters(notebook, profile, given)
    execute_analysis(notebook, parameters | {"profile": profile, "results": str(results)}, build / SECTION)
    check_analysis(notebook, profile, given, results)


def check_analysis(notebook, profile, given, results):
    """RuntimeError where an analysis half, which has run, left no record of what is there. Arguments as above."""
    if not is_current_analysis(notebook, profile, given, results):
        raise RuntimeError(
            f"The analysis half of {notebook} ended without writing its tables: open it in build/ and see where it "
            "stopped."
        )


def show_in_whole(notebook, build):
    """Put the executed analysis half in its place in the executed notebook of the last whole run, if there is one."""
    whole, half = (records.read(folder / f"{notebook}.ipynb") for folder in (build, build / SECTION))
    if whole and half and "cells" in whole:
        own = half["cells"][halves.first_of_analysis(half["cells"]) :]
        whole["cells"] = whole["cells"][: halves.first_of_analysis(whole["cells"])] + own
        with replacing(build / f"{notebook}.ipynb") as partial:
            partial.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _is_aside(name):
    """Whether a file by its name is hidden or half-written, and so no result."""
    return name.startswith((".", "partial-"))


def _input(name, results):
    """The path of an input of an analysis by the name of its file: rows, or a table of an earlier analysis."""
    of_rows = Path(results) / FOLDER / name
    return of_rows if of_rows.is_file() else Path(results) / name
