"""What the README shows is what is committed, and its example works when pasted."""

import re
import subprocess

import pandas as pd
import pytest
from PIL import Image

from black_average_drop.files import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "name", ["laptop/table1", "laptop/claims", "laptop/trust", "benchmark/benchmark", "benchmark/costs"]
)
def test_tables_are_the_committed_ones(name):
    path = f"paper_figures/{name}.md"
    lines = (ROOT / path).read_text().split("\n## ")[0].split("# ", 1)[1]
    shown = README.split(f"<!-- table: {path} -->")[1].split("<!-- end -->")[0]
    assert shown.strip() == lines.split("\n", 1)[1].strip()


def test_linked_files_are_there():
    for target in re.findall(r"\]\(([^):]+)\)", README):
        assert (ROOT / target).exists(), target


def test_example_works_when_pasted(tmp_path, small_model, generator, installed):
    """With the installed package, outside the checkout, on a model and images that the project had no part in."""
    small_model.save(tmp_path / "model.keras")
    for name in ("healthy", "ill"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(3):
            pixels = generator.integers(0, 256, (40, 50, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    code = README.split("```python\n")[1].split("```")[0]
    assert code.count("\n") <= 10
    where = "\nimport black_average_drop\nprint(black_average_drop.__file__)"
    done = installed.run("-c", code + where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(installed.site))
    for name in ("Grad-CAM++", "smooth random map"):
        assert len(re.findall(re.escape(name) + r" +0\.\d+", done.stdout)) == 2


@pytest.mark.parametrize(
    "target",
    "env data data-report reproduce test test-oldest reliability lab report benchmark verify clean".split(),
)
def test_make_lists_its_targets(target):
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and f"make {target} " in done.stdout


def test_committed_phantom_classifier_is_neither_lost_nor_trivial():
    tests = pd.read_csv(ROOT / "paper_figures/demo/test.csv").query("data == 'radiographs' and measure == 'AUC'")
    assert tests["value"].between(0.90, 0.985).all()
