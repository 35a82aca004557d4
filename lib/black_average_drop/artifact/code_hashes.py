"""Which code a result depends on: the notebook or module that makes it, and every module that this one imports."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from black_average_drop.artifact import halves
from black_average_drop.artifact.versions import versions
from black_average_drop.files import CODE_AT_START, NOTEBOOKS, PACKAGE, ROOT, sha256


def notebook_sources(notebook):
    """Compute path -> SHA-256 of a notebook and of every module of the package that it imports, directly or not.

    Of a notebook with two halves, that is the measuring half alone; `analysis_sources` are those of the other.
    """
    if halves.is_split(notebook):
        return _half_sources(notebook, halves.MEASURING)
    script = NOTEBOOKS / f"{notebook}.py"
    return _with_imports(script, script.with_suffix(".ipynb"))


def analysis_sources(notebook):
    """Compute the same of the analysis half of a notebook. The half is called as `halves.source_name` says."""
    return _half_sources(notebook, halves.ANALYSIS)


def _half_sources(notebook, half):
    """Name or path -> SHA-256 of a half and of every module that it imports, directly or not."""
    modules = {file for name in _imported_names(halves.half_text(notebook, half)) for file in _files(name)}
    return {halves.source_name(notebook, half): halves.half_checksum(notebook, half)} | _with_imports(*modules)


def module_sources(module):
    """Compute path -> SHA-256 of a module and of every module of the package that it imports, directly or not.

    Args:
        module: its name within the package, such as "evaluation" or "trust.localization". Of a package within the
            package its own modules count, too.

    Raises:
        ValueError: there is no such module.
    """
    place = ROOT.joinpath("lib", PACKAGE.name, *module.split("."))
    if not place.is_dir() and not place.with_name(f"{place.name}.py").is_file():
        raise ValueError(f"The package has no module {module!r}: name one of its modules.")
    return _with_imports(*_files(f"{PACKAGE.name}.{module}"), *place.rglob("*.py"))


def folder_sources(folder):
    """Compute path -> SHA-256 of a folder next to the package, and of every module of the package that it imports.

    Args:
        folder: its name within the project, such as "peers". Its Python files count, and its requirements.txt.
    """
    place = ROOT / folder
    return _with_imports(*place.glob("*.py"), *place.glob("requirements.txt"))


def check_sources(sources):
    """Check that the code which runs is the code that stands in the files.

    Args:
        sources: path -> SHA-256, as `notebook_sources` and `module_sources` give them.

    Raises:
        RuntimeError: a file changed after this process began to import the package.
    """
    if changed := changed_sources(sources):
        raise RuntimeError(stale(changed))


def changed_sources(sources):
    """Return the paths of path -> SHA-256 that changed after this process began to import the package.

    Jupyter itself changes a notebook that runs in it: an .ipynb never counts as changed.
    """
    at_start = {**CODE_AT_START, **halves.HALVES_AT_START}
    return [path for path, checksum in sources.items() if at_start.get(path, checksum) != checksum]


def stale(changed):
    """Say in a sentence that files, a list of names, changed while something ran."""
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]}{more} changed after this began, and nothing is recorded: run it again, in a new kernel."


def measurement_key(module, *parts):
    """Compute the SHA-256, hexadecimal, of what a long measurement depends on.

    Args:
        module: the module that measures, as for `module_sources`. The backend and the versions count, too.
        parts: arrays, lists of arrays, or JSON values.

    Raises:
        RuntimeError: as `check_sources`.
    """
    import keras  # here, since it takes seconds, and commands that only compare checksums need none of it

    made_from = module_sources(module)
    check_sources(made_from)
    digest = hashlib.sha256(json.dumps(made_from).encode())
    digest.update(json.dumps([keras.backend.backend(), versions()]).encode())
    for part in parts:
        for array in part if isinstance(part, list) else [part]:
            is_array = hasattr(array, "tobytes")
            digest.update(array.tobytes() if is_array else json.dumps(array).encode())
    return digest.hexdigest()


def _with_imports(*files):
    """Path -> SHA-256 of files and of every module of the package that they import, directly or not."""
    files, waiting = set(files), [file for file in files if file.suffix == ".py"]
    while waiting:
        for module in _imported_modules(waiting.pop()) - files:
            files.add(module)
            waiting.append(module)
    return {path.relative_to(ROOT).as_posix(): sha256(path) for path in sorted(files)}


def _imported_modules(path):
    """The files of the package that a file imports, with those of the packages around them, which Python runs first."""
    own = _module_name(path)
    package = own.split(".") if path.name == "__init__.py" else own.split(".")[:-1]
    names = _imported_names(path.read_text(encoding="utf-8"), tuple(package))
    return {file for name in names for file in _files(name)}


@cache  # a run asks for the same modules of every notebook
def _imported_names(text, package=()):
    """The full names of the modules that a text of Python imports; package: the names of the packages around it."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _module_name(path):
    """The full name of a module by its file, or "" of a file outside the package."""
    library = ROOT / "lib"
    if not Path(path).is_relative_to(library):
        return ""
    return ".".join(path.relative_to(library).with_suffix("").parts).removesuffix(".__init__")


def _files(module):
    """The files of a module by its full name and of the packages around it; none of a module of another package."""
    parts, files = module.split("."), set()
    for count in range(1, len(parts) + 1 if parts[0] == PACKAGE.name else 1):
        place = ROOT.joinpath("lib", *parts[:count])
        files |= {file for file in (place.with_name(f"{place.name}.py"), place / "__init__.py") if file.is_file()}
    return files
