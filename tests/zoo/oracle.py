"""What is expected, by hand: gradients of one tape through the whole model, and AD and BAD in a few lines of NumPy.

Nothing here reads a graph: the author of an architecture says where its feature maps and logits are.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from black_average_drop import cams


class Expected(NamedTuple):
    """What a network should say of a batch of images."""

    features: np.ndarray  # (N, h, w, K)
    logits: np.ndarray  # (N, C)
    classes: np.ndarray  # (N,), the explained ones
    gradients: np.ndarray  # (N, h, w, K), of the logit of the class
    summed: float  # the size of what is summed to a logit


def images_of(size, generator, count=6):
    """Pixels (count, H, W, 3) with dark and bright areas, so that pooled features differ from image to image."""
    rows, columns = size
    coarse = generator.uniform(0, 255, (count, 4, 4, 3))
    fine = np.kron(coarse, np.ones((1, -(-rows // 4), -(-columns // 4), 1)))[:, :rows, :columns]
    return np.clip(fine + generator.normal(scale=40, size=fine.shape), 0, 255).astype("uint8")


def inputs_of(entry, model, pixels):
    """What the model takes in, of pixels (N, H, W, 3): preprocessed, grey, or with other inputs at a value."""
    images = tf.cast(pixels, "float32")
    if preprocess := entry.settings.get("preprocessing"):
        images = preprocess(images)
    held = entry.settings.get("held", {})
    inputs = {one.name: _held(one, held[one.name], len(pixels)) for one in model.inputs if one.name in held}
    (name,) = (one for one in model.inputs if one.name not in held)
    if name.shape[-1] == 1:
        images = tf.reduce_mean(images, axis=-1, keepdims=True)
    return [inputs.get(one.name, images) for one in model.inputs] if held else images


def _held(tensor, value, count):
    return tf.fill((count, *tensor.shape[1:]), np.float32(value))


def logits_of(built, before):
    """The logits, of what the last layer takes in: its weights without its activation."""
    if built.last is not None:
        kernel, *bias = (tf.convert_to_tensor(weight) for weight in built.last.get_weights())
        if len(kernel.shape) == 4:
            before = tf.nn.conv2d(before, kernel, 1, "VALID")
        else:
            before = tf.tensordot(before, kernel, 1)
        before = before + bias[0] if bias else before
    return built.after(before)


def expected_of(built, inputs, classes=None):
    """What is `Expected` of inputs for classes (N,), by default those with the largest logits."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        features, before = built.trace(inputs, training=False)
        logits = logits_of(built, before)
        if logits.shape[-1] == 1:
            logits = tf.concat([-logits / 2, logits / 2], axis=-1)
        classes = np.argmax(logits, axis=-1) if classes is None else classes
        explained = tf.reduce_sum(logits * tf.one_hot(classes, logits.shape[-1]))
    features, gradients = (
        _in_places(one.numpy(), built.grid) for one in (features, tape.gradient(explained, features))
    )
    return Expected(features, logits.numpy(), classes, gradients, _summed(built, before.numpy(), logits))


def _in_places(values, grid):
    """Feature maps (N, h, w, K), of tokens too: those in front of the patches are cut off."""
    if grid is None:
        return values
    rows, columns, front = grid
    return values[:, front:].reshape(len(values), rows, columns, -1)


def _summed(built, before, logits):
    """How large a logit would be if all that is summed to it had one sign: its rounding is a share of that."""
    size = np.abs(logits).max()
    if built.last is not None:
        kernel = np.abs(built.last.get_weights()[0])
        size = max(size, np.tensordot(np.abs(before), kernel.reshape(kernel.shape[-2:]), 1).max())
    return float(size)


def maps_of(expected):
    """Name -> maps (N, h, w) by the formulas of the papers, and the size of what is summed to them.

    CAM is that of a head whose gradient is w / z everywhere.
    """
    features, slopes = expected.features.astype("float64"), expected.gradients.astype("float64")
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    rising = np.maximum(slopes, 0)
    active = np.maximum(features, 0)  # the same as features where Grad-CAM++ is usable
    alpha = 1 / (2 + rising * active.sum(axis=(1, 2), keepdims=True))
    plus_plus = features * (alpha * rising).sum(axis=(1, 2), keepdims=True)
    terms = {
        "CAM": features * weights,
        "Grad-CAM": features * weights,
        "Grad-CAM++": plus_plus,
        "Grad-CAM++ (positive part)": plus_plus,
        "HiRes-CAM": features * slopes,
    }
    sums = {name: values.sum(axis=-1) for name, values in terms.items()}
    for name in ("Grad-CAM", "HiRes-CAM"):
        sums[name] = np.maximum(sums[name], 0)
    return {name: (sums[name], np.abs(values).sum(axis=-1)) for name, values in terms.items()}


def scores_of(entry, built, pixels):
    """The scores (N, C) of pixels: what the model itself predicts, or its logits under the activation that is set."""
    model = built.exact or built.model
    inputs = inputs_of(entry, model, pixels)
    if entry.linear or "activation" in entry.settings:
        logits = logits_of(built, built.trace(inputs, training=False)[1]).numpy()
        if logits.shape[-1] == 1:
            logits = np.concatenate([-logits / 2, logits / 2], axis=-1)
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return {
            "relu": np.maximum(logits, 0),
            "softmax": powers / powers.sum(axis=-1, keepdims=True),
            "sigmoid": 1 / (1 + np.exp(-logits)),
        }[entry.activation]
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        inputs = {one.name: values for one, values in zip(model.inputs, inputs, strict=True)}
    scores = model.predict(inputs, verbose=0)
    if "output" in entry.settings:
        scores = scores[entry.settings["output"]] if isinstance(scores, dict) else scores[_position(entry, model)]
    scores = scores.reshape(len(pixels), -1)
    return np.concatenate([1 - scores, scores], axis=-1) if scores.shape[-1] == 1 else scores


def _position(entry, model):
    return model.output_names.index(entry.settings["output"])


def masked_of(pixels, maps, alpha):
    """The masked images of AD and of BAD, (N, H, W, 3) each, of maps (N, h, w) before clipping and upsampling."""
    shown = cams.upsample(np.maximum(maps, 0), pixels.shape[1:3])
    clipped = np.maximum(shown, 0)
    peak = clipped.max(axis=(1, 2), keepdims=True)
    faded = pixels * (clipped / np.where(peak > 0, peak, 1))[..., None]
    keep = round(alpha * shown[0].size)
    eta = np.sort(shown.reshape(len(shown), -1), axis=1)[:, ::-1][:, keep]
    return faded.astype("float32"), np.where(shown > eta[:, None, None], 1, 0)[..., None] * pixels


def drops_of(full, masked):
    """max(0, Y - O) / Y of scores (N,), NaN where Y is not positive."""
    full, masked = np.float64(full), np.float64(masked)
    return np.where(full > 0, np.maximum(0, full - masked) / np.where(full > 0, full, 1), np.nan)
