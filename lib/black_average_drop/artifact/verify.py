"""Are the results those that were recorded, and do their records still describe this project? One table says it.

The states of a file, the first that applies:

- altered: its checksum is not the recorded one;
- missing: recorded, but not there; of a record, not there though another one or the claims depend on it;
- unrecorded: there, but in no record;
- not checkable: recorded, but not on this machine (models, rows, images, weights), or drawn by its notebook alone; a
  section of the long checks that was written by hand, or before their records had checksums;
- not made: a notebook of the profile, or its analysis half, has no record, and nothing depends on it;
- stale: as recorded, but its sources, parameters, the lock or an input are no longer those that made it;
- current.

A notebook with two halves has two records: 03_table1, of what was measured, and 03_table1.analysis, of the tables that
were made of it. So one can be stale where the other is current.

The first three are errors: nobody can say where such a file comes from. The others are none: stale is what every change
to the package makes of all results until they are made again. What is not noticed here is a record that was edited to
match its file: its history in git shows that.
"""

import os
import runpy
from pathlib import Path

import pandas as pd

from black_average_drop.artifact import halves, profiles, records
from black_average_drop.artifact.analysis import analysis_parameters
from black_average_drop.artifact.code_hashes import analysis_sources, folder_sources, module_sources, notebook_sources
from black_average_drop.artifact.notebooks import GONE, NEEDS
from black_average_drop.artifact.provenance import PLACES
from black_average_drop.artifact.versions import LOCK
from black_average_drop.datasets import catalogue
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import ROOT, sha256

COLUMNS = ["results", "record", "state", "file", "why"]
ERRORS = ("altered", "missing", "unrecorded")
STATES = (*ERRORS, "not checkable", "not made", "stale", "current")
ALL_TOGETHER = "claims"  # the record that is put together from those of the notebooks
BENCHMARK = "benchmark"
PEERS = "peers"  # what `make peers` wrote, and the folder of the comparisons themselves
OF_ANALYSIS = ".analysis"  # how the record of an analysis half is called after that of its notebook
BY_HAND = "mutation.md"  # the section on make mutate
# Records of what a module of the package wrote, without a notebook, with the module that its content depends on.
MODULES = {ALL_TOGETHER: "paper.claims_text", BENCHMARK: "benchmark"}
WITHOUT_NOTEBOOK = (*MODULES, PEERS)


def check_results(profile, data_root):
    """Print the table of results, and fail where a file is altered, missing or unrecorded.

    Args:
        profile: the profile whose results are looked at; if empty, everything in paper_figures is.
        data_root: where images and weights are looked for.

    Raises:
        RuntimeError: a file is altered, missing or unrecorded.
        FileNotFoundError: there are no results.
    """
    if profile:
        profiles.read_profile(profile)
    folders = [profiles.places(profile)[1]] if profile else profiles.result_folders()
    folders = [path for path in folders if path.is_dir()]
    if not folders:
        raise FileNotFoundError(f"There are no results: run make reproduce PROFILE={profile or 'demo'}.")
    states = table(folders, NEEDS, data_root, profiles.read_profile)
    if not profile:
        states = pd.concat([states, further(ROOT / "paper_figures")], ignore_index=True)
    print(text(states))
    wrong = states[states["state"].isin(ERRORS)]
    if len(wrong):
        raise RuntimeError(
            f"{len(wrong)} files are altered, missing or unrecorded, the first {wrong['file'].iloc[0]}: make reproduce "
            "makes results again, make tables only tables and claims, git checkout brings committed ones back, and "
            "what is no result belongs elsewhere."
        )


def table(folders, needs, data_root, read_profile):
    """Look at every file of results, and at every input of their records.

    Args:
        folders: the folders of results.
        needs: the notebooks that each folder should have a record of, with those whose outputs they read.
        data_root: where images and weights are looked for.
        read_profile: a function, name -> notebook -> parameters, such as `profiles.read_profile`.

    Returns:
        A DataFrame with columns results, record, state, file, why.
    """
    names = {**needs, **{f"{name}{OF_ANALYSIS}": (name,) for name in needs if halves.is_split(name)}, ALL_TOGETHER: ()}
    rows = [row for folder in folders for row in _folder(Path(folder), names, Path(data_root), read_profile)]
    return pd.DataFrame(rows, columns=COLUMNS)


def further(figures):
    """Return the same table of what make benchmark, make peers and make reliability wrote into paper_figures."""
    figures, rows = Path(figures), []
    for name in (BENCHMARK, PEERS):
        if (figures / name).is_dir():
            rows += _folder(figures / name, {name: ()})
    if (figures / "reliability").is_dir():
        rows += _sections(figures / "reliability")
    return pd.DataFrame(rows, columns=COLUMNS)


def text(states):
    """Write the table for a reader.

    Files of one record that share state and reason are one line. Errors name every file.
    """
    lines = [("results", "record", "state", "files")]
    for (results, record, state, why), part in states.groupby(["results", "record", "state", "why"], sort=False):
        names = list(part["file"])
        if state not in ERRORS and len(names) > 3:
            names = [*names[:2], f"{len(names) - 2} more"]
        lines.append((results, record, state, "; ".join(names) + (f": {why}" if why else "")))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    shown = ["  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[3]]) for line in lines]
    counts = states["state"].value_counts()
    counted = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts)
    return "\n".join([*shown, "", " ".join([f"{counted}.", *_remedies(states)])])


def _remedies(states):
    """Sentences on what makes stale results again: measurements take hours, and tables of current rows seconds."""
    found = [(row.results, row.record, row.state) for row in states.itertuples()]
    # In folders with rows, tables and claims can be made again without the measurements.
    with_rows = {results for results, record, state in found if record.endswith(OF_ANALYSIS) and state != "not made"}
    stale = {(results, record) for results, record, state in found if state == "stale"}
    measured_apart = {(results, record) for results, record in stale if record in (BENCHMARK, PEERS)}
    of_tables = {
        (results, record)
        for results, record in stale - measured_apart
        if results in with_rows and (record.endswith(OF_ANALYSIS) or record == ALL_TOGETHER)
    }
    measured = {results for results, _ in stale - measured_apart - of_tables}
    if measured:
        yield f"Rows in {', '.join(sorted(measured))} are stale: make reproduce makes them and their tables again."
    for results in sorted({results for results, _ in of_tables} - measured):
        yield f"Rows in {results} are current, their statistics are stale: make tables makes them again."
    for record, what in ((BENCHMARK, "benchmark"), (PEERS, "comparison with other libraries")):
        if record in {record for _, record in measured_apart}:
            yield f"The {what} is stale: make {record} makes it again."


def _folder(folder, names, data_root=Path(), read_profile=None):
    """The rows of one folder of results; names: the records that it should have, with those that each depends on."""
    results, possible = os.path.relpath(folder, ROOT), {**names, **GONE}
    recorded, broken = _records(folder, possible)
    yield from ((results, name, "altered", f"{name}.json", "it is no record") for name in broken)
    claims = folder / f"{ALL_TOGETHER}.csv"
    quoted = claims.read_text(encoding="utf-8", errors="replace") if claims.is_file() else ""
    for name in names:
        if name not in recorded and name not in broken and not _is_of_none(name, recorded):
            users = [user for user in recorded if name in possible[user]] + [claims.name] * (f",{name}," in quoted)
            state, why = ("missing", f", but {users[0]} depends on it") if users else ("not made", "")
            yield results, name, state, f"{name}.json", f"there is no record{why}"

    made = {Path(file).name: checksum for record in recorded.values() for file, checksum in record["outputs"].items()}
    images = _images(recorded["01_train"], data_root) if "01_train" in recorded else {}
    for name, record in recorded.items():
        inputs = list(_inputs(name, record, made, images, data_root))
        changed = [*_reasons(name, record, read_profile)]
        changed += [f"input {what}" for what, state, _ in inputs if state == "stale"]
        for file, checksum in record["outputs"].items():
            elsewhere = file.startswith("..")  # models and rows, which are not committed
            shown = os.path.normpath(os.path.join(results, file)) if elsewhere else file
            if not (folder / file).is_file():
                state, why = ("not checkable", "not on this machine") if elsewhere else ("missing", "")
            elif sha256(folder / file) != checksum:
                state, why = "altered", "not what was recorded"
            else:
                state, why = ("stale", f"changed since: {', '.join(changed)}") if changed else ("current", "")
            yield results, name, state, shown, why
        yield from ((results, name, state, what, why) for what, state, why in inputs if state != "stale")

    known = {os.path.normpath(file) for record in recorded.values() for file in record["outputs"]}
    known |= {f"{name}.json" for name in (*recorded, *broken)}
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(folder).as_posix()
        if path.is_file() and file not in known and not path.name.startswith("."):
            yield results, "none", "unrecorded", file, ""


def _is_of_none(name, recorded):
    """Whether a record would be that of the analysis half of a notebook which has no record itself."""
    return name.endswith(OF_ANALYSIS) and name.removesuffix(OF_ANALYSIS) not in recorded


def _sections(folder):
    """The rows of the long checks: each section against its record, and the page that is put together from them."""
    results, page = os.path.relpath(folder, ROOT), folder.with_suffix(".md")
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        section, record = path.with_suffix(".md"), path.with_suffix(".json")
        if path == record and path.is_file():
            yield results, path.stem, *_section(section, record)
        elif path.name == BY_HAND:
            yield results, path.stem, "not checkable", path.name, "written by hand"
        elif path != section or not record.is_file():
            yield results, "none", "unrecorded", path.name, ""
    put_together = runpy.run_path(str(ROOT / "reliability" / "report.py"))["page"](folder)
    if not page.is_file():
        yield results, "all", "missing", page.name, ""
    elif page.read_text(encoding="utf-8", errors="replace") != put_together:
        yield results, "all", "altered", page.name, "not what reliability/report.py puts together from its sections"
    else:
        yield results, "all", "current", page.name, "put together from its sections"


def _section(section, record):
    """(state, file, why) of one section of the long checks and its record."""
    content = records.read(record)
    if content is None:
        return "altered", record.name, "it is no record"
    checksum = content.get("sha256", "")
    if not section.is_file():
        return "missing", section.name, ""
    if not checksum:
        return "not checkable", section.name, "written before records of long checks had checksums"
    if sha256(section) != checksum:
        return "altered", section.name, "not what was recorded"
    return "current", section.name, ""


def _records(folder, names):
    """The records by name, and the names of files that are none."""
    recorded, broken = {}, []
    for name in names:
        path = folder / f"{name}.json"
        if path.is_file():
            record = records.read(path)
            if _is_record(record, name):
                recorded[name] = record
            else:
                broken.append(name)
    return recorded, broken


def _is_record(record, name):
    """Whether what `records.read` gives has tables of checksums and, of a notebook, the profile by name."""
    if not records.are_checksums(record, "inputs", "outputs"):
        return False
    if "sources" in record and not records.are_checksums(record, "sources"):
        return False
    if not isinstance(record.get("parameters", {}), dict):
        return False
    return name in WITHOUT_NOTEBOOK or isinstance(record.get("parameters", {}).get("profile"), str)


def _reasons(name, record, read_profile):
    """Sources, lock and parameters that are no longer those of a record, as texts."""
    if name in GONE:
        yield f"notebooks/{name}.py, which is gone"
        return
    if "sources" in record:
        then, now = record["sources"], _sources(name)
        changed = [path for path in sorted({*now, *then}) if now.get(path) != then.get(path)]
        yield from (path.removeprefix("lib/black_average_drop/") for path in changed if not path.endswith(".ipynb"))
    else:
        yield "sources, which its record does not name"
    if record.get("lock") != sha256(LOCK):
        yield LOCK.name if "lock" in record else f"perhaps {LOCK.name}, which its record does not name"
    if name not in WITHOUT_NOTEBOOK:
        then = record["parameters"]
        try:
            now = _parameters(name, then["profile"], read_profile)
        except ValueError:
            yield f"profile {then['profile']}, which is wrong or gone"
            return
        names = sorted({*now, *then} - set(PLACES))
        yield from (f"parameter {one}" for one in names if now.get(one) != then.get(one))


def _sources(name):
    """The sources that a record of this name would hold now."""
    if name in MODULES:
        return module_sources(MODULES[name])
    if name == PEERS:
        return folder_sources(PEERS)
    of_analysis = name.endswith(OF_ANALYSIS)
    return analysis_sources(name.removesuffix(OF_ANALYSIS)) if of_analysis else notebook_sources(name)


def _parameters(name, profile, read_profile):
    """The parameters that a record of this name would hold now; `read_profile` as for `table`."""
    notebook = name.removesuffix(OF_ANALYSIS)
    given = read_profile(profile)[notebook]
    if name != notebook:
        return {"profile": profile} | analysis_parameters(notebook, profile, given)
    measuring = halves.parameters_of(notebook, halves.MEASURING)
    return {one: given.get(one, default) for one, default in measuring.items()} | {"profile": profile}


def _inputs(name, record, made, images, data_root):
    """(input, state, why) of each input that a record gives a checksum of.

    made: file name -> checksum, of all outputs in the folder; images: as of `_images`.
    """
    weights = [str(value) for one, value in record.get("parameters", {}).items() if one.endswith("_weights") and value]
    weights = {sha256(data_root / file) for file in weights if (data_root / file).is_file()}
    drawn = set().union(*(checksums for checksums in images.values() if isinstance(checksums, set)))
    for what, value in record["inputs"].items():
        if len(value) != 64:
            continue  # a word, such as random, in the place of weights
        here, how = images.get(what) if name == "01_train" else None, "read again"
        if what in made:
            here, how = {made[what]}, "as recorded where it was made"
        elif "weights" in what:
            here = weights or "not on this machine: pass DATA="
        elif here is None:
            here = drawn & {value} or "a selection of images that only its notebook draws"
        if isinstance(here, str):
            yield what, "not checkable", here
        else:
            yield what, *(("current", f"input, {how}") if value in here else ("stale", ""))


def _images(record, data_root):
    """Images that 01_train read -> the set of checksums that they may have here, or why they cannot be read."""
    given, checksums = record["parameters"], {}
    for what in record["inputs"]:
        kind, _, split = what.partition(", ")
        if split not in catalogue.SPLITS:
            continue
        prefix = kind.removesuffix("s")
        try:
            source, count = given[f"{prefix}_source"], given[f"{prefix}_images" if split == "train" else "test_images"]
            arguments = source, split, (given["image_size"],) * 2, data_root, count, given["seed"]
            # Heads of 1,001 classes begin with a background class, and only the model knows whether it is there.
            backgrounds = (False, True) if source == "imagenet" else (False,)
            checksums[what] = {dataset_checksum(catalogue.load(*arguments, background)) for background in backgrounds}
        except FileNotFoundError:
            checksums[what] = "not on this machine: pass DATA="
        except (ValueError, KeyError, TypeError) as problem:
            checksums[what] = f"its images cannot be read ({problem})"
    return checksums
