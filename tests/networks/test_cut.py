"""What counts as feature maps: tokens, single positions and subclassed models are refused with a remedy that works."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from black_average_drop import cams, evaluation, networks
from black_average_drop.networks import building
from closeness import assert_close
from example_models import classifier


class Position(layers.Layer):
    def build(self, shape):
        self.embedding = self.add_weight(shape=(1, *shape[1:]))

    def call(self, tokens):
        return tokens + self.embedding


class PatchEmbedding(layers.Layer):
    """From the image straight to tokens."""

    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(8, 8, strides=8)

    def call(self, images):
        return ops.reshape(self.convolution(images), (-1, 16, 8))


class Standardized(layers.Layer):
    def call(self, images):
        return (images - ops.mean(images, (1, 2, 3), True)) / ops.std(images, (1, 2, 3), True)


def patches(x):
    return layers.Reshape((16, 8))(layers.Conv2D(8, 8, strides=8, name="patches")(x))


def convolutions(x):
    x = layers.Conv2D(8, 5, strides=4, padding="same", activation="relu")(x)
    return layers.Reshape((16, 8))(layers.Conv2D(8, 3, 2, "same", activation="relu", name="last_convolution")(x))


def transformer(x):
    x = Position()(x)
    for _ in range(2):
        normed = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(normed, normed)])
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(16, "gelu")(layers.LayerNormalization()(x)))])
    return layers.LayerNormalization(name="last_tokens")(x)


def mixer(x):
    mixed = layers.Dense(16)(layers.Permute((2, 1))(layers.LayerNormalization()(x)))
    return layers.Add()([x, layers.Permute((2, 1))(mixed)])


def hand_written_attention(x):
    heads = layers.Permute((2, 1, 3))(layers.Reshape((16, 2, 4), name="heads")(layers.Dense(8)(x)))
    shares = layers.Softmax()(ops.matmul(heads, ops.transpose(heads, (0, 1, 3, 2))))
    return layers.Reshape((16, 8))(layers.Permute((2, 1, 3))(ops.matmul(shares, heads)))


ENDS = {
    "average": lambda x: layers.GlobalAveragePooling1D()(x),
    "flattened": lambda x: layers.Flatten()(x),
    "class token": lambda x: x[:, 0],
}


def nested_transformer():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, transformer(patches(inputs)))


@pytest.mark.parametrize(
    ("behind", "kinds"),
    [
        ((layers.LSTM(5),), "LSTM"),
        ((Position(), layers.Bidirectional(layers.GRU(3))), "Bidirectional"),
        ((hand_written_attention, ENDS["average"]), "Matmul"),
    ],
)
def test_single_patches_are_refused_where_their_order_is_lost_behind_them(behind, kinds):
    """Their maps would be those of the patch embedding."""
    keras.utils.set_random_seed(0)
    with pytest.raises(ValueError, match=f"^Model outside works on tokens: .* {kinds} lie behind them; ") as refused:
        networks.CamNetwork.from_model(classifier(patches, *behind))
    said = str(refused.value)
    assert "\n" not in said and said.endswith("or choose a deeper or a convolutional network.") or "reshape" in said


TOKENS = {
    **{end: lambda end=end: (patches, transformer, ENDS[end]) for end in ENDS},
    "rescaled": lambda: (layers.Rescaling(1 / 255), patches, transformer, ENDS["average"]),
    "standardized image by image": lambda: (Standardized(), patches, transformer, ENDS["average"]),
    "nested": lambda: (layers.Rescaling(1 / 255), nested_transformer(), ENDS["average"]),
    "straight from the image": lambda: (layers.Rescaling(1 / 255), PatchEmbedding(), transformer, ENDS["average"]),
}


@pytest.mark.parametrize("name", TOKENS)
def test_the_last_tokens_whose_patches_count_are_feature_maps(name, pixels):
    """The first patch is in the place of a class token where the others behind the last attention count no more."""
    keras.utils.set_random_seed(0)
    model = classifier(*TOKENS[name]())
    network = networks.CamNetwork.from_model(model)
    assert (network.layer == "last_tokens") == (name != "class token")
    assert (network.head_weights is None) == (name in ("flattened", "class token"))
    assert network.explain(pixels)[0].shape == (10, 4, 4, 8)
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


@pytest.mark.parametrize("end", ["average", "flattened"])
def test_the_remedy_for_tokens_gives_their_maps_and_the_same_scores(end, pixels):
    keras.utils.set_random_seed(0)
    model = classifier(patches, transformer, ENDS[end])
    rows = layers.Reshape((4, 4, 8), name="rows_and_columns")(model.get_layer("last_tokens").output)
    pooled = layers.GlobalAveragePooling2D() if end == "average" else layers.Flatten()
    remedied = keras.Model(model.inputs, model.layers[-1](pooled(rows)))
    network = networks.CamNetwork.from_model(remedied)
    assert network.layer == "rows_and_columns" and network.notice == ""
    features, _, scores = network.explain(pixels)
    assert features.shape == (10, 4, 4, 8)
    assert_close(scores, model.predict(pixels.astype("float32"), verbose=0))


def test_heads_of_an_attention_are_not_rows_and_columns():
    model = classifier(patches, hand_written_attention, ENDS["average"])
    with pytest.raises(ValueError, match="^Model outside .* 'heads' makes .* no rows and columns of the image"):
        networks.CamNetwork.from_model(model, layer="heads")


def convolution(name):
    return layers.Conv2D(6, 5, strides=4, padding="same", activation="relu", name=name)


MOVED = {
    "made of a hidden layer": (layers.Flatten(), layers.Dense(32), layers.Reshape((4, 4, 2), name="moved")),
    "channels first": (layers.Permute((3, 1, 2), name="moved"), layers.Flatten()),
    "channels first, by an operation": (lambda x: ops.transpose(x, (0, 3, 1, 2)), layers.Flatten()),
    "on its side": (layers.Permute((2, 1, 3), name="moved"),),
    "in one row": (layers.Reshape((64, 1, 6), name="moved"),),
    "channels as columns": (
        layers.Reshape((64, 6)), layers.Reshape((64, 6, 1), name="moved"), layers.Conv2D(3, 3, activation="relu")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_feature_maps_are_those_before_rows_and_columns_are_lost(name, pixels):
    keras.utils.set_random_seed(0)
    end = [] if name.startswith("channels first") else [layers.GlobalAveragePooling2D()]
    model = classifier(convolution("seen"), *MOVED[name], *end)
    network = networks.CamNetwork.from_model(model)
    assert network.layer == "seen" and network.explain(pixels)[0].shape == (10, 8, 8, 6)
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))
    if "operation" not in name:
        with pytest.raises(ValueError, match="^Model outside has no feature maps: its layer 'moved' (makes|puts)"):
            networks.CamNetwork.from_model(model, layer="moved")


BEHIND = {
    "LSTM": (layers.LSTM(5),),
    "Bidirectional": (layers.Bidirectional(layers.GRU(3)),),
    "Attention": (lambda x: layers.Attention()([x, x]), layers.GlobalAveragePooling1D()),
}


@pytest.mark.parametrize("kinds", BEHIND)
def test_convolutions_before_attention_or_recurrence_are_differentiated_with_a_notice(kinds, pixels):
    keras.utils.set_random_seed(0)
    model = classifier(convolutions, *BEHIND[kinds])
    network = networks.CamNetwork.from_model(model)
    assert network.layer == "last_convolution" and network.head_weights is None
    assert network.notice == (
        f"Behind the feature maps lie {kinds}: a map shows what goes into them, not which positions they look at."
    )
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))
    rows = evaluation.evaluate(network, pixels, cams.chosen(["Grad-CAM", "HiRes-CAM"]), alpha=0.3)
    assert np.isfinite(rows["masked_score"]).all()


def excited(x, weights_first):
    x = layers.Conv2D(8, 5, strides=8, padding="same", activation="relu")(x)
    weights = layers.Dense(8, "sigmoid")(layers.GlobalAveragePooling2D()(x))
    parts = [layers.Reshape((1, 1, 8))(weights), x]
    return layers.Multiply(name="excited")(parts if weights_first else parts[::-1])


def shuffled(x):
    """Channels in groups, exchanged, as in ShuffleNet: three dimensions become four and three again."""
    x = layers.Conv2D(8, 5, strides=8, padding="same", activation="relu")(x)
    x = layers.Permute((1, 2, 4, 3))(layers.Reshape((4, 4, 2, 4))(x))
    return layers.Reshape((4, 4, 8), name="shuffled")(x)


@pytest.mark.parametrize("pooling", [layers.GlobalAveragePooling2D, layers.Flatten])
@pytest.mark.parametrize(
    ("layer", "maps"),
    [
        ("excited", lambda x: excited(x, weights_first=True)),
        ("excited", lambda x: excited(x, weights_first=False)),
        ("shuffled", shuffled),
        ("conv_lstm", lambda x: layers.ConvLSTM2D(4, 3, name="conv_lstm")(layers.Reshape((1, 32, 32, 3))(x))),
    ],
)
def test_maps_in_rows_and_columns_pass_without_a_notice(layer, maps, pooling, pixels):
    keras.utils.set_random_seed(0)
    model = classifier(maps, pooling())
    network = networks.CamNetwork.from_model(model)
    assert network.layer == layer and network.notice == ""
    assert_close(network.score(pixels)[1], model.predict(pixels.astype("float32"), verbose=0))


@pytest.mark.parametrize(
    "parts",
    [
        (layers.Flatten(),),
        (layers.Rescaling(1 / 255), layers.Normalization(), layers.Flatten()),
    ],
)
def test_pixels_are_no_feature_maps(parts):
    with pytest.raises(ValueError, match="^Model outside has no layer that learns feature maps, in rows and columns"):
        networks.CamNetwork.from_model(classifier(*parts))


@pytest.mark.parametrize(
    ("backbone", "side", "named"),
    [
        ("small_cnn", 8, 9),
        ("InceptionV3", 96, 107),
        ("MobileNetV2", 32, 63),  # padded for 32 pixels; built for 33 it is padded otherwise, and has four positions
    ],
)
def test_feature_maps_of_one_position_are_refused_with_the_smallest_size_that_gives_four(backbone, side, named):
    def model(side):
        trunk, _ = building.build_trunk(backbone, (side, side), None)
        inputs = keras.Input((side, side, 3))
        pooled = layers.GlobalAveragePooling2D()(trunk(layers.Rescaling(1 / 255)(inputs)))
        return keras.Model(inputs, layers.Dense(2, "softmax")(pooled), name="outside")

    sentence = f"feature maps of one position .*: images of {named} x {named} pixels give 2 x 2\\.$"
    for refused in {side} if backbone == "MobileNetV2" else {side, named - 1}:
        with pytest.raises(ValueError, match=f"^Model outside has {sentence}"):
            networks.CamNetwork.from_model(model(refused))
    network = networks.CamNetwork.from_model(model(named))
    assert network.explain(np.zeros((1, named, named, 3)))[0].shape[1:3] == (2, 2)
    with pytest.raises(ValueError, match=f"^{backbone} has {sentence}"):
        networks.build(backbone, (side, side), ("a", "b"))  # before it is trained


def test_feature_maps_of_a_model_of_any_size_are_counted_at_the_size_it_is_told():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=8, padding="same", activation="relu")(inputs)
    heads = layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)
    for pooled in (heads[0], layers.Concatenate()(heads)):
        model = keras.Model(inputs, layers.Dense(2, "softmax")(pooled))
        with pytest.raises(ValueError, match="one position.* images of 9 x 9 pixels give 2 x 2"):
            networks.CamNetwork.from_model(model, image_size=(8, 8))
        networks.CamNetwork.from_model(model, image_size=(9, 9))
        networks.CamNetwork.from_model(model, image_size=(8, 9))  # two positions
