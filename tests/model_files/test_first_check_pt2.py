"""A .pt2 archive refused by what it takes and gives, without PyTorch, and at last where PyTorch is not installed."""

import importlib.util
import subprocess
import sys

import pytest

from bad_cases import refused
from black_average_drop.model_files.first_check import check_model_file
from hostile_pt2 import HOSTILE
from pt2_archives import LEAF, branch, form, parts, with_graph, with_outputs, write

TWO = branch("builtins.dict", LEAF, LEAF, context=["finding", "grade"])


@pytest.fixture
def path(tmp_path, monkeypatch):
    """An archive, where PyTorch is installed, though it is not there."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: name == "torch" or find(name, *more))
    write(tmp_path / "net.pt2", parts())
    return tmp_path / "net.pt2"


def taking(*shape):
    """An archive that takes images of a shape."""
    return with_graph(lambda graph: graph["tensor_values"].update(x=form(shape, [1] * len(shape))))


BAD = {
    "values of other inputs": (
        None,
        {"held": {"age": 0}},
        "Model net takes its image alone, as all that is exported: ...",
    ),
    "code": (None, {"code": True}, "{path} needs no code, which is for layers of Keras: leave CODE empty."),
    "another size": (
        None,
        {"image_size": (8, 4)},
        "Model net takes images of 4 x 4 pixels, not 8 x 4: leave image_size out.",
    ),
    "any size": (
        taking(None, 3, None, None),
        {},
        "Model net takes images of any size: pass image_size=(height, width).",
    ),
    "four channels": (
        taking(None, 4, 8, 8),
        {},
        "Model net takes (None, 4, 8, 8): images (N, 3, H, W) or (N, 1, H, W) are expected.",
    ),
    "channels last": (
        taking(None, 8, 8, 3),
        {},
        "Model net takes (None, 8, 8, 3): images (N, 3, H, W) or (N, 1, H, W) are expected.",
    ),
    "any number of channels": (
        taking(None, None, 8, 8),
        {},
        "Model net takes (None, None, 8, 8): images (N, 3, H, W) or (N, 1, H, W) are expected.",
    ),
    "no image": (taking(None, 16), {}, "Model net takes (None, 16): images (N, 3, H, W) or (N, 1, H, W) are expected."),
    "two outputs": (
        with_outputs(TWO, "add", "sigmoid"),
        {},
        'Model net has 2 outputs (finding, grade): choose one, such as output="finding".',
    ),
    "an unknown output": (
        with_outputs(TWO, "add", "sigmoid"),
        {"output": "size"},
        "Model net has no output 'size': choose from finding, grade.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_other_inputs_and_outputs_are_refused(path, name):
    spoil, settings, said = BAD[name]
    if spoil:
        spoil(path)
    refused(lambda: check_model_file(path, **settings), said.replace("{path}", str(path)))


GOOD = [
    (None, {}),
    (None, {"image_size": (4, 4)}),
    (None, {"output": "output"}),
    (taking(1, 3, 8, 6), {}),
    (taking(None, 3, None, None), {"image_size": (8, 6)}),
    (taking(None, 3, 3, 3), {}),
    (with_outputs(TWO, "add", "sigmoid"), {"output": "grade"}),
]


@pytest.mark.parametrize(("change", "settings"), GOOD)
def test_what_is_read_is_not_refused(path, change, settings):
    if change:
        change(path)
    check_model_file(path, **settings)


@pytest.mark.parametrize("name", [name for name in HOSTILE if "checksum" not in name])  # numbers are not read
def test_what_is_hostile_is_refused(path, name):
    HOSTILE[name][0](path)
    with pytest.raises(ValueError, match=str(path)):
        check_model_file(path)


def test_pytorch_that_is_not_installed_is_named_last(path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None)
    refused(
        lambda: check_model_file(path),
        f"{path} needs PyTorch: install it by pip install '.[torch]', and run this again.",
    )
    with pytest.raises(ValueError, match="leave image_size out"):
        check_model_file(path, image_size=(9, 9))


def test_pytorch_is_not_imported(path):
    """A package torch that cannot be imported lies in front of the real one."""
    (path.parent / "torch").mkdir()
    (path.parent / "torch/__init__.py").write_text("raise SystemExit('PyTorch was imported')")
    code = f"import sys; sys.path.insert(0, {str(path.parent)!r})\n"
    code += "from black_average_drop.model_files.first_check import check_model_file\n"
    code += f"check_model_file({str(path)!r}, (4, 9))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.endswith("Model net takes images of 4 x 4 pixels, not 4 x 9: leave image_size out.\n")
