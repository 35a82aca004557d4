"""Archives of Kaggle against a server that misbehaves; kagglehub's own code asks it, not a stand-in."""

import json
import os
import threading
from base64 import b64encode
from dataclasses import replace

import pytest

from black_average_drop.datasets.fetch import fetch
from black_average_drop.datasets.fetch.downloads import STAGING
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.source import Source
from kaggle_server import (
    BODY,
    DATASET,
    SMALL,
    asked,
    assert_one_sentence,
    broken_member,
    chest_xray_archive,
    cut,
    files,
    good,
    kaggle,
    kill_in_the_middle,
    redirect,
    sha256,
    status,
    zipped,
)


def test_a_tree_from_kaggle_is_unpacked_counted_and_put_in_place(server, tmp_path, capsys):
    kaggle(server, good(chest_xray_archive()))
    fetch(["chest_xray"], [], tmp_path)
    assert files(tmp_path) == [
        "chest_xray/test/NORMAL/d.jpeg",
        "chest_xray/test/PNEUMONIA/e.jpeg",
        "chest_xray/train/NORMAL/a.jpeg",
        "chest_xray/train/NORMAL/b.jpeg",
        "chest_xray/train/PNEUMONIA/c.jpeg",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["chest_xray"]
    request = {"ownerSlug": "paultimothymooney", "datasetSlug": "chest-xray-pneumonia", "datasetVersionNumber": 2}
    assert json.loads(server.bodies[0]).items() >= request.items()
    assert capsys.readouterr().err.count("100%") >= 2  # the download and the unpacking
    before = len(server.seen)
    fetch(["chest_xray"], [], tmp_path)
    assert len(server.seen) == before and "there already, and whole" in capsys.readouterr().out


def test_a_cut_archive_is_resumed(server, tmp_path):
    archive = chest_xray_archive(bytes(2**19))
    # Each attempt asks twice: for the headers, and for the bytes that are lacking. kagglehub writes whole mebibytes.
    kaggle(server, good(archive), cut(archive, 2**21 - 9), good(archive))
    fetch(["chest_xray"], [], tmp_path)
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL
    assert asked(server, "/storage/archive.zip")[-1][1] == f"bytes={2**20}-"


def test_a_server_that_cannot_resume_makes_it_start_over(server, tmp_path):
    archive = chest_xray_archive(bytes(2**19))
    kaggle(server, good(archive), cut(archive, 2**21 - 9), good(archive, ranges=False))
    fetch(["chest_xray"], [], tmp_path)
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL
    ranges = [asked_range for _, asked_range in asked(server, "/storage/archive.zip")]
    assert ranges == [None, "bytes=0-", None, f"bytes={2**20}-", None, "bytes=0-"]


def test_a_killed_download_of_an_archive_is_resumed(server, tmp_path):
    archive, release = chest_xray_archive(os.urandom(2**19)), threading.Event()
    hang = cut(archive, 2**20 + 2**19, lambda: release.wait(120))
    kaggle(server, good(archive), hang, good(archive))
    place = tmp_path / STAGING / "chest_xray" / "archive"
    kill_in_the_middle(server, tmp_path, "kaggle", lambda: place.exists() and place.stat().st_size >= 2**20)
    release.set()
    assert not (tmp_path / "chest_xray").exists()
    there = place.stat().st_size
    server.seen.clear()
    fetch(["chest_xray"], [], tmp_path)
    assert ("/storage/archive.zip", f"bytes={there}-") in server.seen
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL and not (tmp_path / STAGING).exists()


def test_an_archive_that_stalls_is_tried_again(server, tmp_path, monkeypatch):
    from kagglehub import clients

    monkeypatch.setattr(clients, "DEFAULT_READ_TIMEOUT", 0.5)
    archive, release = chest_xray_archive(), threading.Event()
    kaggle(server, good(archive), cut(archive, 500, lambda: release.wait(30)), good(archive))
    fetch(["chest_xray"], [], tmp_path)
    release.set()
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL


def test_what_a_killed_unpacking_left_is_no_obstacle_and_no_part_of_the_tree(server, tmp_path):
    staging = tmp_path / STAGING / "chest_xray"
    for left in ("unpacked", "root"):
        (staging / left / "chest_xray" / "train" / "NORMAL").mkdir(parents=True)
        (staging / left / "chest_xray" / "train" / "NORMAL" / "half.jpeg").write_bytes(b"")
    kaggle(server, good(chest_xray_archive()))
    fetch(["chest_xray"], [], tmp_path)
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL and not (tmp_path / STAGING).exists()


def test_what_is_left_next_to_a_tree_in_its_place_is_removed(server, tmp_path):
    (tmp_path / "chest_xray").mkdir()
    (tmp_path / STAGING / "chest_xray").mkdir(parents=True)
    (tmp_path / STAGING / "chest_xray" / "archive").write_bytes(b"x")
    fetch(["chest_xray"], [], tmp_path)
    assert not (tmp_path / STAGING).exists() and not server.seen


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (good(chest_xray_archive(), x_goog_hash="md5=" + b64encode(bytes(16)).decode()), "its MD5 is not the one"),
        (good(broken_member(chest_xray_archive())), "the archive is damaged: Bad CRC-32"),
        (good(b"<html>please log in</html>"), "neither a zip nor a tar archive"),
        (good(zipped({"chest_xray/../../x.jpeg": b""})), "would land outside"),
        (good(zipped({"elsewhere/x.jpeg": b""})), "0 images in train/NORMAL instead of 2"),
        (good(zipped({"chest_xray/train/NORMAL/a.jpeg": b"x"})), "1 images in train/NORMAL instead of 2"),
    ],
)
def test_a_wrong_archive_is_refused_and_removed(server, tmp_path, answer, reason):
    kaggle(server, answer)
    with pytest.raises(RuntimeError) as caught:
        fetch(["chest_xray"], [], tmp_path)
    page = "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia"
    assert_one_sentence(str(caught.value), reason, page, "folder chest_xray/", tmp_path / "chest_xray")
    assert files(tmp_path) == [] and not (tmp_path / "chest_xray").exists()
    kaggle(server, good(chest_xray_archive()))
    fetch(["chest_xray"], [], tmp_path)
    assert SOURCES["chest_xray"].count(tmp_path) == SMALL


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [
        (status(404), "the server answered 404", 1),
        (status(503), "the server answered 503", 3),
        (redirect(DATASET), "the server redirects in a circle", 31),
    ],
)
def test_kaggle_out_of_reach_is_one_sentence(server, tmp_path, answer, reason, attempts):
    server.answers[DATASET] = [answer]
    with pytest.raises(RuntimeError) as caught:
        fetch(["chest_xray"], [], tmp_path)
    assert_one_sentence(str(caught.value), reason, "chest-xray-pneumonia", tmp_path / "chest_xray")
    assert len(server.seen) == attempts and not (tmp_path / "chest_xray").exists()


def test_without_a_network_every_source_has_its_sentence(server, tmp_path, weights):
    server.shutdown()
    server.server_close()
    with pytest.raises(RuntimeError) as caught:
        fetch(SOURCES, [("MobileNetV2", True)], tmp_path)
    sentences = str(caught.value).split("\n")
    by_hand = [sentence for sentence in sentences if "has no download: put it at" in sentence]
    assert len(by_hand) == sum(source.download is None for source in SOURCES.values())
    sentences = [sentence for sentence in sentences if sentence not in by_hand]
    assert len(sentences) == 4
    for sentence, part in zip(sentences, ("chest_xray", "nih-chest-xrays/data", "LOC_val_solution", "h5"), strict=True):
        assert_one_sentence(sentence, "there is no connection", part)


def test_one_failure_does_not_keep_the_others_from_coming(server, tmp_path, weights):
    kaggle(server, status(404))
    server.answers["/weights.h5"] = [good(BODY)]
    with pytest.raises(RuntimeError):
        fetch(["chest_xray"], [("MobileNetV2", True)], tmp_path)
    assert weights.read_bytes() == BODY


def test_a_tree_that_is_there_is_left_alone_and_told_about(server, tmp_path, capsys):
    mine = tmp_path / "chest_xray" / "train" / "NORMAL" / "mine.jpeg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    fetch(["chest_xray"], [], tmp_path)
    assert "with 1 images in train/NORMAL instead of 2" in capsys.readouterr().out
    assert files(tmp_path) == ["chest_xray/train/NORMAL/mine.jpeg"] and not server.seen


def test_the_nih_tables_must_be_those_known(server, tmp_path, monkeypatch):
    entries = b"Image Index,Finding Labels\n00000001_000.png,Mass\n00000001_001.png,Hernia\n"
    boxes = b"Image Index,Finding Label\n00000001_000.png,Mass\n00000001_000.png,Mass\n"
    members = {f"images_{n:03d}/images/00000001_{n:03d}.png": b"x" for n in (0, 1)}
    members |= {"Data_Entry_2017.csv": entries, "BBox_List_2017.csv": boxes}
    source = SOURCES["chestxray14"]
    source = replace(source, expected=dict.fromkeys(source.expected, 2) | {"boxed images": 1})
    monkeypatch.setitem(SOURCES, "chestxray14", source)
    kaggle(server, good(zipped(members)))
    with pytest.raises(RuntimeError, match=f"SHA-256 of its Data_Entry_2017.csv is {sha256(entries)}, not 88f75094"):
        fetch(["chestxray14"], [], tmp_path)
    known = {"Data_Entry_2017.csv": sha256(entries), "BBox_List_2017.csv": sha256(boxes)}
    source = replace(source, download=replace(source.download, checksums=known))
    monkeypatch.setitem(SOURCES, "chestxray14", source)
    fetch(["chestxray14"], [], tmp_path)
    assert files(tmp_path / "nih-chest-xrays") == sorted(members)


def test_a_source_that_nobody_else_can_fetch_is_left_to_the_user(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(SOURCES, "ours", Source("ours", title="Our X-rays", folder="our x-rays"))
    with pytest.raises(RuntimeError) as caught:
        fetch(["ours"], [], tmp_path)
    assert_one_sentence(str(caught.value), "our x-rays has no download", tmp_path / "our x-rays")
    (tmp_path / "our x-rays").mkdir()
    fetch(["ours"], [], tmp_path)
    assert "our x-rays: there already.\n" == capsys.readouterr().out and not server.seen
