"""The files in a .pt2 archive: which there may be, which are read, and which would run code and are refused."""

import re
import zipfile

from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal
from black_average_drop.model_files.zip_checks import check_zip_members, json_value, name_shown

FORMAT = "archive_format"  # the member that says "pt2"
CLASS_NAMES = "extra/class_names.json"
MOST_MEMBERS = 20_000  # each parameter is one; DenseNet-201 has 1200
_COMPILED = re.compile(r"data/(aotinductor|executorch|mtia)|xl_model_weights/|.*\.(so|dll|dylib|cpp|cubin|ptx|pte)$")
_OBJECT = re.compile(r"data/constants/(custom|opaque)_obj_")
_PICKLED = re.compile(r"data/(weights|constants)/[^/]*\.pt$")
_NUMBERS = re.compile(r"data/(weights/weight|constants/tensor)_[0-9]+$")
_KNOWN = re.compile(
    rf"{FORMAT}$|archive_version$|byteorder$|\.data/[^/]+$|extra/|models/[^/]+\.json$|data/sample_inputs/[^/]+\.pt$"
    r"|data/weights/[^/]+_weights_config\.json$|data/constants/[^/]+_constants_config\.json$"
)
_MODEL = re.compile(r"models/([^/]+)\.json$")


class Pt2Archive:
    """An archive whose files were examined: what a member holds is read by its name within the archive's folder."""

    def __init__(self, archive, root, path):
        self._archive, self._root, self._path = archive, root, path

    def __contains__(self, name):
        return f"{self._root}/{name}" in self._archive.NameToInfo

    def size(self, name):
        """How many bytes a member holds."""
        if name not in self:
            raise ValueError(f"it lacks {name_shown(name)}")
        return self._archive.getinfo(f"{self._root}/{name}").file_size

    def content(self, name):
        """The bytes of a member."""
        self.size(name)
        return self._archive.read(f"{self._root}/{name}")

    def parsed(self, name):
        """What a member holds as JSON."""
        self.size(name)
        return self.parsed_text(self.content(name), name)

    def parsed_text(self, text, name):
        """What a text holds as JSON; messages call it by the name."""
        return json_value(text, name, self._path)


def examined(archive, size, path):
    """The archive, with the name of its model.

    Args:
        archive: an open `ZipFile`.
        size: of the file, in bytes.
        path: what messages call it.

    Returns:
        A `Pt2Archive`, and the name of the only model in it.

    Raises:
        ValueError: naming a file that declares more than it stores, or is no part of what torch.export.save writes.
    """
    names = archive.namelist()
    root = folder_of(names)
    if not root:
        raise Refusal(f"is no archive of torch.export: {AGAIN}.")
    check_zip_members(archive, size, path, {name for name in names if name.endswith(".json")}, MOST_MEMBERS)
    for member in archive.infolist():
        _check_member(member, root)
    read = Pt2Archive(archive, root, path)
    _check_version(read)
    models = [found[1] for name in names if (found := _MODEL.match(name.removeprefix(f"{root}/")))]
    if len(models) != 1:
        listed = ", ".join(name_shown(name) for name in models[:5]) or "none"
        raise Refusal(f"holds {len(models)} models ({listed}), and one is read: save each model in a file of its own.")
    return read, models[0]


def folder_of(names):
    """The folder that all of a .pt2 archive is in, or "" if these names are of another archive."""
    root = names[0].partition("/")[0] if names else ""
    return root if f"{root}/{FORMAT}" in names else ""


def _check_member(member, root):
    """Refuse a member that is no part of a model, or would run code when PyTorch reads it."""
    shown = name_shown(member.filename)
    folder, _, name = member.filename.partition("/")
    if folder != root or ".." in name.split("/"):
        raise Refusal(f"holds a file outside of its folder ({shown}): {AGAIN}.")
    if name.startswith("extra/"):
        return
    if _COMPILED.match(name):
        raise Refusal(f"holds a compiled program ({shown}), which is not run: {AGAIN}, uncompiled.")
    if _OBJECT.match(name):
        raise Refusal(
            f"holds an object of another class than a tensor ({shown}), whose code would run: take the object out of "
            f"the model, and {AGAIN}."
        )
    if _PICKLED.match(name):
        raise Refusal(
            f"holds pickled weights ({shown}), which run code when they are read: {AGAIN} of PyTorch 2.9 or later."
        )
    if _NUMBERS.match(name):
        if member.compress_type != zipfile.ZIP_STORED:
            raise Refusal(f"holds compressed weights ({shown}): {AGAIN}.")
    elif not _KNOWN.match(name):
        raise Refusal(f"holds what is no part of a model ({shown}): {AGAIN}.")


def _check_version(archive):
    """Refuse an archive that another version, or another kind of processor, has written."""
    for name, expected in ((FORMAT, b"pt2"), ("archive_version", b"0"), ("byteorder", b"little")):
        if archive.size(name) > 100 or archive.content(name).strip() != expected:
            advice = "on a processor that is little-endian" if name == "byteorder" else "of PyTorch 2.13"
            raise Refusal(f"is of a kind that is not read ({name} is not {expected.decode()}): {AGAIN} {advice}.")
