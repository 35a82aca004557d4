"""Names of files and patients become numbers, and the key to them is a file of its own."""

import stat

import numpy as np
import pandas as pd
import pytest

from black_average_drop.choice import hidden_names
from black_average_drop.datasets import Dataset


def data(ids, groups):
    return Dataset(
        np.array(ids), np.zeros(len(ids), int), np.array(groups), ("a",), (8, 8), np.arange(len(ids)), lambda i: i
    )


def test_images_and_patients_are_numbered_in_their_order_and_repeats_stay_repeats():
    hidden = hidden_names.as_numbers(data(["z/2", "a/1", "z/2", "b"], ["Meier", "Abel", "Meier", "Meier"]))
    assert list(hidden.ids) == ["image 001", "image 002", "image 001", "image 003"]
    assert list(hidden.groups) == ["patient 001", "patient 002", "patient 001", "patient 001"]


def test_numbers_have_as_many_digits_as_the_last_one_so_that_they_sort():
    ids = hidden_names.as_numbers(data([f"{one:05d}" for one in range(1200)], ["a"] * 1200)).ids
    assert ids[0] == "image 0001" and ids[-1] == "image 1200" and list(ids) == sorted(ids)


def test_names_that_are_shown_stay_and_other_words_are_refused():
    one = data(["a"], ["b"])
    shown = hidden_names.as_numbers(one, "shown")
    assert list(shown.ids) == ["a"] and list(shown.groups) == ["patient 001"]
    with pytest.raises(ValueError, match=r"^names is 'no': choose one of hidden, shown\.$"):
        hidden_names.as_numbers(one, "no")


def test_paths_of_images_are_hidden_among_parameters_and_nothing_else_is():
    given = {"images": "/a/Meier", "labels": "", "maps": "/a/maps", "model": "/b/model.keras", "seed": 3}
    hidden = hidden_names.without_places(given, "hidden")
    assert hidden == {"images": "hidden", "labels": "", "maps": "hidden", "model": "/b/model.keras", "seed": 3}
    assert hidden_names.without_places(given, "shown") == given


def test_the_key_holds_files_but_no_patient_and_nobody_else_may_read_it(tmp_path):
    one = data(["Meier/2.dcm", "=cmd.dcm"], ["Meier", "Abel"])
    hidden_names.write_key(one, hidden_names.as_numbers(one), tmp_path / "key.csv")
    table = pd.read_csv(tmp_path / "key.csv")
    assert list(table["image"]) == ["image 001", "image 002"]
    assert list(table["patient"]) == ["patient 001", "patient 002"]
    assert list(table["file"]) == ["Meier/2.dcm", "'=cmd.dcm"] and "Abel" not in (tmp_path / "key.csv").read_text()
    assert stat.S_IMODE((tmp_path / "key.csv").stat().st_mode) == 0o600
