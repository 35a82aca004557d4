import subprocess
import sys

import pytest

from black_average_drop.artifact import versions


@pytest.mark.parametrize("changed", ["lib/module.py", "lib/new.py", "notebooks/01_train.py", "requirements.lock", ""])
def test_a_record_says_whether_the_tree_was_as_committed(tmp_path, monkeypatch, changed):
    for name in ("lib/module.py", "notebooks/01_train.py", "requirements.lock", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("committed")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    (tmp_path / (changed or "README.md")).write_text("changed")  # what nothing is computed from does not count
    surroundings = versions.surroundings()
    assert surroundings["uncommitted_changes"] == bool(changed) and len(surroundings["commit"]) == 40


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    def version(name):
        if name == "tensorflow":
            raise versions.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(versions, "version", version)
    installed = versions.versions()
    assert "tensorflow" not in installed and installed["keras"] == "1.0"


def test_a_record_names_what_makes_pixels_and_scores(monkeypatch):
    recorded = versions.surroundings()["versions"]
    assert {"pillow", "pydicom", "python-gdcm", "pylibjpeg-libjpeg", "h5py", "numpy", "keras", "tensorflow"} <= set(
        recorded
    )
    monkeypatch.setattr(versions, "version", lambda name: "1.0")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert "torch" not in versions.versions()  # installed, but nothing used it
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert versions.versions()["torch"] == "1.0"
