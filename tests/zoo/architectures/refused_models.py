"""Models that have no maps, or none that this project can read: each is refused, where one can with a remedy tried."""

import keras
from keras import layers, ops

from architectures.blocks import start
from architectures.heads import trunk
from architectures.plain import sequential
from entry import Built, known, refused, works

POOL = layers.GlobalAveragePooling2D


@refused("activation")
def linear_head_without_an_activation():
    return sequential(POOL(), layers.Dense(3))


@works(closed=False, linear=True, notice="one output without activation, which is read as the logit of a sigmoid")
def regression():
    """An age or a volume is one number without activation: nobody can tell it from a logit, so that it is said."""
    return known(sequential(POOL(), layers.Dense(8, "relu"), layers.Dense(1)), "maps")


@refused("two activations|softmax")
def softmax_twice():
    return sequential(POOL(), layers.Dense(3, "softmax"), layers.Softmax())


@refused("tanh")
def tanh_at_the_end():
    return sequential(POOL(), layers.Dense(1, "tanh"))


@refused("one output|one class|two classes")
def softmax_of_one():
    """A mistake that is often made: its score is 1 whatever the image."""
    return sequential(POOL(), layers.Dense(1, "softmax"))


@keras.saving.register_keras_serializable("zoo")
class Subclassed(keras.Model):
    """A model as the guides on subclassing have it."""

    def __init__(self, **more):
        super().__init__(**more)
        self.scale = layers.Rescaling(1 / 255)
        self.convolution = layers.Conv2D(8, 5, strides=4, activation="relu", name="maps")
        self.pool, self.dense = POOL(), layers.Dense(2, "softmax")

    def call(self, x):
        """Scores of images."""
        return self.dense(self.pool(self.convolution(self.scale(x))))


@refused("is a subclassed one, .*call")
def subclassed():
    model = Subclassed()
    model(ops.zeros((1, 32, 32, 3)))
    return model


@works()
def subclassed_opened():
    """The remedy that the refusal names."""
    model, inputs = Subclassed(), keras.Input((32, 32, 3))
    opened = keras.Model(inputs, model.call(inputs))
    return known(opened, "maps", model.dense)


@keras.saving.register_keras_serializable("zoo")
class Backbone(keras.Model):
    """A subclassed backbone."""

    def __init__(self, **more):
        super().__init__(**more)
        self.one = layers.Conv2D(6, 5, strides=4, activation="relu")
        self.other = layers.Conv2D(8, 3, activation="relu", name="inner")

    def call(self, x):
        """Feature maps of images."""
        return self.other(self.one(x))


@keras.saving.register_keras_serializable("zoo")
class PooledBackbone(Backbone):
    """A subclassed backbone that gives pooled features."""

    def call(self, x):
        """Features of images."""
        return ops.mean(super().call(x), axis=(1, 2))


@works(classes=3)
def nested_subclassed_backbone():
    """What it gives are maps as any layer's; only its layers cannot be followed."""
    inputs = keras.Input((32, 32, 3))
    maps = Backbone(name="backbone")(layers.Rescaling(1 / 255)(inputs))
    last, pooled = layers.Dense(3, "softmax"), POOL()(maps)
    trace = keras.Model(inputs, [maps, pooled])
    return Built(keras.Model(inputs, last(pooled)), trace, "backbone", last)


@refused("subclassed model 'whole', .*: put whole.call")
def nested_subclassed_model_up_to_its_pooling():
    """Its maps are within, where nobody can follow them."""
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Dense(3, "softmax")(PooledBackbone(name="whole")(inputs)))


@works(classes=3)
def nested_subclassed_model_opened():
    """The remedy that the refusal names."""
    inputs, whole, last = keras.Input((32, 32, 3)), PooledBackbone(name="whole"), layers.Dense(3, "softmax")
    pooled = whole.call(inputs)
    return known(keras.Model(inputs, last(pooled)), whole.other.output, last, pooled)


@refused("built")
def sequential_that_was_never_built():
    return keras.Sequential([layers.Conv2D(8, 3), POOL(), layers.Dense(2, "softmax")])


@refused("A Keras model is expected")
def a_layer_in_place_of_a_model():
    return layers.Dense(2)


@refused("any size: pass image_size")
def any_size_without_a_size():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, layers.Dense(2, "softmax")(POOL()(layers.Conv2D(8, 3)(inputs))))


@refused("N, H, W, 3")
def four_channels():
    inputs = keras.Input((32, 32, 4))
    return keras.Model(inputs, layers.Dense(2, "softmax")(POOL()(layers.Conv2D(8, 3)(inputs))))


@refused("images|N, H, W, 3|feature maps")
def signals():
    """An electrocardiogram."""
    inputs = keras.Input((64, 3))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(8, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(2, "softmax")(x))


@refused("images|N, H, W, 3|feature maps")
def volumes():
    """A scan by computed tomography."""
    inputs = keras.Input((16, 16, 16, 1))
    x = layers.GlobalAveragePooling3D()(layers.Conv3D(8, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(2, "softmax")(x))


@refused("images|N, H, W, 3|feature maps")
def films():
    """A convolution at each of several times, then a recurrent layer."""
    inputs = keras.Input((4, 32, 32, 3))
    x = layers.TimeDistributed(layers.Conv2D(8, 3, strides=4, activation="relu"))(inputs)
    x = layers.LSTM(4)(layers.TimeDistributed(POOL())(x))
    return keras.Model(inputs, layers.Dense(2, "softmax")(x))


@refused("channels first|channels_first|N, H, W, 3")
def channels_first():
    inputs = keras.Input((3, 32, 32))
    x = layers.Conv2D(8, 3, data_format="channels_first", activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    return keras.Model(inputs, layers.Dense(2, "softmax")(x))


@refused("one score for each class")
def segmentation():
    """A class for each pixel."""
    inputs, x = start()
    x = layers.UpSampling2D(4)(x)
    return keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x))


@refused("one position .* 2 x 2")
def maps_of_one_position():
    """A backbone for images of another size: what reaches the pooling has one position."""
    inputs = x = keras.Input((32, 32, 3))
    for filters in (6, 8, 10, 12, 14):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(2, "softmax")(POOL()(x)))


@refused("learns feature maps|feature maps")
def perceptron():
    parts = [layers.Flatten(), layers.Dense(16, "relu"), layers.Dense(2, "softmax")]
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), *parts])


@refused("layer 'nowhere'|nowhere", settings={"layer": "nowhere"})
def a_layer_that_is_not_there():
    return sequential(POOL(), layers.Dense(2, "softmax"))


@refused("hidden|rows and columns|feature maps|position", settings={"layer": "hidden"})
def a_layer_without_rows_and_columns():
    return sequential(POOL(), layers.Dense(4, "relu", name="hidden"), layers.Dense(2, "softmax"))


@refused("input")
def two_images():
    """Two views of one patient, neither of which can be held by default."""
    first, x = trunk()
    second, y = trunk(name="other_maps")
    joined = layers.Concatenate()([POOL()(x), POOL()(y)])
    return keras.Model([first, second], layers.Dense(2, "softmax")(joined))


@refused("softmax|activation|score|dense head")
def mixture_of_experts():
    """Softmaxes weighed by another softmax: no logits lie before the scores."""
    inputs, maps = trunk()
    pooled = POOL()(maps)
    experts = [layers.Dense(2, "softmax")(pooled) for _ in range(2)]
    weights = layers.Dense(2, "softmax")(pooled)
    return keras.Model(inputs, layers.Add()([experts[0] * weights[:, :1], experts[1] * weights[:, 1:]]))


@refused("one score for each class")
def autoencoder():
    """It gives an image, no scores."""
    inputs, x = start()
    x = layers.Conv2DTranspose(6, 3, strides=4, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(3, 3, padding="same", activation="sigmoid")(x))
