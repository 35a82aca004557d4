"""Where an artifact comes from, written beside it: commit, versions, parameters, seed, checksums. No path or host."""

import ast
import csv
import datetime
import errno
import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from black_average_drop import locks, progress
from black_average_drop.checksums import remember, remembered, sha256

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
LOCK = ROOT / "requirements.lock"
PACKAGE = "black_average_drop"
_PACKAGES = ("h5py", "jax", "keras", "matplotlib", "numpy", "pandas", "pillow", "pydicom", "python-gdcm", "scipy")
_PACKAGES += ("tensorflow", "torch")
_IF_USED = ("torch",)  # recorded where something has imported it
# What a spreadsheet takes for the beginning of a formula, the wide forms of East Asian fonts too.
_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# Parameters that say where things are and who computes, not what.
PLACES = ("data_root", "build", "results", "scheduler")


def write(notebook, outputs, inputs, variables, results, started):
    """Write results/<notebook>.json and return its content.

    outputs: files, recorded relative to `results` with their SHA-256; inputs: name -> file, or a checksum as text, or a
    pair of checksums, taken at the start and now; variables: the notebook's globals(), of which its parameters are
    recorded; started: a datetime, since when files were read and the minutes are counted.
    Raises RuntimeError if a source or an input is no longer what was computed with, and removes outputs in `results`.
    """
    import keras  # here, since it takes seconds and this module also serves commands that need none of it

    results = Path(results)
    made_from = sources(notebook)
    if changed := [*_changed_sources(made_from), *_changed_inputs(inputs, started)]:
        for path in outputs:
            if Path(path).resolve().is_relative_to(results.resolve()):
                Path(path).unlink(missing_ok=True)
        raise RuntimeError(_stale(changed))
    parameters = [name for name in default_parameters(notebook) if name not in PLACES]
    record = {
        "notebook": notebook,
        **surroundings(),
        "minutes": round((datetime.datetime.now() - started).total_seconds() / 60, 1),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "parameters": {name: _without_folder(variables[name]) for name in parameters},
        "sources": made_from,
        "inputs": {name: _checksum(value) for name, value in inputs.items()},
        "outputs": {os.path.relpath(path, results): sha256(path) for path in outputs},
    }
    with replacing(results / f"{notebook}.json") as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
    return record


def surroundings():
    """What a record says of the project as it is now: commit, time, versions, and the lock by its checksum."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "lib", "notebooks", LOCK.name)),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "lock": sha256(LOCK) if LOCK.is_file() else "",
    }


def default_parameters(notebook):
    """name -> default of a notebook's parameters, read from the cell tagged "parameters" of its percent script."""
    cell = (NOTEBOOKS / f"{notebook}.py").read_text().split('tags=["parameters"]')[1].split("# %%")[0]
    cell = cell.split("\n", 1)[1]
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(cell).body
        if isinstance(statement, ast.Assign)
    }


def sources(notebook):
    """path -> SHA-256 of a notebook and of every module of the package that it imports, directly or not."""
    script = NOTEBOOKS / f"{notebook}.py"
    return _with_imports(script, script.with_suffix(".ipynb"))


def module_sources(module):
    """path -> SHA-256 of a module of the package by name and of all that it imports."""
    return _with_imports(*_files(f"{PACKAGE}.{module}"))


def check_sources(found):
    """Raises RuntimeError if one of path -> SHA-256 is not what it was when this process began to import the package:
    then other code runs than stands there."""
    if changed := _changed_sources(found):
        raise RuntimeError(_stale(changed))


def key(module, *parts):
    """SHA-256, hexadecimal, of what a measurement hangs on: a module of the package by name with all that it imports,
    the backend, versions, and parts: arrays, lists of arrays, or JSON values. Raises as `check_sources`."""
    import keras

    made_from = module_sources(module)
    check_sources(made_from)
    digest = hashlib.sha256(json.dumps(made_from).encode())
    digest.update(json.dumps([keras.backend.backend(), _versions()]).encode())
    for part in parts:
        arrays = part if isinstance(part, list) else [part]
        for array in arrays:
            is_array = hasattr(array, "tobytes")
            digest.update(array.tobytes() if is_array else json.dumps(array).encode())
    return digest.hexdigest()


def keep(table, path, key):
    """Write a DataFrame of a long measurement with the key of what it hangs on, to be found again by `kept`."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(f"# {key}\n")
        _to_csv(table, file)  # every digit, so that it is the same when read again
    return path


def kept(path, key):
    """The DataFrame that `keep` wrote to path under that key, as `read_csv`, or None if there is none."""
    path = Path(path)
    if not path.is_file() or not path.read_text(encoding="utf-8").startswith(f"# {key}\n"):
        return None
    return read_csv(path, float_precision="round_trip")


def _with_imports(*files):
    """path -> SHA-256 of files and of every module of the package that they import, directly or not."""
    files, waiting = set(files), [file for file in files if file.suffix == ".py"]
    while waiting:
        for module in _imported_modules(waiting.pop()) - files:
            files.add(module)
            waiting.append(module)
    return {path.relative_to(ROOT).as_posix(): sha256(path) for path in sorted(files)}


@contextmanager
def replacing(path):
    """A temporary path next to `path`, of this process alone, that takes its place when the block ends well and is on
    the disk, and vanishes when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(path)
    try:
        yield partial
        flush(partial)
        os.replace(partial, path)
        flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def partial_name(path):
    """Where this process writes what is to take the place of `path`."""
    return path.with_name(f"partial-{os.getpid()}-{path.name}")


def flush(path):
    """Have the system put a file, or a folder's list of names, on the disk, so that no power cut leaves it half."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # of a file system that has none of it
            raise
    finally:
        os.close(descriptor)


def remove_partial(*folders):
    """Remove what processes that have ended left half-written below folders, under the names that `replacing` gives."""
    for path in (found for folder in folders for found in Path(folder).rglob("partial-*")):
        number = re.match(r"partial-(\d+)-", path.name)
        if number and not locks.is_alive(int(number[1])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_csv(table, path, profile):
    """Write a DataFrame without its index, six digits a number; of the smoke profile with a line that says so.

    Text that a spreadsheet would run as a formula, a file's name perhaps, gets an apostrophe in front, as is usual;
    `read_csv` takes it away."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write("# smoke run: not a result\n" if profile == "smoke" else "")
        _to_csv(table, file, float_format="%.6g")
    return path


def read_csv(path, **options):
    """The DataFrame of a file of this project, also a .gz, without its first line if that is a remark; id and group are
    text. Both may be file names, so that # is no remark there, and NA is a name: only an empty cell is no value.

    options: further ones of pandas."""
    import pandas as pd

    path = Path(path)
    remember(path)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
        if not file.readline().startswith("# "):
            file.seek(0)
        texts = {"id": str, "group": str}
        table = pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""], **options)
    return _changed(table, lambda text: text[1:] if text.startswith("'") and _runs(text) else text)


def dataset_checksum(dataset, batch_size=64):
    """SHA-256 over ids, labels and pixels of a data set as the network sees it, hexadecimal."""
    return dataset_checksums(dataset, batch_size)[0]


def dataset_checksums(dataset, batch_size=64):
    """That of the whole data set, and a list with the SHA-256 of the pixels of each image: every image is read once."""
    whole, each = hashlib.sha256(), []
    whole.update("\n".join(f"{i} {label}" for i, label in zip(dataset.ids, dataset.labels, strict=True)).encode())
    with progress.bar(total=len(dataset), desc="checksums", unit="image") as bar:
        for images in dataset.batches(batch_size):
            whole.update(images.tobytes())
            each += [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
            bar.update(len(images))
    return whole.hexdigest(), each


def _to_csv(table, file, **options):
    """Write a DataFrame so that no spreadsheet takes a text for a formula, nor the end of a name for another row."""
    table = _changed(table, lambda text: f"'{text}" if _runs(text) else text)
    texts = table.select_dtypes(exclude=["number", "bool"])
    returns = any("\r" in str(text) for name in texts for text in texts[name].unique())
    table.to_csv(file, index=False, quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL, **options)


def _runs(text):
    """Whether it is a formula, but for apostrophes in front, of which one was put there or will be."""
    return text.lstrip("'").startswith(_FORMULAS)


def _changed(table, change):
    """A DataFrame with its texts, and the names of its columns, changed."""
    table = table.rename(columns=lambda name: change(name) if isinstance(name, str) else name)
    for name in table.select_dtypes(exclude=["number", "bool"]):
        texts = {text for text in table[name].unique() if isinstance(text, str)}
        changed = {text: change(text) for text in texts if change(text) != text}
        if changed:
            table[name] = table[name].map(lambda value, changed=changed: changed.get(value, value))
    return table


def _without_folder(value):
    """A file or folder by its name alone: where it is on this machine is nobody's business."""
    return Path(value).name if isinstance(value, str) and os.path.isabs(value) else value


def _versions():
    """Python and the packages that numbers hang on, as far as they are installed: one backend is enough."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        if name in _IF_USED and name not in sys.modules:
            continue
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _imported_modules(path):
    """Files of the package that a file imports, with those of the packages around them, which Python runs first."""
    found, own = set(), _module_name(path)
    package = own.split(".") if path.name == "__init__.py" else own.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {file for name in found for file in _files(name)}


def _module_name(path):
    """The name of a module by its file in lib/, or "" of another file."""
    library = ROOT / "lib"
    if not path.is_relative_to(library):
        return ""
    return ".".join(path.relative_to(library).with_suffix("").parts).removesuffix(".__init__")


def _files(module):
    """The files of a module of the package by its full name and of the packages around it; none of another one."""
    parts, found = module.split("."), set()
    for count in range(1, len(parts) + 1 if parts[0] == PACKAGE else 1):
        place = ROOT.joinpath("lib", *parts[:count])
        found |= {file for file in (place.with_name(f"{place.name}.py"), place / "__init__.py") if file.is_file()}
    return found


def _changed_sources(found):
    """The scripts and modules of path -> SHA-256 that are not what they were when this module was imported. Jupyter
    itself changes a notebook that runs in it."""
    return [path for path, checksum in found.items() if AT_START.get(path, checksum) != checksum]


def _changed_inputs(inputs, started):
    """The names of inputs that are no longer what was read since a datetime."""
    for name, value in inputs.items():
        if isinstance(value, Path):
            now = {sha256(value)} if value.is_file() else {""}
            if not remembered(value, started) <= now or now == {""}:
                yield name
        elif isinstance(value, tuple) and value[0] != value[1]:
            yield name


def _checksum(value):
    """That of an input as `write` takes it."""
    return sha256(value) if isinstance(value, Path) else value[0] if isinstance(value, tuple) else value


def _stale(changed):
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]}{more} changed after this began, and nothing is recorded: run it again, in a new kernel."


def _git(*arguments):
    """What git says of the project, or "" outside a checkout."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


# path -> SHA-256, before anything of it is computed.
AT_START = {
    path.relative_to(ROOT).as_posix(): sha256(path)
    for path in (*(ROOT / "lib" / PACKAGE).rglob("*.py"), *NOTEBOOKS.glob("*.py"))
}
