"""ImageNet photos from Kaggle, file by file."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from black_average_drop.artifact import profiles
from black_average_drop.datasets.fetch import fetch
from black_average_drop.datasets.fetch.downloads import STAGING
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.imagenet import PHOTOS
from kaggle_server import COMPETITION_FILE, assert_one_sentence, files, good, status, zipped


@pytest.fixture
def imagenet(server, monkeypatch):
    """The photos, of as many classes, behind Kaggle's competition address, which asks for no account here."""
    table = "ImageId,PredictionString\n"
    table += "".join(f"{name},n{i:08d} 0 0 9 9 \n" for i, name in enumerate(PHOTOS))
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), "uint8")).save(buffer, "JPEG")
    source = SOURCES["imagenet"]
    monkeypatch.setitem(SOURCES, "imagenet", replace(source, expected=dict.fromkeys(source.expected, 600)))

    def answer(request):
        name = json.loads(request.server.bodies[-1])["fileName"]
        if name == "LOC_val_solution.csv":
            good(zipped({name: table}))(request)
        else:
            assert name.startswith("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_") and name.endswith(".JPEG")
            good(buffer.getvalue())(request)

    server.answers[COMPETITION_FILE] = [answer]


def test_imagenet_comes_with_the_photos_of_the_committed_results_and_the_others(server, imagenet, tmp_path, capsys):
    other = "ILSVRC2012_val_00000003"
    assert len(set(PHOTOS)) == len(PHOTOS) == 600 and other not in PHOTOS
    assert profiles.read_profile("laptop")["02_figure1"]["general_image"] in PHOTOS
    fetch(["imagenet"], [], tmp_path, {other})
    assert "non-commercial" in capsys.readouterr().out
    photos = [path.stem for path in sorted((tmp_path / "ILSVRC2012" / "val").iterdir())]
    assert photos == sorted([*PHOTOS, other])
    assert files(tmp_path / "ILSVRC2012")[0] == "LOC_val_solution.csv" and not (tmp_path / STAGING).exists()


def test_imagenet_that_broke_off_goes_on_where_it_was(server, imagenet, tmp_path):
    answer = server.answers[COMPETITION_FILE][0]
    server.answers[COMPETITION_FILE] = [answer] * 41 + [status(404)]
    with pytest.raises(RuntimeError, match="answered 404"):
        fetch(["imagenet"], [], tmp_path)
    assert not (tmp_path / "ILSVRC2012").exists() and len(files(tmp_path)) == 41
    server.seen.clear()
    server.answers[COMPETITION_FILE] = [answer]
    fetch(["imagenet"], [], tmp_path)
    assert len(server.seen) == 560 and len(files(tmp_path)) == 601


@pytest.mark.parametrize("body", [b"<html>rules</html>", b"PK\x03\x04 no zip"])
def test_imagenet_refuses_what_is_neither_table_nor_photo(server, imagenet, tmp_path, body):
    answer = server.answers[COMPETITION_FILE][0]
    for before, name in ((0, "LOC_val_solution.csv"), (1, ".JPEG")):
        server.answers[COMPETITION_FILE] = [answer] * before + [good(body)]
        with pytest.raises(RuntimeError, match=f"{name} cannot be read"):
            fetch(["imagenet"], [], tmp_path)
    assert files(tmp_path) == [".fetching/ILSVRC2012/root/ILSVRC2012/LOC_val_solution.csv"]


def test_imagenet_without_an_account_says_what_it_takes(server, tmp_path):
    server.answers[COMPETITION_FILE] = [status(403)]
    with pytest.raises(RuntimeError) as caught:
        fetch(["imagenet"], [], tmp_path)
    parts = ("answered 403", "imagenet-object-localization-challenge/rules", "KAGGLE_API_TOKEN", "LOC_val_solution.csv")
    assert_one_sentence(str(caught.value), *parts, tmp_path / "ILSVRC2012" / "val")
