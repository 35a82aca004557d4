"""What was read while something ran: files, by the checksum of the bytes that were taken from them."""

import datetime
import hashlib
from pathlib import Path

_READ = []  # of this process: when, where, checksum


def sha256(path):
    """SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember(path, copy=None):
    """Remember that a file is being read, by its bytes as they are now, or by those of the copy that is read."""
    _READ.append((datetime.datetime.now(), Path(path).resolve(), sha256(copy or path)))


def remembered(path, since):
    """The checksums of a file as it was read since a datetime: a set, empty where nothing was remembered."""
    place = Path(path).resolve()
    return {checksum for time, where, checksum in _READ if where == place and time >= since}
