"""Run the notebooks of a profile in order, each only when what it depends on has changed.

A notebook's stamp, build/<profile>/<notebook>.stamp.json, holds a hash over what the notebook depends on: its source
and the modules that it imports, its section of the profile, the data that it reads, the outputs of the notebooks that
it needs, the locked environment and the backend. The stamp also holds the checksums of what the notebook wrote.

Of a notebook with two halves, all of this concerns the measuring half: where it is stale, the whole notebook runs. The
record of the analysis half is its own stamp. Where that half alone is stale, it runs alone, on the rows in the results.
"""

import hashlib
import json
import os
import sys
from contextlib import ExitStack, contextmanager

from black_average_drop.artifact import (
    analysis,
    choose_settings,
    claims_page,
    halves,
    locks,
    profiles,
    records,
    site,
    stamps,
)
from black_average_drop.artifact.code_hashes import notebook_sources
from black_average_drop.artifact.execution import execute
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.artifact.notebooks import GONE, NEEDS, ORDER
from black_average_drop.artifact.provenance import analysis_record
from black_average_drop.files import ROOT, replacing, sha256


def run(profile, data_root):
    """Execute the notebooks of a profile that are stale.

    Args:
        profile: its name.
        data_root: the folder of images and weights.

    Raises:
        ValueError: the profile or a parameter is wrong. Nothing has run.
        FileNotFoundError: the data root lacks what the profile reads. Nothing has run.
        RuntimeError: a notebook failed, or what it reads changed while it ran.
    """
    sections = profiles.read_profile(profile)
    data_root = choose_settings.resolved(data_root)
    _check_data(sections, data_root)
    scheduler = checked_scheduler()
    with _alone(profile):
        _run(profile, sections, data_root, scheduler)


def make_tables(profile):
    """Make the tables, claims and sentences of a profile again from its rows: no network, no image, no data.

    Raises:
        ValueError: the profile or a parameter is wrong, or rows are not those that were recorded.
        FileNotFoundError: the profile has no rows.
        RuntimeError: an analysis half failed. All results are as they were.
    """
    sections = profiles.read_profile(profile)
    build, results = profiles.places(profile)
    split = [notebook for notebook in ORDER if halves.is_split(notebook)]
    with _alone(profile):
        for notebook in split:
            analysis.check_rows(notebook, profile, results)
        locks.remove_partial(build, results)
        with analysis.copied_results(build, results) as (copy, changed):
            for notebook in split:
                analysis.analyse(notebook, profile, sections[notebook], build, copy)
            claims_page.assemble(copy, profile)
            for notebook in split:
                analysis.show_in_whole(notebook, build)
    where = os.path.relpath(results, ROOT)
    print(f"Changed in {where}: {', '.join(changed)}." if changed else f"Nothing changed in {where}.")


def report(profile):
    """Write the results page of a profile to build/<profile>/site. Raises as `site.write_site`."""
    profiles.read_profile(profile)
    with _alone(profile):
        for page in site.write_site(profile, ORDER, *profiles.places(profile)):
            print(page.relative_to(ROOT))


def checked_scheduler():
    """Return the address in the environment variable SCHEDULER, or "".

    Raises:
        RuntimeError: no Dask cluster is there.
    """
    scheduler = os.environ.get("SCHEDULER", "").strip()
    if scheduler:
        from black_average_drop import workers  # here: it takes Keras with it, for which other commands need not wait

        workers.check_scheduler(scheduler)
    return scheduler


@contextmanager
def _alone(profile):
    """Hold the locks of what a profile writes to: its own folder, and that of the profile whose results it makes."""
    with ExitStack() as stack:
        for name in sorted({profile, profiles.results_folder(profile)}):
            stack.enter_context(locks.held_folder(ROOT / "build" / name))
        yield


def _run(profile, sections, data_root, scheduler):
    """Run the notebooks that are stale, while the locks are held."""
    build, results = profiles.places(profile)
    _check_results(profile, results)
    locks.remove_partial(build, results)
    outputs = {}
    for notebook in ORDER:
        key, given = stamp_key(notebook, sections, data_root, outputs), sections[notebook]
        stamp, is_split = build / f"{notebook}.stamp.json", halves.is_split(notebook)
        if not stamps.is_current(stamp, key, results):
            for path in stamps.unreadable(stamp, results):
                print(f"{os.path.relpath(path, ROOT)} is missing or cannot be read: it is made again.", flush=True)
            stamp.unlink(missing_ok=True)
            places = {"profile": profile, "data_root": str(data_root), "build": str(build), "results": str(results)}
            if "scheduler" in default_parameters(notebook):
                places["scheduler"] = scheduler
            before = _record(notebook, results)
            execute(notebook, {**given, **places}, build)
            written = _written_outputs(notebook, results, before)
            if stamp_key(notebook, sections, data_root, outputs) != key or not _still_there(notebook, outputs, results):
                _discard(notebook, written, results)
                raise RuntimeError(
                    f"What {notebook} reads, its sources, data or the outputs of other notebooks, changed while it "
                    "ran, and its results were removed: run the same command again."
                )
            if is_split:
                analysis.check_analysis(notebook, profile, given, results)
            with replacing(stamp) as partial:
                partial.write_text(json.dumps({"key": key, "outputs": written}, indent=1))
        elif is_split and not analysis.is_current_analysis(notebook, profile, given, results):
            with analysis.copied_results(build, results) as (copy, _):
                analysis.analyse(notebook, profile, given, build, copy)
                analysis.show_in_whole(notebook, build)
        else:
            print(f"{notebook} ({profile}): up to date", flush=True)
        outputs[notebook] = records.read(stamp)["outputs"]
    for record in (results / f"{notebook}.json" for notebook in GONE):
        if record.is_file():  # every file that it names has a newer record now
            record.unlink()
    claims_page.assemble(results, profile)
    locks.remove_partial(build, results)  # of a kernel that outlived a run that was killed before


def stamp_key(notebook, sections, data_root, outputs):
    """Compute a hash over all that a notebook depends on.

    Args:
        notebook: its name.
        sections: notebook -> parameters, of the profile.
        data_root: the folder of images and weights.
        outputs: notebook -> path -> SHA-256, of the notebooks that it needs.
    """
    read = [sections[name] for name in (*NEEDS[notebook], notebook)]
    measuring = halves.parameters_of(notebook, halves.MEASURING)
    return _hash(
        notebook_sources(notebook),
        {name: sections[notebook].get(name, value) for name, value in measuring.items()},
        _listing(read, data_root),
        [outputs[name] for name in NEEDS[notebook]],
        sha256(ROOT / "requirements.lock"),
        sys.version,
        os.environ.get("KERAS_BACKEND", ""),
    )


def _check_results(profile, results):
    """A smaller version of a profile must not take the place of results of the profile itself."""
    base, given = profiles.results_folder(profile), (records.read(results / "01_train.json") or {}).get("parameters")
    if base != profile and isinstance(given, dict) and given.get("profile") == base:
        raise ValueError(
            f"paper_figures/{base} holds results of the {base} profile itself: move it away to put those of {profile} "
            "there."
        )


def _record(notebook, results):
    """The bytes that the last cell of a notebook wrote, none if it has not run."""
    path = results / f"{notebook}.json"
    return path.read_bytes() if path.is_file() else b""


def _written_outputs(notebook, results, before):
    """The outputs recorded by the run that just ended: one that left early has written no new record."""
    changed = _record(notebook, results) != before
    record = records.of_notebook(results / f"{notebook}.json")
    outputs = record["outputs"] if record and changed else {}
    if not outputs or not stamps.match(outputs, results):
        raise RuntimeError(f"{notebook} ended without writing its results: open it in build/ and see where it stopped.")
    return outputs


def _still_there(notebook, outputs, results):
    """Whether the outputs of the notebooks that one needs are those that it was told of."""
    return all(stamps.match(outputs[needed], results) for needed in NEEDS[notebook])


def _discard(notebook, outputs, results):
    """Remove what a notebook has written to its results, records and all; models stay, and are no result without."""
    made = (records.of_analysis(analysis_record(notebook, results)) or {"outputs": ()})["outputs"]
    for name in (f"{notebook}.json", analysis_record(notebook, results).name, *outputs, *made):
        if not name.startswith(".."):
            (results / name).unlink(missing_ok=True)


def _check_data(sections, data_root):
    """Check that the folders which a profile reads are below the data root; FileNotFoundError otherwise."""
    for folder in profiles.data_folders(sections.values()):
        if not (data_root / folder).is_dir():
            raise FileNotFoundError(
                f"{data_root / folder} is missing: pass DATA=, the folder that {folder} is in, or fetch it: make data "
                "with the same PROFILE= and DATA=; data/README.md says how to get it by hand."
            )


def _listing(sections, data_root):
    """Path, size and time of every data file that sections of a profile name, so that changed data is noticed."""
    files = [
        path for folder in profiles.data_folders(sections) for path in (data_root / folder).rglob("*") if path.is_file()
    ]
    files += [data_root / name for name in profiles.values(sections, "_weights") if (data_root / name).is_file()]
    return [(str(path.relative_to(data_root)), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]


def _hash(*parts):
    """The SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
