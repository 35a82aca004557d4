"""Layers, inputs and outputs that are named, and heads of every usual kind, against gradients taken by hand."""

from collections import OrderedDict

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import evaluation, networks
from closeness import assert_close
from example_models import convolution, image_next_to_its_features
from gradients_by_hand import by_hand


def drawn(model):
    """The model with weights and statistics drawn, since zeros and ones hide mistakes."""
    generator = np.random.default_rng(0)
    for layer in networks.inner_layers(model):
        weights = [one + generator.normal(0, 0.3, one.shape) for one in layer.get_weights()]
        if isinstance(layer, layers.BatchNormalization):
            weights[-1] = np.abs(weights[-1]) + 0.5
        layer.set_weights(weights)
    return model


def pooled(*end):
    """Features, and what layers make of them."""
    inputs = keras.Input((32, 32, 3))
    features = x = convolution()(layers.Rescaling(1 / 255)(inputs))
    for layer in end:
        x = layer(x)
    return inputs, features, x


POOLING = layers.GlobalAveragePooling2D
HEADS = {
    "BatchNorm and Dropout": lambda: [POOLING(), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(3)],
    "two dense layers": lambda: [POOLING(), layers.Dense(4), layers.Rescaling(2.0, 1.0), layers.Dense(3)],
    "convolution behind pooling": lambda: [POOLING(keepdims=True), layers.Conv2D(3, 1), layers.Flatten()],
    "convolution before pooling": lambda: [layers.Conv2D(3, 1), POOLING()],
    "temperature": lambda: [POOLING(), layers.Dense(3), lambda x: x / 2.5],
    "pooling over the whole map": lambda: [layers.AveragePooling2D(4), layers.Flatten(), layers.Dense(3)],
    "mean": lambda: [lambda x: keras.ops.mean(x, axis=(1, 2)), layers.Dense(3)],
    "one dense layer for each label": lambda: [
        POOLING(), lambda x: layers.Concatenate()([layers.Dense(1)(x) for _ in range(3)])
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_affine_heads_have_a_closed_form(name, pixels):
    keras.utils.set_random_seed(0)
    inputs, features, logits = pooled(*HEADS[name]())
    model = drawn(keras.Model(inputs, layers.Softmax()(logits)))
    network = networks.CamNetwork.from_model(model)
    classes = np.arange(10) % 3
    maps, answers, slopes = by_hand(model, features, logits, pixels, classes)
    explanation = evaluation.explain_batch(network, pixels, classes)
    assert network.layer == "last_convolution" and network.notice == ""
    for ours, theirs in ((explanation.features, maps), (explanation.logits, answers), (explanation.gradients, slopes)):
        assert_close(ours, theirs, 1e-5)
    assert_close(network.head_weights.T[classes] / 16, slopes.mean(axis=(1, 2)), 1e-5)


def test_hidden_activation_has_no_closed_form(pixels):
    _, _, logits = found = pooled(POOLING(), layers.Dense(4, "relu"), layers.Dense(3))
    model = drawn(keras.Model(found[0], layers.Softmax()(logits)))
    network = networks.CamNetwork.from_model(model)
    assert network.head_weights is None
    classes = np.arange(10) % 3
    slopes = by_hand(model, found[1], logits, pixels, classes)[2]
    assert_close(evaluation.explain_batch(network, pixels, classes).gradients, slopes, 1e-5)


def test_pooled_class_maps_are_explained_as_they_are(pixels):
    """A convolution with ReLU for each class, then pooling and softmax: the head has no weights but ones."""
    inputs, maps, logits = pooled(layers.Conv2D(3, 1, activation="relu", name="class_maps"), POOLING())
    network = networks.CamNetwork.from_model(drawn(keras.Model(inputs, layers.Softmax()(logits))))
    assert network.layer == "class_maps"
    np.testing.assert_array_equal(network.head_weights, np.eye(3))


@pytest.mark.parametrize(
    ("activation", "given", "said"),
    [
        (None, None, "The model has one output without activation, which is read as the logit of a sigmoid."),
        (None, "sigmoid", ""),
        ("sigmoid", None, ""),
    ],
)
def test_one_logit_is_read_as_that_of_a_sigmoid(activation, given, said, pixels):
    inputs, _, logit = pooled(POOLING(), layers.Dense(1))
    model = drawn(keras.Model(inputs, layers.Activation(activation)(logit) if activation else logit))
    network = networks.CamNetwork.from_model(model, activation=given)
    logits, scores = network.score(pixels)
    alone = keras.Model(inputs, logit).predict(pixels.astype("float32"), verbose=0)[:, 0]
    assert (network.notice, network.classes, network.activation) == (said, 2, "softmax")
    assert_close(logits, np.stack([-alone / 2, alone / 2], axis=1))
    assert_close(scores[:, 1], 1 / (1 + np.exp(-alone)))


def test_several_logits_are_labels_of_their_own_where_that_is_said(pixels):
    inputs, _, logits = pooled(POOLING(), layers.Dense(3))
    network = networks.CamNetwork.from_model(keras.Model(inputs, logits), activation="sigmoid")
    answers, scores = network.score(pixels)
    assert network.activation == "sigmoid" and network.classes == 3
    assert_close(scores, 1 / (1 + np.exp(-answers)))


def two_blocks():
    """A block with a path around it, in a nested model, and a second block."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="first")(inputs)
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="aside")(x)
    inner = keras.Model(inputs, layers.Add(name="sum")([x, y]), name="inner")
    outside = keras.Input((32, 32, 3))
    last = layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="last")
    dense = layers.Dense(3)
    model = keras.Model(outside, layers.Softmax()(dense(POOLING()(last(inner(outside / 255))))), name="outside")
    flat = keras.Input((32, 32, 3))  # the same layers, without nesting
    first = inner.get_layer("first")(flat / 255)
    aside = inner.get_layer("aside")(first)
    logits = dense(POOLING()(last(first + aside)))
    return drawn(model), keras.Model(flat, logits), {"first": first, "aside": aside}


@pytest.mark.parametrize("layer", ["first", "aside"])
def test_a_named_layer_is_explained_wherever_it_lies(layer, pixels):
    keras.utils.set_random_seed(0)
    model, flat, tensors = two_blocks()
    network = networks.CamNetwork.from_model(model, layer=layer)
    assert network.layer == layer and network.head_weights is None
    around = "The scores draw on more than the feature maps of layer 'aside'"
    assert network.notice.startswith(around) == (layer == "aside")
    classes = np.arange(10) % 3
    maps, answers, slopes = by_hand(flat, tensors[layer], flat.outputs[0], pixels, classes)
    explanation = evaluation.explain_batch(network, pixels, classes)
    assert_close(explanation.features, maps)
    assert_close(explanation.logits, answers)
    assert_close(explanation.gradients, slopes, 1e-5)


def test_a_layer_that_is_not_there_is_refused_with_others_that_are():
    model, _, _ = two_blocks()
    sentence = "of such a layer: choose another one, such as 'last', 'aside', 'first'.$"
    with pytest.raises(ValueError, match=sentence):
        networks.CamNetwork.from_model(model, layer="third")
    for named in ("last", "aside", "first", "inner"):
        networks.CamNetwork.from_model(model, layer=named)


def test_what_goes_around_the_feature_maps_is_held_and_said(pixels):
    keras.utils.set_random_seed(0)
    model = image_next_to_its_features()
    network = networks.CamNetwork.from_model(model)
    assert network.layer == "last_convolution" and network.notice.endswith("and not what goes around them.")
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))
    classes = np.arange(10) % 3
    kernel = model.layers[-1].get_weights()[0][:5]
    expected = np.broadcast_to(kernel.T[classes][:, None, None] / 16, (10, 4, 4, 5))
    assert_close(evaluation.explain_batch(network, pixels, classes).gradients, expected, 1e-5)


def with_age(outputs):
    image, age = keras.Input((32, 32, 3), name="image"), keras.Input((2,), name="age")
    both = layers.Concatenate()([POOLING()(convolution()(image)), layers.Dense(3, "relu", name="of_age")(age)])
    ends = {name: layers.Dense(2, "softmax", name=name)(both) for name in outputs}
    return drawn(keras.Model([image, age], list(ends.values()) if len(ends) > 1 else ends[outputs[0]], name="two"))


def test_other_inputs_are_held_and_one_output_is_named(pixels):
    keras.utils.set_random_seed(0)
    model = with_age(["edema", "nodule"])
    network = networks.CamNetwork.from_model(model, output="nodule", held={"age": [0.6, 1]})
    held = np.tile([[0.6, 1]], (10, 1)).astype("float32")
    expected = model.predict([pixels.astype("float32"), held], verbose=0)[1]
    assert_close(network.score(pixels)[1], expected)
    assert_close(network.packed().unpacked().score(pixels)[1], expected)
    one = networks.CamNetwork.from_model(with_age(["edema"]), held={"age": 0.6})
    assert one.classes == 2


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"held": {"age": 1}}, r'^Model two has 2 outputs \(edema, nodule\): choose one, such as output="edema".$'),
        ({"output": "edema"}, r'^Model two has 2 inputs without a value \(image, age\): .* held=\{"age": 0\}.$'),
        ({"held": {"sex": 1}}, "^held names 'sex', which is no input of model two: choose from image, age.$"),
        ({"held": {"age": [1, 2, 3]}}, r"^held has \[1, 2, 3\] for 'age': numbers of shape \(2,\) are expected.$"),
        ({"held": {"age": 1, "image": 0}}, "^held names every input of model two: leave out the one"),
        ({"held": {"age": 1}, "output": "mass"}, "^Model two has no output 'mass': choose from edema, nodule.$"),
    ],
)
def test_what_is_named_and_not_there_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        networks.CamNetwork.from_model(with_age(["edema", "nodule"]), **settings)


def test_the_first_normalization_of_the_image_is_found_next_to_other_inputs():
    age, image = keras.Input((2,), name="age"), keras.Input((32, 32, 3), name="image")
    x = layers.BatchNormalization(name="of_image")(layers.Rescaling(1 / 255)(image))
    pooled = [layers.BatchNormalization(name="of_age")(age), POOLING()(convolution()(x))]
    model = keras.Model([age, image], layers.Dense(2, "softmax")(layers.Concatenate()(pooled)))
    layer, before = networks.first_layer(model, layers.BatchNormalization)
    assert layer.name == "of_image" and before.sources[0].shape == (None, 32, 32, 3)
    assert_close(before([np.full((1, 32, 32, 3), 255.0)], training=False)[0], np.ones((1, 32, 32, 3)))
    assert networks.first_layer(model, layers.LayerNormalization) is None


def test_models_with_layers_of_one_name_are_read(pixels):
    """Two backbones that were trained apart, and the mean of their logits. Their layers are named by their place."""
    keras.utils.set_random_seed(0)
    inputs, ends = keras.Input((32, 32, 3)), []
    for number in range(2):
        own = keras.Input((32, 32, 3))
        inner = keras.Model(own, layers.Dense(2, name="dense")(POOLING()(convolution()(own))), name=f"model_{number}")
        ends.append(inner(inputs))
    model = keras.Model(inputs, layers.Softmax()(layers.Average()(ends)))
    network = networks.CamNetwork.from_model(model)
    assert "and not what goes around them" in network.notice
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))
    both = "2 layers have that name: write model_[01]/last_convolution or model_[01]/last_convolution.$"
    with pytest.raises(ValueError, match=f"^layer is 'last_convolution', and {both}"):
        networks.CamNetwork.from_model(model, layer="last_convolution")
    for number, inner in enumerate(ends):
        chosen = networks.CamNetwork.from_model(model, layer=f"model_{number}/last_convolution")
        own = inner._keras_history.operation.get_layer("last_convolution").output
        expected = keras.Model(inner._keras_history.operation.inputs, own).predict(pixels.astype("float32"), verbose=0)
        assert_close(chosen.explain(pixels)[0], expected)


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (
            lambda x: layers.Average()([layers.Dense(2, "softmax")(x) for _ in range(2)]),
            "ends in Average 'average.*no logits",
        ),
        (lambda x: layers.Reshape((2, 2))(layers.Dense(4)(x)), r"gives \(2, 2\) for each image, and one score"),
        (lambda x: layers.Softmax(axis=1)(layers.Reshape((1, 1, 3))(layers.Dense(3)(x))), "is not over its 3 classes"),
    ],
)
def test_ends_that_give_no_logits_are_refused(end, sentence):
    inputs, _, x = pooled(POOLING())
    with pytest.raises(ValueError, match=sentence):
        networks.CamNetwork.from_model(keras.Model(inputs, end(x)))


class Squeeze(layers.Layer):
    """Of the name of an operation, and something else."""

    def call(self, x):
        return keras.ops.tanh(x) * 3


class Drawn(layers.Layer):
    def call(self, x):
        return x * keras.random.uniform(keras.ops.shape(x))


class Halved(keras.Model):
    def call(self, x, training=None, mask=None):
        return super().call(x / 2)


class Two(layers.Layer):
    def call(self, x):
        return 1.5 * x, 2 * x


def test_layers_of_the_name_of_an_operation_are_their_own(pixels):
    inputs, _, logits = pooled(POOLING(), Squeeze(), layers.Dense(3))
    model = drawn(keras.Model(inputs, layers.Softmax()(logits)))
    network = networks.CamNetwork.from_model(model)
    assert network.head_weights is None
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


def test_a_model_with_a_call_of_its_own_is_refused_and_its_call_is_the_remedy(pixels):
    inputs, _, logits = pooled(POOLING(), layers.Dense(3))
    model = Halved(inputs, layers.Softmax()(logits), name="halved")
    with pytest.raises(ValueError, match=r"pass keras.Model\(inputs, halved.call\(inputs\)\) of inputs = keras.Input"):
        networks.CamNetwork.from_model(model)
    inputs = keras.Input((32, 32, 3))
    remedied = networks.CamNetwork.from_model(keras.Model(inputs, model.call(inputs)))
    assert_close(remedied.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


def test_answers_that_are_drawn_are_refused():
    inputs, _, logits = pooled(POOLING(), Drawn(name="drawn"), layers.Dense(3))
    with pytest.raises(ValueError, match="other scores each time: put layers of Keras's own in the place of 'drawn'"):
        networks.CamNetwork.from_model(keras.Model(inputs, layers.Softmax()(logits)))


def test_a_masked_softmax_is_refused():
    inputs, _, logits = pooled(POOLING(), layers.Dense(3))
    model = keras.Model(inputs, layers.Softmax()(logits, mask=np.array([[True, False, True]])))
    with pytest.raises(ValueError, match="ends in Softmax .* gives no logits that are known here"):
        networks.CamNetwork.from_model(model)


def test_outputs_have_their_own_names_in_a_dict_of_any_order(pixels):
    inputs, _, x = pooled(POOLING())
    ends = {name: layers.Dense(2, "softmax", name=f"end_{name}")(x) for name in "ba"}
    for kind in (dict, OrderedDict):
        model = keras.Model(inputs, kind(ends))
        for name, answers in model.predict(pixels.astype("float32"), verbose=0).items():
            assert_close(networks.CamNetwork.from_model(model, output=name).score(pixels)[1], answers)


def test_statistics_of_normalization_stay_in_another_precision(pixels):
    normalization = layers.Normalization()
    normalization.adapt(pixels.astype("float32"))
    inputs = keras.Input((32, 32, 3))
    x = POOLING()(layers.Conv2D(5, 5, strides=8, activation="relu")(normalization(inputs)))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(x))
    network = networks.CamNetwork.from_model(model, precision="mixed_bfloat16")
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0), 0.02)


def test_a_view_of_one_logit_gives_the_probabilities_of_its_sigmoid(pixels):
    inputs, _, logit = pooled(POOLING(), layers.Dense(1))
    network = networks.CamNetwork.from_model(drawn(keras.Model(inputs, layers.Activation("sigmoid")(logit))))
    expected = network.score(pixels)[1]
    view = networks.CamNetwork.from_model(network._made_from[0], activation="relu").with_activation("sigmoid")
    for one in (network.with_activation("sigmoid"), view, view.packed().unpacked()):
        assert_close(one.score(pixels)[1], expected)


@pytest.mark.parametrize("layer", ["two", "two[1]"])
def test_each_output_of_a_layer_is_held_apart(layer, pixels):
    keras.utils.set_random_seed(0)
    inputs, _, (first, second) = pooled(layers.Conv2D(4, 3, activation="relu"), Two(name="two"))
    both = layers.Concatenate()([layers.GlobalMaxPooling2D()(first), POOLING()(second), layers.Flatten()(first * 3)])
    logits = layers.Dense(3)(both)
    network = networks.CamNetwork.from_model(keras.Model(inputs, logits), activation="softmax", layer=layer)
    classes = np.arange(10) % 3
    maps = second if layer == "two[1]" else first
    expected = by_hand(keras.Model(inputs, logits), maps, logits, pixels, classes)
    explanation = evaluation.explain_batch(network, pixels, classes)
    assert_close(explanation.features, expected[0])
    assert_close(explanation.gradients, expected[2], 1e-5)


def test_what_goes_around_a_layer_that_inference_ignores_is_not_of_that_layer(pixels):
    inputs, x, dropped = pooled(layers.Dropout(0.3, name="dropped"))
    logits = layers.Dense(3)(layers.Concatenate()([POOLING()(dropped), layers.GlobalMaxPooling2D()(x)]))
    model = keras.Model(inputs, logits)
    network = networks.CamNetwork.from_model(model, activation="softmax", layer="dropped")
    assert "and not what goes around them" in network.notice
    classes = np.arange(10) % 3
    expected = np.broadcast_to(model.layers[-1].get_weights()[0][:5].T[classes][:, None, None] / 16, (10, 4, 4, 5))
    assert_close(evaluation.explain_batch(network, pixels, classes).gradients, expected, 1e-5)


def test_each_use_of_a_layer_has_a_name_that_gives_its_maps(pixels):
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    inputs = keras.Input((32, 32, 3))
    once = shared(inputs / 255)
    twice = shared(once)
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()([POOLING()(once), POOLING()(twice)])))
    for name, maps in (("shared", once), ("shared:2", twice)):
        network = networks.CamNetwork.from_model(model, layer=name)
        assert_close(network.explain(pixels)[0], keras.Model(inputs, maps).predict(pixels.astype("float32"), verbose=0))
    assert "layer='shared:2' names a later one" in networks.CamNetwork.from_model(model).notice


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_reading_a_model_draws_no_random_numbers(activation):
    """Otherwise a training that follows would begin with other weights."""
    model = keras.Model(*pooled(POOLING(), layers.Dense(3 if activation == "softmax" else 1, activation))[::2])
    after = []
    for read in (True, False):
        keras.utils.set_random_seed(0)
        if read:
            networks.CamNetwork.from_model(model)
        after.append(layers.Dense(3).build((None, 4)) or np.asarray(keras.random.normal((3,))))
    np.testing.assert_array_equal(*after)
