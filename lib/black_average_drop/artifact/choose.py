"""Run your_data on a model file and a folder of images, and put its results where the same study always lies."""

import json
import os
import re
import shutil
from pathlib import Path

import yaml

from black_average_drop.artifact import choose_check, choose_settings, locks, report_page, site
from black_average_drop.artifact.execution import execute
from black_average_drop.artifact.halves import default_parameters
from black_average_drop.artifact.notebooks import YOUR_DATA
from black_average_drop.artifact.pipeline import checked_scheduler
from black_average_drop.artifact.profiles import check_parameters
from black_average_drop.choice import hidden_names
from black_average_drop.choice.report import TEXT, answer_of
from black_average_drop.choice.user_images import UNREADABLE
from black_average_drop.datasets.paths import check_name
from black_average_drop.files import ROOT, partial_name, replacing

DETAILS = "details.html"  # the executed notebook


def choose(model, images, given=(), code="", trust="", maps="", lesions=""):
    """Find out which map suits a model on a folder of images, and print the recommendation.

    Results and report go to a folder of build/choose. It is named after model and images, and by a hash of where they
    lie and of the settings. The results of an earlier run of the same study stay until the new ones are whole.

    Args:
        model: the path of a model file.
        images: the path of a folder of images.
        given: texts like "most_images=100 seed=3": parameters of the notebook, each with a YAML value.
        code: the path of a Python file with layers of the model, or "".
        trust: "yes" from whoever trusts the author of that code, which runs with their rights.
        maps: the path of a folder of maps that others made, or "".
        lesions: the path of a file or folder of boxes or masks, or "".

    Raises:
        ValueError: a setting, the model or the folder is wrong. Nothing has run.
        FileNotFoundError: the model or a folder is missing. Nothing has run.
        RuntimeError: the notebook failed.
    """
    for path, what in ((model, "MODEL=model.keras"), (images, "DATA=folder")):
        check_name(Path(path).resolve())
        if not path or not Path(path).exists():
            missing = f"{path} is missing" if path else f"{what.split('=')[0]} is not given"
            raise FileNotFoundError(f"{missing}: name your model and images, {what} for one.")
    parameters = _parameters(given)
    if code := choose_settings.trusted_code(code, trust):
        parameters["code"] = str(code)
    model, images = choose_settings.resolved(model), choose_settings.resolved(images)
    if maps:
        parameters["maps"] = str(choose_settings.folder_of_maps(maps, images))
    if lesions:
        parameters["lesions"] = str(choose_settings.place_of_lesions(lesions))
    places = {"profile": "your data", "model": str(model), "images": str(images), "scheduler": checked_scheduler()}
    choose_check.check(model, images, parameters)
    build = ROOT / "build" / "choose" / choose_settings.study(model, images, parameters)
    with locks.held_folder(build):
        locks.remove_partial(build)
        partial = partial_name(build / "results")
        partial.mkdir()
        try:
            everything = parameters | places | {"results": str(partial)}
            executed = _executed(everything, build, partial)
            _hide_places(executed, everything)
            site.write_notebook(executed, partial / DETAILS)
            report_page.write_report(partial)
            whole = [path for path in partial.iterdir() if path.name != UNREADABLE]
            for path in sorted(whole, key=lambda path: path.name == report_page.PAGE):  # that one last
                os.replace(path, build / path.name)
        finally:
            (build / UNREADABLE).unlink(missing_ok=True)
            for path in partial.glob(UNREADABLE):  # what a run names that stops there
                os.replace(path, build / path.name)
            shutil.rmtree(partial, ignore_errors=True)
        answer = answer_of((build / TEXT).read_text(encoding="utf-8"))
    folder = build.relative_to(ROOT)
    print(
        f"{answer}\n\nEvery figure and table: {folder / DETAILS}\nThe report to print: {folder / report_page.PDF}\n"
        f"The report: {folder / report_page.PAGE}"
    )


def _executed(parameters, build, partial):
    """The path of the executed notebook; where it fails, the message names files where they will lie."""
    try:
        return execute(YOUR_DATA, parameters, build, partial)
    except RuntimeError as problem:
        if (failed := build / f"{YOUR_DATA}.failed.ipynb").is_file():
            _hide_places(failed, parameters)
        raise RuntimeError(str(problem).replace(str(partial), str(build.relative_to(ROOT)))) from problem


def _hide_places(executed, parameters):
    """Take the paths of images, and of what goes with them, out of an executed notebook, unless names are shown."""
    everything = default_parameters(YOUR_DATA) | parameters
    hidden = hidden_names.without_places(everything, everything["names"])
    changed = [name for name in hidden if hidden[name] != everything[name]]
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "injected-parameters" in cell["metadata"].get("tags", []):
            lines = "".join(cell["source"]).splitlines()
            assigned = re.compile(rf"({'|'.join(changed)}) = .*")
            cell["source"] = "\n".join(assigned.sub(r'\1 = "hidden"', line) for line in lines)
    given = notebook["metadata"]["papermill"]["parameters"]
    given |= {name: "hidden" for name in changed if name in given}
    with replacing(executed) as partial:
        partial.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _parameters(given):
    """Name -> value of the settings in texts, checked against the notebook."""
    parameters = {}
    for setting in (one for text in given for one in choose_settings.split_settings(text)):
        name, _, value = setting.partition("=")
        try:
            parameters[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as problem:
            raise ValueError(f"{setting}: write name=value, such as most_images=100.") from problem
    readers = {"image_size": choose_settings.height_and_width, "reshape": choose_settings.rows_and_columns}
    readers |= {"held": choose_settings.held_values, "thresholds": choose_settings.thresholds_by_name}
    readers |= {"window": choose_settings.window_as_text, "frame": choose_settings.number_as_text}
    for name, read in readers.items():
        if name in parameters:
            parameters[name] = read(parameters[name])
    if "code" in parameters:
        raise ValueError("SET holds code, which is given by itself: give CODE=layers.py TRUST=yes.")
    for name, apart in (("maps", "MAPS=folder"), ("lesions", "LESIONS=boxes.csv")):
        if name in parameters:
            raise ValueError(f"SET holds {name}, which is given by itself: give {apart}.")
    check_parameters("--set", YOUR_DATA, parameters)
    choose_check.check_settings(parameters)
    if parameters.get("labels"):
        parameters["labels"] = str(choose_settings.resolved(parameters["labels"]))
    return parameters
