"""Each kind of model that the contract lists, read at its last feature maps and compared with its own output."""

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import cams, evaluation, networks
from black_average_drop.arrays import as_numpy
from closeness import assert_close
from example_models import (
    MODELS,
    OTHER_HEADS,
    any_size,
    convolution,
    flattened,
    functional,
    sequential,
)


@pytest.mark.parametrize("name", MODELS)
def test_from_model_reads_the_models_own_scores(name, pixels):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    network = networks.CamNetwork.from_model(model)
    features, logits, scores = network.explain(pixels)
    assert features.shape == (10, 4, 4, 5) and network.layer == "last_convolution" and network.image_size == (32, 32)
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))
    assert_close(network.score(pixels)[0], logits)
    # The logits are the pooled features through the head that explanations use.
    pooled = features.mean(axis=(1, 2)) @ network.head_weights
    assert_close(logits - pooled, np.broadcast_to((logits - pooled)[:1], logits.shape), of=logits)


@pytest.mark.parametrize("name", OTHER_HEADS)
def test_other_heads_are_read_and_differentiated(name, pixels):
    """The score is the model's own, and gradients predict what a small step along any feature does to the logit."""
    keras.utils.set_random_seed(0)
    model = OTHER_HEADS[name]()
    network = networks.CamNetwork.from_model(model)
    features, logits, scores = network.explain(pixels)
    assert features.shape == (10, 4, 4, 5) and network.layer == "last_convolution"
    assert network.head_weights is None and network.classes == 3
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))
    classes = np.arange(10) % 3
    gradients = network.differentiate(features, classes, pixels)
    assert gradients.shape == features.shape
    step = 0.001 * np.random.default_rng(0).normal(size=features.shape).astype("float32")
    forward, back = (as_numpy(network._head([features + sign * step])[0]) for sign in (1, -1))
    change = ((forward - back) / 2)[np.arange(10), classes]
    assert_close((gradients * step).sum(axis=(1, 2, 3)), change, 0.01)


def test_other_heads_are_evaluated_without_cam(pixels):
    keras.utils.set_random_seed(0)
    network = networks.CamNetwork.from_model(flattened())
    with pytest.raises(ValueError, match="CAM on the output of layer 'last_convolution': CAM needs a head"):
        evaluation.evaluate(network, pixels)
    methods = {name: cams.METHODS[name] for name in ("Grad-CAM", "Grad-CAM++")}
    rows = evaluation.evaluate(network, pixels, methods)
    assert len(rows) == 10 * 2 * 2 and rows["drop"].between(0, 1).all()


@pytest.mark.parametrize("name", MODELS)
def test_automatic_differentiation_of_a_pooled_head_gives_its_weights(name, pixels):
    """Eq. (12): dS_c/dA^k = w_k / z, to 1e-6, whatever way the model is put together."""
    keras.utils.set_random_seed(0)
    network = networks.CamNetwork.from_model(MODELS[name]())
    features, logits, _ = network.explain(pixels)
    classes = logits.argmax(axis=1)
    expected = np.broadcast_to((network.head_weights.T[classes] / 16)[:, None, None], features.shape)
    assert_close(network.differentiate(features, classes, pixels), expected, 1e-6)


TWINS = {
    "pooled": lambda: [layers.GlobalAveragePooling2D()],
    "flattened": lambda: [layers.Flatten(), layers.Dropout(0.2)],
    "hidden layer": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(4, "tanh")],
}


def sigmoid_and_its_twin(between, pixels):
    """A model with one sigmoid output that says yes to half of the images, and the two-output softmax model with the
    same probabilities whose two logits are opposite."""
    keras.utils.set_random_seed(0)
    trunk = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), convolution(), *between]
    dense, twin = layers.Dense(1), layers.Dense(2, "softmax")
    model, pair = (keras.Sequential([*trunk, *end]) for end in ([dense, layers.Activation("sigmoid")], [twin]))
    kernel = 4 * dense.get_weights()[0]
    dense.set_weights([kernel, np.zeros(1)])
    bias = -np.median(
        keras.Model(model.inputs, dense.output).predict(pixels.astype("float32"), verbose=0), keepdims=True
    )[0]
    dense.set_weights([kernel, bias])
    twin.set_weights([np.concatenate([-kernel / 2, kernel / 2], axis=1), np.concatenate([-bias / 2, bias / 2])])
    return model, pair


@pytest.mark.parametrize("name", TWINS)
def test_single_sigmoid_is_read_as_two_opposite_logits(name, pixels):
    model, _ = sigmoid_and_its_twin(TWINS[name](), pixels)
    network = networks.CamNetwork.from_model(model)
    features, logits, scores = network.explain(pixels)
    yes = model.predict(pixels.astype("float32"), verbose=0)[:, 0]
    assert network.classes == 2 and network.activation == "softmax" and 0 < (yes > 0.5).mean() < 1
    assert_close(scores, np.stack([1 - yes, yes], axis=1))
    assert_close(logits[:, 1] - logits[:, 0], np.log(yes / (1 - yes)), 1e-4)
    np.testing.assert_array_equal(logits[:, 0], -logits[:, 1])
    gradients = [network.differentiate(features, np.full(10, label), pixels) for label in (0, 1)]
    assert_close(gradients[0], -gradients[1])
    assert np.abs(gradients[0]).max() > 0


@pytest.mark.parametrize("name", TWINS)
def test_single_sigmoid_and_its_softmax_twin_have_the_same_maps_and_scores(name, pixels):
    """Every method, both classes, both metrics and Incorrect %."""
    pixels = (pixels * np.linspace(0.1, 1, 10)[:, None, None, None]).astype("uint8")
    both = [networks.CamNetwork.from_model(model) for model in sigmoid_and_its_twin(TWINS[name](), pixels)]
    needs_weights = {"CAM", "Ablation-CAM"} if name != "pooled" else set()
    methods = {label: method for label, method in cams.METHODS.items() if label not in needs_weights}
    predicted = both[0].explain(pixels)[1].argmax(axis=1)
    assert len(np.unique(predicted)) == 2
    wrong = []
    for classes in (predicted, 1 - predicted, np.zeros(10, int), np.ones(10, int)):
        maps, tables = [], []
        for network in both:
            first_pass = evaluation.explain_all(network, pixels, methods, classes=classes)
            maps.append(first_pass.maps)
            tables.append(evaluation.evaluate(network, pixels, methods, alpha=0.4, first_pass=first_pass))
        for method in methods:
            assert_close(maps[0][method], maps[1][method])
        assert set(tables[0]["metric"]) == {"AD", "BAD"}
        for column in ("full_score", "masked_score", "full_logit", "masked_logit", "drop", "kept"):
            assert_close(tables[0][column], tables[1][column], 1e-4)
        shares = [incorrect(table) for table in tables]
        assert shares[0].equals(shares[1])
        wrong.append(shares[0])
    assert 0 < np.mean(wrong) < 1 and len(np.unique(wrong)) > 2


def incorrect(table):
    """Incorrect % of each method under each metric."""
    return (table["masked_class"] != table["class"]).groupby([table["method"], table["metric"]]).mean()


def test_preprocessing_of_a_model_that_does_not_rescale(pixels):
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(convolution()(inputs))))
    network = networks.CamNetwork.from_model(model, preprocessing=lambda images: images / 127.5 - 1)
    expected = model.predict(pixels.astype("float32") / 127.5 - 1, verbose=0)
    assert_close(network.score(pixels)[1], expected)


def test_model_of_any_size_takes_the_size_it_is_told(pixels):
    model = any_size()
    network = networks.CamNetwork.from_model(model, image_size=(32, 32))
    assert network.image_size == (32, 32) and evaluation.black_logits(network).shape == (3,)
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


def test_activation_is_a_view_on_the_same_logits(pixels):
    network = networks.CamNetwork.from_model(functional())
    relu = networks.CamNetwork.from_model(functional(), activation="relu")
    assert (network.activation, relu.activation) == ("softmax", "relu")
    view = network.with_activation("relu")
    logits, scores = view.score(pixels)
    np.testing.assert_allclose(scores, np.maximum(logits, 0))
    assert network.activation == "softmax"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: sequential(layers.Dense(2)), "has no activation"),
        (
            lambda: keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(2, "softmax")]),
            "no layer",
        ),
        (lambda: keras.Sequential([keras.Input((32,)), layers.Dense(2, "softmax")]), r"takes \(None, 32\): images"),
        (lambda: sequential(layers.Dense(2, "tanh")), "ends in tanh"),
        (lambda: sequential(layers.Dense(2, "softmax"), layers.ReLU()), "two activations"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(), layers.Softmax()), "two activations"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(max_value=1)), "a ReLU that is cut off"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(negative_slope=0.1)), "cut off or leaks"),
        (any_size, "pass image_size"),
        (lambda: sequential(layers.Dense(2, "softmax"), layers.Rescaling(2.0)), "ends in Rescaling .* no logits"),
        (lambda: keras.Sequential([layers.Dense(2)]), "must be built"),
        (lambda: "model.keras", "A Keras model is expected"),
    ],
)
def test_models_that_do_not_fit_are_refused_in_a_sentence(model, message):
    with pytest.raises(ValueError, match=message):
        networks.CamNetwork.from_model(model())


def test_wrong_image_size_is_refused(small_model):
    with pytest.raises(ValueError, match="do not fit"):
        networks.CamNetwork.from_model(small_model).score(np.zeros((1, 16, 32, 3)))


def test_a_model_of_one_channel_gets_the_mean_of_the_colours(pixels):
    keras.utils.set_random_seed(2)
    parts = [keras.Input((32, 32, 1)), layers.Conv2D(4, 5, strides=8, activation="relu")]
    model = keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")])
    network = networks.CamNetwork.from_model(model)
    grey = pixels.astype("float32").mean(axis=-1, keepdims=True)
    assert_close(network.explain(pixels)[2], model.predict_on_batch(grey))
    parts = [keras.Input((32, 32, 4)), layers.Conv2D(4, 5), layers.GlobalAveragePooling2D()]
    with pytest.raises(ValueError, match=r"takes \(None, 32, 32, 4\): images"):
        networks.CamNetwork.from_model(keras.Sequential([*parts, layers.Dense(2, "softmax")]))


@pytest.mark.parametrize("name", ["", "-1..1", "ResNet50"])
def test_tensors_go_through_the_network_as_arrays_do(small_model, pixels, name):
    """Features stay a tensor; logits, which are few, come back as an array."""
    network = networks.CamNetwork.from_model(small_model, networks.preprocessing(name))
    expected = network.explain(pixels)
    network.on_accelerator = True
    tensor = network.placed(pixels)
    assert keras.ops.is_tensor(tensor) and keras.backend.standardize_dtype(tensor.dtype) == "float32"
    features, logits, scores = network.explain(tensor)
    assert keras.ops.is_tensor(features) and isinstance(logits, np.ndarray) and isinstance(scores, np.ndarray)
    for one, other in zip((features, logits, scores), expected, strict=True):
        assert_close(one, other)
    assert_close(network.score(tensor)[0], expected[1])
    np.testing.assert_array_equal(tensor, pixels)  # nothing has worked in place


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it is TensorFlow that formats them")
def test_no_pixel_is_formatted_on_the_way(small_model, pixels, monkeypatch):
    """TensorFlow did so for an error that it then caught itself, in every batch."""
    import tensorflow

    network, formatted = networks.CamNetwork.from_model(small_model), []
    network.explain(pixels)
    kind = type(tensorflow.constant(0))
    monkeypatch.setattr(kind, "__repr__", lambda tensor: formatted.append(tensor.shape) or "a tensor")
    assert repr(tensorflow.constant(0)) == "a tensor" and len(formatted) == 1
    network.score(pixels)
    network.explain(tensorflow.constant(pixels, "float32"))
    assert len(formatted) == 1


@pytest.mark.parametrize("devices", [["cpu:0"], ["gpu:0", "gpu:1"], ["tpu:0"]])
def test_work_is_done_where_the_network_is(small_model, pixels, monkeypatch, devices):
    monkeypatch.setattr("black_average_drop.networks.backends.devices", lambda: devices)
    network = networks.CamNetwork.from_model(small_model)
    assert network.on_accelerator == keras.ops.is_tensor(network.placed(pixels)) == (devices != ["cpu:0"])
