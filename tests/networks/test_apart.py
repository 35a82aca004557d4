"""Code of somebody's own runs in a process of its own: the same numbers as here, and no answer that does harm."""

import gc
import os
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from black_average_drop import cams, evaluation, networks
from black_average_drop.networks import apart, apart_process, channel
from closeness import assert_close
from code_of_layers import LAYERS, model_with_own_layers

CLASSES = [0, 1, 2, 0]


@pytest.fixture(scope="module")
def here():
    """The model in this process, made by the tests themselves."""
    return model_with_own_layers()


@pytest.fixture(scope="module")
def saved(here, tmp_path_factory):
    """Its file, and next to it the code, without the line that registers the layer."""
    folder = tmp_path_factory.mktemp("saved")
    here.save(folder / "model.keras")
    (folder / "layers_of_ours.py").write_text(LAYERS)
    return folder / "model.keras", folder / "layers_of_ours.py"


@pytest.fixture(scope="module")
def there(saved):
    return networks.open_model(*saved)[0]


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (4, 32, 32, 3)).astype("uint8")


@pytest.mark.parametrize("settings", [{}, {"layer": "first", "activation": "sigmoid"}])
def test_features_answers_and_gradients_are_those_of_the_model_here(here, there, images, settings):
    """Differentiated through the layer of somebody's own, where the maps are those before it."""
    ours, theirs = networks.network_of(here, "0..1", **settings), networks.network_of(there, "0..1", **settings)
    assert isinstance(theirs, networks.NetworkApart) and isinstance(theirs, networks.Network)
    names = ("activation", "classes", "image_size", "layer", "notice")
    assert {name: getattr(theirs, name) for name in names} == {name: getattr(ours, name) for name in names}
    assert (theirs.head_weights is None) == (ours.head_weights is None) == bool(settings)
    if not settings:
        assert_close(theirs.head_weights, ours.head_weights, 1e-6)
    expected = ours.explain(images)
    for given, one in zip(theirs.explain(theirs.placed(images)), expected, strict=True):
        assert_close(given, one, 1e-6)
    for given, one in zip(theirs.score(images), ours.score(images), strict=True):
        assert_close(given, one, 1e-6)
    assert_close(theirs.scores(expected[1]), ours.scores(expected[1]), 1e-6)
    slopes = theirs.differentiate(expected[0], CLASSES, images)
    assert np.abs(slopes).max() > 1e-3
    assert_close(slopes, ours.differentiate(expected[0], CLASSES, images), 1e-6)


def test_rows_of_evaluation_are_equal_and_a_tensor_gives_a_tensor(here, there, images):
    methods = cams.chosen(["Grad-CAM", "HiRes-CAM"])
    ours, theirs = (
        evaluation.evaluate(networks.network_of(model, layer="first"), [(images[:2],), (images[2:],)], methods, 0.3)
        for model in (here, there)
    )
    assert len(ours) == 16 and list(ours["drop"]) == list(theirs["drop"]) and list(ours["id"]) == list(theirs["id"])
    features = networks.network_of(there).explain(keras.ops.convert_to_tensor(images))[0]
    assert keras.ops.is_tensor(features)


def test_a_preprocessing_is_tried_there_as_here(here, there, images):
    for name in ("", "0..1", "VGG16"):
        ours, theirs = networks.try_out(here, name, images), networks.try_out(there, name, images)
        assert theirs.rescales and theirs.rescales == ours.rescales and theirs.activation == ours.activation
        assert_close(theirs.logits, ours.logits, 1e-6)
        assert ours.unlike > 0 and theirs.unlike == pytest.approx(ours.unlike)


def test_the_code_ran_in_another_process_and_nothing_was_left_next_to_it(there, saved):
    model, code = saved
    ran = code.with_suffix(".ran")
    assert int(ran.read_text()) == there._process.pid != os.getpid()
    loaded = {Path(module.__file__).name for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    assert code.name not in loaded and apart_process.MODULE not in sys.modules
    assert {path.name for path in code.parent.iterdir()} == {model.name, code.name, ran.name}


def test_layers_of_its_own_are_made_again_in_another_precision(there):
    """Of a function and a class that the code does not register, of which Keras makes copies."""
    assert networks.network_of(there, precision="mixed_float16").classes == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import keras\n\nimport nowhere\n", "in line 3 (ModuleNotFoundError: No module named 'nowhere')"),
        ("x = (\n", "in line 1 (SyntaxError: '(' was never closed)"),
        ("raise SystemExit(3)", "in line 1 (SystemExit: 3)"),
        ("raise ValueError('one\\n\\ntwo')", "in line 1 (two)"),
        (LAYERS.replace('print("y" * 1_000)', 'raise ValueError("boom")'), "in line 25 (ValueError: boom)"),
    ],
)
def test_code_that_fails_is_named_with_its_line_and_last_words(there, saved, tmp_path, text, said):
    (tmp_path / "bad.py").write_text(text)
    question = {"do": "load", "model": str(saved[0]), "code": str(tmp_path / "bad.py")}
    with pytest.raises(RuntimeError, match=re.escape(f"{saved[1]} failed {said}: mend that code.")):
        there.ask(question)
    there.ask(question | {"code": str(saved[1])})  # it goes on


def test_what_this_package_refuses_comes_as_its_own_sentence(there, images):
    with pytest.raises(ValueError, match=re.escape("do not fit the network: pixels (N, 32, 32, 3) are expected")):
        networks.network_of(there).score(images[:, :16])
    with pytest.raises(ValueError, match="nowhere"):
        networks.network_of(there, layer="nowhere")


def test_another_machine_gets_no_such_network(there):
    with pytest.raises(ValueError, match=r"layers_of_ours.py\) runs on this machine alone: leave SCHEDULER empty\.$"):
        networks.network_of(there).packed()


def test_a_class_that_the_code_does_not_have_is_named(there, saved, tmp_path):
    (tmp_path / "other.py").write_text("")
    text = f"^{re.escape(str(saved[0]))} needs the code of Gate, .* name the file with that code, CODE=layers.py TRUST=yes"
    known = keras.saving.get_custom_objects
    assert not [name for name in known() if name.endswith("squash")]  # this process knows the Gate alone
    with pytest.raises(ValueError, match=text):
        networks.open_model(saved[0], tmp_path / "other.py")
