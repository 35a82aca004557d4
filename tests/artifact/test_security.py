"""Nothing that is read runs code, nothing listens to others, names stay text, and what runs elsewhere is pinned.

Archives that reach outside their folder, links, and downloads of a wrong checksum are in datasets/fetch; names in the
report of make choose are in test_choose.py.
"""

import ast
import importlib.util
import json
import os
import re
import subprocess
from contextlib import suppress
from html.parser import HTMLParser
from ipaddress import ip_address

import keras
import nbformat
import numpy as np
import pandas as pd
import pydicom
import pytest
import tensorflow
import yaml
from keras import layers
from nbformat import v4
from PIL import EpsImagePlugin, Image
from pydicom import encaps, uid
from pydicom.data import get_testdata_file

from black_average_drop import networks
from black_average_drop.artifact import profiles, site
from black_average_drop.choice import explore
from black_average_drop.datasets import Dataset, appearance, counting, csv_tables, folder, images
from black_average_drop.datasets.fetch import kaggle, weights
from black_average_drop.files import ROOT

NASTY = "<script>alert(1)</script>"
LIB = sorted((ROOT / "lib").rglob("*.py"))
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
# All that starts something, for a user or for CI.
STARTING = [*LIB, *SCRIPTS, *SCRIPTS[0].parent.glob("*.ipynb"), *(ROOT / ".devcontainer").iterdir()]
STARTING += [ROOT / "Makefile", ROOT / "postBuild", *(ROOT / ".ci").glob("*"), *(ROOT / ".github").rglob("*.yml")]


def found(pattern, paths):
    """The lines that a regular expression is found in, with their files."""
    lines = [
        (path.relative_to(ROOT), line) for path in paths if path.is_file() for line in path.read_text().splitlines()
    ]
    return [f"{path}: {line.strip()}" for path, line in lines if re.search(pattern, line)]


# Models


@pytest.mark.parametrize(
    ("suffix", "begins", "ends"),
    [
        ("keras", "holds a Lambda layer, code of whoever saved it, which is not run", "save the model again."),
        ("h5", "is in the older format HDF5, and only .keras files are read", 'model.save("model.keras").'),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_model_with_a_lambda_layer_is_refused_in_a_sentence_and_its_code_does_not_run(
    tmp_path, suffix, begins, ends, nested
):
    trap = str(tmp_path / "it-ran")
    lambda_layer = layers.Lambda(lambda x: (open(trap, "w").close(), x / 255)[1], output_shape=(32, 32, 3))
    first = keras.Sequential([keras.Input((32, 32, 3)), lambda_layer]) if nested else lambda_layer
    head = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    path = tmp_path / f"model.{suffix}"
    keras.Sequential([keras.Input((32, 32, 3)), first, *head]).save(path)
    (tmp_path / "it-ran").unlink(missing_ok=True)  # it was built here, which runs it
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path} {begins}: ") and said.endswith(ends)
    assert "safe_mode" not in said and "\n" not in said and not (tmp_path / "it-ran").exists()


def test_a_model_with_a_tensorflow_program_is_refused(tmp_path):
    """By its name, before Keras does so in its safe mode from 3.12.1 on; test_archive_checks.py has other programs."""
    program = tensorflow.Module()
    signature = tensorflow.TensorSpec((None, 32, 32, 3), "float32")
    program.scaled = tensorflow.function(lambda pixels: {"scaled": pixels / 255}, input_signature=[signature])
    tensorflow.saved_model.save(program, tmp_path / "program", signatures={"scaled": program.scaled})
    inputs = keras.Input((32, 32, 3))
    scaled = layers.TFSMLayer(str(tmp_path / "program"), call_endpoint="scaled")(inputs)["scaled"]
    features = layers.Conv2D(4, 3, activation="relu")(scaled)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(features))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    with pytest.raises(
        ValueError, match="model.keras holds a TFSMLayer layer, code of whoever saved it, which is not run"
    ):
        networks.load(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`TFSMLayer`"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_keras_is_nowhere_told_to_trust_models():
    assert not found(
        r"enable_unsafe_deserialization|safe_mode\s*=\s*False",
        [*LIB, *SCRIPTS, ROOT / "README.md", *(ROOT / "docs").glob("*.md")],
    )
    assert found(r"load_model\(copy, compile=False, safe_mode=True\)", LIB)


# Files


def test_nothing_is_unpickled_and_yaml_is_read_by_the_safe_loader():
    code = [*LIB, *SCRIPTS]
    assert not found(r"(?i)pickle(?!\s*=\s*False)|joblib|\bdill\b|\bshelve\b|\bmarshal\b|torch\.load", code)
    assert not found(r"(?<![.\w])(eval|exec)\(|os\.system|os\.popen|shell\s*=\s*True", code)
    assert not found(r"yaml\.(?!safe_load|safe_dump|YAMLError)\w+", [*code, *(ROOT / "tests").glob("test_n*.py")])
    assert found(r"yaml\.safe_load", code) and found(r"np\.load\(", code)  # the patterns are looked for where they are


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) (w) file\n%%EOF\n"


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A program of that name, which leaves a file where it was started, for Pillow to find."""
    trap, program = tmp_path / "it-ran", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # looked for when it is first needed
    return trap


def read_from_a_folder(path):
    folder.load(path.parent, (8, 8)).images()


def read_from_the_laboratory(path):
    images.read_image(path, (8, 8))


def count(path):
    counting.sides_of([path])


def fetched(path):
    kaggle._decodable(path.read_bytes())


@pytest.mark.parametrize("read", [read_from_a_folder, read_from_the_laboratory, appearance.open_image, count, fetched])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_an_image_that_is_a_program_is_refused_and_does_not_run(tmp_path, ghostscript, read, name):
    place = tmp_path / "images"
    place.mkdir()
    (place / name).write_bytes(POSTSCRIPT)
    with pytest.raises((ValueError, OSError), match="cannot (be read as an image|identify image file)"):
        read(place / name)
    assert not ghostscript.exists() and [path.name for path in place.iterdir()] == [name]


def test_the_program_would_run_if_pillow_went_by_content_alone(tmp_path, ghostscript):
    (tmp_path / "a.png").write_bytes(POSTSCRIPT)
    with Image.open(tmp_path / "a.png") as image, suppress(Exception):
        image.load()
    assert ghostscript.exists()


def test_a_picture_in_a_dicom_file_that_is_a_program_does_not_run(tmp_path, ghostscript):
    file = pydicom.dcmread(get_testdata_file("JPEG2000.dcm", download=False))
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless):
        file.file_meta.TransferSyntaxUID = syntax
        file.PixelData = encaps.encapsulate([POSTSCRIPT])
        file.save_as(tmp_path / "a.dcm")
        with pytest.raises(ValueError, match="cannot be read as a DICOM image"):
            appearance.open_image(tmp_path / "a.dcm")
    assert not ghostscript.exists()


def test_pillow_is_always_told_which_formats_it_may_open():
    places = [*LIB, *SCRIPTS, *(ROOT / "reliability").glob("*.py"), *(ROOT / ".ci").glob("*.py")]
    calls = [
        (path.name, node)
        for path in places
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open"
    ]
    assert len(calls) >= 3
    assert not [name for name, node in calls if "formats" not in [argument.arg for argument in node.keywords]]
    assert not found(r"imread\(|imageio|\bcv2\b|skimage\.io|load_img\(|decode_image", LIB)
    assert set(images.FORMATS) == {"BMP", "JPEG", "PNG", "TIFF", "WEBP"}


@pytest.mark.parametrize("name", ["labels.csv.gz", "labels.csv.zip", "labels.csv.xz"])
def test_a_table_is_not_unpacked_by_its_name(tmp_path, name):
    """Which could be a bomb."""
    pd.DataFrame({"image": ["a.png"]}).to_csv(tmp_path / name, index=False)
    with pytest.raises(ValueError, match=f"{name} cannot be read as a CSV"):
        csv_tables.read_csv_table(tmp_path / name, ())


def test_a_table_is_not_fetched_from_an_address(monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **options: pytest.fail("It was fetched."))
    with pytest.raises(ValueError, match="cannot be read as a CSV"):
        csv_tables.read_csv_table("https://localhost/labels.csv", ())


def test_numpy_refuses_an_array_of_objects(tmp_path):
    """What `np.load` is used for here, checkpoints: it does not unpickle unless it is told to."""
    np.savez(tmp_path / "checkpoint.npz", weights=np.array([{}], dtype=object))
    with np.load(tmp_path / "checkpoint.npz") as file, pytest.raises(ValueError, match="allow_pickle=False"):
        file["weights"]


def test_a_profile_that_names_a_python_object_is_refused(tmp_path, monkeypatch):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/evil.yaml").write_text("01_train: !!python/object/apply:os.getcwd []\n")
    monkeypatch.setattr(profiles, "PROFILES", tmp_path / "profiles")
    with pytest.raises(ValueError, match="evil.yaml is no valid YAML"):
        profiles.read_profile("evil")


def test_everything_is_fetched_over_an_encrypted_connection():
    assert all(file.address.startswith("https://") for file in weights.WEIGHTS.values())
    assert all(file.checksum or file.size for file in weights.WEIGHTS.values())
    assert not found(r"http://", LIB) and not found(r"verify\s*=\s*False", LIB)


# Names


class Tags(HTMLParser):
    """The start tags of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def test_names_of_classes_and_files_stay_text_in_a_report(tmp_path):
    """As your_data shows them: as a table, as text, in Markdown, in the words next to a picture."""
    frame = pd.DataFrame({"image": [f"{NASTY}.png"], "class": [NASTY]})
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    outputs = [
        v4.new_output("display_data", {"text/html": frame.to_html(), "text/plain": str(frame)}),
        v4.new_output("display_data", {"text/html": f"<b onclick='alert(1)'>{NASTY}</b>", "text/plain": ""}),
        v4.new_output("display_data", {"text/markdown": f"**{NASTY}** is ahead", "text/plain": ""}),
        v4.new_output("display_data", {"image/png": pixel, "text/plain": "<Figure>"}),
        v4.new_output("stream", name="stdout", text=f"class {NASTY}: 3 images"),
    ]
    cells = [v4.new_markdown_cell(f"# Report of {NASTY}"), v4.new_code_cell("", outputs=outputs)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "report.ipynb")
    page = site.write_notebook(tmp_path / "report.ipynb", tmp_path / "report.html").read_text()
    shown = Tags(page)
    assert "script" not in shown.tags and NASTY not in page and shown.text.count(NASTY) >= 5


def test_names_of_classes_and_files_stay_text_under_the_sliders(small_model, pixels):
    names = np.array([NASTY, "b", "c"])
    data = Dataset(names, np.zeros(3, int), names, (NASTY,) * 3, (32, 32), np.arange(3), lambda i: pixels[i])
    page = explore.explorer(networks.CamNetwork.from_model(small_model), data).children[-1].value
    shown = Tags(page)
    assert "script" not in shown.tags and shown.text.count(NASTY) == 1 + 3  # the image, and the class of each panel


def test_a_folder_named_like_a_script_is_a_class_like_any_other(tmp_path, generator):
    for name in ("<script>alert(1)<", "other"):  # a slash cannot be in the name of a folder
        (tmp_path / name).mkdir()
        Image.fromarray(generator.integers(0, 256, (8, 8, 3)).astype("uint8")).save(tmp_path / name / "<img src=x>.png")
    assert folder.load(tmp_path, (8, 8)).class_names == ("<script>alert(1)<", "other")


# What listens


def test_nothing_listens_beyond_this_machine_and_no_token_is_turned_off():
    assert not found(r"0\.0\.0\.0|\[::\]|--ip\b|\.ip\s*=|allow_origin|allow_remote|allow.root", STARTING)
    assert not found(r"(?i)(token|password)\s*=\s*(''|\"\"|\s|$)|--no-token|disable_check_xsrf", STARTING)
    assert not found(r"\.bind\(\(?[\"'](?!127\.0\.0\.1)|HTTPServer\(\([\"'](?!127\.0\.0\.1)", STARTING)
    assert found(r"jupyter lab ", STARTING)


def test_jupyterlab_as_make_starts_it_is_on_localhost_with_a_token():
    from jupyter_server.auth.identity import PasswordIdentityProvider
    from jupyter_server.serverapp import ServerApp

    asked = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True).stdout
    assert re.findall(r"--([\w.-]+)", asked.split("jupyter lab")[1]) == ["notebook-dir", "LabApp.default_url"]
    server = ServerApp()
    assert server.ip == "localhost" and len(PasswordIdentityProvider(parent=server).token) >= 40


def test_dask_as_the_page_on_clusters_starts_it_listens_on_one_private_address_and_shows_no_dashboard():
    """That these options do so, test_workers.py sees."""
    page = (ROOT / "docs/cluster.md").read_text()
    lines = re.findall(r"^(?:python -m black_average_drop.artifact.allocator )?(dask .*)", page, re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["scheduler", "worker"]
    for line in lines:
        assert ip_address(re.search(r" --host (\S+)", line)[1]).is_private
        assert " --no-dashboard --dashboard-address 127.0.0.1:0" in line
    slurm = page.split("SLURMCluster(")[1].split("```")[0]
    assert "interface=" in slurm and slurm.count("127.0.0.1:0") == 2 and "'dashboard': False" in slurm
    assert "'--no-dashboard'" in slurm and not found(r"dask (scheduler|worker)(?! *--host)", LIB)


# Continuous integration

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_their_actions_are_pinned_by_commit(path):
    text = path.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert "pull_request_target" not in text and "secrets." not in text
    uses = re.findall(r"uses: *(.*)", text)
    assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", one) for one in uses)
    checkouts = [
        step for job in workflow["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")
    ]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FINE, UNKNOWN = {"name": "fine", "version": "1.0", "vulns": []}, {"name": "unknown", "skip_reason": "not found"}
FLAWED = {"name": "flawed", "version": "1.0", "vulns": [{"id": "PYSEC-2020-1", "fix_versions": ["1.1", "2.0"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FINE, FLAWED, UNKNOWN], 1, "flawed 1.0: PYSEC-2020-1, mended in 1.1, 2.0"),
        ([FINE, FINE], 0, "No known vulnerability in 2 packages of requirements.lock."),
        ([FINE, UNKNOWN], 0, "NOTE: no advisories could be had of unknown."),
        ([UNKNOWN, UNKNOWN], 0, "NOTE: requirements.lock was not audited: the advisories of none of its 2 packages"),
    ],
)
def test_a_vulnerability_fails_the_build_and_what_was_not_audited_is_said(audit, packages, code, said):
    found_code, text = audit.verdict({"dependencies": packages})
    assert found_code == code and said in text
    assert ("No known vulnerability" in text) == (FINE in packages and FLAWED not in packages)


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("raise SystemExit('ConnectionError: no route')", 0, "was not audited: ConnectionError: no route."),
        (
            f"open(report, 'w').write({json.dumps(json.dumps({'dependencies': [FLAWED]}))}); raise SystemExit(1)",
            1,
            "flawed",
        ),
    ],
)
def test_the_audit_is_what_pip_audit_reports_whatever_its_exit_code(audit, tmp_path, monkeypatch, asked, code, said):
    """With a pip-audit that answers as told."""
    run = subprocess.run

    def answers(command, **options):
        if "pip" in command:
            return None
        where = f"report = {str(command[command.index('--output') + 1])!r}\n"
        return run(["python3", "-c", where + asked], **options)

    monkeypatch.setattr(audit.venv, "create", lambda folder, with_pip: None)
    monkeypatch.setattr(audit.subprocess, "run", answers)
    found_code, text = audit.verdict(*audit.audit(tmp_path))
    assert found_code == code and said in text


@pytest.mark.parametrize("problem", [OSError("no room"), subprocess.CalledProcessError(1, "ensurepip")])
def test_what_keeps_an_environment_from_being_made_is_no_crash_of_the_audit(audit, tmp_path, monkeypatch, problem):
    def create(folder, with_pip):
        raise problem

    monkeypatch.setattr(audit.venv, "create", create)
    code, text = audit.verdict(*audit.audit(tmp_path))
    assert (code, text) == (0, f"{audit.NOT_AUDITED}: no environment can be made for pip-audit.")


def test_continuous_integration_audits_and_fails_by_it():
    script = (ROOT / ".ci/run").read_text()
    lines = [line for line in script.splitlines() if not line.startswith("#")]
    assert lines[-4:] == ["audit=0", "python3 .ci/audit.py || audit=$?", "make test", 'exit "$audit"']
