"""Each kind of model that the contract lists, read at its last feature maps and compared with its own output."""

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import cams, evaluation, networks
from closeness import DEEP, assert_close


def convolution(name="last_convolution"):
    return layers.Conv2D(5, 5, strides=8, padding="same", activation="relu", name=name)


def backbone(pooling=None):
    inputs = keras.Input((32, 32, 3))
    x = convolution()(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x) if pooling else x, name="backbone")


def functional():
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(convolution()(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(layers.Dropout(0.5)(x)))


def sequential(*end):
    head = [layers.GlobalAveragePooling2D(), *end]
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), convolution(), *head])


def nested(pooling):
    inputs = keras.Input((32, 32, 3))
    x = backbone(pooling)(layers.RandomFlip()(inputs))
    x = x if pooling else layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, "softmax")(x))


def nested_twice():
    inner = keras.Sequential([keras.Input((32, 32, 3)), backbone(pooling="avg")])
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Dense(3, "softmax")(inner(layers.Rescaling(0.5)(inputs))))


def nested_head():
    classifier = keras.Sequential([keras.Input((5,)), layers.Dropout(0.1), layers.Dense(3, "softmax")])
    return keras.Sequential([keras.Input((32, 32, 3)), backbone(pooling="avg"), classifier])


def any_size():
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(convolution()(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(x))


def flattened():
    end = layers.Flatten(), layers.Dense(3, "softmax")
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), convolution(), *end])


def two_poolings():
    inputs = keras.Input((32, 32, 3))
    maps = convolution()(layers.Rescaling(1 / 255)(inputs))
    squares = layers.Multiply()([maps, maps])
    pooled = layers.Concatenate()([layers.GlobalAveragePooling2D()(maps), layers.GlobalAveragePooling2D()(squares)])
    return keras.Model(inputs, layers.Dense(3, "softmax")(pooled))


def image_beside_its_features():
    inputs = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling2D()(convolution()(inputs))
    both = layers.Concatenate()([pooled, layers.Flatten()(inputs)])
    return keras.Model(inputs, layers.Dense(3, "softmax")(both))


OTHER_HEADS = {
    "flattened": flattened,
    "flattened behind a nested backbone": lambda: keras.Sequential(
        [keras.Input((32, 32, 3)), backbone(), layers.Flatten(), layers.Dense(3, "softmax")]
    ),
    "hidden layer": lambda: sequential(layers.Dense(4, "tanh"), layers.Dense(3, "relu", bias_initializer="ones")),
    "hidden layer behind nested pooling, nested head": lambda: keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), backbone(pooling="avg"), layers.Dense(4, "tanh")),
            keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")]),
        ]
    ),
    "two poolings": two_poolings,
}

MODELS = {
    "functional": functional,
    "sequential": lambda: sequential(layers.Dense(3, "relu", bias_initializer="ones")),
    "separate activation": lambda: sequential(layers.Dense(3), layers.Activation("softmax")),
    "softmax layer": lambda: sequential(layers.Dense(3), layers.Softmax()),
    "relu layer": lambda: sequential(layers.Dense(3, bias_initializer="ones"), layers.ReLU()),
    "no bias": lambda: sequential(layers.Dense(3, "softmax", use_bias=False)),
    "dropout behind": lambda: sequential(layers.Dense(3, "softmax"), layers.Dropout(0.5)),
    "cast behind": lambda: sequential(layers.Dense(3, "softmax"), layers.Activation("linear", dtype="float32")),
    "several labels": lambda: sequential(layers.Dense(3, "sigmoid")),
    "nested, pooling outside": lambda: nested(None),
    "nested, pooling inside": lambda: nested("avg"),
    "nested twice": nested_twice,
    "nested head": nested_head,
    "kept dimensions": lambda: keras.Sequential(
        [
            *(keras.Input((32, 32, 3)), convolution(), layers.GlobalAveragePooling2D(keepdims=True)),
            *(layers.Flatten(), layers.Dense(3, "softmax")),
        ]
    ),
}


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
    gradients = network.differentiate(features, classes)
    assert gradients.shape == features.shape
    step = 0.001 * np.random.default_rng(0).normal(size=features.shape).astype("float32")
    forward, back = (np.asarray(network._head(features + sign * step)) for sign in (1, -1))
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
    wanted = np.broadcast_to((network.head_weights.T[classes] / 16)[:, None, None], features.shape)
    assert_close(network.differentiate(features, classes), wanted, 1e-6)


def test_reloaded_model_reads_the_same(tmp_path, pixels):
    model = nested("avg")
    model.save(tmp_path / "outside.keras")
    loaded, facts = networks.load(tmp_path / "outside.keras")
    assert facts == {}
    wanted = networks.CamNetwork.from_model(model).explain(pixels)
    for found, one in zip(networks.CamNetwork.from_model(loaded).explain(pixels), wanted, strict=True):
        assert_close(found, one)


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
    gradients = [network.differentiate(features, np.full(10, label)) for label in (0, 1)]
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
            found = evaluation.explain_all(network, pixels, methods, classes=classes)
            maps.append(found.maps)
            tables.append(evaluation.evaluate(network, pixels, methods, alpha=0.4, first_pass=found))
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
    wanted = model.predict(pixels.astype("float32") / 127.5 - 1, verbose=0)
    assert_close(network.score(pixels)[1], wanted)


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
        (lambda: keras.Sequential([keras.Input((32,)), layers.Dense(2, "softmax")]), "no feature maps"),
        (image_beside_its_features, "does not draw its scores from its last feature maps alone"),
        (lambda: sequential(layers.Dense(2, "tanh")), "ends in tanh"),
        (lambda: sequential(layers.Dense(2, "softmax"), layers.ReLU()), "two activations"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(), layers.Softmax()), "two activations"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(max_value=1)), "does not end in a dense head"),
        (lambda: sequential(layers.Dense(2), layers.ReLU(negative_slope=0.1)), "does not end in a dense head"),
        (any_size, "pass image_size"),
        (lambda: sequential(layers.Dense(2, "softmax"), layers.Rescaling(2.0)), "does not end in a dense head"),
        (lambda: keras.Sequential([layers.Dense(2)]), "must be built"),
        (lambda: "model.keras", "A Keras model is wanted"),
    ],
)
def test_models_that_do_not_fit_are_refused_in_a_sentence(model, message):
    with pytest.raises(ValueError, match=message):
        networks.CamNetwork.from_model(model())


def test_wrong_image_size_is_refused(small_model):
    with pytest.raises(ValueError, match="do not fit"):
        networks.CamNetwork.from_model(small_model).score(np.zeros((1, 16, 32, 3)))


@pytest.mark.parametrize("backbone_name", ["small_cnn", "MobileNetV2", "ResNet50", "DenseNet121"])
def test_build_takes_pixels_and_ends_in_features_that_are_not_negative(backbone_name, generator):
    model = networks.build(backbone_name, (64, 64), ("a", "b", "c"), "relu")
    network = networks.CamNetwork.from_model(model)
    images = generator.integers(0, 256, (2, 64, 64, 3)).astype("float32")
    features, logits, scores = network.explain(images)
    assert features.min() >= 0 and scores.shape == (2, 3)
    np.testing.assert_array_equal(scores, 1)  # with bias 0 or a random kernel a ReLU head can be born dead
    shown = keras.Model(model.inputs, model.get_layer("pixels_to_network").output).predict(images, verbose=0)
    if backbone_name == "small_cnn":
        wanted = images / 127.5 - 1
    else:
        wanted = networks._application(backbone_name)[1].preprocess_input(images.copy())
    assert_close(shown, wanted)


def test_features_that_go_negative_are_refused_by_the_name_of_their_layer(generator):
    network = networks.CamNetwork.from_model(networks.build("EfficientNetB0", (64, 64), ("a", "b")))
    with pytest.raises(ValueError, match="Grad-CAM\\+\\+ on the output of layer 'top_activation'"):
        evaluation.explain_all(network, generator.uniform(0, 255, (2, 64, 64, 3)))


def test_softmax_head_starts_without_bias():
    model = networks.build("small_cnn", (64, 64), ("a", "b"), "softmax")
    np.testing.assert_array_equal(model.layers[-1].get_weights()[1], 0)
    with pytest.raises(ValueError, match="activation is 'tanh'"):
        networks.build("small_cnn", (64, 64), ("a", "b"), "tanh")


@pytest.fixture(scope="module")
def weight_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(3)
    for classes in (1000, 1001):
        full = keras.applications.MobileNetV2(weights=None, classes=classes, alpha=1.0)
        full.save_weights(folder / f"{classes}.weights.h5")
    return folder, full


def test_imagenet_head_from_a_file_is_used_as_it_is(weight_files, generator):
    folder, full = weight_files
    images = generator.uniform(0, 255, (2, 224, 224, 3)).astype("float32")
    model = networks.build_imagenet("MobileNetV2", (224, 224), folder / "1001.weights.h5")
    wanted = full.predict(images / 127.5 - 1, verbose=0)
    assert_close(model.predict(images, verbose=0), wanted, DEEP)
    network = networks.CamNetwork.from_model(model)
    assert network.classes == 1001 and network.layer == "out_relu"
    assert networks.build_imagenet("MobileNetV2", (96, 96), folder / "1000.weights.h5").output_shape == (None, 1000)


def test_pretrained_trunk_freezes_batch_normalisation_and_random_trunk_does_not(weight_files):
    folder, full = weight_files

    def trainable(model):
        norms = [one for one in model._flatten_layers() if isinstance(one, layers.BatchNormalization)]
        return {norm.trainable for norm in norms}

    pretrained = networks.build("MobileNetV2", (96, 96), ("a", "b"), weights=folder / "1001.weights.h5")
    assert trainable(pretrained) == {False}
    assert trainable(networks.build("MobileNetV2", (96, 96), ("a", "b"))) == {True}
    first = pretrained.get_layer("MobileNetV2").get_layer("Conv1").get_weights()[0]
    np.testing.assert_array_equal(first, full.get_layer("Conv1").get_weights()[0])


@pytest.mark.parametrize("with_head", [False, True])
def test_backbone_with_pooling_inside_its_blocks_is_cut_at_its_end(tmp_path, with_head):
    """EfficientNet pools in every squeeze-and-excitation block: the last one is not the end of the network."""
    full = keras.applications.EfficientNetB0(weights=None, include_top=with_head, input_shape=(64, 64, 3))
    full.save_weights(tmp_path / "w.weights.h5")
    model = networks.build("EfficientNetB0", (64, 64), ("a", "b"), weights=tmp_path / "w.weights.h5")
    network = networks.CamNetwork.from_model(model)
    assert network.layer == "top_activation" and network.head_weights.shape == (1280, 2)


def test_head_that_is_not_pooled_is_refused(tmp_path, monkeypatch):
    def flattened(weights=None, include_top=True, classes=1000, input_shape=None):
        inputs = keras.Input((32, 32, 3))
        x = layers.Dense(classes, "softmax")(layers.Flatten()(convolution()(inputs)))
        return keras.Model(inputs, x if include_top else convolution()(inputs))

    flattened().save_weights(tmp_path / "w.weights.h5")
    monkeypatch.setattr(networks, "_application", lambda name: (flattened, keras.applications.vgg16))
    with pytest.raises(ValueError, match="global average pooling"):
        networks.build("Flat", (32, 32), ("a", "b"), weights=tmp_path / "w.weights.h5")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"backbone": "NoSuchNet"}, ValueError, "backbone is 'NoSuchNet'"),
        ({"weights": "absent.weights.h5"}, FileNotFoundError, "absent.weights.h5 is missing"),
        ({"backbone": "small_cnn", "weights": "imagenet"}, ValueError, "no pretrained weights"),
    ],
)
def test_build_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        networks.build(**{"backbone": "MobileNetV2", "image_size": (64, 64), "class_names": ("a", "b"), **arguments})


def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, small_model):
    small_model.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="other.weights.h5 does not fit MobileNetV2"):
        networks.build("MobileNetV2", (64, 64), ("a", "b"), weights=tmp_path / "other.weights.h5")


def test_saved_file_carries_its_facts(tmp_path, small_model, pixels):
    path = tmp_path / "new" / "model.keras"
    networks.save(small_model, path, {"class_names": ["a", "b", "c"], "seed": 4})
    model, facts = networks.load(path)
    assert facts == {"class_names": ["a", "b", "c"], "seed": 4}
    assert_close(*(one.predict(pixels.astype("float32"), verbose=0) for one in (model, small_model)))
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


def test_files_that_cannot_be_loaded_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.keras is missing"):
        networks.load(tmp_path / "nothing.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK not a model")
    with pytest.raises(ValueError, match="broken.keras cannot be loaded"):
        networks.load(tmp_path / "broken.keras")


def test_dropout_stands_before_the_head_and_is_passed_over(pixels):
    model = networks.build("small_cnn", (32, 32), ("a", "b"), dropout=0.5)
    assert [layer.name for layer in model.layers[-3:]] == ["global_average_pooling", "dropout", "head"]
    assert model.get_layer("dropout").rate == 0.5
    model.layers[-1].set_weights([np.ones((96, 2)), np.zeros(2)])
    network = networks.CamNetwork.from_model(model)
    assert_close(network.score(pixels)[1], model(pixels.astype("float32")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"dropout": 1.0}, "dropout is 1.0: a share from 0 to below 1"), ({"precision": "half"}, "precision is 'half'")],
)
def test_build_refuses_what_it_cannot_train_with(arguments, message):
    with pytest.raises(ValueError, match=message):
        networks.build("small_cnn", (32, 32), ("a", "b"), **arguments)


def test_batch_normalisation_of_random_weights_follows_within_an_epoch():
    trunk = networks.build("MobileNetV2", (64, 64), ("a", "b")).get_layer(index=2)
    momenta = {layer.momentum for layer in trunk.layers if isinstance(layer, layers.BatchNormalization)}
    assert momenta == {0.9}


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
    wanted = network.explain(pixels)
    network.on_accelerator = True
    tensor = network.placed(pixels)
    assert keras.ops.is_tensor(tensor) and keras.backend.standardize_dtype(tensor.dtype) == "float32"
    features, logits, scores = network.explain(tensor)
    assert keras.ops.is_tensor(features) and isinstance(logits, np.ndarray) and isinstance(scores, np.ndarray)
    for found, expected in zip((features, logits, scores), wanted, strict=True):
        assert_close(found, expected)
    assert_close(network.score(tensor)[0], wanted[1])
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
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    network = networks.CamNetwork.from_model(small_model)
    assert network.on_accelerator == keras.ops.is_tensor(network.placed(pixels)) == (devices != ["cpu:0"])


def test_a_network_can_be_read_in_mixed_precision(small_model, pixels, precision):
    """The layers before the head, whose scores stay float32; the model itself is left as it is."""
    exact = networks.CamNetwork.from_model(small_model)
    mixed = networks.CamNetwork.from_model(small_model, precision=precision)
    features, logits, _ = mixed.explain(pixels)
    assert features.dtype == logits.dtype == np.float32
    half = np.asarray(keras.ops.cast(keras.ops.cast(features, precision.removeprefix("mixed_")), "float32"))
    np.testing.assert_array_equal(features, half)
    wanted = features.mean(axis=(1, 2)) @ mixed.head_weights + small_model.layers[-1].get_weights()[1]
    assert_close(logits, wanted)
    apart = np.abs(logits - exact.explain(pixels)[1]).max()
    assert 0 < apart < 0.02 * np.abs(logits).max()
    assert {layer.compute_dtype for layer in small_model.layers} == {"float32"}
    again = mixed.packed().unpacked()  # as a worker of a cluster gets it
    np.testing.assert_array_equal(again.explain(pixels)[1], logits)
    back = networks.CamNetwork.from_model(networks.in_precision(small_model, precision))  # float32 unless told
    np.testing.assert_array_equal(back.explain(pixels)[1], exact.explain(pixels)[1])
    with pytest.raises(ValueError, match="precision is 'half': choose one of float32"):
        networks.CamNetwork.from_model(small_model, precision="half")


def test_float32_is_float32_where_a_gpu_could_round_it():
    networks.make_deterministic(0)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()
    else:
        import jax

        assert jax.config.jax_default_matmul_precision == "float32"
