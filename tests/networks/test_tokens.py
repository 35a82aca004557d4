"""Transformers read at their tokens, against a GradientTape by hand: features, gradients, closed form, AD and BAD."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import token_models
from black_average_drop import cams, evaluation, networks
from black_average_drop.networks.graph import between, opened
from black_average_drop.networks.tokens import find_grids
from closeness import assert_close, assert_same_drops
from token_models import ended, start

tensorflow = pytest.importorskip("tensorflow", reason="the gradients by hand are TensorFlow's")

IN_FRONT = "The token in front of the patches, such as a class token, cannot be shown on a map."
GOES_IN = "a map shows what goes into them, not which positions they look at."


def single_head(x):
    """Attention by hand, of one head."""
    query, key, value = (layers.Dense(8)(x) for _ in range(3))
    return ops.matmul(ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1)))), value)


def attention_by_hand():
    inputs, x = start()
    for _ in range(2):
        x = layers.Add()([single_head(layers.LayerNormalization()(x)), x])
    return ended(inputs, x, layers.GlobalAveragePooling1D()(x))


def attention_by_hand_behind_the_last_tokens():
    """Nothing goes around the attention, and nothing tells where its tokens are."""
    inputs, x = start()
    x = layers.Dense(8, name="last")(x + single_head(x))
    return ended(inputs, x, layers.GlobalAveragePooling1D()(single_head(x)))


def scores_of_each_token():
    """A dense layer at each token, then the mean: its tokens are scores, those before are features."""
    model, tokens, _ = token_models.pooled()
    return keras.Model(model.inputs, layers.GlobalAveragePooling1D()(layers.Dense(3)(tokens))), tokens, 0


def nested():
    inner, tokens, _ = token_models.pooled()
    inputs, inner = keras.Input((32, 32, 3)), keras.Model(inner.inputs, tokens)
    return ended(inputs, inner(inputs), layers.GlobalAveragePooling1D()(inner(inputs)))


def class_token_behind_convolutions():
    """One block: the class token that goes into it is the same for all images, and counts all the same."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 11, 8, padding="same", activation="gelu")(layers.Rescaling(1 / 255)(inputs))
    x = token_models.Positions()(token_models.InFront()(layers.Reshape((16, 8))(x)))
    tokens = layers.LayerNormalization(epsilon=1e-6)(x)
    return ended(inputs, tokens, layers.LayerNormalization()(token_models.block(x, tokens))[:, 0], 1)


def affine_behind_the_mean():
    model, tokens, _ = token_models.pooled()
    x = layers.Dropout(0.5)(layers.BatchNormalization()(ops.mean(tokens, axis=1)))
    return ended(model.inputs, tokens, x)


def hidden_layer():
    model, tokens, _ = token_models.class_token_cut_off_and_pooled()
    x = layers.Dense(6, "gelu")(layers.GlobalAveragePooling1D()(tokens[:, 1:]))
    return ended(model.inputs, tokens, x, 1)


def channels_attend_to_positions():
    """A path of another order is added to tokens: they stay where they are."""
    inputs, x = start()
    x = layers.Permute((2, 1))(layers.Dense(16)(layers.Permute((2, 1))(layers.Dense(16)(x)))) + layers.Dense(16)(x)
    return ended(inputs, x, layers.GlobalAveragePooling1D()(x))


ATTENTION = f"Behind the feature maps lie MultiHeadAttention, Dense: {GOES_IN}"
# name -> builder, whether the head has a closed form, and what is said
READ = {
    "class token": (token_models.with_a_class_token, False, f"{ATTENTION} {IN_FRONT}"),
    "two tokens in front": (
        lambda: token_models.with_a_class_token(2), False, f"{ATTENTION} {IN_FRONT.replace('token', '2 tokens', 1)}"
    ),
    "class token behind convolutions": (class_token_behind_convolutions, False, f"{ATTENTION} {IN_FRONT}"),
    "pooled": (token_models.pooled, True, ""),
    "class token cut off": (token_models.class_token_cut_off_and_pooled, True, ""),
    "class token pooled, too": (token_models.class_token_pooled_too, False, IN_FRONT),
    "attention as pooling": (
        token_models.attention_as_pooling, False, f"Behind the feature maps lie Dense, MultiHeadAttention: {GOES_IN}"
    ),
    "example of Keras": (token_models.example_of_keras, False, ""),
    "hybrid": (token_models.hybrid, True, ""),
    "mixer": (token_models.mixer, True, ""),
    "Swin": (token_models.swin, True, ""),
    "Swin of own layers": (token_models.swin_of_own_layers, True, ""),
    "attention by hand": (attention_by_hand, True, ""),
    "attention by hand behind the last tokens": (
        attention_by_hand_behind_the_last_tokens, False, f"Behind the feature maps lie Dense, Matmul: {GOES_IN}"
    ),
    "scores of each token": (scores_of_each_token, True, ""),
    "affine behind the mean": (affine_behind_the_mean, True, ""),
    "hidden layer": (hidden_layer, False, ""),
    "a path of another order": (channels_attend_to_positions, True, ""),
}  # fmt: skip


def built(build, seed=0):
    """A model with weights that hide nothing, its tokens, and how many are in front."""
    keras.utils.set_random_seed(seed)
    model, tokens, front = build()
    generator = np.random.default_rng(seed)
    model.set_weights([one + generator.normal(scale=0.1, size=one.shape) * (one.dtype.kind == "f") for one in
                       model.get_weights()])  # fmt: skip
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.abs(layer.moving_variance) + 0.1)
    return model, tokens, front


def by_hand(model, tokens, front, images, classes, rows=4):
    """Features, logits and gradients, with the tokens in front cut off of what a tape gives."""
    whole = keras.Model(model.inputs, [tokens, model.outputs[0]])
    with tensorflow.GradientTape() as tape:
        values, logits = whole(tensorflow.constant(images, "float32"), training=False)
        explained = tensorflow.reduce_sum(tensorflow.gather(logits, classes, batch_dims=1))
    slopes = tape.gradient(explained, values).numpy()
    features, gradients = (
        one[:, front:].reshape(len(images), rows, -1, one.shape[-1]) for one in (values.numpy(), slopes)
    )
    return features, logits.numpy(), gradients


@pytest.mark.parametrize("name", READ)
def test_tokens_are_read_as_by_hand(name, pixels):
    build, closed, said = READ[name]
    model, tokens, front = built(build)
    network = networks.CamNetwork.from_model(model, activation="softmax")
    classes = np.arange(10) % 3
    features, logits, gradients = by_hand(model, tokens, front, pixels, classes)
    assert features.shape == (10, 4, 4, tokens.shape[-1]) and features.min() < 0
    explanation = evaluation.explain_batch(network, pixels, classes)
    assert_close(explanation.features, features)
    assert_close(network.score(pixels)[0], logits)
    assert_close(explanation.gradients, gradients, 1e-4)
    assert_close(network.differentiate(explanation.features, classes, pixels), gradients, 1e-4)
    assert network.notice == said and network.layer == tokens._keras_history.operation.name
    assert (network.head_weights is not None) == closed
    if closed:
        assert_close(network.head_weights.T[classes], gradients.sum(axis=(1, 2)))


def test_a_nested_transformer_is_read_at_its_tokens(pixels):
    model, *_ = built(nested)
    network = networks.CamNetwork.from_model(model, activation="softmax")
    assert network.layer == "norm" and network.head_weights is not None
    tokens = keras.Model(model.layers[1].inputs, model.layers[1].outputs).predict(pixels.astype("float32"), verbose=0)
    assert_close(network.explain(pixels)[0], tokens.reshape(10, 4, 4, 8))


@pytest.mark.parametrize("name", ["class token", "pooled"])
def test_the_drops_of_three_images_are_those_by_hand(name, pixels):
    model, tokens, front = built(READ[name][0])
    network = networks.CamNetwork.from_model(model, activation="softmax")
    images, classes = pixels[:3], np.array([0, 1, 2])
    features, logits, gradients = by_hand(model, tokens, front, images, classes)
    maps = np.maximum((features * gradients.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)
    shown = np.asarray(cams.upsample(maps.astype("float32"), (32, 32)))
    full = scores(logits)[np.arange(3), classes]
    for metric in evaluation.METRICS:
        drops = []
        for image, drawn, class_, before in zip(images, shown, classes, full, strict=True):
            kept = drawn > np.sort(drawn, axis=None)[::-1][round(0.25 * drawn.size)]
            share = np.maximum(drawn, 0) / (drawn.max() or 1) if metric == "AD" else kept
            masked = model((image * share[..., None])[None].astype("float32"), training=False).numpy()
            drops.append(max(before - scores(masked)[0, class_], 0) / before)
        rows = evaluation.evaluate(network, images, cams.chosen(["Grad-CAM"]), 0.25, classes=classes)
        own = rows[(rows["method"] == "Grad-CAM") & (rows["metric"] == metric)]["drop"]
        assert_same_drops(own, drops, full, 1e-4)
        assert np.max(drops) > 0


def scores(logits):
    powers = np.exp(np.float64(logits) - np.max(logits, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_grad_cam_plus_plus_says_that_tokens_go_negative(pixels):
    network = networks.CamNetwork.from_model(built(token_models.pooled)[0], activation="softmax")
    explanation = evaluation.explain_batch(network, pixels, np.zeros(10, int))
    usable, unfit = cams.usable(explanation, cams.METHODS)
    assert {"CAM", "Grad-CAM", cams.POSITIVE_PART} <= set(usable) and set(unfit) == {
        "Grad-CAM++", "Grad-CAM++ (normalised alpha)"
    }  # fmt: skip
    assert unfit["Grad-CAM++"].startswith("Grad-CAM++ needs feature maps >= 0")


def last_norm(model):
    """The name of the normalization before the last attention."""
    attention = [layer for layer in model.layers if isinstance(layer, layers.MultiHeadAttention)][-1]
    return attention.input[0]._keras_history.operation.name


def test_the_normalization_before_the_last_attention_may_be_named(pixels):
    """Of a pooled head, where the patches go around it; of a class token it is read anyway."""
    model, *_ = built(token_models.pooled)
    name, front = last_norm(model), 0
    network = networks.CamNetwork.from_model(model, activation="softmax", layer=name)
    classes = np.arange(10) % 3
    features, _, gradients = by_hand(model, model.get_layer(name).output, front, pixels, classes)
    explanation = evaluation.explain_batch(network, pixels, classes)
    assert_close(explanation.features, features)
    assert_close(explanation.gradients, gradients, 1e-4)
    assert network.layer == name
    assert network.notice.startswith(f"The scores draw on more than the feature maps of layer {name!r}: ")
    assert_close(network.packed().unpacked().explain(pixels)[0], features)
    other, *_ = built(token_models.with_a_class_token)
    default, named = (
        networks.CamNetwork.from_model(other, activation="softmax", layer=layer) for layer in (None, last_norm(other))
    )
    assert (named.layer, named.notice) == (default.layer, default.notice)
    assert_close(named.explain(pixels)[0], default.explain(pixels)[0], 1e-6)


def test_what_goes_into_a_normalization_has_no_hires_cam(pixels):
    """A slope is at right angles to what is then divided by its own size."""
    model, normed, front = built(token_models.with_a_class_token)
    before = model.get_layer(last_norm(model)).input
    name, classes = before._keras_history.operation.name, np.arange(10) % 3
    network = networks.CamNetwork.from_model(model, activation="softmax", layer=name)
    assert network.notice == (
        f"{ATTENTION} {IN_FRONT} HiRes-CAM is 0 there but for rounding, since only the normalization "
        f"{last_norm(model)!r} takes the patches: layer={last_norm(model)!r} has maps that are not."
    )
    shares = []
    for tokens, layer in ((before, name), (normed, last_norm(model))):
        explanation = evaluation.explain_batch(
            networks.CamNetwork.from_model(model, activation="softmax", layer=layer), pixels, classes
        )
        features, _, gradients = by_hand(model, tokens, front, pixels, classes)
        assert_close(explanation.features, features)
        assert_close(explanation.gradients, gradients, 1e-4)
        products = np.asarray(explanation.features) * np.asarray(explanation.gradients)
        shares.append(np.abs(products.sum(axis=-1)).max() / np.abs(products).sum(axis=-1).max())
    assert shares[0] < 1e-4 and shares[1] > 0.1


def test_tokens_behind_which_only_the_class_token_counts_are_refused():
    model, tokens, _ = built(token_models.with_a_class_token)
    with pytest.raises(ValueError) as refused:
        networks.CamNetwork.from_model(model, activation="softmax", layer="norm")
    used = tokens._keras_history.operation.name
    assert str(refused.value) == (
        f"layer is 'norm', and {model.name} draws its scores on no patch among its tokens: choose an earlier one, such "
        f"as {used!r}."
    )
    networks.CamNetwork.from_model(model, activation="softmax", layer=used)
    with pytest.raises(ValueError, match="choose another one, such as ") as refused:
        networks.CamNetwork.from_model(model, activation="softmax", layer="nothing")
    for name in str(refused.value).split("such as ")[1].rstrip(".").split(", "):
        networks.CamNetwork.from_model(model, activation="softmax", layer=name.strip("'"))


def test_a_class_token_with_one_layer_of_attention_is_refused():
    """Its maps would be single patches of the image."""
    model, *_ = built(lambda: token_models.with_a_class_token(depth=1))
    with pytest.raises(ValueError, match="works on tokens: .* are single patches of the image, and MultiHeadAttention"):
        networks.CamNetwork.from_model(model, activation="softmax")


def test_rows_and_columns_of_tokens_in_an_unknown_order_are_given(pixels):
    model, tokens, front = built(token_models.own_encoder)
    for settings in ({}, {"layer": "encoder"}, {"reshape": (3, 5)}, {"reshape": (2, 8)}):
        with pytest.raises(ValueError, match=r"give reshape=\(4, 4\)"):
            networks.CamNetwork.from_model(model, activation="softmax", **settings)
    classes = np.arange(10) % 3
    features, _, gradients = by_hand(model, tokens, front, pixels, classes)
    for settings in ({}, {"layer": "encoder"}):
        network = networks.CamNetwork.from_model(model, activation="softmax", reshape=[4, 4], **settings)
        assert network.layer == "encoder" and network.notice == IN_FRONT
        explanation = evaluation.explain_batch(network, pixels, classes)
        assert_close(explanation.features, features)
        assert_close(explanation.gradients, gradients)
        assert_close(network.packed().unpacked().explain(pixels)[0], features)


def test_rows_and_columns_choose_a_stage_of_tokens(pixels):
    model, *_ = built(token_models.swin)
    network = networks.CamNetwork.from_model(model, activation="softmax", reshape=(8, 8))
    features, _, gradients = by_hand(model, model.get_layer(network.layer).output, 0, pixels, np.zeros(10, int), 8)
    explanation = evaluation.explain_batch(network, pixels, np.zeros(10, int))
    assert_close(explanation.features, features)
    assert_close(explanation.gradients, gradients, 1e-4)
    with pytest.raises(ValueError, match=r"^reshape is \(8, 8\), and layer 'norm' has \(4, 4\): give reshape=\(4, 4\)"):
        networks.CamNetwork.from_model(model, activation="softmax", reshape=(8, 8), layer="norm")


@pytest.mark.parametrize(
    ("reshape", "said"),
    [
        ((2, 8), r"has no tokens that are patches in 2 rows and 8 columns: give reshape=\(4, 4\)\.$"),
        ((5, 5), r"has no tokens that are patches in 5 rows and 5 columns: give reshape=\(4, 4\)\.$"),
        ((4,), r"^reshape is \(4,\): give the rows and columns of the patches, such as \(14, 14\)\.$"),
        (4, "^reshape is 4: give the rows"),
        ((4, -4), r"^reshape is \(4, -4\): give the rows"),
    ],
)
def test_rows_and_columns_that_do_not_fit_are_refused(reshape, said):
    model, *_ = built(token_models.with_a_class_token)
    with pytest.raises(ValueError, match=said):
        networks.CamNetwork.from_model(model, activation="softmax", reshape=reshape)


def test_a_network_without_tokens_takes_no_reshape(small_model):
    with pytest.raises(ValueError, match="in 4 rows and 4 columns: leave reshape out.$"):
        networks.CamNetwork.from_model(small_model, reshape=(4, 4))


@pytest.mark.parametrize("own", [False, True])
def test_patches_of_an_image_that_is_no_square_have_its_shape(own, generator):
    inputs = keras.Input((32, 48, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    if own:
        x = layers.Dense(8)(WidePatches()(x))
    else:
        x = layers.Reshape((24, 8))(layers.Conv2D(8, 8, 8)(x))
    tokens = token_models.block(token_models.Positions()(token_models.InFront()(x)))
    model = keras.Model(inputs, layers.Dense(3)(ops.mean(tokens[:, 1:], axis=1)))
    network = networks.CamNetwork.from_model(model, activation="softmax")
    images = generator.integers(0, 256, (4, 32, 48, 3)).astype("uint8")
    values = keras.Model(inputs, tokens).predict(images.astype("float32"), verbose=0)
    assert_close(network.explain(images)[0], values[:, 1:].reshape(4, 4, 6, 8))


class WidePatches(layers.Layer):
    def call(self, images):
        return ops.reshape(ops.image.extract_patches(images, 8), (-1, 24, 192))


class Moved(layers.Layer):
    """Tokens in another order."""

    def __init__(self, order):
        super().__init__()
        self.order = np.asarray(order)

    def call(self, tokens):
        return ops.take(tokens, self.order, axis=1)


@pytest.mark.parametrize(
    "order",
    [
        np.arange(16)[::-1],
        np.arange(16).reshape(4, 4).T.ravel(),
        np.roll(np.arange(16), 1),
        np.arange(16).reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).ravel(),  # window by window
    ],
)
def test_tokens_that_changed_places_are_no_feature_maps(order):
    inputs, x = start()
    x = token_models.block(token_models.Positions()(x))
    kept = x._keras_history.operation.name
    model, *_ = ended(inputs, x, layers.GlobalAveragePooling1D()(layers.Dense(8)(Moved(order)(x))))
    network = networks.CamNetwork.from_model(model, activation="softmax")
    assert network.layer == kept
    model, *_ = ended(inputs, x, layers.GlobalAveragePooling1D()(layers.Dense(8, name="d")(Moved(np.arange(16))(x))))
    assert networks.CamNetwork.from_model(model, activation="softmax").layer == "d"


@pytest.mark.parametrize("channels", range(1, 17))
def test_rows_of_maps_are_never_taken_for_patches(channels):
    """Four rows of 4 x 4 positions are four tokens, and no 2 x 2 patches, whatever numbers are drawn to try it out."""
    inputs = keras.Input((32, 32, 3))
    rows = layers.Reshape((4, 4 * channels))(layers.Conv2D(channels, 8, 8)(inputs))
    graph = opened(keras.Model(inputs, rows))
    calls, _ = between([], list(graph.outputs.values()))
    assert not find_grids(calls, next(iter(graph.inputs.values())), (32, 32))


def test_rows_that_are_read_as_steps_are_no_patches():
    inputs = keras.Input((32, 32, 3))
    maps = layers.Conv2D(8, 11, 8, padding="same", activation="relu", name="maps")(inputs)
    steps = layers.Dense(8)(layers.Reshape((4, 32))(maps))
    network = networks.CamNetwork.from_model(
        keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(steps))), activation="softmax"
    )
    assert network.layer == "maps"


@pytest.mark.parametrize("build", [token_models.with_a_class_token, token_models.pooled])
def test_tokens_in_another_precision_are_about_the_same(build, pixels, precision):
    model, *_ = built(build)
    network = networks.CamNetwork.from_model(model, activation="softmax", precision=precision)
    exact = networks.CamNetwork.from_model(model, activation="softmax")
    features = exact.explain(pixels)[0]
    assert_close(network.explain(pixels)[0], features, 0.05)
    slopes = [one.differentiate(features, np.zeros(10, int), pixels) for one in (network, exact)]
    assert_close(*slopes, 0.1)
