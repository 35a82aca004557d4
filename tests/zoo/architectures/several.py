"""Several inputs, outputs, branches or networks in one model."""

import keras
from keras import layers, ops

from architectures.blocks import convolved, start
from entry import AROUND, LATER, Built, ended, known, refused, works

POOL = layers.GlobalAveragePooling2D


def two_heads():
    """A diagnosis, and a severity from 0 to 1, of the same maps."""
    inputs, maps = start()
    pooled = POOL()(maps)
    diagnosis, severity = layers.Dense(3, "softmax", name="diagnosis"), layers.Dense(1, "sigmoid", name="severity")
    return keras.Model(inputs, [diagnosis(pooled), severity(pooled)]), maps, pooled


@works(classes=3, settings={"output": "diagnosis"}, quick=True)
def first_of_two_outputs():
    model, maps, pooled = two_heads()
    return known(model, maps, model.get_layer("diagnosis"), pooled)


@works(settings={"output": "severity"})
def second_of_two_outputs():
    model, maps, pooled = two_heads()
    return known(model, maps, model.get_layer("severity"), pooled)


@refused("output")
def two_outputs_none_of_which_is_named():
    return two_heads()[0]


@works(classes=3, settings={"output": "main"})
def auxiliary_classifier():
    """A second classifier at an earlier block, as GoogLeNet has it for training."""
    inputs, x = start()
    auxiliary = layers.Dense(3, "softmax", name="auxiliary")(layers.Flatten()(layers.AveragePooling2D(4)(x)))
    maps = convolved(x, 12, strides=2)
    last, pooled = layers.Dense(3, "softmax", name="main"), POOL()(maps)
    return known(keras.Model(inputs, [last(pooled), auxiliary]), maps, last, pooled)


@works(classes=4, settings={"output": "classes"})
def classes_and_a_box():
    """A detector of one object: outputs in a dict."""
    inputs, maps = start()
    pooled, last = POOL()(maps), layers.Dense(4, "softmax", name="classes")
    box = layers.Dense(4, name="box")(layers.Flatten()(maps))
    return known(keras.Model(inputs, {"classes": last(pooled), "box": box}), maps, last, pooled)


def with_age():
    """The age joins the pooled features."""
    inputs, maps = start()
    age = keras.Input((1,), name="age")
    known_of_age = layers.Dense(3, "relu")(layers.Rescaling(1 / 100)(age))
    joined = layers.Concatenate()([POOL()(maps), known_of_age])
    last = layers.Dense(2, "softmax")
    return keras.Model([inputs, age], last(joined)), maps, last, joined


@works(closed=None, settings={"held": {"age": 60}}, quick=True)
def age_as_second_input():
    return known(*with_age())


@refused("age")
def age_without_a_value():
    return with_age()[0]


@works(closed=False, settings={"held": {"age": 60, "sex": 1}})
def age_and_sex_before_a_hidden_layer():
    """A vector of both, and the image last among the inputs."""
    image, maps = start(name="image")
    age, sex = keras.Input((1,), name="age"), keras.Input((1,), name="sex")
    joined = layers.Concatenate()([layers.Normalization(mean=50.0, variance=300.0)(age), sex, POOL()(maps)])
    hidden = layers.Dropout(0.3)(layers.Dense(8, activation="relu")(joined))
    last = layers.Dense(1, "sigmoid")
    return known(keras.Model({"age": age, "sex": sex, "image": image}, last(hidden)), maps, last, hidden)


@works(closed=False, settings={"held": {"age": 60}})
def age_scales_the_maps():
    """Feature-wise modulation of maps by what is known of the patient."""
    inputs, x = start()
    age = keras.Input((1,), name="age")
    scale = layers.Reshape((1, 1, 8))(layers.Dense(8, "sigmoid")(layers.Rescaling(1 / 100)(age)))
    maps = layers.Multiply(name="modulated")([x, scale])
    last, hidden = layers.Dense(2, "softmax"), layers.Dense(6, "relu")(POOL()(maps))
    return known(keras.Model([inputs, age], last(hidden)), maps, last, hidden)


@works(closed=False, settings={"held": {"before": 0}})
def siamese():
    """One encoder sees two images, and their difference is judged; the earlier image is held black."""
    image, maps = start()
    encoder = keras.Model(image, layers.ReLU(name="encoded")(layers.Conv2D(8, 3)(maps)), name="encoder")
    before, now = keras.Input((32, 32, 3), name="before"), keras.Input((32, 32, 3), name="now")
    features, pool = encoder(now), POOL()
    difference = ops.abs(pool(features) - pool(encoder(before)))
    last = layers.Dense(1, "sigmoid")
    built = known(keras.Model([before, now], last(difference)), features, last, difference)
    return built._replace(layer="encoded:2")  # the encoder is used twice


def block_features():
    """Maps of two blocks, the second half as large."""
    inputs, first = start()
    return inputs, first, convolved(first, 12, strides=2)


@works(closed=False, notice=LATER)
def two_blocks_pooled():
    """All passes through the first of the two, so that its maps are read."""
    inputs, first, second = block_features()
    pooled = layers.Concatenate()([POOL()(first), POOL()(second)])
    return ended(inputs, first, pooled, layers.Dense(2, "softmax"))


@works(closed=False, notice=LATER)
def pyramid():
    """A feature pyramid: deep maps, upsampled, are added to shallow ones, and each level is pooled."""
    inputs, first, second = block_features()
    deep = layers.Conv2D(6, 1)(second)
    shallow = layers.Add()([layers.Conv2D(6, 1)(first), layers.UpSampling2D()(deep)])
    levels = [layers.Conv2D(6, 3, padding="same", activation="relu")(level) for level in (shallow, deep)]
    pooled = layers.Concatenate()([POOL()(level) for level in levels])
    return ended(inputs, first, pooled, layers.Dense(2, "softmax"))


@works(classes=3)
def encoder_of_a_u_net():
    """Pairs of convolutions with pooling between them, and a classifier at the bottom."""
    inputs = keras.Input((48, 48, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (6, 8, 12):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        maps = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
        x = layers.MaxPooling2D()(maps)
    return ended(inputs, maps, POOL()(maps), layers.Dense(3, "softmax"))


@works(classes=3)
def whole_u_net_with_a_classifier():
    """Up again with skip connections, and pooled at full size."""
    inputs, first, second = block_features()
    up = layers.Conv2DTranspose(8, 2, strides=2, padding="same")(second)
    maps = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.concatenate([up, first]))
    return ended(inputs, maps, POOL()(maps), layers.Dense(3, "softmax"))


def ensemble(name="conv"):
    """Two networks with equal names of layers, which see the same image, and their linear logits."""
    networks, dense = [], []
    for number in range(2):
        image = keras.Input((32, 32, 3))
        maps = layers.Conv2D(6, 5, strides=4, activation="relu", name=name)(layers.Rescaling(1 / 255)(image))
        dense.append(layers.Dense(2, name="logits"))
        networks.append(keras.Model(image, dense[-1](POOL()(maps)), name=f"network_{number}"))
    return networks, dense


@works(closed=False, notice=AROUND)
def two_networks_averaged():
    """Nothing but the image lies before all scores: the maps of the first network are read, with a notice."""
    networks, dense = ensemble()
    inputs = keras.Input((32, 32, 3))
    scores = layers.Softmax()(layers.Average()([network(inputs) for network in networks]))
    inner = [keras.Model(one.inputs, [one.get_layer("conv").output, one.output]) for one in networks]
    (maps, first), (_, second) = (one(inputs) for one in inner)
    trace = keras.Model(inputs, [maps, (first + second) / 2])
    return Built(keras.Model(inputs, scores), trace, "network_0/conv")


@refused("conv", settings={"layer": "conv"})
def a_name_that_two_layers_have():
    networks, _ = ensemble()
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Softmax()(layers.Average()([network(inputs) for network in networks])))


@refused("softmax|dense head")
def two_softmaxes_averaged():
    """Averaged probabilities are the softmax of nothing."""
    networks, _ = ensemble()
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Average()([layers.Softmax()(network(inputs)) for network in networks]))


@works(closed=False)
def two_backbones_concatenated():
    """Maps of two backbones side by side are one tensor, through which all passes."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    parts = [layers.Conv2D(6, size, strides=4, padding="same", activation="relu")(x) for size in (3, 5)]
    maps = layers.Concatenate(name="both")(parts)
    hidden = layers.Dense(8, "relu")(POOL()(maps))
    return ended(inputs, maps, hidden, layers.Dense(2, "softmax"))
