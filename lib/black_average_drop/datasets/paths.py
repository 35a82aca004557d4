"""Files and folders that others made: which of them count, and a sentence where one cannot be read."""

from contextlib import contextmanager
from pathlib import Path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")  # a DICOM file may also have another one, or none


def readable(name):
    """Write a file's name as text, with bytes that are not UTF-8 in hexadecimal."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_name(path):
    """Refuse a name that no table and no page can hold.

    Raises:
        ValueError: if the name is not UTF-8.
    """
    if readable(path) != str(path):
        raise ValueError(f"The name of {readable(path)} is not UTF-8: rename the file or its folder.")


@contextmanager
def listing(folder):
    """Turn an OSError inside the block into a ValueError that names the file or folder that cannot be read."""
    try:
        yield
    except OSError as problem:
        place = problem.filename or folder
        raise ValueError(
            f"{place} cannot be read ({problem.strerror}): make it readable for yourself, or leave it out."
        ) from problem


def require_folder(path, what):
    """Give a folder that must be there, as a Path.

    Args:
        path: the folder.
        what: its contents, for the message.

    Raises:
        FileNotFoundError: if it is missing. The message says how to name another place.
    """
    path = Path(path)
    with listing(path):
        there = path.is_dir()
    if not there:
        raise FileNotFoundError(f"{path} is missing: it should hold {what}; see data/README.md, or pass another DATA=.")
    return path


def visible_folders(folder):
    """List sub-folders in order of name, hidden ones left out.

    Raises:
        ValueError: if the folder cannot be read.
    """
    with listing(folder):
        return sorted(path for path in Path(folder).iterdir() if path.is_dir() and not path.name.startswith("."))


def image_files(folder):
    """List image files directly inside a folder, in order of name, hidden ones left out.

    Raises:
        ValueError: if the folder cannot be read.
    """
    with listing(folder):
        return sorted(
            path
            for path in Path(folder).iterdir()
            if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        )
