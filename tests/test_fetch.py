"""Downloads against a server on 127.0.0.1 that misbehaves as told; kagglehub's own code asks it, not a stand-in."""

import hashlib
import http.server
import io
import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from base64 import b64encode

import numpy as np
import pytest
from kagglesdk import kaggle_env
from PIL import Image

from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import data, profiles
from black_average_drop.datasets import fetch
from black_average_drop.files import ROOT

DATASET = "/v1/datasets.DatasetApiService/DownloadDataset"
COMPETITION_FILE = "/v1/competitions.CompetitionApiService/DownloadDataFile"
SMALL = {"images in train/NORMAL": 2, "images in train/PNEUMONIA": 1, "images in test/NORMAL": 1}
SMALL |= {"images in test/PNEUMONIA": 1}
BODY = bytes(range(256)) * 40
REAL = dict(fetch.EXPECTED)  # before `isolated` makes chest_xray a small one


class Server(http.server.ThreadingHTTPServer):
    """Answers a path with what `answers` holds for it: a list of functions of the request, one a request, the last one
    ever after. `seen` records (path, Range header)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.seen, self.bodies = {}, [], []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        answers = self.server.answers.get(self.path, [status(404)])
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass

    def head(self, code, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


def good(body, ranges=True, **headers):
    def answer(request):
        start = 0
        if ranges and request.headers.get("Range"):
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        request.head(206 if start else 200, Content_Length=len(body) - start, Accept_Ranges="bytes", **headers)
        request.wfile.write(body[start:])

    return answer


def cut(body, at, then=lambda: None):
    """Promises the whole body and breaks off."""

    def answer(request):
        request.head(200, Content_Length=len(body), Accept_Ranges="bytes")
        request.wfile.write(body[:at])
        then()

    return answer


def status(code):
    return lambda request: request.head(code, Content_Length=0)


def redirect(to):
    return lambda request: request.head(302, Location=to, Content_Length=0)


@pytest.fixture
def server(monkeypatch):
    with Server() as running:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, running.address)
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path_factory):
    """No waiting, nobody's home, nobody's account, no proxy."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(fetch, "PAUSES", (0, 0))
    monkeypatch.setitem(fetch.EXPECTED, "chest_xray", SMALL)
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": home, "KAGGLE_CONFIG_DIR": home, "KERAS_HOME": home / "keras"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    assert {path.name for path in home.iterdir()} <= {"keras"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def chest_xray_archive(content=b"x"):
    names = ["train/NORMAL/a", "train/NORMAL/b", "train/PNEUMONIA/c", "test/NORMAL/d", "test/PNEUMONIA/e"]
    members = {f"chest_xray/{name}.jpeg": name.encode() + content for name in names}
    second = {f"chest_xray/{name}": content for name, content in members.items()}
    rubbish = {"__MACOSX/chest_xray/train/NORMAL/._a.jpeg": b"", "chest_xray/train/NORMAL/.DS_Store": b""}
    return zipped(members | second | rubbish)


def kaggle(server, *answers):
    server.answers[DATASET] = [redirect("/storage/archive.zip")]
    server.answers["/storage/archive.zip"] = list(answers)


def asked(server, path):
    return [seen for seen in server.seen if seen[0] == path]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def assert_one_sentence(text, *parts):
    assert text.endswith(".") and ". " not in text and "\n" not in text
    for part in parts:
        assert str(part) in text


# Single files


def test_a_file_comes_with_a_progress_bar_and_nothing_beside_it(server, tmp_path, capsys):
    server.answers["/file"] = [good(BODY)]
    fetch.retrieve(f"{server.address}/file", tmp_path / "new" / "file", sha256(BODY), len(BODY))
    assert (tmp_path / "new" / "file").read_bytes() == BODY and files(tmp_path) == ["new/file"]
    assert not list((tmp_path / "new").glob(".*")) and "100%" in capsys.readouterr().err


@pytest.mark.parametrize("first", [cut(BODY, 1000), cut(BODY, 0), status(503), status(500), status(429)])
def test_a_fault_that_passes_is_outlived(server, tmp_path, first):
    server.answers["/file"] = [first, good(BODY)]
    fetch.retrieve(f"{server.address}/file", tmp_path / "file", sha256(BODY))
    assert (tmp_path / "file").read_bytes() == BODY and len(server.seen) == 2


def test_redirects_are_followed(server, tmp_path):
    server.answers |= {"/a": [redirect("/b")], "/b": [redirect(f"{server.address}/c")], "/c": [good(BODY)]}
    fetch.retrieve(f"{server.address}/a", tmp_path / "file", sha256(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.fixture
def weights(server, monkeypatch):
    """A file of weights at server/weights.h5, and where it belongs."""
    entry = (f"{server.address}/weights.h5", "md5:" + hashlib.md5(BODY).hexdigest(), len(BODY))
    monkeypatch.setitem(fetch.WEIGHTS, ("MobileNetV2", True), entry)
    return fetch.keras_folder() / "weights.h5"


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [
        (cut(BODY, 1000), "the connection broke off", 3),
        (status(503), "the server answered 503", 3),
        (status(404), "the server answered 404", 1),
        (status(403), "the server answered 403", 1),
        (redirect("/weights.h5"), "the server redirects in a circle", 31),
        (redirect("ftp://127.0.0.1/x"), "No connection adapters were found", 1),
        (good(BODY[::-1]), hashlib.md5(BODY[::-1]).hexdigest() + ", not " + hashlib.md5(BODY).hexdigest(), 1),
        (good(BODY[:-1]), hashlib.md5(BODY[:-1]).hexdigest() + ", not " + hashlib.md5(BODY).hexdigest(), 1),
    ],
)
def test_what_cannot_be_had_is_one_sentence_with_the_way_by_hand(server, weights, answer, reason, attempts):
    server.answers["/weights.h5"] = [answer]
    with pytest.raises(RuntimeError) as caught:
        fetch.fetch([], [("MobileNetV2", True)], "unused")
    assert_one_sentence(str(caught.value), reason, f"{server.address}/weights.h5", weights)
    assert len(server.seen) == attempts and not list(weights.parent.iterdir())


def test_a_checksum_of_sha256_and_a_size_are_held_to(server, tmp_path):
    server.answers["/file"] = [good(BODY)]
    with pytest.raises(ValueError, match=f"{sha256(BODY)}, not {sha256(b'')}"):
        fetch.retrieve(f"{server.address}/file", tmp_path / "file", sha256(b""))
    with pytest.raises(ValueError, match="has 10,240 bytes, not 7"):
        fetch.retrieve(f"{server.address}/file", tmp_path / "file", size=7)
    assert not list(tmp_path.iterdir())


def test_without_a_network_there_is_a_sentence(server, weights):
    server.shutdown()
    server.server_close()
    with pytest.raises(RuntimeError) as caught:
        fetch.fetch([], [("MobileNetV2", True)], "unused")
    assert_one_sentence(str(caught.value), "there is no connection", server.address, weights)


def test_a_server_that_says_nothing_is_given_up(server, weights, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.05)
    release = threading.Event()
    server.answers["/weights.h5"] = [lambda request: release.wait(30)]
    with pytest.raises(RuntimeError) as caught:
        fetch.fetch([], [("MobileNetV2", True)], "unused")
    release.set()
    assert_one_sentence(str(caught.value), "the server does not answer", weights)


def test_weights_that_are_there_are_checked_and_fetched_only_if_wrong(server, weights, tmp_path, capsys):
    server.answers["/weights.h5"] = [good(BODY)]
    weights.parent.mkdir(parents=True)
    for broken in (BODY[:-1], BODY[::-1]):  # by size, by checksum
        weights.write_bytes(broken)
        fetch.fetch([], [("MobileNetV2", True)], tmp_path)
        assert weights.read_bytes() == BODY
    assert len(server.seen) == 2
    fetch.fetch([], [("MobileNetV2", True)], tmp_path)
    assert len(server.seen) == 2 and "there already, and whole" in capsys.readouterr().out


def test_weights_are_those_that_keras_asks_for(monkeypatch):
    from keras import applications
    from keras.src.utils import file_utils

    class Asked(Exception):
        pass

    def record(name, address, cache_subdir, file_hash=None):
        raise Asked(name, address, cache_subdir, file_hash)

    monkeypatch.setattr(file_utils, "get_file", record)
    sizes = {"MobileNetV2": 224, "InceptionResNetV2": 299}
    assert set(fetch.WEIGHTS) == {(name, head) for name in sizes for head in (True, False)}
    for (backbone, with_head), (address, checksum, _) in fetch.WEIGHTS.items():
        with pytest.raises(Asked) as caught:
            shape = (sizes[backbone], sizes[backbone], 3)
            getattr(applications, backbone)(weights="imagenet", include_top=with_head, input_shape=shape)
        name, asked_address, folder, file_hash = caught.value.args
        assert (asked_address, folder) == (address, "models") and address.endswith(f"/{name}")
        assert checksum == (f"md5:{file_hash}" if file_hash else None)


CHILD = """
import json, sys
from kagglesdk import kaggle_env
from black_average_drop.datasets import fetch
address, root, expected, kind = sys.argv[1:]
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = address
fetch.EXPECTED["chest_xray"] = json.loads(expected)
if kind == "kaggle":
    fetch.fetch(["chest_xray"], [], root)
else:
    fetch.retrieve(address + "/file", root + "/file")
"""


def kill_in_the_middle(server, root, kind, is_under_way):
    """Run the download in a process of its own and kill it once part of it is on the disk."""
    arguments = [server.address, str(root), json.dumps(SMALL), kind]
    with subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 120
        while not is_under_way() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert child.poll() is None and is_under_way()
        os.kill(child.pid, signal.SIGKILL)


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
    fetch.retrieve(f"{server.address}/file", tmp_path / "file", sha256(body))
    assert (tmp_path / "file").read_bytes() == body and files(tmp_path) == ["file"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Kaggle's archives


def test_a_tree_from_kaggle_is_unpacked_counted_and_put_in_place(server, tmp_path, capsys):
    kaggle(server, good(chest_xray_archive()))
    fetch.fetch(["chest_xray"], [], tmp_path)
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
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert len(server.seen) == before and "there already, and whole" in capsys.readouterr().out


def test_a_cut_archive_is_resumed(server, tmp_path):
    archive = chest_xray_archive(bytes(2**19))
    # Each attempt asks twice: for the headers, and for the bytes that are lacking. kagglehub writes whole mebibytes.
    kaggle(server, good(archive), cut(archive, 2**21 - 9), good(archive))
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert fetch.counts("chest_xray", tmp_path) == SMALL
    assert asked(server, "/storage/archive.zip")[-1][1] == f"bytes={2**20}-"


def test_a_server_that_cannot_resume_makes_it_start_over(server, tmp_path):
    archive = chest_xray_archive(bytes(2**19))
    kaggle(server, good(archive), cut(archive, 2**21 - 9), good(archive, ranges=False))
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert fetch.counts("chest_xray", tmp_path) == SMALL
    ranges = [asked_range for _, asked_range in asked(server, "/storage/archive.zip")]
    assert ranges == [None, "bytes=0-", None, f"bytes={2**20}-", None, "bytes=0-"]


def test_a_killed_download_of_an_archive_is_resumed(server, tmp_path):
    archive, release = chest_xray_archive(os.urandom(2**19)), threading.Event()
    hang = cut(archive, 2**20 + 2**19, lambda: release.wait(120))
    kaggle(server, good(archive), hang, good(archive))
    place = tmp_path / fetch.STAGING / "chest_xray" / "archive"
    kill_in_the_middle(server, tmp_path, "kaggle", lambda: place.exists() and place.stat().st_size >= 2**20)
    release.set()
    assert not (tmp_path / "chest_xray").exists()
    there = place.stat().st_size
    server.seen.clear()
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert ("/storage/archive.zip", f"bytes={there}-") in server.seen
    assert fetch.counts("chest_xray", tmp_path) == SMALL and not (tmp_path / fetch.STAGING).exists()


def test_an_archive_that_stalls_is_tried_again(server, tmp_path, monkeypatch):
    from kagglehub import clients

    monkeypatch.setattr(clients, "DEFAULT_READ_TIMEOUT", 0.5)
    archive, release = chest_xray_archive(), threading.Event()
    kaggle(server, good(archive), cut(archive, 500, lambda: release.wait(30)), good(archive))
    fetch.fetch(["chest_xray"], [], tmp_path)
    release.set()
    assert fetch.counts("chest_xray", tmp_path) == SMALL


def test_what_a_killed_unpacking_left_is_no_obstacle_and_no_part_of_the_tree(server, tmp_path):
    staging = tmp_path / fetch.STAGING / "chest_xray"
    for left in ("unpacked", "root"):
        (staging / left / "chest_xray" / "train" / "NORMAL").mkdir(parents=True)
        (staging / left / "chest_xray" / "train" / "NORMAL" / "half.jpeg").write_bytes(b"")
    kaggle(server, good(chest_xray_archive()))
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert fetch.counts("chest_xray", tmp_path) == SMALL and not (tmp_path / fetch.STAGING).exists()


def test_what_is_left_beside_a_tree_in_its_place_is_removed(server, tmp_path):
    (tmp_path / "chest_xray").mkdir()
    (tmp_path / fetch.STAGING / "chest_xray").mkdir(parents=True)
    (tmp_path / fetch.STAGING / "chest_xray" / "archive").write_bytes(b"x")
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert not (tmp_path / fetch.STAGING).exists() and not server.seen


def broken_member(archive):
    """The archive with one byte of a member's content changed: of the right size, but not of the right CRC."""
    at = archive.index(b"train/NORMAL/bx")
    return archive[:at] + b"T" + archive[at + 1 :]


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
        fetch.fetch(["chest_xray"], [], tmp_path)
    page = "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia"
    assert_one_sentence(str(caught.value), reason, page, "folder chest_xray/", tmp_path / "chest_xray")
    assert files(tmp_path) == [] and not (tmp_path / "chest_xray").exists()
    kaggle(server, good(chest_xray_archive()))
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert fetch.counts("chest_xray", tmp_path) == SMALL


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
        fetch.fetch(["chest_xray"], [], tmp_path)
    assert_one_sentence(str(caught.value), reason, "chest-xray-pneumonia", tmp_path / "chest_xray")
    assert len(server.seen) == attempts and not (tmp_path / "chest_xray").exists()


def test_without_a_network_every_source_has_its_sentence(server, tmp_path, weights):
    server.shutdown()
    server.server_close()
    with pytest.raises(RuntimeError) as caught:
        fetch.fetch(fetch.FOLDERS, [("MobileNetV2", True)], tmp_path)
    sentences = str(caught.value).split("\n")
    assert len(sentences) == 4
    for sentence, part in zip(sentences, ("chest_xray", "nih-chest-xrays/data", "LOC_val_solution", "h5"), strict=True):
        assert_one_sentence(sentence, "there is no connection", part)


def test_one_failure_does_not_keep_the_others_from_coming(server, tmp_path, weights):
    kaggle(server, status(404))
    server.answers["/weights.h5"] = [good(BODY)]
    with pytest.raises(RuntimeError):
        fetch.fetch(["chest_xray"], [("MobileNetV2", True)], tmp_path)
    assert weights.read_bytes() == BODY


def test_a_tree_that_is_there_is_left_alone_and_told_about(server, tmp_path, capsys):
    mine = tmp_path / "chest_xray" / "train" / "NORMAL" / "mine.jpeg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    fetch.fetch(["chest_xray"], [], tmp_path)
    assert "with 1 images in train/NORMAL instead of 2" in capsys.readouterr().out
    assert files(tmp_path) == ["chest_xray/train/NORMAL/mine.jpeg"] and not server.seen


def test_the_nih_tables_must_be_those_known(server, tmp_path, monkeypatch):
    entries = b"Image Index,Finding Labels\n00000001_000.png,Mass\n00000001_001.png,Hernia\n"
    boxes = b"Image Index,Finding Label\n00000001_000.png,Mass\n00000001_000.png,Mass\n"
    members = {f"images_{n:03d}/images/00000001_{n:03d}.png": b"x" for n in (0, 1)}
    members |= {"Data_Entry_2017.csv": entries, "BBox_List_2017.csv": boxes}
    monkeypatch.setitem(
        fetch.EXPECTED, "chestxray14", dict.fromkeys(fetch.EXPECTED["chestxray14"], 2) | {"boxed images": 1}
    )
    kaggle(server, good(zipped(members)))
    with pytest.raises(RuntimeError, match=f"SHA-256 of its Data_Entry_2017.csv is {sha256(entries)}, not 88f75094"):
        fetch.fetch(["chestxray14"], [], tmp_path)
    known = {"Data_Entry_2017.csv": sha256(entries), "BBox_List_2017.csv": sha256(boxes)}
    monkeypatch.setattr(fetch, "CHECKSUMS", known)
    fetch.fetch(["chestxray14"], [], tmp_path)
    assert files(tmp_path / "nih-chest-xrays") == sorted(members)


# ImageNet, file by file


@pytest.fixture
def imagenet(server, monkeypatch):
    """The photos, of as many classes, behind Kaggle's competition address, which asks for no account here."""
    table = "ImageId,PredictionString\n"
    table += "".join(f"{name},n{i:08d} 0 0 9 9 \n" for i, name in enumerate(fetch.PHOTOS))
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), "uint8")).save(buffer, "JPEG")
    expected = dict(zip(fetch.EXPECTED["imagenet"], (100, 100, 100), strict=True))
    monkeypatch.setitem(fetch.EXPECTED, "imagenet", expected)

    def answer(request):
        name = json.loads(request.server.bodies[-1])["fileName"]
        if name == "LOC_val_solution.csv":
            good(zipped({name: table}))(request)
        else:
            assert name.startswith("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_") and name.endswith(".JPEG")
            good(buffer.getvalue())(request)

    server.answers[COMPETITION_FILE] = [answer]


def test_imagenet_comes_with_the_photos_of_the_committed_results_and_the_wanted_ones(
    server, imagenet, tmp_path, capsys
):
    wanted = "ILSVRC2012_val_00000299"
    assert len(set(fetch.PHOTOS)) == 100 and wanted not in fetch.PHOTOS
    assert profiles.read_profile("laptop")["02_figure1"]["general_image"] in fetch.PHOTOS
    fetch.fetch(["imagenet"], [], tmp_path, {wanted})
    assert "non-commercial" in capsys.readouterr().out
    found = [name.stem for name in sorted((tmp_path / "ILSVRC2012" / "val").iterdir())]
    assert found == sorted([*fetch.PHOTOS, wanted])
    assert files(tmp_path / "ILSVRC2012")[0] == "LOC_val_solution.csv" and not (tmp_path / fetch.STAGING).exists()


def test_imagenet_that_broke_off_goes_on_where_it_was(server, imagenet, tmp_path):
    answer = server.answers[COMPETITION_FILE][0]
    server.answers[COMPETITION_FILE] = [answer] * 41 + [status(404)]
    with pytest.raises(RuntimeError, match="answered 404"):
        fetch.fetch(["imagenet"], [], tmp_path)
    assert not (tmp_path / "ILSVRC2012").exists() and len(files(tmp_path)) == 41
    server.seen.clear()
    server.answers[COMPETITION_FILE] = [answer]
    fetch.fetch(["imagenet"], [], tmp_path)
    assert len(server.seen) == 60 and len(files(tmp_path)) == 101


@pytest.mark.parametrize("body", [b"<html>rules</html>", b"PK\x03\x04 no zip"])
def test_imagenet_refuses_what_is_neither_table_nor_photo(server, imagenet, tmp_path, body):
    answer = server.answers[COMPETITION_FILE][0]
    for before, name in ((0, "LOC_val_solution.csv"), (1, ".JPEG")):
        server.answers[COMPETITION_FILE] = [answer] * before + [good(body)]
        with pytest.raises(RuntimeError, match=f"{name} cannot be read"):
            fetch.fetch(["imagenet"], [], tmp_path)
    assert files(tmp_path) == [".fetching/ILSVRC2012/root/ILSVRC2012/LOC_val_solution.csv"]


def test_imagenet_without_an_account_says_what_it_takes(server, tmp_path):
    server.answers[COMPETITION_FILE] = [status(403)]
    with pytest.raises(RuntimeError) as caught:
        fetch.fetch(["imagenet"], [], tmp_path)
    parts = ("answered 403", "imagenet-object-localization-challenge/rules", "KAGGLE_API_TOKEN", "LOC_val_solution.csv")
    assert_one_sentence(str(caught.value), *parts, tmp_path / "ILSVRC2012" / "val")


# Archives


def tarred(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, kind, target in (("fine.txt", tarfile.REGTYPE, ""), *members):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return buffer.getvalue()


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
        fetch.unpack(tmp_path / "archive", tmp_path / "deep" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_what_is_not_wanted_is_not_unpacked_but_checked(tmp_path):
    (tmp_path / "archive").write_bytes(zipped({"a.txt": b"a", "b/a.txt": b"", "a.png": b""}))
    fetch.unpack(tmp_path / "archive", tmp_path / "folder", r"[^/]+\.txt")
    assert files(tmp_path / "folder") == ["a.txt"]
    (tmp_path / "archive").write_bytes(zipped({"a.txt": b"a", "../b.png": b""}))
    with pytest.raises(ValueError, match="outside"):
        fetch.unpack(tmp_path / "archive", tmp_path / "other", r"[^/]+\.txt")


def test_tar_archives_are_unpacked(tmp_path):
    (tmp_path / "archive").write_bytes(tarred(("a", tarfile.DIRTYPE, ""), ("a/b.txt", tarfile.REGTYPE, "")))
    fetch.unpack(tmp_path / "archive", tmp_path / "folder")
    assert files(tmp_path / "folder") == ["a/b.txt", "fine.txt"]


@pytest.mark.parametrize("archive", [broken_member(chest_xray_archive()), tarred(*[("a", b"0", "")] * 900)[:-40]])
def test_a_damaged_archive_leaves_no_half_tree(tmp_path, archive):
    (tmp_path / "archive").write_bytes(archive)
    with pytest.raises(ValueError, match="damaged"):
        fetch.unpack(tmp_path / "archive", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_an_interrupted_unpacking_leaves_no_half_tree(tmp_path, monkeypatch):
    (tmp_path / "archive").write_bytes(chest_xray_archive())

    def interrupted(self, member, folder):
        (folder / "half").write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch.unpack(tmp_path / "archive", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


# From the command line


def test_profiles_of_phantoms_fetch_nothing(tmp_path, capsys, server):
    for profile in ("demo", "smoke"):
        data.fetch_profile(profile, tmp_path)
        assert f"{profile}: nothing to fetch" in capsys.readouterr().out
    assert not list(tmp_path.iterdir()) and not server.seen


def test_profiles_of_real_images_fetch_what_they_name(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(fetch, "fetch", lambda *arguments: calls.append(arguments))
    data.fetch_profile("paper", tmp_path)
    data.fetch_profile("laptop", tmp_path)
    sources = {"chest_xray", "chestxray14", "imagenet"}
    both = {(name, head) for name in ("InceptionResNetV2",) for head in (True, False)}
    assert calls[0] == (sources, both, tmp_path, {"ILSVRC2012_val_00000635"})
    photos = profiles.read_profile("laptop")["02_figure1"]["general_image"]
    assert calls[1] == (sources, {("MobileNetV2", True), ("MobileNetV2", False)}, tmp_path, {photos})
    data.fetch_profile("paper_cpu", tmp_path)
    assert calls.pop()[1] == set()  # Keras has another file for another size, and fetches it itself
    own = tmp_path / profiles.read_profile("laptop")["01_train"]["general_weights"]
    own.parent.mkdir()
    own.write_bytes(b"")
    data.fetch_profile("laptop", tmp_path)
    assert calls[2][1] == set()  # with the file that the profile names, Keras is not asked


def test_weights_follow_the_rule_of_the_first_notebook(tmp_path):
    from black_average_drop.artifact.provenance import default_parameters

    defaults = default_parameters("01_train")
    assert data._keras_weights(defaults, tmp_path) == set()
    trained = {"general_weights": "imagenet", "general_backbone": "A", "general_epochs": 3}
    assert data._keras_weights(defaults | trained, tmp_path) == {("A", False)}
    untrained = {"general_weights": "", "general_backbone": "A", "general_epochs": 0}
    assert data._keras_weights(defaults | untrained, tmp_path) == {("A", True)}


def test_other_backbones_are_left_to_keras(server, tmp_path, capsys):
    fetch.fetch([], [("ResNet50", True)], tmp_path)
    assert "Weights of ResNet50: Keras fetches them itself" in capsys.readouterr().out and not server.seen


def test_the_command_ends_with_the_sentences_and_no_traceback(server, tmp_path, monkeypatch):
    arguments = ["pipeline", "data", "--profile", "laptop", "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(fetch, "WEIGHTS", {})
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    assert str(caught.value).count("could not be fetched (the server answered 404)") == 3


def test_running_notebooks_needs_neither_library():
    code = "import sys, black_average_drop.artifact; print({'pooch', 'kagglehub', 'kagglesdk'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_notes_on_data_state_what_is_checked():
    notes = (ROOT / "data" / "README.md").read_text()
    for address, checksum, size in fetch.WEIGHTS.values():
        checked = f"MD5 `{checksum.removeprefix('md5:')}`" if checksum else f"{size:,} bytes"
        assert f"| `{address.removeprefix(fetch.KERAS + '/')}` | {checked}" in notes
    for numbers in REAL.values():
        assert all(f"{number:,}" in notes for number in numbers.values())
    for (owner, name, version), _, _ in fetch.ARCHIVES.values():
        assert f"version {version} of `{owner}/{name}`" in notes and f"kaggle.com/datasets/{owner}/{name}" in notes


def test_make_lists_and_runs_both_targets_although_there_is_a_folder_called_data():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    for target in ("data", "data-report"):
        assert f"make {target} " in listed
        done = subprocess.run(["make", "-n", target, "PROFILE=paper"], cwd=ROOT, capture_output=True, text=True)
        assert f"black_average_drop.artifact {target} " in done.stdout
    assert (ROOT / "data").is_dir()
