"""Random weights that hide nothing: biases and statistics are drawn, too, and logits are neither tiny nor huge."""

from unittest import mock

import keras
import numpy as np
from keras import layers

from oracle import logits_of


def draw(built, inputs, generator):
    """Give a `Built` its weights: nothing stays zero or one, and logits differ from image to image by about 1.

    built: a `Built`; inputs: what its model takes in, of a few images.
    """
    model = built.exact or built.model
    for layer in [layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model)]:
        for variable in layer._trainable_variables if not isinstance(layer, layers.Normalization) else ():
            variable.assign(_drawn(variable, np.asarray(variable), generator))
    original = layers.BatchNormalization.call

    def measured(self, values, training=None, mask=None):
        """Take the statistics of these images, and move them a little."""
        kept, self.momentum, self.trainable = (self.momentum, self.trainable), 0.0, True
        original(self, values, training=True, mask=mask)
        self.momentum, self.trainable = kept
        mean, variance = np.asarray(self.moving_mean), np.asarray(self.moving_variance) + 1e-3
        moved = mean + 0.3 * np.sqrt(variance) * generator.normal(size=mean.shape)
        self.moving_mean.assign(moved)
        self.moving_variance.assign(variance * generator.uniform(0.7, 1.4, mean.shape))
        return original(self, values, training=False, mask=mask)

    with mock.patch.object(layers.BatchNormalization, "call", measured):
        built.trace(inputs, training=False)
    if built.last is not None:
        _scale_logits(built, inputs, generator)
    if built.exact:
        built.model.set_weights(built.exact.get_weights())


def _drawn(variable, values, generator):
    if values.dtype.kind != "f":
        return values
    if values.ndim <= 1 or (values == values.flat[0]).all():  # biases, scales, embeddings that begin as zeros
        if np.any(values):
            return generator.uniform(0.5, 1.5, values.shape)
        return generator.normal(scale=0.1, size=values.shape)
    return values * np.sqrt(2) if values.ndim == 4 else values  # as He does for ReLU


def _scale_logits(built, inputs, generator):
    """Scale the last layer so that logits have a standard deviation of 1.5 and differ in sign."""
    logits = np.asarray(logits_of(built, built.trace(inputs, training=False)[1]))
    spread = 1.5 / logits.std(axis=0).mean()
    kernel, *bias = built.last.get_weights()
    moved = [(one - logits.mean(axis=0)) * spread + generator.normal(scale=0.3, size=one.shape) for one in bias]
    built.last.set_weights([kernel * spread, *moved])
