"""Profiles: which parameters they name, and whose results take whose place."""

import json

import pytest
import yaml

from black_average_drop.artifact import notebooks, pipeline, profiles
from black_average_drop.files import NOTEBOOKS


@pytest.mark.parametrize("profile", ["smoke", "demo", "laptop", "paper", "paper_cpu"])
def test_profiles_name_parameters_that_exist(profile):
    assert list(profiles.read_profile(profile)) == list(notebooks.ORDER)


def test_a_profile_that_extends_another_changes_what_it_names_and_nothing_else():
    smaller, whole = profiles.read_profile("paper_cpu"), profiles.read_profile("paper")
    own = yaml.safe_load((NOTEBOOKS / "profiles/paper_cpu.yaml").read_text())
    assert smaller["01_train"] == whole["01_train"] | own["01_train"] != whole["01_train"]
    assert {name: whole[name] | own.get(name, {}) for name in notebooks.ORDER} == smaller
    assert profiles.results_folder("paper_cpu") == "paper" and profiles.results_folder("demo") == "demo"


def test_a_smaller_version_does_not_take_the_place_of_the_profiles_own_results(tmp_path):
    record = tmp_path / "01_train.json"
    for own, asked in (("paper_cpu", "paper_cpu"), ("paper_cpu", "paper"), ("paper", "paper")):
        record.write_text(json.dumps({"parameters": {"profile": own}}))
        pipeline._check_results(asked, tmp_path)
    with pytest.raises(ValueError, match="paper_figures/paper holds results of the paper profile itself: move it away"):
        pipeline._check_results("paper_cpu", tmp_path)
    record.unlink()
    pipeline._check_results("paper_cpu", tmp_path)
