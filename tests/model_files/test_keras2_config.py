"""What Keras 3 has no like of is refused: tests/networks/test_keras2.py has what is read, and its answers."""

import pytest

from black_average_drop.model_files import keras2_config

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell")
HARD = {"class_name": "function", "config": "hard_sigmoid"}
UNREAD = "which is not read from files of Keras 2:"


def layer(kind, name="steps", **settings):
    return {"class_name": kind, "config": {"name": name} | settings}


def graph(called, **named):
    """A graph of an input and a layer or model, which is called with named arguments."""
    image = layer("InputLayer", "image", batch_input_shape=[None, 8, 8, 3]) | {"name": "image", "inbound_nodes": []}
    called = called | {"name": called["config"]["name"], "inbound_nodes": [[["image", 0, 0, named]]]}
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [[called["name"], 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "graph", "layers": [image, called]} | ends}


def within(kind, inner):
    """A layer within another, as each kind has it."""
    stacked = layer("StackedRNNCells", "stack", cells=[layer("GRUCell", "first"), inner])
    return {
        "RNN": layer("RNN", "outer", cell=inner),
        "Bidirectional": layer("Bidirectional", "outer", layer=inner),
        "StackedRNNCells": layer("RNN", "outer", cell=stacked),
    }[kind]


def refused(architecture):
    with pytest.raises(ValueError) as caught:
        keras2_config.translated(architecture, "a.h5")
    return str(caught.value)


def translated_layer(called, **named):
    return keras2_config.translated(graph(called, **named), "a.h5")["config"]["layers"][1]


@pytest.mark.parametrize(
    "hard",
    [
        *(layer(kind, activation="hard_sigmoid") for kind in RECURRENT),
        layer("LSTM", activation=HARD),
        *(within("RNN", layer(kind, activation="hard_sigmoid")) for kind in CELLS),
        within("StackedRNNCells", layer("LSTMCell", activation="hard_sigmoid")),
        within("Bidirectional", layer("GRU", activation="hard_sigmoid")),
    ],
)
def test_a_hard_sigmoid_at_each_step_in_time_is_refused(hard):
    expected = (
        f"a.h5 holds the activation hard_sigmoid of layer steps, {UNREAD} give the layer another one and save the "
        "model again."
    )
    assert refused(graph(hard)) == expected
    assert refused({"class_name": "Sequential", "config": [hard]}) == expected


@pytest.mark.parametrize("kind", ["RNN", "StackedRNNCells"])
def test_another_activation_of_a_cell_is_read(kind):
    inner = translated_layer(within(kind, layer("LSTMCell", activation="tanh")))["config"]["cell"]
    cell = inner["config"]["cells"][1] if kind == "StackedRNNCells" else inner
    assert cell["module"] == "keras.layers" and cell["config"]["activation"] == "tanh"


@pytest.mark.parametrize("always", [True, 1, ["image", 0, 0]])
@pytest.mark.parametrize("called", [layer("BatchNormalization"), layer("Dropout", rate=0.5), graph(layer("ReLU"))])
def test_a_call_as_in_training_is_refused(called, always):
    name = called["config"]["name"]
    expected = (
        f"a.h5 holds a call of layer {name} with training=True, {UNREAD} call the layer without it and save the model "
        "again."
    )
    assert refused(graph(called, training=always)) == expected
    assert refused({"class_name": "Sequential", "config": [graph(called, training=always)]}) == expected


@pytest.mark.parametrize("named", [{}, {"training": False}, {"training": None}, {"training": 0}])
def test_a_call_without_training_is_read(named):
    assert translated_layer(layer("BatchNormalization"), **named)["inbound_nodes"][0]["kwargs"] == {}


@pytest.mark.parametrize("kind", [*RECURRENT, "RNN"])
def test_steps_in_time_before_images_are_refused(kind):
    expected = (
        f"a.h5 holds the setting time_major of layer steps, {UNREAD} make the layer without it and save the model "
        "again."
    )
    assert refused(graph(layer(kind, time_major=True))) == expected
    assert refused(graph(within("Bidirectional", layer(kind, time_major=True)))) == expected
    assert "time_major" not in translated_layer(layer(kind, time_major=False))["config"]
