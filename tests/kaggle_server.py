"""A server on 127.0.0.1 that misbehaves as told, and archives that it may deliver."""

import hashlib
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

DATASET = "/v1/datasets.DatasetApiService/DownloadDataset"
COMPETITION_FILE = "/v1/competitions.CompetitionApiService/DownloadDataFile"

# What the small archive below holds, and a file of no meaning.
SMALL = {
    "images in train/NORMAL": 2,
    "images in train/PNEUMONIA": 1,
    "images in test/NORMAL": 1,
    "images in test/PNEUMONIA": 1,
}
BODY = bytes(range(256)) * 40


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


CHILD = """
import json, sys
from kagglesdk import kaggle_env
from dataclasses import replace
from black_average_drop.datasets.fetch import fetch
from black_average_drop.datasets.fetch.downloads import retrieve
from black_average_drop.datasets.sources import SOURCES
address, root, expected, kind = sys.argv[1:]
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = address
SOURCES["chest_xray"] = replace(SOURCES["chest_xray"], expected=json.loads(expected))
if kind == "kaggle":
    fetch(["chest_xray"], [], root)
else:
    retrieve(address + "/file", root + "/file")
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


def broken_member(archive):
    """The archive with one byte of a member's content changed: of the right size, but not of the right CRC."""
    at = archive.index(b"train/NORMAL/bx")
    return archive[:at] + b"T" + archive[at + 1 :]


def tarred(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, kind, target in (("fine.txt", tarfile.REGTYPE, ""), *members):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return buffer.getvalue()
