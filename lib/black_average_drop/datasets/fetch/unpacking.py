"""Archives from the network: nothing of them may land outside its folder, and none leaves half a tree."""

import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

from black_average_drop import progress


def unpack(archive, folder, members=".*"):
    """Unpack a zip or tar archive into a new folder.

    Args:
        archive: the file.
        folder: the new folder, which is not there if anything is raised.
        members: regular expression: only members whose whole name matches are unpacked. All are checked.

    Raises:
        ValueError: if any member is a link or a device or would land outside the folder, before anything is written;
            also if the archive is damaged or of another kind.
    """
    folder = Path(folder)
    is_tar = tarfile.is_tarfile(archive)
    if not is_tar and not zipfile.is_zipfile(archive):
        raise ValueError("it is neither a zip nor a tar archive")
    try:
        with tarfile.open(archive) if is_tar else zipfile.ZipFile(archive) as opened:
            chosen = _checked(opened, is_tar, members)
            folder.mkdir(parents=True)
            # Python before 3.11.4 has no filters; what they would refuse is refused above.
            safely = {"filter": "data"} if is_tar and hasattr(tarfile, "data_filter") else {}
            try:
                for member in progress.bar(chosen, desc="unpacking", unit="file"):
                    opened.extract(member, folder, **safely)
            except BaseException:  # an interruption too must not leave half a tree
                shutil.rmtree(folder)
                raise
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError) as problem:
        raise ValueError(f"the archive is damaged: {problem}") from problem


def _checked(opened, is_tar, pattern):
    """The members of an open archive whose names match, once all members are known to be harmless."""
    chosen = {}
    for member in opened.getmembers() if is_tar else opened.infolist():
        name = member.name if is_tar else member.filename
        if not (_is_plain_tar(member) if is_tar else _is_plain_zip(member)):
            raise ValueError(f"its member {name!r} is a link or a device")
        if ".." in re.split(r"[/\\]", name) or re.match(r"[/\\]|[A-Za-z]:", name):
            raise ValueError(f"its member {name!r} would land outside its folder")
        if re.fullmatch(pattern, name):
            chosen[name] = member
    return chosen.values()


def _is_plain_tar(member):
    return member.isreg() or member.isdir()


def _is_plain_zip(member):
    kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
    return kind in (0, stat.S_IFREG, stat.S_IFDIR)
