"""Names that may be chosen: none that Keras knows is refused."""

import inspect
from types import ModuleType

import keras
import pytest

from bad_cases import refused
from black_average_drop import networks
from black_average_drop.model_files import settings


def applications():
    """The name of every network in keras.applications."""
    modules = [one for one in vars(keras.applications).values() if isinstance(one, ModuleType)]
    return {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and "input_shape" in inspect.signature(value).parameters
    }


def test_every_preprocessing_is_taken():
    names = applications()
    assert {"ResNet50", "VGG16", "MobileNetV2"} <= names and len(names) > 30
    for name in (*names, *networks.PREPROCESSINGS):
        settings.check_preprocessing(name)
    assert set(settings.SCALES) == set(networks.PREPROCESSINGS)


@pytest.mark.parametrize("name", ["tanh", "0-1", "resnet50", "Res Net"])
def test_what_is_no_preprocessing_is_refused_as_the_network_does(name):
    known = ", ".join(repr(one) for one in ("", "0..1", "-1..1", "-1024..1024", "imagenet"))
    said = f"preprocessing is '{name}': choose {known} or a name in keras.applications."
    for check in (settings.check_preprocessing, networks.preprocessing):
        refused(lambda check=check: check(name), said)


def test_choices_are_named():
    for name in settings.PRECISIONS:
        settings.check_precision(name)
    refused(
        lambda: settings.check_precision("float16"),
        "precision is 'float16': choose one of float32, mixed_float16, mixed_bfloat16.",
    )
    refused(
        lambda: settings.check_choice("activation", "tanh", settings.ACTIVATIONS),
        "activation is 'tanh': choose one of relu, softmax, sigmoid.",
    )
