"""Code of somebody's own runs in a process of its own: the same numbers as here, and no answer that does harm."""

import datetime
import gc
import os
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import conformance
import token_models
from black_average_drop import cams, evaluation, files, networks
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
        evaluation.evaluate(networks.network_of(model, layer="first"), [images[:2], images[2:]], methods, 0.3)
        for model in (here, there)
    )
    assert len(ours) == 16 and list(ours["drop"]) == list(theirs["drop"]) and list(ours["id"]) == list(theirs["id"])
    features = networks.network_of(there).explain(keras.ops.convert_to_tensor(images))[0]
    assert keras.ops.is_tensor(features)


def test_it_keeps_the_promises_of_the_protocol(here, there, generator):
    """Against gradients of a network in this process, which conforms itself (test_conformance.py)."""
    settings = {"layer": "first", "preprocessing": "0..1"}
    ours, theirs = networks.network_of(here, **settings), networks.network_of(there, **settings)
    images = generator.integers(0, 256, (5, 32, 32, 3)).astype("uint8")
    classes = np.arange(5) % 3
    features, logits, _ = ours.explain(images)
    expected = features, logits, ours.differentiate(features, classes, images)
    conformance.check_answers(theirs, images, logits)
    conformance.check_maps(theirs, images, classes, expected)
    conformance.check_batches(theirs, images, classes, 1e-5)
    conformance.check_threads(theirs, images)
    conformance.check_drops(theirs, images, classes, expected)


def test_rows_and_columns_of_tokens_reach_the_model_there(images, tmp_path):
    """As JSON has them, a list; where they are left out, the sentence that names them comes back."""
    keras.utils.set_random_seed(0)
    ours, *_ = token_models.own_encoder()
    ours.save(tmp_path / "model.keras")
    theirs, _ = networks.open_model(tmp_path / "model.keras", token_models.__file__)
    with pytest.raises(ValueError, match=r"give reshape=\(4, 4\)"):
        networks.network_of(theirs, activation="softmax")
    settings = {"activation": "softmax", "reshape": (4, 4)}
    here, there = (networks.network_of(one, **settings) for one in (ours, theirs))
    assert (there.layer, there.notice) == (here.layer, here.notice) == ("encoder", here.notice)
    expected = here.explain(images)
    for given, one in zip(there.explain(images), expected, strict=True):
        assert_close(given, one, 1e-6)
    slopes = [one.differentiate(expected[0], CLASSES, images) for one in (there, here)]
    assert expected[0].shape == (4, 4, 4, 8) and np.abs(slopes[1]).max() > 0
    assert_close(*slopes)


def test_a_preprocessing_is_tried_there_as_here(here, there, images):
    for name in ("", "0..1", "VGG16"):
        ours, theirs = networks.try_out(here, name, images), networks.try_out(there, name, images)
        assert theirs.rescales and theirs.rescales == ours.rescales and theirs.activation == ours.activation
        assert_close(theirs.logits, ours.logits, 1e-6)
        assert ours.unlike > 0 and theirs.unlike == pytest.approx(ours.unlike)


def test_what_was_read_is_remembered_for_the_record(tmp_path, stand_in):
    before = datetime.datetime.now()
    model = stand_in(loaded_and())
    for read in (tmp_path / "model.keras", model.code):
        assert files.remembered(read, before) == {files.sha256(read)}


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


def test_a_file_of_the_older_format_is_read_with_its_code_too(here, there, images, tmp_path):
    """HDF5 names neither the module of a class nor whether it is one of Keras's."""
    here.save(tmp_path / "model.h5")
    answer, _ = there.ask({"do": "load", "model": str(tmp_path / "model.h5"), "code": str(there.code)})
    assert answer["name"] == here.name
    network = networks.network_of(there, "0..1")
    assert_close(network.score(images)[0], networks.network_of(here, "0..1").score(images)[0], 1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import keras\n\nimport nowhere\n", "in line 3 (ModuleNotFoundError: No module named 'nowhere')"),
        ("import next_to_it", "in line 1 (KeyError: 'it was found')"),
        ("x = (\n", "in line 1 (SyntaxError: '(' was never closed)"),
        ("raise SystemExit(3)", "in line 1 (SystemExit: 3)"),
        ("raise ValueError('one\\n\\ntwo')", "in line 1 (two)"),
    ],
)
def test_code_that_fails_is_named_with_its_line_and_last_words(there, saved, tmp_path, text, said):
    (tmp_path / "bad.py").write_text(text)
    (tmp_path / "next_to_it.py").write_text("raise KeyError('it was found')")
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


def test_a_layer_that_fails_is_named_with_its_line(saved, tmp_path):
    code = tmp_path / "bad.py"
    code.write_text(LAYERS.replace('print("y" * 1_000)', 'raise ValueError("boom")'))
    line = code.read_text().splitlines().index('        raise ValueError("boom")') + 1
    with pytest.raises(RuntimeError) as problem:
        networks.open_model(saved[0], code)
    assert str(problem.value) == f"{code} failed in line {line} (ValueError: boom): mend that code."


def loaded_and(*steps):
    """Text for the stand-in: it says that it has loaded a model, and does these steps after one question each."""
    question = "os.read(int(sys.argv[1]), 65536)"
    return "\n".join([question, "answer(LOADED)", *(line for step in steps for line in (question, step))])


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """A function that reads a model with a process that does what a text says."""
    monkeypatch.setattr(apart, "PROCESS", "stand_in_process")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    for name in ("model.keras", "layers.py"):
        (tmp_path / name).write_text("")

    def opened(text):
        monkeypatch.setenv("STAND_IN", text)
        return apart.ModelApart(tmp_path / "model.keras", tmp_path / "layers.py")

    return opened


STRANGE = "wrote to the channel that only its process may use: let it print, or write to files."
ENDED = "ended the process that it runs in ({}): mend that code, and begin again."
NETWORK = 'answer(FACTS, ("<f4", [2, 3], bytes(24)))'
LOGITS = '("<f4", [4, 3], bytes(48))'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("os._exit(3)", ENDED.format("exit code 3")),
        ("os.kill(os.getpid(), 9)", ENDED.format("signal 9; 9 may mean that memory ran out")),
        ("os.close(int(sys.argv[2]))", ENDED.format("it closed the channel")),
        ("write(b'a word')\nos._exit(0)", ENDED.format("exit code 0")),
        ("write(b'more than eight bytes of garbage')", STRANGE),
        ("write((2**40).to_bytes(8, 'big'))", STRANGE),
        ("write((4).to_bytes(8, 'big') + b'[1]x')", STRANGE),
        ("write((20000).to_bytes(8, 'big') + b'[' * 20000)", STRANGE),
        ("answer([])", STRANGE),
        ("answer({})", STRANGE),
        ("answer({'name': 'm', 'facts': {'image_size': 'large'}})", STRANGE),
        ("answer(LOADED, ('<f8', [10**9, 10**9], b''))", STRANGE),
        ("answer(LOADED, ('|O', [1], bytes(8)))", STRANGE),
        ("answer(LOADED, ('<f4', [-1], b''))", STRANGE),
        ("answer(LOADED, ('<f4', ['a'], b''))", STRANGE),
        (loaded_and("answer(FACTS | {'activation': '__class__'})"), STRANGE),
        (loaded_and("answer(FACTS | {'classes': 'three'})"), STRANGE),
        (loaded_and("answer(FACTS, ('<f4', [2, 4], bytes(32)))"), STRANGE),
        (loaded_and(NETWORK, "answer({})"), STRANGE),
        (loaded_and(NETWORK, f"answer({{}}, {LOGITS}, ('<f4', [3, 3], bytes(36)))"), STRANGE),
        (loaded_and(NETWORK, f"answer({{}}, {LOGITS}, ('<f8', [4, 3], bytes(96)))"), STRANGE),
    ],
)
def test_a_process_that_ends_or_answers_anything_else_is_ended_with_a_sentence(stand_in, tmp_path, text, said):
    with pytest.raises(RuntimeError) as problem:
        stand_in(text).network().score(np.zeros((4, 8, 8, 3)))
    assert str(problem.value) == f"{tmp_path / 'layers.py'} {said}"


def test_the_process_ends_with_the_model_and_nothing_is_asked_of_it_afterwards(stand_in):
    model = stand_in(loaded_and(NETWORK, f"answer({{}}, {LOGITS}, {LOGITS})"))
    network, process = model.network(), model._process
    logits, scores = network.score(np.zeros((4, 8, 8, 3)))
    assert logits.shape == scores.shape == (4, 3) and process.poll() is None
    del model
    gc.collect()
    assert process.poll() is None  # the network still needs it
    del network
    gc.collect()
    assert process.poll() is not None
    model = stand_in(loaded_and())
    model._end()
    with pytest.raises(RuntimeError, match="has ended: read the model again"):
        model.network()


def test_an_interrupt_ends_the_process_since_half_an_answer_may_be_on_its_way(stand_in, monkeypatch):
    model = stand_in(loaded_and("time.sleep(60)"))

    def interrupted(stream):
        raise KeyboardInterrupt

    monkeypatch.setattr(apart, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.network()
    assert model._process.poll() is not None


def test_messages_arrive_as_they_were_sent():
    first, second = os.pipe()
    arrays = [
        np.arange(6, dtype="int64").reshape(2, 3)[:, ::2],
        np.float32([]),
        np.array([True, False]),
        np.zeros((0, 4)),
    ]
    with os.fdopen(first, "rb") as reading, os.fdopen(second, "wb") as writing:
        channel.send(writing, {"do": "score", "held": {"age": 60}}, arrays)
        message, received = channel.receive(reading)
    assert message == {"do": "score", "held": {"age": 60}}
    for given, one in zip(received, arrays, strict=True):
        assert given.dtype == one.dtype and given.shape == one.shape and (given == one).all()
