"""Models from pixels to scores, with random weights, weights of a file, and an ImageNet head."""

import keras
import numpy as np
import pytest
from keras import layers

from black_average_drop import evaluation, networks
from black_average_drop.networks import applications, building
from closeness import DEEP, assert_close
from example_models import convolution


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
        expected = images / 127.5 - 1
    else:
        expected = applications.application(backbone_name)[1].preprocess_input(images.copy())
    assert_close(shown, expected)


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
    expected = full.predict(images / 127.5 - 1, verbose=0)
    assert_close(model.predict(images, verbose=0), expected, DEEP)
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
    monkeypatch.setattr(building, "application", lambda name: (flattened, keras.applications.vgg16))
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


def test_dropout_stands_before_the_head_and_is_passed_over(pixels):
    model = networks.build("small_cnn", (32, 32), ("a", "b"), dropout=0.5)
    assert [layer.name for layer in model.layers[-3:]] == ["global_average_pooling", "dropout", "head"]
    assert model.get_layer("dropout").rate == 0.5
    model.layers[-1].set_weights([np.ones((96, 2)), np.zeros(2)])
    network = networks.CamNetwork.from_model(model)
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


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


@pytest.mark.parametrize("activation", ["relu", "softmax"])
def test_a_head_starts_at_zero_or_at_random_as_far_as_it_is_told(activation):
    """The kernel of 1,024 x 3 has the spread that is asked for, over the root of the number of features."""
    keras.utils.set_random_seed(3)
    names, kernels = ("a", "b", "c"), {}
    for start in (None, 0.0, 0.8):
        head = networks.build("DenseNet121", (64, 64), names, activation, head_start=start).layers[-1]
        kernels[start], bias = head.get_weights()
        np.testing.assert_array_equal(bias, activation == "relu")
    assert (kernels[0.0] == 0).all() and (kernels[None] == 0).all() == (activation == "relu")
    drawn = kernels[0.8] * np.sqrt(len(kernels[0.8]))
    assert abs(drawn.mean()) < 0.05 and drawn.std() == pytest.approx(0.8, rel=0.05)


def test_a_head_cannot_start_below_zero():
    with pytest.raises(ValueError, match="head_start is -1: 0 or more is expected"):
        networks.build("small_cnn", (64, 64), ("a", "b"), head_start=-1)
