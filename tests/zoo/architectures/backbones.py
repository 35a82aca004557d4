"""Networks of keras.applications: nested, opened, or with a head of their own; small images, random weights."""

import keras
from keras import applications, layers, ops

from closeness import DEEP
from entry import AROUND, Built, add, ended, known, maker, works

POOL = layers.GlobalAveragePooling2D
# Side of the images, and the constructor with what makes it small. All end in more than one position.
BACKBONES = {
    "VGG16": (64, applications.VGG16, {}),
    "ResNet50": (64, applications.ResNet50, {}),
    "DenseNet121": (64, applications.DenseNet121, {}),
    "MobileNet": (64, applications.MobileNet, {"alpha": 0.25}),
    "MobileNetV2": (64, applications.MobileNetV2, {"alpha": 0.35}),
    "MobileNetV3Small": (64, applications.MobileNetV3Small, {"alpha": 0.75}),
    "EfficientNetB0": (64, applications.EfficientNetB0, {}),
    "ConvNeXtTiny": (64, applications.ConvNeXtTiny, {}),
    "InceptionV3": (112, applications.InceptionV3, {}),
    "Xception": (80, applications.Xception, {}),
    "NASNetMobile": (64, applications.NASNetMobile, {}),
}
MODULES = {"VGG16": "vgg16", "ResNet50": "resnet50", "InceptionV3": "inception_v3", "Xception": "xception"}
BELOW_0 = ("MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny")


def application(name, **more):
    """A network of keras.applications without its head."""
    side, constructor, small = BACKBONES[name]
    return constructor(**{"weights": None, "include_top": False, "input_shape": (side, side, 3), **small, **more})


def outside(name):
    """An input, and what the network takes in by its own preprocessing as operations of the graph."""
    side = BACKBONES[name][0]
    inputs = keras.Input((side, side, 3))
    module = getattr(applications, MODULES.get(name, ""), None)
    return inputs, module.preprocess_input(inputs) if module else layers.Rescaling(1 / 127.5, -1)(inputs)


def nested(name):
    """The guide on transfer learning: a frozen network called with training=False, pooled, Dropout, Dense."""

    def build():
        backbone = application(name)
        backbone.trainable = False
        inputs, x = outside(name)
        x = backbone(x, training=False)
        return ended(inputs, x, layers.Dropout(0.2)(POOL()(x)), layers.Dense(2, "softmax"))

    return build


for name in ("VGG16", "ResNet50", "MobileNetV2", "MobileNetV3Small", "Xception"):
    add(f"{name} nested", nested(name), share=DEEP, signed=name in BELOW_0)


def opened(name):
    """Layers behind backbone.output: the network's own layers are layers of the whole model."""

    def build():
        backbone = application(name)
        return ended(backbone.input, backbone.output, POOL()(backbone.output), layers.Dense(3, "softmax"))

    return build


for name in ("EfficientNetB0", "InceptionV3", "NASNetMobile"):
    add(f"{name} opened", opened(name), share=DEEP, signed=name in BELOW_0, classes=3)


def with_its_own_head(name, last, after=lambda values: values):
    """The network as it comes, with its own head for five classes."""

    def build():
        model = application(name, include_top=True, classes=5)
        pooling = next(one for one in model.layers[::-1] if isinstance(one, POOL))
        return known(model, pooling.input, model.get_layer(last), after=after)

    return build


def without_positions(values):
    return ops.squeeze(values, axis=(1, 2))


OWN_HEADS = {
    "MobileNet": ("conv_preds", True),
    "MobileNetV2": ("predictions", True),
    "MobileNetV3Small": ("logits", False),
    "ConvNeXtTiny": (None, False),
}
for name, (last, closed) in OWN_HEADS.items():
    after = without_positions if last in ("conv_preds", "logits") else lambda values: values
    build = with_its_own_head(name, last or "convnext_tiny_head_dense", after)
    add(f"{name} with its own head", build, share=DEEP, signed=name in BELOW_0, classes=5, closed=closed)


def pooled_inside(name, *end, preprocess=None):
    """A `Built` of a backbone made with pooling="avg" in a Sequential model, with an end behind it."""
    backbone, side = application(name, pooling="avg"), BACKBONES[name][0]
    start = [preprocess] if preprocess else []
    model = keras.Sequential([keras.Input((side, side, 3)), *start, backbone, *end])
    maps = next(one.input for one in backbone.layers[::-1] if isinstance(one, POOL))
    x = inputs = keras.Input((side, side, 3))
    maps, pooled = keras.Model(backbone.inputs, [maps, backbone.output])(preprocess(x) if preprocess else x)
    for layer in end[:-1]:
        pooled = layer(pooled)
    return Built(model, keras.Model(inputs, [maps, pooled]), maker(maps), end[-1])


@works(activation="sigmoid", classes=14, share=DEEP)
def chexnet():
    """DenseNet121 with its pooling inside, and 14 findings."""
    return pooled_inside("DenseNet121", layers.Dense(14, activation="sigmoid"), preprocess=layers.Rescaling(1 / 255))


@works(share=DEEP, quick=True)
def mobilenet_pooled_inside():
    return pooled_inside("MobileNet", layers.Dropout(0.5), layers.Dense(1, "sigmoid"))


@works(share=DEEP, signed=True, classes=3)
def efficientnet_normalized_behind_its_pooling():
    """EfficientNetB0 as the Keras example fine-tunes it: batch normalization and Dropout behind the pooling."""
    inputs = keras.Input((64, 64, 3))
    augmentation = keras.Sequential([layers.RandomRotation(0.15), layers.RandomFlip()])
    backbone = applications.EfficientNetB0(include_top=False, input_tensor=augmentation(inputs), weights=None)
    x = layers.BatchNormalization()(POOL(name="avg_pool")(backbone.output))
    x = layers.Dropout(0.2, name="top_dropout")(x)
    return ended(inputs, backbone.output, x, layers.Dense(3, "softmax", name="pred"))


@works(share=DEEP, closed=False)
def vgg16_flattened():
    """Fine-tuning as blogs have it: backbone.output, Flatten, a wide dense layer, Dropout."""
    backbone = application("VGG16")
    for layer in backbone.layers[:-4]:
        layer.trainable = False
    x = layers.Dense(32, activation="relu")(layers.Flatten(name="flatten")(backbone.output))
    return ended(backbone.input, backbone.output, layers.Dropout(0.5)(x), layers.Dense(2, activation="softmax"))


@works(share=DEEP, closed=False)
def mobilenetv2_with_an_intermediate_layer():
    """A hidden layer behind the sixth block's expansion, where the rest of the network is left out."""
    backbone = application("MobileNetV2")
    maps = backbone.get_layer("block_6_expand_relu").output
    x = layers.Dense(8, activation="relu")(POOL()(maps))
    return ended(backbone.input, maps, x, layers.Dense(2, activation="softmax"))


@works(share=DEEP, closed=False, settings={"layer": "conv_pw_11_relu"})
def a_layer_chosen_inside_mobilenet():
    backbone = application("MobileNet")
    inputs, last = keras.Input((64, 64, 3)), layers.Dense(2, "softmax")
    model = keras.Model(inputs, last(POOL()(backbone(inputs))))
    maps = backbone.get_layer("conv_pw_11_relu").output
    return Built(model, keras.Model(backbone.inputs, [maps, POOL()(backbone.output)]), "conv_pw_11_relu", last)


@works(share=DEEP, closed=False, notice=AROUND)
def mobilenet_and_mobilenetv2_side_by_side():
    """Pooled features of two networks, joined: nothing but the image lies before both."""
    inputs, x = outside("MobileNet")
    first, second = application("MobileNet")(x), application("MobileNetV2")(x)
    joined = layers.Concatenate()([POOL()(first), POOL()(second)])
    return ended(inputs, first, joined, layers.Dense(2, "softmax"))


@works(share=DEEP, closed=False)
def mobilenetv2_before_more_convolutions():
    """A nested backbone, a convolution behind it, and a hidden layer."""
    inputs, x = outside("MobileNetV2")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(application("MobileNetV2")(x))
    hidden = layers.Dense(16, activation="relu")(layers.Dropout(0.2)(POOL()(x)))
    return ended(inputs, x, hidden, layers.Dense(1, "sigmoid"))
