"""Archives that are damaged, or that reach outside their folder."""

import stat
import tarfile
import zipfile

import pytest

from black_average_drop.datasets.fetch.unpacking import unpack
from kaggle_server import broken_member, chest_xray_archive, files, tarred, zipped


def zip_link(name, target):
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped({"fine.txt": b""} | {link: target})


@pytest.mark.parametrize(
    "archive",
    [
        *(zipped({"fine.txt": b"", name: b""}) for name in ("../x", "a/../../x", "/x", "C:/x", "..\\x", "\\x")),
        *(tarred((name, tarfile.REGTYPE, "")) for name in ("../x", "a/../../x", "/x", "..\\x")),
        zip_link("link", "/etc"),
        tarred(("link", tarfile.SYMTYPE, "..")),
        tarred(("link", tarfile.SYMTYPE, "fine.txt")),
        tarred(("link", tarfile.LNKTYPE, "../x")),
        tarred(("device", tarfile.CHRTYPE, "")),
        tarred(("pipe", tarfile.FIFOTYPE, "")),
    ],
)
def test_an_archive_that_reaches_outside_is_refused_before_anything_is_written(tmp_path, archive):
    (tmp_path / "archive").write_bytes(archive)
    with pytest.raises(ValueError, match="would land outside its folder|is a link or a device"):
        unpack(tmp_path / "archive", tmp_path / "deep" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_other_members_are_not_unpacked_but_checked(tmp_path):
    (tmp_path / "archive").write_bytes(zipped({"a.txt": b"a", "b/a.txt": b"", "a.png": b""}))
    unpack(tmp_path / "archive", tmp_path / "folder", r"[^/]+\.txt")
    assert files(tmp_path / "folder") == ["a.txt"]
    (tmp_path / "archive").write_bytes(zipped({"a.txt": b"a", "../b.png": b""}))
    with pytest.raises(ValueError, match="outside"):
        unpack(tmp_path / "archive", tmp_path / "other", r"[^/]+\.txt")


def test_tar_archives_are_unpacked(tmp_path):
    (tmp_path / "archive").write_bytes(tarred(("a", tarfile.DIRTYPE, ""), ("a/b.txt", tarfile.REGTYPE, "")))
    unpack(tmp_path / "archive", tmp_path / "folder")
    assert files(tmp_path / "folder") == ["a/b.txt", "fine.txt"]


@pytest.mark.parametrize("archive", [broken_member(chest_xray_archive()), tarred(*[("a", b"0", "")] * 900)[:-40]])
def test_a_damaged_archive_leaves_no_half_tree(tmp_path, archive):
    (tmp_path / "archive").write_bytes(archive)
    with pytest.raises(ValueError, match="damaged"):
        unpack(tmp_path / "archive", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_an_interrupted_unpacking_leaves_no_half_tree(tmp_path, monkeypatch):
    (tmp_path / "archive").write_bytes(chest_xray_archive())

    def interrupted(self, member, folder):
        (folder / "half").write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        unpack(tmp_path / "archive", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
