"""make choose, end to end: whose images they are stays unknown, each file is decoded once, and known lesions count."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from black_average_drop import networks
from black_average_drop.choice import known_lesions
from black_average_drop.datasets import phantoms
from dicom_files import write_dicom

SECRETS = {
    "PatientName": "GEHEIM^HANS",
    "PatientBirthDate": "19561231",
    "AccessionNumber": "GEHEIMACC",
    "InstitutionName": "GEHEIMKLINIK",
}
# What each process that reads DICOM appends to a file for each picture that pydicom decodes.
COUNTING = """
import os, pydicom.pixels
decode = pydicom.pixels.pixel_array
def counted(*arguments, **options):
    with open(os.environ["DECODED"], "a") as file:
        file.write("x")
    return decode(*arguments, **options)
pydicom.pixels.pixel_array = counted
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, copy_project):
    """A copy of the project, and a hospital's export: a DICOM file of each of eight patients, one of them cut."""
    root = copy_project(tmp_path_factory.mktemp("images"), "lib", "notebooks")
    drawn = phantoms.radiographs(8, size=64)
    for row, pixels in enumerate(drawn.images()[..., 0]):
        path = root / "GEHEIMORDNER" / f"GEHEIM_{row}" / "study1" / f"GEHEIMBILD_{row}.dcm"
        path.parent.mkdir(parents=True)
        write_dicom(path, pixels.astype("uint16") * 16, PatientID=f"GEHEIMNUMMER{row}", **SECRETS)
    path.write_bytes(path.read_bytes()[:600])
    write_dicom(path.with_name("GEHEIMBERICHT"), pixels, **SECRETS, PixelData=None, Rows=None, Columns=None)
    (root / "GEHEIMORDNER/GEHEIMNOTIZ.txt").write_text("of nobody")
    return root


@pytest.fixture(scope="module")
def run(place, small_model_file):
    """Run the command in the copy, and count what was decoded: the exit code, what it printed, and that number."""
    (place / "sitecustomize.py").write_text(COUNTING)

    def run(*arguments):
        (place / "decoded").write_text("")
        paths = {"PYTHONPATH": os.pathsep.join([str(place / "lib"), str(place)]), "DECODED": str(place / "decoded")}
        command = [sys.executable, "-m", "black_average_drop.artifact", "choose", "--model", small_model_file]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            cwd=place,
            env=os.environ | paths | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr, len((place / "decoded").read_text())

    return run


@pytest.fixture(scope="module")
def small_model_file(tmp_path_factory):
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    parts = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(6, 5, strides=8, padding="same", activation="relu")]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(2, "relu", bias_initializer="ones")]
    path = tmp_path_factory.mktemp("model") / "model.keras"
    networks.save(
        keras.Sequential([keras.Input((64, 64, 3)), *parts]), path, networks.Facts(class_names=["normal", "pneumonia"])
    )
    return path


@pytest.fixture(scope="module")
def chosen(place, run):
    """The study folder of the hospital's export, and how many pictures were decoded for it."""
    code, said, decoded = run("--data", place / "GEHEIMORDNER", "--set", "resamples=50 unreadable=leave out")
    assert code == 0, said
    return place / re.search(r"build/choose/[^/]+(?=/report\.html)", said)[0], decoded


def test_nothing_that_is_written_tells_whose_the_images_are(chosen):
    """But for the key and the list of what cannot be read, which are for the owner alone."""
    build, _ = chosen
    texts = {path.name: path.read_bytes() for path in build.rglob("*") if path.is_file()}
    for_the_owner = {name: texts.pop(name) for name in ("key.csv", "unreadable.csv")}
    secrets = [b"GEHEIM", *(value.encode() for value in SECRETS.values())]
    assert not [(name, secret) for name, text in texts.items() for secret in secrets if secret in text]
    assert "GEHEIM" not in build.name and b"image 001" in texts["scores.csv"]
    assert all(b"GEHEIMBILD" in text and b"GEHEIMNUMMER" not in text for text in for_the_owner.values())
    assert not [name for name in for_the_owner if name.encode() in texts["details.html"] + texts["report.html"]]


def test_what_is_passed_over_or_left_out_is_counted(chosen):
    build, _ = chosen
    page = re.sub(r"\s+", " ", (build / "details.html").read_text(encoding="utf-8"))
    for kind, number in (("header only", 1), (r"not an image \(\.txt\)", 1)):
        assert re.search(rf"<td>{kind}</td> <td>{number}</td>", page)
    assert "1 of 8 images cannot be read and is left out." in (build / "recommendation.md").read_text()
    unreadable = pd.read_csv(build / "unreadable.csv")
    assert list(unreadable["image"]) == ["GEHEIM_7/study1/GEHEIMBILD_7.dcm"] and len(unreadable["reason"][0]) > 20
    levels = re.search(r"<table[^>]*>.{0,400}taken for.*?</table>", page)[0]
    assert re.findall(r"<td>(patient|study)</td>", levels) == ["patient", "study"]


def test_every_file_is_decoded_once_and_once_more_for_another_resizing_and_the_pixels_are_gone(chosen):
    build, decoded = chosen
    assert decoded == 8 + 7  # one of them in vain, since it is cut
    assert not (build / "decoded").exists()


def test_a_file_that_cannot_be_read_stops_the_run_and_is_listed_where_the_sentence_says(place, run):
    code, said, _ = run("--data", place / "GEHEIMORDNER", "--set", "resamples=50 seed=1")
    assert code == 1, said
    listed = re.search(r"1 of 8 images cannot be read, listed in (\S+unreadable\.csv): mend them", said)[1]
    assert "GEHEIM_7" in (place / listed).read_text()
    failed = json.loads((place / listed).with_name("your_data.failed.ipynb").read_text())
    failed["cells"] = [cell for cell in failed["cells"] if cell["cell_type"] == "code" and not cell["outputs"]]
    assert 'images = "hidden"' in json.dumps(failed).replace("\\", "") and "GEHEIM" not in json.dumps(failed)
    assert not [path for path in (place / listed).parent.iterdir() if path.is_dir()]


@pytest.fixture(scope="module")
def judged(place, run, tmp_path_factory):
    """The study of twelve phantoms that are ill, with their lesions as masks, and as boxes around these."""
    root = tmp_path_factory.mktemp("lesions")
    drawn = phantoms.radiographs(24, size=64, seed=4)
    rows = []
    for number in range(1, 24, 2):
        for folder, pixels in (("images", drawn.images([number])[0]), ("masks", drawn.read_mask(number))):
            path = root / folder / "pneumonia" / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(pixels * (255 if folder == "masks" else 1), "uint8")).save(path)
        high, wide = np.nonzero(drawn.read_mask(number))
        box = [wide.min(), high.min(), wide.max() + 1, high.max() + 1]
        rows.append([f"{number:02d}", *box, "Pneumonia"])
    pd.DataFrame(rows, columns=["image", "x0", "y0", "x1", "y1", "finding"]).to_csv(root / "boxes.csv", index=False)
    code, said, _ = run("--data", root / "images", "--lesions", root / "masks", "--set", "resamples=50")
    assert code == 0, said
    return root, place / re.search(r"build/choose/[^/]+(?=/report\.html)", said)[0]


def test_known_lesions_judge_maps_and_metrics(judged):
    _, build = judged
    points, agreements = pd.read_csv(build / "lesions.csv"), pd.read_csv(build / "agreement.csv")
    assert (points["lesions"] == 12).all() and {"CAM", "centre prior", "all ones"} <= set(points["map"])
    assert {"BAD", "AD", "Average Increase"} <= set(agreements["metric"])
    text = (build / "recommendation.md").read_text()
    assert re.search(r"12 lesions of 12 patients are too few to say whether BAD may be believed here", text)
    record = json.loads((build / "your_data.json").read_text())
    assert record["parameters"]["lesions"] == "hidden" and len(record["inputs"]["lesions"]) == 64
    assert (build / "lesions.png").is_file()


def test_boxes_count_as_masks_do_and_without_lesions_a_sentence_says_what_they_would_tell(judged, run, place):
    root, build = judged
    code, said, _ = run("--data", root / "images", "--lesions", root / "boxes.csv", "--set", "resamples=50")
    assert code == 0, said
    other = place / re.search(r"build/choose/[^/]+(?=/report\.html)", said)[0]
    of_boxes, of_masks = (pd.read_csv(one / "lesions.csv").set_index("map") for one in (other, build))
    of_masks = of_masks.loc[of_boxes.index]
    assert (of_boxes["chance_hit"] > of_masks["chance_hit"]).all()  # a box is larger than what it encloses
    assert (of_boxes["hit"] >= of_masks["hit"]).all()
    code, said, _ = run("--data", root / "images", "--set", "resamples=50")
    assert code == 0, said
    text = (place / re.search(r"build/choose/[^/]+(?=/report\.html)", said)[0] / "recommendation.md").read_text()
    assert known_lesions.NONE in text
