"""Keras' weights from a server that misbehaves."""

import hashlib
import threading

import pytest

from black_average_drop.datasets.fetch import downloads, fetch
from black_average_drop.datasets.fetch.weights import WEIGHTS
from kaggle_server import BODY, assert_one_sentence, cut, good, redirect, status


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
        fetch([], [("MobileNetV2", True)], "unused")
    assert_one_sentence(str(caught.value), reason, f"{server.address}/weights.h5", weights)
    assert len(server.seen) == attempts and not list(weights.parent.iterdir())


def test_without_a_network_there_is_a_sentence(server, weights):
    server.shutdown()
    server.server_close()
    with pytest.raises(RuntimeError) as caught:
        fetch([], [("MobileNetV2", True)], "unused")
    assert_one_sentence(str(caught.value), "there is no connection", server.address, weights)


def test_a_server_that_says_nothing_is_given_up(server, weights, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.05)
    release = threading.Event()
    server.answers["/weights.h5"] = [lambda request: release.wait(30)]
    with pytest.raises(RuntimeError) as caught:
        fetch([], [("MobileNetV2", True)], "unused")
    release.set()
    assert_one_sentence(str(caught.value), "the server does not answer", weights)


def test_weights_that_are_there_are_checked_and_fetched_only_if_wrong(server, weights, tmp_path, capsys):
    server.answers["/weights.h5"] = [good(BODY)]
    weights.parent.mkdir(parents=True)
    for broken in (BODY[:-1], BODY[::-1]):  # by size, by checksum
        weights.write_bytes(broken)
        fetch([], [("MobileNetV2", True)], tmp_path)
        assert weights.read_bytes() == BODY
    assert len(server.seen) == 2
    fetch([], [("MobileNetV2", True)], tmp_path)
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
    assert set(WEIGHTS) == {(name, head) for name in sizes for head in (True, False)}
    for (backbone, with_head), file in WEIGHTS.items():
        with pytest.raises(Asked) as caught:
            shape = (sizes[backbone], sizes[backbone], 3)
            getattr(applications, backbone)(weights="imagenet", include_top=with_head, input_shape=shape)
        name, asked_address, folder, file_hash = caught.value.args
        assert (asked_address, folder) == (file.address, "models") and file.address.endswith(f"/{name}")
        assert file.checksum == (f"md5:{file_hash}" if file_hash else None)


def test_other_backbones_are_left_to_keras(server, tmp_path, capsys):
    fetch([], [("ResNet50", True)], tmp_path)
    assert "Weights of ResNet50: Keras fetches them itself" in capsys.readouterr().out and not server.seen
