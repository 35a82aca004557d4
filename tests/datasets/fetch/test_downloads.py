"""Single files from a server that misbehaves."""

import os
import threading

import pytest

from black_average_drop.datasets.fetch.downloads import retrieve
from kaggle_server import (
    BODY,
    cut,
    files,
    good,
    kill_in_the_middle,
    redirect,
    sha256,
    status,
)


def test_a_file_comes_with_a_progress_bar_and_nothing_next_to_it(server, tmp_path, capsys):
    server.answers["/file"] = [good(BODY)]
    retrieve(f"{server.address}/file", tmp_path / "new" / "file", sha256(BODY), len(BODY))
    assert (tmp_path / "new" / "file").read_bytes() == BODY and files(tmp_path) == ["new/file"]
    assert not list((tmp_path / "new").glob(".*")) and "100%" in capsys.readouterr().err


@pytest.mark.parametrize("first", [cut(BODY, 1000), cut(BODY, 0), status(503), status(500), status(429)])
def test_a_fault_that_passes_is_outlived(server, tmp_path, first):
    server.answers["/file"] = [first, good(BODY)]
    retrieve(f"{server.address}/file", tmp_path / "file", sha256(BODY))
    assert (tmp_path / "file").read_bytes() == BODY and len(server.seen) == 2


def test_redirects_are_followed(server, tmp_path):
    server.answers |= {"/a": [redirect("/b")], "/b": [redirect(f"{server.address}/c")], "/c": [good(BODY)]}
    retrieve(f"{server.address}/a", tmp_path / "file", sha256(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_checksum_of_sha256_and_a_size_are_held_to(server, tmp_path):
    server.answers["/file"] = [good(BODY)]
    with pytest.raises(ValueError, match=f"{sha256(BODY)}, not {sha256(b'')}"):
        retrieve(f"{server.address}/file", tmp_path / "file", sha256(b""))
    with pytest.raises(ValueError, match="has 10,240 bytes, not 7"):
        retrieve(f"{server.address}/file", tmp_path / "file", size=7)
    assert not list(tmp_path.iterdir())


def test_a_file_whose_download_was_killed_starts_over(server, tmp_path):
    body, release = os.urandom(2**21), threading.Event()
    server.answers["/file"] = [cut(body, 2**20 + 5, lambda: release.wait(120)), good(body)]
    kill_in_the_middle(
        server,
        tmp_path,
        "file",
        lambda: any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*")),
    )
    release.set()
    assert not (tmp_path / "file").exists() and files(tmp_path)
    retrieve(f"{server.address}/file", tmp_path / "file", sha256(body))
    assert (tmp_path / "file").read_bytes() == body and files(tmp_path) == ["file"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
