"""Each image is decoded once, and what cannot be decoded is listed."""

import errno
import os
import shutil
import threading
import weakref
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from black_average_drop.datasets import decoded, folder, from_files
from black_average_drop.datasets.findings import Findings

SIZE = (6, 8)


def counted(dataset, asked):
    """The data set, which notes the positions that it decodes."""
    return replace(dataset, look=lambda position: asked.append(int(position)) or dataset.look(position))


@pytest.fixture
def some(tmp_path, generator):
    """A folder of grey and coloured images, of which two are equal."""
    for name, shape in (("a.png", (9, 12)), ("b.png", (20, 10, 3)), ("c.png", (9, 12)), ("d.png", (6, 8))):
        pixels = generator.integers(0, 256, shape).astype("uint8")
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    shutil.copy(tmp_path / "in/a.png", tmp_path / "in/c.png")
    return tmp_path / "in"


@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_every_image_is_decoded_once_and_read_back_to_the_byte(tmp_path, some, fit):
    asked, data = [], folder.load(some, SIZE, fit=fit)
    twice = data.subset([3, 0, 1, 2, 1])
    found = decoded.decode_once(counted(twice, asked), tmp_path / "kept")
    again = found.dataset
    np.testing.assert_array_equal(again.images(), twice.images())
    np.testing.assert_array_equal(np.concatenate(list(again.batches(2))), twice.images())
    assert [again.look(position).original for position in again.positions[:3]] == [(8, 6), (12, 9), (10, 20)]
    assert sorted(asked) == [0, 1, 2, 3] and list(again.ids) == ["d.png", "a.png", "b.png", "c.png", "b.png"]
    assert found.unreadable.empty and list(found.unreadable) == ["id", "reason"]
    sizes = sorted(path.stat().st_size for path in (tmp_path / "kept").iterdir())
    assert sizes == [48, 48, 144]  # one channel where grey, and equal images once


def test_appearances_are_those_of_the_one_reading(tmp_path, some):
    (some / "e.png").write_bytes(b"no image")
    data = folder.load(some, SIZE)
    found = decoded.decode_once(data, tmp_path / "kept")
    pictures = [data.look(position) for position in range(4)]
    expected = pd.DataFrame(
        {
            "id": ["a.png", "b.png", "c.png", "d.png"],
            "shown": ["8 bits as they are"] * 4,
            "filled": [one.filled for one in pictures],
            "width": [12, 10, 12, 8],
            "height": [9, 20, 9, 6],
        }
    )
    pd.testing.assert_frame_equal(found.appearances, expected)
    assert 0.5 < min(expected["filled"]) < 1 and found.dataset.look(1).filled == pictures[1].filled


def test_what_cannot_be_read_is_listed_and_left_out_with_its_labels(tmp_path, some):
    whole = (some / "b.png").read_bytes()
    (some / "b.png").write_bytes(whole[:200])
    data = folder.load(some, SIZE)
    (some / "d.png").unlink()
    states = np.arange(4.0)[:, None]
    data = replace(data, labels=np.arange(4), findings=Findings(("x",), states))
    found = decoded.decode_once(data, tmp_path / "kept")
    assert list(found.unreadable["id"]) == ["b.png", "d.png"]
    first, second = found.unreadable["reason"]
    assert first.startswith("cannot be read as an image (") and first.endswith("): remove it or fetch it again.")
    assert second == "cannot be opened (No such file or directory): make it readable, or leave it out."
    assert list(found.dataset.labels) == [0, 2] and found.dataset.findings.states.ravel().tolist() == [0, 2]
    assert list(found.appearances["id"]) == ["a.png", "c.png"] and set(found.contents) == {0, 2}


def test_a_file_that_changes_while_it_is_decoded_is_unreadable(tmp_path, some):
    data = folder.load(some, SIZE)

    def look(position):
        if position == 1:
            shutil.copy(some / "d.png", some / "b.png")
        if position == 3:
            os.utime(some / "d.png", (1, 1))  # the same bytes, another time
        return data.look(position)

    found = decoded.decode_once(replace(data, look=look), tmp_path / "kept")
    assert found.unreadable.values.tolist() == [
        ["b.png", "has changed while it was read: run it again when nobody writes to the folder."]
    ]


def test_a_bug_is_no_unreadable_image(tmp_path, some):
    data = folder.load(some, SIZE)
    with pytest.raises(ZeroDivisionError):
        decoded.decode_once(replace(data, look=lambda position: 1 // 0), tmp_path / "kept")


def test_frames_of_a_file_are_images_of_their_own_and_its_bytes_are_read_once(tmp_path, monkeypatch, generator):
    pages = generator.integers(0, 256, (5, 6, 8)).astype("uint8")
    tifffile.imwrite(tmp_path / "a.tif", pages)
    ids = [f"a.tif#{number}" for number in range(5)]
    data = from_files([tmp_path / "a.tif"] * 5, ids, [0] * 5, ids, (), SIZE, frames=range(5))
    read, once = [], threading.Event()
    monkeypatch.setattr(decoded, "sha256", lambda path: read.append(path) or once.set() or "bytes")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    found = decoded.decode_once(data, tmp_path / "kept")
    np.testing.assert_array_equal(found.dataset.images()[..., 0], pages)
    assert len(read) == 1 and len(list((tmp_path / "kept").iterdir())) == 5


def test_decoded_pixels_do_not_stay_in_memory(tmp_path, some):
    data, alive, most = folder.load(some, SIZE), set(), []
    many = replace(data.subset([0] * 200), positions=np.arange(200))

    def look(position):
        picture = replace(data.look(0), pixels=np.full((*SIZE, 3), position, "uint8"))
        alive.add(position)
        weakref.finalize(picture.pixels, alive.discard, position)
        most.append(len(alive))
        return picture

    found = decoded.decode_once(replace(many, look=look, file=lambda position: data.file(0)), tmp_path / "kept")
    assert max(most) <= os.cpu_count() and not alive
    assert [int(found.dataset.read(position)[0, 0, 0]) for position in (0, 7, 199)] == [0, 7, 199]


def test_a_place_that_takes_nothing_and_one_that_was_cleaned(tmp_path, some, monkeypatch):
    data = folder.load(some, SIZE)
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ValueError, match=r"file does not take the decoded images \(File exists\): make room for up to 0"
    ):
        decoded.decode_once(data, tmp_path / "file")
    found = decoded.decode_once(data, tmp_path / "kept").dataset
    one = sorted((tmp_path / "kept").iterdir())[0]
    one.write_bytes(b"x" * 7)
    with pytest.raises(ValueError, match="kept has lost the decoded images of this run: run it again.$"):
        found.images()
    shutil.rmtree(tmp_path / "kept")
    with pytest.raises(ValueError, match="kept has lost the decoded images of this run: run it again.$"):
        list(found.batches(2))

    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(decoded.Path, "write_bytes", full)
    with pytest.raises(
        ValueError, match=r"kept does not take the decoded images \(No space left on device\): make room"
    ):
        decoded.decode_once(data, tmp_path / "kept")


def test_contents_are_known_without_decoding(tmp_path, some):
    asked, data = [], folder.load(some, SIZE)
    data = counted(data, asked)
    found = decoded.decode_once(data, tmp_path / "kept")
    asked.clear()
    taken = decoded.contents_checksum(found.dataset, found.contents)
    assert taken == decoded.contents_checksum(data) == decoded.contents_checksum(found.dataset) and not asked
    others = [
        replace(data, labels=data.labels + 1),
        replace(data, ids=np.array(["a.png", "b.png", "c.png", "e.png"])),
        replace(data, findings=Findings(("x",), np.zeros((4, 1)))),
        data.subset([0, 1, 2]),
        data.subset([1, 0, 2, 3]),
    ]
    sums = {decoded.contents_checksum(one) for one in others}
    assert len(sums) == 5 and taken not in sums
    content = bytearray((some / "b.png").read_bytes())
    content[-1] ^= 1  # no pixel of it
    (some / "b.png").write_bytes(content)
    assert decoded.contents_checksum(data) != taken == decoded.contents_checksum(data, found.contents)
    (some / "b.png").unlink()
    with pytest.raises(ValueError, match=r"b.png cannot be read any more \(No such file .*\): put it back and run it"):
        decoded.contents_checksum(data)


def test_a_run_stops_or_goes_on_where_images_cannot_be_read(tmp_path, some):
    decoded.check_unreadable("stop")
    with pytest.raises(ValueError, match="^unreadable is 'skip': choose one of stop, leave out.$"):
        decoded.check_unreadable("skip")
    path, data = tmp_path / "out/unreadable.csv", folder.load(some, SIZE)
    assert decoded.check_all_read(decoded.decode_once(data, tmp_path / "kept"), "stop", path) == ""
    assert not path.exists()
    (some / "b.png").write_bytes(b"no image")
    found = decoded.decode_once(data, tmp_path / "kept")
    with pytest.raises(ValueError) as stopped:
        decoded.check_all_read(found, "stop", path)
    assert str(stopped.value) == (
        f"1 of 4 images cannot be read, listed in {path}: mend them, leave them out of the folder, or set "
        'unreadable="leave out".'
    )
    table = pd.read_csv(path)
    assert list(table) == ["image", "reason"] and list(table["image"]) == ["b.png"]
    assert path.stat().st_mode & 0o077 == 0  # names of files may be those of patients
    path.unlink()
    sentence = decoded.check_all_read(found, "leave out", path)
    assert sentence == "1 of 4 images cannot be read and is left out." and path.exists()
    for name in "acd":
        (some / f"{name}.png").write_bytes(b"no image")
    found = decoded.decode_once(data, tmp_path / "kept")
    with pytest.raises(
        ValueError, match="^None of 4 images can be read, as .*unreadable.csv lists: mend them, or name"
    ):
        decoded.check_all_read(found, "leave out", path)
    assert len(found.dataset) == len(found.appearances) == 0
