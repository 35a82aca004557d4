"""Run the notebooks of a profile in order, each only when what it depends on has changed.

A notebook's stamp, build/<profile>/<notebook>.stamp.json, holds a hash over what it depends on: its source and the
modules it imports, its section of the profile, the data it reads, the outputs of the notebooks it needs, the locked
environment and the backend; and the checksums of what it wrote.
"""

import argparse
import datetime
import errno
import hashlib
import json
import logging
import math
import os
import shutil
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import yaml

from black_average_drop import allocator, locks, progress, provenance, records, settings, site, stamps, verdicts, verify
from black_average_drop.datasets import FOLDERS, catalogue, check_name, fetch
from black_average_drop.datasets import report as data_report
from black_average_drop.provenance import NOTEBOOKS, PLACES, ROOT, default_parameters

# Each notebook in its order, with those whose outputs it reads.
NEEDS = {
    "01_train": (),
    "02_figure1": ("01_train",),
    "03_table1": ("01_train",),
    "04_alpha": ("01_train", "03_table1"),
    "05_identity": ("01_train",),
    "06_softmax": ("01_train",),
    "07_what_networks_use": ("01_train",),
    "08_maps_against_truth": ("01_train", "07_what_networks_use"),
    "09_verdict": ("01_train", "07_what_networks_use", "08_maps_against_truth"),
}
ORDER = tuple(NEEDS)
# Notebooks of earlier versions whose records still lie with results; paper_figures/README.md has their successors.
GONE = {"07_trust": ("01_train",)}
ALONE = ("explore", "your_data")  # in no profile: opened by hand, and the last one run by `choose`
SOURCES = (*catalogue.PHANTOMS, *FOLDERS)
AT_LEAST_1 = ("batch_size", "resamples", "most_images", "training_seeds", "softmax_seeds")  # other numbers may be 0
SIGNED = ("paper_lowest", "paper_highest")  # logits
STANDARD = ("profile", *PLACES)  # set for every notebook, not by the profile
# Each command with the arguments that it heeds.
TAKES = {
    "run": ("profile", "data"),
    "choose": ("model", "data", "set"),
    "report": ("profile",),
    "verify": ("profile", "data"),
    "notebooks": ("check",),
    "data": ("profile", "data"),
    "data-report": ("data",),
}
# What a command says that is interrupted.
STOPPED = {
    "run": "the same command goes on from here",
    "data": "the same command goes on from here",
    "choose": "the same command begins again; what an earlier one wrote stays",
}
NO_ACCESS = "Give this user the right to it, or mend what the name stands for, and run the same command again."
NO_ROOM = "The disk is full: make room on it and run the same command again."


def run(profile, data_root):
    """Execute the notebooks of a profile that are stale. Raises ValueError or FileNotFoundError before anything runs
    if the profile, a parameter or the data root is wrong, and RuntimeError if a notebook fails."""
    sections = read_profile(profile)
    data_root = settings.resolved(data_root)
    _check_data(sections, data_root)
    scheduler = _scheduler()
    with _alone(profile):
        _run(profile, sections, data_root, scheduler)


def _run(profile, sections, data_root, scheduler):
    build, results = _places(profile)
    _check_results(profile, results)
    provenance.remove_partial(build, results)
    outputs = {}
    for notebook in ORDER:
        key = stamp_key(notebook, sections, data_root, outputs)
        stamp = build / f"{notebook}.stamp.json"
        if stamps.is_current(stamp, key, results):
            print(f"{notebook} ({profile}): up to date", flush=True)
        else:
            for path in stamps.unreadable(stamp, results):
                print(f"{os.path.relpath(path, ROOT)} is missing or cannot be read: it is made again.", flush=True)
            stamp.unlink(missing_ok=True)
            places = {"profile": profile, "data_root": str(data_root), "build": str(build), "results": str(results)}
            if "scheduler" in default_parameters(notebook):
                places["scheduler"] = scheduler
            before = _record(notebook, results)
            _execute(notebook, {**sections[notebook], **places}, build)
            written = _written_outputs(notebook, results, before)
            if stamp_key(notebook, sections, data_root, outputs) != key or not _still_there(notebook, outputs, results):
                _discard(notebook, written, results)
                raise RuntimeError(
                    f"What {notebook} reads, its sources, data or the outputs of other notebooks, changed while it "
                    "ran, and its results were removed: run the same command again."
                )
            with provenance.replacing(stamp) as partial:
                partial.write_text(json.dumps({"key": key, "outputs": written}, indent=1))
        outputs[notebook] = records.read(stamp)["outputs"]
    for notebook in GONE:
        (results / f"{notebook}.json").unlink(missing_ok=True)  # every file that it names has a newer record now
    verdicts.assemble(results, profile)
    provenance.remove_partial(build, results)  # of a kernel that outlived a run that was killed before


def stamp_key(notebook, sections, data_root, outputs):
    """A hash over all that a notebook depends on; outputs: notebook -> checksums, of those that it needs."""
    read = [sections[name] for name in (*NEEDS[notebook], notebook)]
    return _hash(
        provenance.sources(notebook),
        sections[notebook],
        _listing(read, data_root),
        [outputs[name] for name in NEEDS[notebook]],
        provenance.sha256(ROOT / "requirements.lock"),
        sys.version,
        os.environ.get("KERAS_BACKEND", ""),
    )


def read_profile(profile):
    """notebook -> parameters, every name and type checked against the defaults in the notebook's parameters cell.

    A profile may begin with `extends: other`: the sections of the other one, with its own parameters in place of
    theirs.
    """
    sections, base = _sections(profile)
    path = NOTEBOOKS / "profiles" / f"{profile}.yaml"
    if base:
        theirs = _sections(base)[0]
        sections = {name: {**(theirs.get(name) or {}), **(sections.get(name) or {})} for name in {**theirs, **sections}}
    if set(sections) != set(ORDER):
        wrong = sorted(set(sections) ^ set(ORDER))[0]
        raise ValueError(f"{path.name}: section {wrong!r} is missing or unknown: there is one for each notebook.")
    for notebook, parameters in sections.items():
        _check_parameters(path.name, notebook, parameters or {})
        for name, value in (parameters or {}).items():
            if name.endswith("_source") and value not in ("", *SOURCES):
                raise ValueError(f"{path.name}: {notebook}: {name} is {value!r}: choose one of {', '.join(SOURCES)}.")
    return {notebook: sections[notebook] or {} for notebook in ORDER}


def _check_parameters(where, notebook, parameters):
    """Every name and type as in the notebook's parameters cell, and numbers in range; ValueError otherwise."""
    defaults = default_parameters(notebook)
    for name, value in parameters.items():
        if name not in defaults or name in STANDARD:
            free = ", ".join(sorted(set(defaults) - set(STANDARD)))
            raise ValueError(f"{where}: {notebook} has no parameter {name!r}: choose from {free}.")
        wanted = type(defaults[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise ValueError(
                f"{where}: {notebook}: {name} is {value!r}, a {type(value).__name__}: a {wanted.__name__} is "
                "wanted (write 1.0e-4, not 1e-4)."
            )
        for one in value if wanted is list else ():
            if isinstance(one, bool) or not isinstance(one, str | int):
                raise ValueError(f'{where}: {notebook}: {name} holds {one!r}: put each name in quotes, such as "no".')
        least = 1 if name in AT_LEAST_1 else 0
        if wanted in (int, float) and name not in SIGNED and not least <= value < math.inf:
            raise ValueError(f"{where}: {notebook}: {name} is {value}: at least {least} is wanted.")
        if name == "alpha" and value >= 1:
            raise ValueError(f"{where}: {notebook}: alpha is {value}: below 1 is wanted, or 0 to have it chosen.")


def choose(model, images, given=()):
    """Run your_data on a model file and a folder of images; results and report go to a folder of build/choose,
    named after both and by a hash of where they lie and of the settings. Those of an earlier run of the same stay until
    the new ones are whole.

    given: texts like "most_images=100 seed=3", parameters of the notebook with a YAML value. Raises ValueError or
    FileNotFoundError before anything runs if one of them is wrong, and RuntimeError if the notebook fails.
    """
    notebook = ALONE[-1]
    for path, what in ((model, "MODEL=model.keras"), (images, "DATA=folder")):
        check_name(Path(path).resolve())
        if not path or not Path(path).exists():
            missing = f"{path} is missing" if path else f"{what.split('=')[0]} is not given"
            raise FileNotFoundError(f"{missing}: name your model and images, {what} for one.")
    parameters = {}
    for setting in (one for text in given for one in settings.split(text)):
        name, _, value = setting.partition("=")
        try:
            parameters[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as problem:
            raise ValueError(f"{setting}: write name=value, such as most_images=100.") from problem
    _check_parameters("--set", notebook, parameters)
    if parameters.get("labels"):
        parameters["labels"] = str(settings.resolved(parameters["labels"]))
    model, images = settings.resolved(model), settings.resolved(images)
    build = ROOT / "build" / "choose" / settings.study(model, images, parameters)
    places = {"profile": "your data", "model": str(model), "images": str(images), "scheduler": _scheduler()}
    with _held(build):
        provenance.remove_partial(build)
        partial = provenance.partial_name(build / "results")
        partial.mkdir()
        try:
            executed = _execute(notebook, parameters | places | {"results": str(partial)}, build, partial)
            site.write_notebook(executed, partial / "report.html")
            for path in sorted(partial.iterdir(), key=lambda path: path.name == "report.html"):  # that one last
                os.replace(path, build / path.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        recommendation = (build / "recommendation.md").read_text(encoding="utf-8")
    page = (build / "report.html").relative_to(ROOT)
    print(f"{recommendation}\nThe report, with figures and tables: {page}")


@contextmanager
def _alone(profile):
    """Hold the locks of what a profile writes to: its own folder, and that of the profile whose results it makes."""
    with ExitStack() as stack:
        for name in sorted({profile, results_folder(profile)}):
            stack.enter_context(_held(ROOT / "build" / name))
        yield


def _held(folder):
    return locks.held(folder / ".lock", os.environ.get("BAD_TARGET", "black_average_drop.pipeline"))


def _scheduler():
    """The address in the environment variable SCHEDULER, or "". Raises RuntimeError if no Dask cluster is there."""
    scheduler = os.environ.get("SCHEDULER", "").strip()
    if scheduler:
        from black_average_drop import workers  # here: it takes Keras with it, for which other commands need not wait

        workers.check(scheduler)
    return scheduler


def _places(profile):
    """The folder of executed notebooks and models, and that of results."""
    build = ROOT / "build" / profile
    return build, build / "results" if profile == "smoke" else ROOT / "paper_figures" / results_folder(profile)


def results_folder(profile):
    """The folder below paper_figures/: the profile's own, or that of the profile that it is a smaller version of."""
    return _sections(profile)[1] or profile


def _check_results(profile, results):
    """A smaller version of a profile must not take the place of results of the profile itself."""
    base, given = results_folder(profile), (records.read(results / "01_train.json") or {}).get("parameters")
    if base != profile and isinstance(given, dict) and given.get("profile") == base:
        raise ValueError(
            f"paper_figures/{base} holds results of the {base} profile itself: move it away to put those of {profile} "
            "there."
        )


def _sections(profile):
    """What the file of a profile says, and the name of the profile that it extends or None."""
    path = NOTEBOOKS / "profiles" / f"{profile}.yaml"
    known = sorted(file.stem for file in path.parent.glob("*.yaml"))
    if profile not in known:  # nor is ./smoke one, whose results would go to another folder than those of smoke
        raise ValueError(f"There is no profile {profile!r}: choose PROFILE={' or PROFILE='.join(known)}.")
    try:
        sections = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as problem:
        raise ValueError(f"{path.name} is no valid YAML: {' '.join(str(problem).split())}.") from problem
    base = sections.pop("extends", None) if isinstance(sections, dict) else None
    if not isinstance(sections, dict) or not all(isinstance(part, dict | None) for part in sections.values()):
        raise ValueError(f"{path.name} must hold a section of parameters for each notebook: {', '.join(ORDER)}.")
    if base and (base == "smoke" or _sections(base)[1]):
        raise ValueError(f"{path.name} extends {base}: name a profile that extends none, and not smoke.")
    return sections, base


def data(profile, data_root):
    """Bring what a profile reads to the data root. Raises RuntimeError saying what to fetch by hand, and from where."""
    sections = read_profile(profile)
    sources, photos = _values(sections.values(), "_source") & set(FOLDERS), ()
    if not sources:
        print(f"{profile}: nothing to fetch, its images are drawn from a seed.")
        return
    parameters = default_parameters("01_train") | sections["01_train"]
    if parameters["general_source"] == "imagenet":
        photos = _values(sections.values(), "general_image")
    with _held(Path(data_root)):
        fetch.fetch(sources, _keras_weights(parameters, Path(data_root)), data_root, photos)


def _keras_weights(parameters, data_root):
    """(backbone, with its head) of the weights that 01_train will ask Keras for, by the rule of that notebook."""
    untrained = not parameters["general_epochs"]
    wanted = set()
    for kind, with_head in (("general", untrained), ("radiograph", False)):
        weights = parameters[f"{kind}_weights"] or ("imagenet" if with_head else "")
        # Keras keeps a file of MobileNetV2 for each size, and fetches the others itself.
        if parameters[f"{kind}_backbone"] == "MobileNetV2" and parameters["image_size"] != 224:
            continue
        if weights and not (data_root / weights).is_file():
            wanted.add((parameters[f"{kind}_backbone"], with_head))
    return wanted


def report(profile):
    """Write the results page of a profile to build/<profile>/site. Raises as `site.write`."""
    read_profile(profile)
    with _alone(profile):
        for page in site.write(profile, ORDER, *_places(profile)):
            print(page.relative_to(ROOT))


def result_folders():
    """The folders of paper_figures that notebooks write to; beside them lie those of make benchmark and reliability."""
    profiles = (path.stem for path in (NOTEBOOKS / "profiles").glob("*.yaml") if path.stem != "smoke")
    return sorted({_places(profile)[1] for profile in profiles})


def check(profile, data_root):
    """Print the table of `verify` for a profile, or for all of paper_figures if the name is empty. Raises RuntimeError
    if a file is altered, missing or unrecorded, and FileNotFoundError if there are no results."""
    if profile:
        read_profile(profile)
    folders = [path for path in ([_places(profile)[1]] if profile else result_folders()) if path.is_dir()]
    if not folders:
        raise FileNotFoundError(f"There are no results: run make reproduce PROFILE={profile or 'demo'}.")
    found = verify.table(folders, NEEDS, data_root, read_profile, GONE)
    if not profile:
        found = pd.concat([found, verify.further(ROOT / "paper_figures")], ignore_index=True)
    print(verify.text(found))
    wrong = found[found["state"].isin(verify.ERRORS)]
    if len(wrong):
        raise RuntimeError(
            f"{len(wrong)} files are altered, missing or unrecorded, the first {wrong['file'].iloc[0]}: make reproduce "
            "makes results anew, git checkout brings committed ones back, and what is no result belongs elsewhere."
        )


def convert(script):
    """The stripped .ipynb text of a percent script: cell ids are hashes of the source, so they stay where it stays."""
    import jupytext
    import nbformat

    notebook = jupytext.read(script)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    seen = {}
    for cell in notebook.cells:
        seen[cell.source] = seen.get(cell.source, 0) + 1
        cell.id = hashlib.sha256(f"{cell.source}{seen[cell.source]}".encode()).hexdigest()[:8]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(nbformat.validator.normalize(notebook)[1], version=nbformat.NO_CONVERT) + "\n"


def unlike():
    """The percent scripts, in order of name, whose .ipynb is missing or not what `convert` makes of them."""
    found = []
    for script in sorted(NOTEBOOKS.glob("*.py")):
        notebook = script.with_suffix(".ipynb")
        if not notebook.is_file() or notebook.read_text() != convert(script):
            found.append(script)
    return found


def _execute(notebook, parameters, build, folder=None):
    """Run a notebook with papermill under a temporary name and return the executed one, in a folder, `build` if none is
    given; a failed one is kept as build/<notebook>.failed.ipynb."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    script = NOTEBOOKS / f"{notebook}.py"
    if convert(script) != script.with_suffix(".ipynb").read_text():
        raise ValueError(f"notebooks/{notebook}.ipynb is not what its script says: run make notebooks.")
    print(f"{notebook} ({parameters['profile']}): running", flush=True)
    started = datetime.datetime.now()
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, whatever the user has
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.update(allocator.settings(os.environ))  # which the kernel inherits
    os.environ[progress.LINES] = "" if progress.is_watched() else "lines"
    failed = build / f"{notebook}.failed.ipynb"
    log = build / f"{notebook}.log"
    executed = (folder or build) / f"{notebook}.ipynb"
    with provenance.replacing(executed) as partial, _chatter_to(log) as bars:
        try:
            papermill.execute_notebook(
                _verbatim(NOTEBOOKS / f"{notebook}.ipynb"),
                _verbatim(partial),
                parameters,
                kernel_name="python3",
                cwd=NOTEBOOKS,
                progress_bar=False,
                stderr_file=bars,
            )
        except PapermillExecutionError as problem:
            os.replace(partial, failed)
            remedy = f"\n{NO_ROOM}" if os.strerror(errno.ENOSPC) in problem.evalue else ""
            raise RuntimeError(
                f"{notebook} stopped with {problem.ename}: {problem.evalue}\n"
                f"The traceback is in {failed.relative_to(ROOT)}.{remedy}"
            ) from problem
        except RuntimeError as problem:
            if not str(problem).startswith("Kernel died"):  # in a cell, or while it starts
                raise
            less = [name for name in ("most_images", "batch_size") if name in default_parameters(notebook)]
            raise RuntimeError(
                f"{notebook} stopped because its kernel was ended from outside, out of memory, perhaps: close other "
                f"programs, or set a smaller {' or '.join(less) or 'profile'}."
            ) from problem
    failed.unlink(missing_ok=True)
    minutes = (datetime.datetime.now() - started).total_seconds() / 60
    print(f"{notebook} ({parameters['profile']}): done in {minutes:.1f} minutes", flush=True)
    return executed


def _verbatim(path):
    """A path as papermill wants it, which puts parameters in place of names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _chatter_to(log):
    """Send standard error, which the kernel inherits, to a file; gives a stream that lets progress bars through, each
    as one line when it is done where standard error is no terminal."""
    with os.fdopen(os.dup(2), "w") as terminal, open(log, "w") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield SimpleNamespace(
                write=lambda text: terminal.write(text) if progress.is_bar(text) else None, flush=terminal.flush
            )
        finally:
            os.dup2(terminal.fileno(), 2)


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
    """Remove what a notebook has written to its results, record and all; models stay, and are no result without."""
    for name in (f"{notebook}.json", *outputs):
        if not name.startswith(".."):
            (results / name).unlink(missing_ok=True)


def _check_data(sections, data_root):
    for folder in _folders(sections.values()):
        if not (data_root / folder).is_dir():
            raise FileNotFoundError(
                f"{data_root / folder} is missing: pass DATA=, the folder that {folder} is in, or fetch it: make data "
                "with the same PROFILE= and DATA=; data/README.md says how to get it by hand."
            )


def _listing(sections, data_root):
    """Path, size and time of every data file that sections of a profile name, so that changed data is noticed."""
    files = [path for folder in _folders(sections) for path in (data_root / folder).rglob("*") if path.is_file()]
    files += [data_root / name for name in _values(sections, "_weights") if (data_root / name).is_file()]
    return [(str(path.relative_to(data_root)), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]


def _folders(sections):
    return sorted({FOLDERS[source] for source in _values(sections, "_source") if source in FOLDERS})


def _values(sections, ending):
    """The values, other than empty ones, of parameters whose name ends so."""
    return {value for section in sections for name, value in section.items() if name.endswith(ending) and value}


def _hash(*parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def main():
    """The command line: python -m black_average_drop.pipeline run|choose|report|verify|notebooks|data|data-report."""
    if not (NOTEBOOKS / "profiles").is_dir():
        sys.exit(
            "There are no notebooks beside this installed package: the pipeline wants a checkout of the project, made "
            "ready by make env."
        )
    parser = argparse.ArgumentParser(prog="black_average_drop.pipeline", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=TAKES)
    parser.add_argument("--profile", default="", help="by default demo; of verify, all that is in paper_figures")
    parser.add_argument("--data", help="by default data")
    parser.add_argument("--model", default="", help="of choose")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of choose, any number of")
    parser.add_argument("--check", action="store_true", help="notebooks: write none, fail and name those that differ")
    arguments = parser.parse_args()
    for name, value in vars(arguments).items():
        if name not in ("command", *TAKES[arguments.command]) and value != parser.get_default(name):
            takers = ", ".join(command for command, taken in TAKES.items() if name in taken)
            parser.error(f"--{name} goes with {takers}, not with {arguments.command}: leave it out")
    profile, data_root = arguments.profile or "demo", "data" if arguments.data is None else arguments.data
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # otherwise somebody wants it to be overheard
            signal.signal(number, signal.default_int_handler)  # a kernel that runs is to end, too
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # names of classes and files may hold what a terminal cannot show
    try:
        if arguments.command == "run":
            run(profile, data_root)
        elif arguments.command == "choose":
            choose(arguments.model, data_root, arguments.set)
        elif arguments.command == "report":
            report(profile)
        elif arguments.command == "verify":
            check(arguments.profile, data_root)
        elif arguments.command == "data":
            data(profile, data_root)
        elif arguments.command == "data-report":
            print(data_report.markdown(data_root))
        elif arguments.check:
            if differ := [f"notebooks/{script.stem}.ipynb" for script in unlike()]:
                sys.exit(f"Not what its script says: {', '.join(differ)}. Run make notebooks.")
        else:
            for script in sorted(NOTEBOOKS.glob("*.py")):
                with provenance.replacing(script.with_suffix(".ipynb")) as partial:
                    partial.write_text(convert(script))
    except (ValueError, FileNotFoundError, RuntimeError) as problem:
        sys.exit(str(problem))
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(f"{problem.filename or 'A file'} could not be written: {problem.strerror}. {NO_ROOM}")
        if not problem.filename:
            raise
        sys.exit(f"{problem.filename} cannot be read or written: {problem.strerror}. {NO_ACCESS}")
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # what waits for the kernel would say, in the end, that it died
        sys.exit(f"Stopped: {STOPPED.get(arguments.command, 'nothing was changed')}.")


if __name__ == "__main__":
    main()
