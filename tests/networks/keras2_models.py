"""Small models as tf_keras writes them, run in a process of its own: python keras2_models.py FOLDER.

The folder gets each model as .h5 and, where tf_keras can, as .keras; pixels.npy; and what each model answers, as .npy.
Of "partly_frozen" it gets architecture and weights apart, of "sequential" a SavedModel, and what comes of that.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers
from tf_keras.src.engine.base_layer import TensorFlowOpLayer

SIZE = 32


def sequential():
    return keras.Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(SIZE, SIZE, 3)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.SpatialDropout2D(0.2),
            layers.GaussianNoise(0.1),
            layers.ActivityRegularization(0.1),
            layers.Conv2D(6, 3, groups=2, name="second/block", activation="swish"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def augmented():
    """With augmentation layers in a model of their own, whose first call Keras 2 counts from 1."""
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1, fill_mode="nearest"),
            layers.RandomZoom(0.1),
            layers.RandomContrast(0.2),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomBrightness(0.1),
        ]
    )
    inputs = keras.Input((SIZE, SIZE, 3))
    x = augmentation(inputs)
    x = layers.Resizing(24, 24)(x)
    x = layers.RandomCrop(20, 13)(x)
    x = layers.CenterCrop(18, 11)(x)
    x = layers.Rescaling([1 / 127.5] * 3, offset=-1)(x)
    x = layers.experimental.SyncBatchNormalization()(layers.Conv2D(4, 3)(x))
    x = layers.GlobalMaxPooling2D()(layers.LeakyReLU(0.2)(x))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def mobile():
    """MobileNetV2 within a model, frozen as for training a head, without its batch statistics."""
    backbone = keras.applications.MobileNetV2((SIZE, SIZE, 3), alpha=0.35, include_top=False, weights=None)
    backbone.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.applications.mobilenet_v2.preprocess_input(inputs)
    x = layers.GlobalAveragePooling2D()(backbone(x, training=False))
    return keras.Model(inputs, layers.Dense(2)(x))


def backbone():
    """Blocks whose weights have one shape, so that no shape tells them apart."""
    inputs = x = keras.Input((SIZE, SIZE, 3))
    for _ in range(4):
        x = layers.BatchNormalization()(layers.Conv2D(3, 3)(layers.DepthwiseConv2D(3, padding="same")(x)))
    return keras.Model(inputs, layers.ReLU()(x))


def thawed():
    """A model within a model within a model, frozen as a whole, with its last layers thawed after that."""
    deepest = backbone()
    part = keras.Input((SIZE, SIZE, 3))
    middle = keras.Model(part, layers.BatchNormalization()(layers.Conv2D(3, 1)(deepest(part))))
    middle.trainable = False
    for layer in deepest.layers[-5:]:
        layer.trainable = True
    return keras.Sequential([layers.Rescaling(1 / 255), middle, layers.GlobalAveragePooling2D(), layers.Dense(2)])


def partly_frozen():
    """Of the backbone, the first layers are frozen, so that they come last in HDF5."""
    part = backbone()
    for layer in part.layers[:7]:
        layer.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.GlobalAveragePooling2D()(part(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(2)(x))


def caffe():
    """Channels reversed and the mean of ImageNet subtracted: a slice, and a bias for each channel."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.applications.resnet50.preprocess_input(inputs)
    x = layers.Conv2D(4, 3, strides=2, name="conv/1")(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(tf.nn.relu(x))))


def arithmetic():
    """Every operation that is read, some of them with a constant on the left."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = tf.cast(inputs, tf.float32) / 255.0
    x = tf.math.multiply(tf.math.subtract(x, [0.4, 0.5, 0.6]), 2.0) + 0.25
    x = layers.Conv2D(6, 3, padding="same")(1.0 - x)
    y = tf.nn.relu6(x) + tf.nn.leaky_relu(x) - tf.nn.silu(x) * tf.sigmoid(x)
    y = tf.maximum(y, -0.5) / (1.0 + tf.abs(x)) + tf.minimum(y, x)
    y = tf.concat([y, tf.clip_by_value(x, -1, 1), tf.nn.softmax(x), -x], axis=-1)
    y = tf.image.resize(y, (16, 16))
    y = y * tf.reduce_mean(y, axis=[1, 2], keepdims=True) + tf.reduce_max(y, axis=[1, 2], keepdims=True)
    y = y + tf.sqrt(tf.square(y) + 1.0) + tf.tanh(y) + tf.exp(-tf.square(y)) + tf.nn.elu(y) + tf.nn.gelu(y)
    y = tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [-1, 256, 24])
    y = tf.squeeze(tf.expand_dims(tf.reduce_sum(y, axis=1), 1), 1)
    return keras.Model(inputs, layers.Dense(2)(y))


def sliced():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = tf.pad(inputs[:, 2:-2, ::2, :], [[0, 0], [1, 1], [2, 2], [0, 0]])
    x = tf.image.grayscale_to_rgb(x[..., 1:2]) / 255.0
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))))


def old_operations():
    """The layers of TensorFlow 2.0 to 2.3 for the same arithmetic."""

    def operation(op, name, constants, **attributes):
        node = {"name": name, "op": op, "attr": {"T": {"type": "DT_FLOAT"}} | attributes}
        node["input"] = [f"{name}/{place}" for place in range(1 + len(constants))]
        return TensorFlowOpLayer(node, name, constants)

    inputs = keras.Input((SIZE, SIZE, 3))
    bits = {"begin_mask": 2, "end_mask": 2, "ellipsis_mask": 1, "new_axis_mask": 0, "shrink_axis_mask": 0}
    masks = {name: {"i": str(value)} for name, value in bits.items()}
    bounds = {1: np.int32([0, 0]), 2: np.int32([0, 0]), 3: np.int32([1, -1])}
    x = operation("StridedSlice", "slice", bounds, Index={"type": "DT_INT32"}, **masks)(inputs)
    x = operation("BiasAdd", "bias", {1: np.float32([-103.9, -116.8, -123.7])}, data_format={"s": "TkhXQw=="})(x)
    x = operation("RealDiv", "divided", {1: np.float32(127.5)})(x)
    x = operation("Sub", "less", {0: np.float32(1)})(x)
    x = operation("Relu", "relu", {})(layers.Conv2D(4, 3)(x))
    axes = {1: np.int32([1, 2])}
    x = operation("Mean", "mean", axes, Tidx={"type": "DT_INT32"}, keep_dims={"b": False})(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def shared():
    """Layers and models that are called twice, a model whose output is another's, and an attention."""
    part = keras.Input((SIZE, SIZE, 3))
    graph = keras.Model(part, layers.Conv2D(3, 3, padding="same", activation="tanh")(part), name="graph")
    chain = keras.Sequential([layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()], name="chain")
    inputs = keras.Input((SIZE, SIZE, 3))
    again = layers.Conv2D(3, 1, activation="hard_sigmoid", name="again")
    x = layers.Add()([graph(graph(inputs)), chain(chain(inputs / 255.0))])
    x = layers.Concatenate(axis=3)([again(again(x)), layers.Activation("hard_sigmoid")(x)])
    x = layers.AveragePooling2D(8)(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    head = keras.Sequential(
        [layers.GlobalAveragePooling2D(), layers.Dense(3, activation=layers.LeakyReLU(0.2))], name="head"
    )
    return keras.Model(inputs, head(x))


def graph_last():
    """A model whose output is that of a graph, called twice."""
    part = keras.Input((3,))
    graph = keras.Model(part, layers.Dense(3, activation="tanh")(part))
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, graph(graph(x)))


def kinds_of_layers():
    inputs = keras.Input((SIZE, SIZE, 3))
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3)))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(normalization(inputs))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.SeparableConv2D(8, 3)(x))
    x = layers.LayerNormalization(axis=[1, 2, 3])(layers.ELU()(x))
    x = layers.GroupNormalization(4)(layers.ReLU(max_value=6, negative_slope=0.1, threshold=0.2)(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, activation="gelu", output_padding=1)(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.Cropping2D(24)(x))
    x = layers.RandomHeight(0.1)(layers.RandomWidth(0.1)(x))
    x = layers.Softmax(axis=-1)(layers.Permute((2, 1, 3))(x))
    x = layers.TimeDistributed(layers.Conv1D(4, 3, activation="relu"))(x)
    x = layers.UnitNormalization()(layers.Reshape((-1, 4))(layers.GaussianDropout(0.1)(x)))
    x = layers.Bidirectional(layers.LSTM(3))(layers.AveragePooling1D(50)(layers.AlphaDropout(0.1)(x)))
    return keras.Model(inputs, layers.Dense(2)(x))


def mixed():
    """With a policy of dtypes, of which answers are only as exact as float16."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return keras.Sequential(
            [
                layers.Rescaling(1 / 255, input_shape=(SIZE, SIZE, 3)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, dtype="float32"),
            ]
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")


MODELS = {
    "sequential": sequential,
    "augmented": augmented,
    "mobile": mobile,
    "thawed": thawed,
    "partly_frozen": partly_frozen,
    "caffe": caffe,
    "arithmetic": arithmetic,
    "sliced": sliced,
    "old_operations": old_operations,
    "shared": shared,
    "graph_last": graph_last,
    "kinds_of_layers": kinds_of_layers,
    "mixed": mixed,
}


def filled(model, seed):
    """Give a model weights none of which is like another, of a size that lets signals through."""
    draw = np.random.default_rng(seed)
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.name.split("/")[-1].split(":")[0]
        if "kernel" in name:
            inputs = np.prod(shape[:2] if "depthwise" in name else shape[:-1])
            variable.assign(draw.normal(0, np.sqrt(2 / inputs), shape))
        elif name in ("gamma", "moving_variance"):
            variable.assign(draw.uniform(0.5, 1.5, shape))
        elif name not in ("mean", "variance", "count"):  # those of Normalization were learned from pixels
            variable.assign(draw.normal(0, 0.3, shape))


def write(models, folder, size=SIZE, count=4):
    """Write models, what they answer, and the pixels, into a folder."""
    pixels = np.random.default_rng(3).uniform(0, 255, (count, size, size, 3)).astype("float32")
    np.save(folder / "pixels.npy", pixels)
    for seed, (name, make) in enumerate(models.items()):
        model = make()
        model(pixels[:1])
        filled(model, seed)
        np.save(folder / f"{name}.npy", model(pixels, training=False).numpy())
        model.save(folder / f"{name}.h5")
        try:
            model.save(folder / f"{name}.keras")
        except TypeError:  # tf_keras itself cannot write a slice into an archive
            (folder / f"{name}.keras").unlink(missing_ok=True)
        keras.backend.clear_session()


def write_parts(folder):
    """Write other kinds of files of the same models."""
    model = keras.models.load_model(folder / "partly_frozen.h5", compile=False)
    (folder / "partly_frozen.json").write_text(model.to_json())
    model.save_weights(folder / "partly_frozen.weights.h5")
    model.save_weights(folder / "partly_frozen_old.h5")
    model = keras.models.load_model(folder / "sequential.h5", compile=False)
    model.save(folder / "saved_model")
    keras.models.load_model(folder / "saved_model").save(folder / "of_saved_model.h5")


if __name__ == "__main__":
    write(MODELS, Path(sys.argv[1]))
    write_parts(Path(sys.argv[1]))
    kinds = [kind for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, layers.Layer)]
    (Path(sys.argv[1]) / "layers.txt").write_text(" ".join(kind.__name__ for kind in kinds))
