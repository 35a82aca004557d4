"""What a profile says: parameters for each notebook, checked against the notebook's own defaults."""

import math

import yaml

from black_average_drop.artifact.halves import default_parameters
from black_average_drop.artifact.notebooks import ORDER
from black_average_drop.artifact.provenance import PLACES
from black_average_drop.datasets import catalogue
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import NOTEBOOKS, ROOT

PROFILES = NOTEBOOKS / "profiles"
AT_LEAST_1 = ("batch_size", "resamples", "most_images", "training_seeds", "softmax_seeds")  # other numbers may be 0
SIGNED = ("paper_lowest", "paper_highest")  # logits
STANDARD = ("profile", *PLACES)  # set for every notebook, not by the profile


def read_profile(profile):
    """Read the parameters that a profile gives to each notebook.

    A profile may begin with `extends: other`. It then has the sections of the other one, with its own parameters in
    the place of theirs.

    Args:
        profile: its name.

    Returns:
        notebook -> parameters.

    Raises:
        ValueError: a section is missing or unknown, or a parameter's name or type is not the notebook's, or
            its value is not the name of a source.
    """
    sections, base = _sections(profile)
    where = f"{profile}.yaml"
    if base:
        theirs = _sections(base)[0]
        sections = {name: {**(theirs.get(name) or {}), **(sections.get(name) or {})} for name in {**theirs, **sections}}
    if set(sections) != set(ORDER):
        wrong = sorted(set(sections) ^ set(ORDER))[0]
        raise ValueError(f"{where}: section {wrong!r} is missing or unknown: there is one for each notebook.")
    for notebook, parameters in sections.items():
        check_parameters(where, notebook, parameters or {})
        for name, value in (parameters or {}).items():
            if name == "boxed_source" and value not in ("", *catalogue.BOXED):
                raise ValueError(
                    f"{where}: {notebook}: boxed_source is {value!r}: leave it empty or name "
                    f"{' or '.join(catalogue.BOXED)}."
                )
            if name.endswith("_source") and value not in ("", *catalogue.NAMES):
                raise ValueError(
                    f"{where}: {notebook}: {name} is {value!r}: choose one of {', '.join(catalogue.NAMES)}."
                )
    return {notebook: sections[notebook] or {} for notebook in ORDER}


def check_parameters(where, notebook, parameters):
    """Check parameters of a notebook.

    Args:
        where: what a message names as their place.
        notebook: its name.
        parameters: name -> value.

    Raises:
        ValueError: a name or type is not that of the notebook's parameters cell, or a number is out of range.
    """
    defaults = default_parameters(notebook)
    for name, value in parameters.items():
        if name not in defaults or name in STANDARD:
            free = ", ".join(sorted(set(defaults) - set(STANDARD)))
            raise ValueError(f"{where}: {notebook} has no parameter {name!r}: choose from {free}.")
        expected = type(defaults[name])
        if type(value) is not expected and not (expected is float and type(value) is int):
            example = f"{name}=[{value}]" if expected is list and value else "1.0e-4, not 1e-4"
            raise ValueError(
                f"{where}: {notebook}: {name} is {value!r}, a {type(value).__name__}: a {expected.__name__} is "
                f"expected (write {example})."
            )
        for one in value if expected is list else ():
            if isinstance(one, bool) or not isinstance(one, str | int):
                raise ValueError(f'{where}: {notebook}: {name} holds {one!r}: put each name in quotes, such as "no".')
        least = 1 if name in AT_LEAST_1 else 0
        if expected in (int, float) and name not in SIGNED and not least <= value < math.inf:
            raise ValueError(f"{where}: {notebook}: {name} is {value}: at least {least} is expected.")
        if name == "alpha" and value >= 1:
            raise ValueError(f"{where}: {notebook}: alpha is {value}: below 1 is expected, or 0 to have it chosen.")
        if name in ("margin", "margin_of_hits") and not 0 < value < 1:
            raise ValueError(f"{where}: {notebook}: {name} is {value}: a share between 0 and 1 is expected.")


def values(sections, ending):
    """Return the values, other than empty ones, of the parameters whose name has an ending, in any of the sections."""
    return {value for section in sections for name, value in section.items() if name.endswith(ending) and value}


def data_folders(sections):
    """Return the folders below the data root that sections of a profile name."""
    return sorted({SOURCES[source].folder for source in values(sections, "_source") if source in SOURCES})


def places(profile):
    """Return the folder of executed notebooks and models of a profile, and its folder of results."""
    build = ROOT / "build" / profile
    return build, build / "results" if profile == "smoke" else ROOT / "paper_figures" / results_folder(profile)


def results_folder(profile):
    """Return the name of a profile's folder below paper_figures/.

    It is the profile's own name, or the name of the profile that it is a smaller version of.
    """
    return _sections(profile)[1] or profile


def result_folders():
    """Return the folders of paper_figures that notebooks write to.

    Next to them lie the folders of make benchmark and make reliability.
    """
    names = (path.stem for path in PROFILES.glob("*.yaml") if path.stem != "smoke")
    return sorted({places(profile)[1] for profile in names})


def _sections(profile):
    """What the file of a profile says, and the name of the profile that it extends, or None."""
    path = PROFILES / f"{profile}.yaml"
    known = sorted(file.stem for file in PROFILES.glob("*.yaml"))
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
