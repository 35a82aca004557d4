"""What the README and the pages tell a reader to type is there, and the example works when pasted."""

import importlib.util
import re
import subprocess

import pytest
from PIL import Image

import markdown_files
from black_average_drop.files import ROOT

YOUR_MODEL = (ROOT / "docs/your-model.md").read_text(encoding="utf-8")
TEXTS = {str(path): (ROOT / path).read_text(encoding="utf-8") for path in markdown_files.written_paths()}


def test_example_works_when_pasted(tmp_path, small_model, generator, installed):
    """With the installed package, outside the checkout, on a model and images that the project had no part in."""
    small_model.save(tmp_path / "model.keras")
    for name in ("healthy", "ill"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(3):
            pixels = generator.integers(0, 256, (40, 50, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    code = YOUR_MODEL.split("## As a package")[1].split("```python\n")[1].split("```")[0]
    assert code.count("\n") <= 10
    where = "\nimport black_average_drop\nprint(black_average_drop.__file__)"
    done = installed.run("-c", code + where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(installed.site))
    for name in ("Grad-CAM++", "smooth random map"):
        assert len(re.findall(re.escape(name) + r" +0\.\d+", done.stdout)) == 2


TARGETS = (
    "env data data-report reproduce choose test test-torch zoo peers test-oldest reliability mutate lab report "
    "benchmark"
)


@pytest.mark.parametrize("target", [*TARGETS.split(), "verify", "notebooks", "pages", "clean"])
def test_make_lists_its_targets(target):
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and f"make {target} " in done.stdout


@pytest.mark.parametrize("page", TEXTS)
def test_commands_name_what_is_there(page):
    """make has each target, and Python each module, that a page tells the reader to run."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^)(?:[\w.]+=\S+ )?make ([a-z-]+)", TEXTS[page], re.MULTILINE):
        assert f"\n{target}:" in makefile, target
    for module in re.findall(r"-m (black_average_drop[\w.]*)", TEXTS[page]):
        assert importlib.util.find_spec(module), module


def test_the_readme_has_the_commands_of_each_reader():
    for command in ("make reproduce", "make choose MODEL=model.keras DATA=folder", "make lab", "make test"):
        assert f"`{command}`" in TEXTS["README.md"]
    assert "**This is no clinical evidence.**" in TEXTS["README.md"]


def test_the_table_of_rooms_is_the_package():
    """It names every room with a module of it, every module of the method, and nothing else."""
    package = ROOT / "lib/black_average_drop"
    table = TEXTS["docs/architecture.md"].split("| Room |")[1].split("\n\n")[0]
    rooms = dict(re.findall(r"^\| `(\w+)/` \|.*\| `(\w+\.py)` \|$", table, re.MULTILINE))
    assert set(rooms) == {path.parent.name for path in package.glob("*/__init__.py")}
    assert all((package / room / module).is_file() for room, module in rooms.items())
    method = re.findall(r"`(\w+)`", table.split("| the method |")[1].split("|")[0])
    assert set(method) == {path.stem for path in package.glob("*.py")} - {"__init__"}
