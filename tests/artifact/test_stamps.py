"""The key of a stamp: a change makes stale what depends on it, and nothing else."""

import pytest

from black_average_drop.artifact import code_hashes, halves, notebooks, pipeline, profiles

AFTER_TRAINING = notebooks.ORDER[1:]
KNOWN_TRUTH = notebooks.ORDER[-3:]
TRAINING = {"01_train", "07_what_networks_use"}
MAPS = {"02_figure1", "06_softmax", "08_maps_against_truth"}  # their measuring halves draw


@pytest.fixture
def keys(tmp_path, monkeypatch, copy_project):
    """The stamp keys of the laptop profile in a copy of the project, with a stand-in for its data; nothing is run."""
    copy_project(tmp_path, "lib", "notebooks", "requirements.lock")
    for folder in ("chest_xray", "ILSVRC2012", "nih-chest-xrays", "weights"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "mobilenet_v2_imagenet1001.weights.h5").write_text("x")
    for module in (pipeline, code_hashes):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (halves, code_hashes):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(profiles, "PROFILES", tmp_path / "notebooks/profiles")

    def all_keys(outputs=None):
        sections = profiles.read_profile("laptop")
        first = {"01_train": {"general.keras": "1"}, "03_table1": {"table1.csv": "1"}}
        first |= {"07_what_networks_use": {"trust_images.csv": "1"}, "08_maps_against_truth": {"trust_truths.npz": "1"}}
        outputs = first | (outputs or {})
        return {name: pipeline.stamp_key(name, sections, tmp_path / "data", outputs) for name in notebooks.ORDER}

    return tmp_path, all_keys


def append(path, text="\n# a comment\n"):
    path.write_text(path.read_text() + text)


def swap(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda root: append(root / "lib/black_average_drop/paper/rows_of_table1.py"), {"03_table1", "04_alpha"}),
        # What analysis halves alone depend on leaves stamps, which are of measuring halves, as they were.
        (lambda root: append(root / "lib/black_average_drop/paper/tables.py"), set()),
        (lambda root: append(root / "lib/black_average_drop/paper/claims.py"), set()),
        (lambda root: append(root / "lib/black_average_drop/statistics/means.py"), set()),
        (lambda root: append(root / "lib/black_average_drop/trust/agreement.py"), set()),
        (lambda root: append(root / "notebooks/03_table1.py"), set()),
        (lambda root: append(root / "lib/black_average_drop/figures.py"), MAPS),
        (lambda root: append(root / "lib/black_average_drop/training/augmentation.py"), TRAINING),
        (lambda root: append(root / "lib/black_average_drop/controls.py"), {"03_table1", "04_alpha", *KNOWN_TRUTH}),
        (lambda root: append(root / "lib/black_average_drop/cams.py"), {*AFTER_TRAINING}),
        (lambda root: append(root / "lib/black_average_drop/paper/sensitivity.py"), {"04_alpha"}),
        (lambda root: append(root / "lib/black_average_drop/datasets/sources/chest_xray.py"), set(notebooks.ORDER)),
        (lambda root: append(root / "notebooks/02_figure1.py"), {"02_figure1"}),
        (lambda root: append(root / "notebooks/02_figure1.ipynb"), {"02_figure1"}),
        (lambda root: append(root / "requirements.lock"), set(notebooks.ORDER)),
        (lambda root: append(root / "data/chest_xray/mobilenet_v2_imagenet1001.weights.h5"), set(notebooks.ORDER)),
        (lambda root: append(root / "data/weights/mobilenet_v2_imagenet1001.weights.h5"), set(notebooks.ORDER)),
        (
            lambda root: append(root / "data/nih-chest-xrays/mobilenet_v2_imagenet1001.weights.h5"),
            {"02_figure1", "04_alpha", *KNOWN_TRUTH},
        ),
        (lambda root: swap(root / "notebooks/profiles/laptop.yaml", "general_title: boxer", ""), {"02_figure1"}),
        (lambda root: swap(root / "notebooks/profiles/laptop.yaml", "epochs: 3", "epochs: 4"), {"01_train"}),
    ],
)
def test_a_change_makes_stale_what_depends_on_it_and_nothing_else(keys, change, stale):
    root, all_keys = keys
    before = all_keys()
    assert all_keys() == before
    change(root)
    after = all_keys()
    assert {name for name in before if before[name] != after[name]} == stale


def test_new_outputs_make_stale_what_reads_them(keys):
    _, all_keys = keys
    before, after = all_keys(), all_keys({"01_train": {"general.keras": "2"}})
    assert {name for name in before if before[name] != after[name]} == {*AFTER_TRAINING}
    after = all_keys({"03_table1": {"table1.csv": "2"}})
    assert {name for name in before if before[name] != after[name]} == {"04_alpha"}
    after = all_keys({"08_maps_against_truth": {"trust_truths.npz": "2"}})
    assert {name for name in before if before[name] != after[name]} == {"09_verdict"}
