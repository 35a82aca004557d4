"""Files that are written whole or not at all, and known by their checksums; the tables among them are CSV."""

import csv
import datetime
import errno
import gzip
import hashlib
import lzma
import os
from contextlib import contextmanager
from pathlib import Path

from black_average_drop import wording

ROOT = Path(__file__).resolve().parents[2]  # of the project
NOTEBOOKS = ROOT / "notebooks"
PACKAGE = Path(__file__).resolve().parent
# What a spreadsheet takes for the beginning of a formula, the wide forms of East Asian fonts too.
_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_READ = []  # of this process: when, where, checksum


def sha256(path):
    """Compute the SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember(path, copy=None):
    """Remember that a file is being read, by its bytes as they are now.

    Args:
        path: the file.
        copy: the copy that is read instead of the file, if there is one: its bytes count.
    """
    _READ.append((datetime.datetime.now(), Path(path).resolve(), sha256(copy or path)))


def remembered(path, since):
    """Return the checksums of a file as it was read since a datetime: a set, empty where nothing was remembered."""
    place = Path(path).resolve()
    return {checksum for time, where, checksum in _READ if where == place and time >= since}


@contextmanager
def replacing(path):
    """Write a file at once: a context manager around the writing of its new content.

    Args:
        path: the file that is to be replaced; its folder is made.

    Yields:
        A temporary path next to `path`, of this process alone. When the block ends well, the temporary file is flushed
        to the disk and takes the place of `path`. When it does not, the temporary file vanishes.
    """
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
    """Return the path where this process writes what is to take the place of `path`."""
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


def write_csv(table, path, profile):
    """Write a table as CSV, without its index, six digits a number.

    Text that a spreadsheet would run as a formula, perhaps a file's name, gets an apostrophe in front, as is usual.
    `read_csv` takes the apostrophe away.

    Args:
        table: a DataFrame.
        path: the file.
        profile: the name of the profile; the table of "smoke" begins with a line that says what it is.

    Returns:
        The path.
    """
    with replacing(path) as partial, open(partial, "w", encoding="utf-8") as file:
        write_table(table, file, profile, 6)
    return path


def write_table(table, file, profile, digits):
    """Write a table into an open text file, as `write_csv` does, with some number of significant digits."""
    banner = wording.banner(profile)
    file.write(f"# {banner}\n" if banner else "")
    _to_csv(table, file, float_format=f"%.{digits}g")


def read_csv(path, **options):
    """Read a table that this project wrote.

    A first line that is a remark is passed over. The columns id and group are text. Both may hold file names, so that
    neither # nor NA means anything there: only an empty cell is no value.

    Args:
        path: the file, also a .gz or .xz.
        options: further options of pandas.

    Returns:
        A DataFrame.
    """
    import pandas as pd  # here, since it takes half a second, and commands that read no table need none of it

    path = Path(path)
    remember(path)
    opened = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        if not file.readline().startswith("# "):
            file.seek(0)
        texts = {"id": str, "group": str}
        table = pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""], **options)
    return _changed(table, lambda text: text[1:] if text.startswith("'") and _runs(text) else text)


def keep_table(table, path, key):
    """Write a DataFrame of a long measurement with the key of what it depends on; `kept_table` finds it again."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(f"# {key}\n")
        _to_csv(table, file)  # every digit, so that it is the same when read again
    return path


def kept_table(path, key):
    """Return the DataFrame that `keep_table` wrote to a path under a key, or None if there is none."""
    path = Path(path)
    if not path.is_file() or not path.read_text(encoding="utf-8").startswith(f"# {key}\n"):
        return None
    return read_csv(path, float_precision="round_trip")


def _to_csv(table, file, **options):
    """Write a DataFrame so that no spreadsheet takes a text for a formula, nor the end of a name for another row."""
    table = _changed(table, lambda text: f"'{text}" if _runs(text) else text)
    texts = table.select_dtypes(exclude=["number", "bool"])
    returns = any("\r" in str(text) for name in texts for text in texts[name].unique())
    table.to_csv(file, index=False, quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL, **options)


def _runs(text):
    """Whether a text is a formula, but for apostrophes in front: `write_csv` puts one there."""
    return text.lstrip("'").startswith(_FORMULAS)


def _changed(table, change):
    """Return a DataFrame with its texts, and the names of its columns, changed."""
    table = table.rename(columns=lambda name: change(name) if isinstance(name, str) else name)
    for name in table.select_dtypes(exclude=["number", "bool"]):
        texts = {text for text in table[name].unique() if isinstance(text, str)}
        changed = {text: change(text) for text in texts if change(text) != text}
        if changed:
            table[name] = table[name].map(lambda value, changed=changed: changed.get(value, value))
    return table


# path below the project -> SHA-256 of its code, before anything of it is computed.
CODE_AT_START = {
    path.relative_to(ROOT).as_posix(): sha256(path) for path in (*PACKAGE.rglob("*.py"), *NOTEBOOKS.glob("*.py"))
}
