"""`make data`: what is fetched for a profile, and what it says."""

import subprocess
import sys

import pytest

from black_average_drop.artifact import __main__ as command_line
from black_average_drop.artifact import fetch_profile, profiles
from black_average_drop.datasets import fetch
from black_average_drop.datasets.fetch import weights as keras_weights
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.source import KaggleArchive
from black_average_drop.files import ROOT

pytestmark = pytest.mark.usefixtures("isolated")
REAL = dict(SOURCES)  # before `isolated` makes chest_xray a small one


def test_profiles_of_phantoms_fetch_nothing(tmp_path, capsys, server):
    for profile in ("demo", "smoke"):
        fetch_profile.fetch_for(profile, tmp_path)
        assert f"{profile}: nothing to fetch" in capsys.readouterr().out
    assert not list(tmp_path.iterdir()) and not server.seen


def test_profiles_of_real_images_fetch_what_they_name(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(fetch, "fetch", lambda *arguments: calls.append(arguments))
    fetch_profile.fetch_for("paper", tmp_path)
    fetch_profile.fetch_for("laptop", tmp_path)
    sources = {"chest_xray", "chestxray14", "imagenet"}
    both = {(name, head) for name in ("InceptionResNetV2",) for head in (True, False)}
    assert calls[0] == (sources, both, tmp_path, {"ILSVRC2012_val_00000635"})
    photos = profiles.read_profile("laptop")["02_figure1"]["general_image"]
    assert calls[1] == (sources, {("MobileNetV2", True), ("MobileNetV2", False)}, tmp_path, {photos})
    fetch_profile.fetch_for("paper_cpu", tmp_path)
    assert calls.pop()[1] == set()  # Keras has another file for another size, and fetches it itself
    own = tmp_path / profiles.read_profile("laptop")["01_train"]["general_weights"]
    own.parent.mkdir()
    own.write_bytes(b"")
    fetch_profile.fetch_for("laptop", tmp_path)
    assert calls[2][1] == set()  # with the file that the profile names, Keras is not asked


def test_weights_follow_the_rule_of_the_first_notebook(tmp_path):
    from black_average_drop.artifact.halves import default_parameters

    defaults = default_parameters("01_train")
    assert fetch_profile._keras_weights(defaults, tmp_path) == set()
    trained = {"general_weights": "imagenet", "general_backbone": "A", "general_epochs": 3}
    assert fetch_profile._keras_weights(defaults | trained, tmp_path) == {("A", False)}
    untrained = {"general_weights": "", "general_backbone": "A", "general_epochs": 0}
    assert fetch_profile._keras_weights(defaults | untrained, tmp_path) == {("A", True)}


def test_the_command_ends_with_the_sentences_and_no_traceback(server, tmp_path, monkeypatch):
    arguments = ["pipeline", "data", "--profile", "laptop", "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(keras_weights, "WEIGHTS", {})
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    assert str(caught.value).count("could not be fetched (the server answered 404)") == 3


def test_running_notebooks_needs_neither_library():
    code = "import sys, black_average_drop.artifact; print({'pooch', 'kagglehub', 'kagglesdk'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_notes_on_data_state_what_is_checked():
    notes = (ROOT / "data" / "README.md").read_text()
    for file in keras_weights.WEIGHTS.values():
        checked = f"MD5 `{file.checksum.removeprefix('md5:')}`" if file.checksum else f"{file.size:,} bytes"
        assert f"| `{file.address.removeprefix(keras_weights.KERAS + '/')}` | {checked}" in notes
    for source in REAL.values():
        assert all(f"{number:,}" in notes for number in source.expected.values())
        download = source.download
        if isinstance(download, KaggleArchive):
            assert f"version {download.version} of `{download.owner}/{download.name}`" in notes
            assert f"kaggle.com/datasets/{download.owner}/{download.name}" in notes


def test_make_lists_and_runs_both_targets_although_there_is_a_folder_called_data():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    for target in ("data", "data-report"):
        assert f"make {target} " in listed
        done = subprocess.run(["make", "-n", target, "PROFILE=paper"], cwd=ROOT, capture_output=True, text=True)
        assert f"black_average_drop.artifact {target} " in done.stdout
    assert (ROOT / "data").is_dir()
