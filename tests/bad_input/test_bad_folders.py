"""Folders; outcome: the ids that are read, and the files that are left out, counted and listed."""

import errno
import os
import shutil

import pytest

from bad_cases import Case, refused, table_of
from bad_images import SIZE, content, files
from black_average_drop.datasets import folder

NO_FILE = "{{root}}/labels.csv names {}, which is no image that is there: mend its column image."


def link(name, target, *names):
    """A link below root to a path given from root's parent, where outside/c.png lies, too; and files in root."""

    def write(root):
        files(*names)(root)
        files("outside/c.png")(root.parent)
        (root / name).symlink_to(root.parent / target, target_is_directory="." not in target)

    return write


LEADS_OUT = "{{root}}/{} is a link that leads out of {{root}}: copy the file there, or leave it out."
NOT_UTF_8 = "The name of {{root}}/{} is not UTF-8: rename the file or its folder."
EMPTY = "{{root}} holds no images{}: put them into it, or into sub-folders of classes, patients or splits."
FOLDERS = [
    Case("missing", shutil.rmtree, "{root} is missing: it should hold ...; see data/README.md, or pass another DATA=."),
    Case("empty", files(), EMPTY.format("")),
    Case(
        "nothing but other files",
        content("notes.txt", b"notes"),
        EMPTY.format(", only other files (1 not an image (.txt))"),
    ),
    Case("an image far down", files("a/b/c.png"), (["a/b/c.png"], [])),
    Case("a flat folder", files("b.png", "a.PNG"), (["a.PNG", "b.png"], [])),
    Case("hidden files", files("a.png", ".b.png", "._a.png", ".c/d.png"), (["a.png"], [])),
    Case("hidden files in sub-folders", files("ill/a.png", "ill/.b.png", ".c/d.png"), (["ill/a.png"], [])),
    Case("names in Japanese, with spaces", files("肺 炎/胸部 1.png"), (["肺 炎/胸部 1.png"], [])),
    Case("names that Markdown and HTML know", files("<b>*a*</b>|.png".replace("/", "")), (["<b>*a*<b>|.png"], [])),
    Case(
        "a name in Shift JIS",
        files("a.png", os.fsdecode("胸部.png".encode("cp932"))),
        NOT_UTF_8.format(r"\x8b\xb9\x95\x94.png"),
    ),
    Case(
        "a folder's name in Shift JIS",
        files("a/a.png", os.fsdecode("肺炎".encode("cp932")) + "/a.png"),
        NOT_UTF_8.format(r"\x94x\x89\x8a/a.png"),
    ),
    Case(
        "another file's name in Shift JIS",
        files("a.png", os.fsdecode("胸部.txt".encode("cp932"))),
        (["a.png"], [r"\x8b\xb9\x95\x94.txt"]),
    ),
    Case(
        "a table with a capital in its name",
        lambda root: (files("a.png", "b.png")(root), content("Labels.csv", b"image\nb.png\n")(root)),
        (["b.png"], ["a.png"]),
    ),
    Case("a name like a formula", files("=1+1.png"), (["=1+1.png"], [])),
    Case("other files next to images", files("a.png", "b.gif", "c.heic"), (["a.png"], ["b.gif", "c.heic"])),
    Case("images at two depths", files("ill/a.png", "ill/more/b.png"), (["ill/a.png", "ill/more/b.png"], [])),
    Case("images next to an empty sub-folder", files("a.png", "ill/notes"), (["a.png"], ["ill/notes"])),
    Case("a folder named like an image", files("a.png", "b.png/notes"), (["a.png"], ["b.png/notes"])),
    Case("a link inside", link("b.png", "root/a.png", "a.png"), (["a.png", "b.png"], [])),
    Case("a link to nowhere", link("b.png", "root/c.png", "a.png"), (["a.png"], ["b.png"])),
    Case("a link out of the root", link("b.png", "outside/c.png", "a.png"), LEADS_OUT.format("b.png")),
    Case("a folder linked out of the root", link("ill", "outside"), LEADS_OUT.format("ill")),
    Case(
        "a CSV that names a link out of the root",
        lambda root: (link("b.png", "outside/c.png")(root), content("labels.csv", b"image\nb.png\n")(root)),
        NO_FILE.format("b.png"),
    ),
    Case(
        "a CSV that names some of the images",
        lambda root: (files("a.png", "b.png")(root), content("labels.csv", b"image\nb.png\n")(root)),
        (["b.png"], ["a.png"]),
    ),
    Case(
        "images next to sub-folders",
        files("a.png", "ill/b.png"),
        "{root} holds images next to its sub-folders, a.png for one: put all of them into sub-folders, or none, "
        'or set layout="flat" if folders say nothing.',
    ),
]


@table_of(FOLDERS)
def test_folders(case, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    case.make(root)
    if isinstance(case.outcome, str):
        refused(lambda: folder.load(root, SIZE), case.outcome, root)
    else:
        data = folder.load(root, SIZE)
        visible = folder.listed(root).passed_over.query("not kind.str.startswith('hidden')")
        assert (list(data.ids), visible["files"].sum()) == (case.outcome[0], len(case.outcome[1]))
        assert data.images().shape == (len(data), 8, 8, 3)


@pytest.mark.parametrize("unreadable", [".", "ill", "ill/deeper"])
def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch, unreadable):
    files("ill/a.png", "ill/deeper/b.png")(tmp_path)

    def guarded(look):
        def refuse(place=".", *arguments):
            if os.path.normpath(place) == os.path.normpath(tmp_path / unreadable):
                raise PermissionError(errno.EACCES, "Permission denied", str(place))
            return look(place, *arguments)

        return refuse

    monkeypatch.setattr(os, "scandir", guarded(os.scandir))
    monkeypatch.setattr(os, "listdir", guarded(os.listdir))
    place = str(tmp_path / unreadable)
    refused(
        lambda: folder.load(tmp_path, SIZE),
        f"{place} cannot be read (Permission denied): make it readable for yourself, or leave it out.",
    )
