"""Small classifiers as other people train them, each with its own preprocessing, head and number of outputs."""

import keras
import numpy as np
from keras import layers

from black_average_drop import networks

SIZE = 32
COUNT, EPOCHS, BATCH = 2000, 6, 32
LEARNT = 0.75  # of the training images are classified right
PREPROCESSINGS = ("0..1", "-1..1", "VGG16")
RESCALINGS = ((1 / 255, 0.0), (1 / 127.5, -1.0))
ARCHITECTURES = ("BatchNorm", "plain", "flat")


def spots(count, seed):
    """Grey noise over a slope of light, every second image with a blurred spot: pixels, and labels 0 and 1."""
    generator = np.random.default_rng([seed, 0])
    labels = np.arange(count) % 2
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.empty((count, SIZE, SIZE, 3), "uint8")
    for image, label in zip(images, labels, strict=True):
        angle, middle = generator.uniform(0, 2 * np.pi), generator.uniform(6, SIZE - 6, 2)
        slope = generator.uniform(0, 1.5) * (np.cos(angle) * (x - SIZE / 2) + np.sin(angle) * (y - SIZE / 2))
        light = generator.uniform(60, 130) + slope + generator.normal(0, 12, (SIZE, SIZE))
        spot = np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / 2 / generator.uniform(2, 4) ** 2)
        image[:] = np.clip(light + label * generator.uniform(15, 90) * spot, 0, 255)[..., None]
    return images, labels


def stripes(count, seed):
    """Two colours in stripes across, stripes along, or checks, under noise: pixels, and labels 0 to 2."""
    generator = np.random.default_rng([seed, 1])
    labels = np.arange(count) % 3
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.empty((count, SIZE, SIZE, 3), "uint8")
    for image, label in zip(images, labels, strict=True):
        across, along = (np.sin(2 * np.pi * z / generator.uniform(5, 11) + generator.uniform(0, 6)) for z in (x, y))
        pattern = (across, along, across * along * 1.3)[label]
        first, second = generator.uniform(20, 235, (2, 3))
        drawn = (first + second) / 2 + pattern[..., None] * (first - second) / 2 * generator.uniform(0.1, 1)
        image[:] = np.clip(drawn + generator.normal(0, 25, image.shape), 0, 255)
    return images, labels


def blocks(count, seed):
    """One quarter of four is bright, so easy that a classifier ends up very sure: pixels, and labels 0 to 3."""
    generator = np.random.default_rng([seed, 2])
    labels = np.arange(count) % 4
    images = generator.normal(generator.uniform(30, 110, (count, 1, 1, 3)), 10, (count, SIZE, SIZE, 3))
    half = SIZE // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(label, 2)
        image[row * half : (row + 1) * half, column * half : (column + 1) * half, row] += generator.uniform(60, 140)
    return np.clip(images, 0, 255).astype("uint8"), labels


KINDS = {"spots": spots, "stripes": stripes, "blocks": blocks}


def build(architecture, classes, rescaling=None):
    """A model of 32 x 32 pixels: "BatchNorm", "residual" and "plain" end in pooling and softmax, "flat" in a hidden
    dense layer and sigmoid, one output where there are two classes; rescaling: scale and offset of a layer of its own.
    """
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(*rescaling)(inputs) if rescaling else inputs
    for number, filters in enumerate((16, 32, 48)):
        if architecture in ("BatchNorm", "residual"):
            x = layers.Conv2D(filters, 3, strides=2 if number else 1, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        if architecture == "residual":
            inner = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.Add()([x, layers.BatchNormalization(momentum=0.9)(inner)]))
        if architecture in ("plain", "flat"):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
            x = layers.MaxPooling2D()(x) if number < 2 or architecture == "flat" else x
    if architecture == "flat":
        x = layers.Dropout(0.3)(layers.Dense(32, "relu")(layers.Flatten()(x)))
        return keras.Model(inputs, layers.Dense(1 if classes == 2 else classes, "sigmoid")(x))
    return keras.Model(inputs, layers.Dense(classes, "softmax")(layers.GlobalAveragePooling2D()(x)))


def train(kind, preprocessing, architecture, seed, rescaling=None):
    """A model that has learnt one of KINDS from images preprocessed in that way, in as many rounds as that takes."""
    images, labels = KINDS[kind](COUNT, seed)
    classes = int(labels.max()) + 1
    prepare = networks.preprocessing(preprocessing)
    pixels = prepare(images.astype("float32")) if prepare else images.astype("float32")
    for weights_seed in range(seed, seed + 5):
        networks.make_deterministic(weights_seed)
        model = build(architecture, classes, rescaling)
        if preprocessing == "VGG16":  # values of 100 would kill its ReLUs; who has such values has trained weights, too
            first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
            first.set_weights([weight / 64 for weight in first.get_weights()])
        targets = labels if model.output_shape[-1] == 1 else np.eye(classes)[labels]
        loss = "binary_crossentropy" if architecture == "flat" else "categorical_crossentropy"
        steps = EPOCHS * -(-COUNT // BATCH)
        for _ in range(3):
            rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=steps // 5)
            model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
            if model.fit(pixels, targets, BATCH, EPOCHS, verbose=0).history["accuracy"][-1] > LEARNT:
                return model
    raise RuntimeError(f"{architecture} has not learnt {kind} with {preprocessing or 'its own rescaling'}.")
