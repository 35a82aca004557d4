"""A model file refused by what stands in it: in exact words, never where Keras would read it, and without Keras."""

import json
import random
import re
import subprocess
import sys

import h5py
import keras
import pytest
from keras import layers

from bad_cases import refused
from black_average_drop import networks
from black_average_drop.model_files import configuration
from black_average_drop.model_files.first_check import check_interface, check_model_file
from hostile_archives import CONFIG, FACTS, HOSTILE, members, with_config


def classifier(image, *end):
    maps = layers.Conv2D(4, 3, activation="relu")(image)
    return [one(layers.GlobalAveragePooling2D()(maps)) for one in end or [layers.Dense(2, "softmax")]]


def functional(*shapes, outputs=1, names=("pixels", "age", "sex")):
    inputs = [keras.Input(shape, name=name) for shape, name in zip(shapes, names, strict=False)]
    image = inputs[0]
    if len(inputs) > 1:
        numbers = layers.Concatenate()(inputs[1:]) if len(inputs) > 2 else inputs[1]
        image = layers.Add()([image, layers.Reshape((1, 1, 3))(layers.Dense(3)(numbers))])
    end = [layers.Dense(2, "softmax", name=name) for name in ("finding", "grade")[:outputs]]
    return keras.Model(inputs, classifier(image, *end), name="forked")


def sequential(shape=(32, 32, 3), *parts):
    start = [keras.Input(shape)] if shape else []
    middle = [*parts, layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    return keras.Sequential([*start, *middle, layers.Dense(2, "softmax")], name="plain")


def nested():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, sequential(None)(sequential_trunk()(inputs)))


def sequential_trunk():
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(4, 3, activation="relu")])


def by_names():
    image = keras.Input((32, 32, 3), name="pixels")
    return keras.Model({"a": image}, {"b": classifier(image)[0]})


def built_by_a_call():
    model = sequential(None)
    model(keras.ops.zeros((1, 32, 32, 3)))
    return model


class OwnLoss(keras.losses.Loss):
    def call(self, truth, answer):
        return keras.ops.mean(answer)


def trained_with(loss):
    model = sequential()
    model.compile("adam", loss)
    return model


GOOD = [
    lambda: functional((32, 32, 3)),
    sequential,
    nested,
    by_names,
    built_by_a_call,
    lambda: trained_with(lambda truth, answer: keras.ops.mean(answer)),
    lambda: trained_with(OwnLoss()),
    lambda: sequential((32, 32, 1)),
    lambda: sequential((32, 32, 3), layers.RandomFlip(), layers.Rescaling(1 / 255)),
    lambda: keras.Model(inputs := keras.Input((32, 32, 3)), classifier(keras.ops.flip(inputs / 255, axis=-1))[0]),
    lambda: keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=2),
]


@pytest.mark.parametrize("make", GOOD)
def test_what_keras_reads_is_not_refused(tmp_path, make):
    make().save(tmp_path / "a.keras")
    assert networks.load(tmp_path / "a.keras")[0].built
    check_model_file(tmp_path / "a.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["a.keras"]


@pytest.mark.parametrize(
    ("make", "shapes", "outputs"),
    [
        (lambda: functional((32, 32, 3), (1,), (1,), outputs=2), ["pixels", "age", "sex"], ["finding", "grade"]),
        (sequential, None, []),
        (nested, None, None),
        (by_names, None, None),
    ],
)
def test_inputs_and_outputs_are_those_of_the_model(make, shapes, outputs):
    model = make()
    config = keras.saving.serialize_keras_object(model)
    config = json.loads(json.dumps(config))
    read = configuration.input_shapes(config)
    assert list(read.values()) == [tuple(tensor.shape) for tensor in model.inputs]
    assert shapes is None or list(read) == shapes
    assert configuration.names_of_outputs(config) == (model.output_names if outputs is None else outputs)
    assert configuration.model_name(config) == model.name


SEVERAL = (
    "Model forked has 2 inputs without a value (pixels, age): give a value to each that is not the image, such as "
    'held={"age": 0}.'
)
BAD = {
    "two inputs": (lambda: functional((32, 32, 3), (1,)), {}, SEVERAL),
    "an unknown input": (
        lambda: functional((32, 32, 3), (1,)),
        {"held": {"agee": 0}},
        "held names 'agee', which is no input of model forked: choose from pixels, age.",
    ),
    "two outputs": (
        lambda: functional((32, 32, 3), outputs=2),
        {},
        'Model forked has 2 outputs (finding, grade): choose one, such as output="finding".',
    ),
    "four channels": (
        lambda: sequential((32, 32, 4)),
        {},
        "Model plain takes (None, 32, 32, 4): images (N, H, W, 3) or (N, H, W, 1) are expected.",
    ),
    "channels first": (
        lambda: sequential((3, 32, 32), layers.Permute((2, 3, 1))),
        {},
        "Model plain keeps channels first: build it with channels last.",
    ),
    "any size": (
        lambda: sequential((None, None, 3)),
        {},
        "Model plain takes images of any size: pass image_size=(height, width).",
    ),
    "another size": (
        sequential,
        {"image_size": (64, 64)},
        "Model plain takes images of 32 x 32 pixels, not 64 x 64: leave image_size out.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_other_inputs_and_outputs_are_refused(tmp_path, name):
    make, settings, said = BAD[name]
    make().save(tmp_path / "a.keras")
    refused(lambda: check_model_file(tmp_path / "a.keras", **settings), said)


def test_the_remedies_are_taken(tmp_path):
    functional((32, 32, 3), (1,), outputs=2).save(tmp_path / "a.keras")
    check_model_file(tmp_path / "a.keras", held={"age": 0}, output="finding")
    sequential((None, None, 3)).save(tmp_path / "a.keras")
    check_model_file(tmp_path / "a.keras", image_size=(32, 48))


class Squeezed(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Ours(keras.Model):
    def call(self, inputs):
        return inputs


def keeping(inputs):
    return inputs


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: sequential((32, 32, 3), Squeezed()), "Squeezed"),
        (lambda: keras.Sequential([keras.Input((32, 32, 3)), sequential((32, 32, 3), Squeezed())]), "Squeezed"),
        (lambda: sequential((32, 32, 3), layers.TimeDistributed(Squeezed())), "Squeezed"),
        (lambda: sequential((32, 32, 3), layers.Conv2D(3, 3, activation=keeping)), ""),  # of a function Keras alone
    ],
)
def test_code_that_is_not_in_the_file_is_named_as_keras_does(tmp_path, make, code):
    path = tmp_path / "a.keras"
    make().save(path)
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    if code:
        said = str(caught.value)
        assert said.startswith(f"{path} needs the code of {code}, which is not in the file: ")
        refused(lambda: check_model_file(path), said)
        check_model_file(path, code=True)
    else:
        check_model_file(path)


def test_code_of_a_script_has_no_module(tmp_path):
    path = tmp_path / "a.keras"
    sequential((32, 32, 3), Squeezed()).save(path)
    with_config(lambda config: config["config"]["layers"][1].update(module=None))(path)
    with pytest.raises(ValueError) as caught:
        networks.load(path)
    refused(lambda: check_model_file(path), str(caught.value))


@pytest.mark.parametrize("name", [name for name, (_, _, member) in HOSTILE.items() if member != FACTS])
def test_what_is_hostile_is_refused(tmp_path, small_model, name):
    small_model.save(tmp_path / "a.keras")
    spoil, said, what = HOSTILE[name]
    spoil(tmp_path / "a.keras")
    with pytest.raises(ValueError) as caught:
        check_model_file(tmp_path / "a.keras")
    pattern = re.escape(said.replace("{path}", str(tmp_path / "a.keras")).replace("{what}", what))
    assert re.match(pattern.replace(re.escape(r"[\d.]+ \w+"), r"[\d.]+ \w+"), str(caught.value)), caught.value


def old_layer(kind, name, inputs, **settings):
    nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name} | settings, "inbound_nodes": nodes}


@pytest.mark.parametrize("suffix", ["h5", "json"])
def test_files_of_keras_2_are_refused_in_the_same_words(tmp_path, suffix):
    """As Keras 2 wrote them: no module is named, and shapes have another name."""
    layers_of = [
        old_layer("InputLayer", "pixels", [], batch_input_shape=[None, 32, 32, 3]),
        old_layer("Conv2D", "maps", ["pixels"], filters=4, kernel_size=[3, 3]),
        old_layer("GlobalAveragePooling2D", "mean", ["maps"]),
        old_layer("Dense", "finding", ["mean"], units=2),
        old_layer("Dense", "grade", ["mean"], units=3),
    ]
    outputs = [["finding", 0, 0], ["grade", 0, 0]]
    inner = {"name": "old", "layers": layers_of, "input_layers": [["pixels", 0, 0]], "output_layers": outputs}
    text = json.dumps({"class_name": "Functional", "config": inner, "keras_version": "2.15.0"})
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs.update(model_config=text, keras_version="2.15.0")
    (tmp_path / "model.json").write_text(text)
    path = tmp_path / f"model.{suffix}"
    refused(
        lambda: check_model_file(path),
        'Model old has 2 outputs (finding, grade): choose one, such as output="finding".',
    )
    check_model_file(path, output="grade")


def test_files_of_keras_3_in_other_formats_are_read(tmp_path):
    model = functional((32, 32, 3), outputs=2)
    model.save(tmp_path / "model.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    for name in ("model.h5", "model.json"):
        with pytest.raises(ValueError, match=r"^Model forked has 2 outputs \(finding, grade\): choose one"):
            check_model_file(tmp_path / name)
        check_model_file(tmp_path / name, output="grade")


def test_a_file_that_is_not_there_or_of_another_library_is_named(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"onnx")
    for name in ("a.onnx", "absent.keras"):
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            networks.load(tmp_path / name)
        refused(lambda name=name: check_model_file(tmp_path / name), str(caught.value))


def places(value):
    """Every list or object in a configuration, with its keys."""
    inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, part in inner:
        yield value, key
        if isinstance(part, dict | list):
            yield from places(part)


@pytest.mark.parametrize("seed", range(300))
def test_a_configuration_of_nonsense_is_refused_in_a_sentence_or_passed_on(seed):
    draw = random.Random(seed)
    model = functional((32, 32, 3), (1,), outputs=2) if seed % 2 else sequential()
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    for _ in range(3):
        holder, key = draw.choice(list(places(config)))
        holder[key] = draw.choice([None, 7, "x", [], {}, [[]], ["x", 0, 0], [None, 3], {"class_name": "InputLayer"}])
    try:
        configuration.custom_class(config)
        check_interface(config)
    except ValueError as problem:
        assert str(problem).endswith(".") and "\n" not in str(problem)


def test_keras_is_not_imported(tmp_path):
    """A package keras that cannot be imported lies in front of the real one."""
    functional((32, 32, 3), outputs=2).save(tmp_path / "a.keras")
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras/__init__.py").write_text("raise SystemExit('Keras was imported')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "from black_average_drop.model_files.first_check import check_model_file\n"
    code += f"check_model_file({str(tmp_path / 'a.keras')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.endswith('Model forked has 2 outputs (finding, grade): choose one, such as output="finding".\n')


def test_a_change_of_the_configuration_is_seen(tmp_path):
    """The check reads the file itself, not a model in memory."""
    sequential().save(tmp_path / "a.keras")
    with_config(lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, 32, 32, 5]))(
        tmp_path / "a.keras"
    )
    assert CONFIG in members(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"takes \(None, 32, 32, 5\)"):
        check_model_file(tmp_path / "a.keras")


@pytest.mark.parametrize("names", [("pixels", "age"), (None, None)])
def test_the_network_says_the_same_of_inputs_and_outputs(tmp_path, names):
    """Also of inputs that nobody named: Keras names them when it writes the file."""
    for inputs, outputs in ((2, 1), (1, 2)):
        shapes = [(32, 32, 3), (1,)][:inputs]
        functional(*shapes, outputs=outputs, names=names).save(tmp_path / "a.keras")
        with pytest.raises(ValueError) as caught:
            networks.CamNetwork.from_model(networks.load(tmp_path / "a.keras")[0])
        refused(lambda: check_model_file(tmp_path / "a.keras"), str(caught.value))
