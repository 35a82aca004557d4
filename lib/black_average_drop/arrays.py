"""The same formulas for NumPy arrays and for tensors of the active Keras backend, which stay on their device."""

import keras
import numpy as np
from keras import ops


def namespace(*arrays):
    """Return NumPy for NumPy arrays alone, which keep their dtype on every backend; otherwise keras.ops."""
    return np if all(isinstance(array, np.ndarray) for array in arrays) else ops


def together(*arrays):
    """Return what `namespace` does, then the arrays: all as tensors if one of them is.

    On PyTorch these tensors are float32, since operations of Keras there disagree on what float64 becomes.
    """
    xp = namespace(*arrays)
    if xp is np:
        return xp, *arrays
    dtype = "float32" if keras.backend.backend() == "torch" else None
    return xp, *(ops.convert_to_tensor(array, dtype) for array in arrays)


def as_float32(array):
    """Return an array or tensor of any dtype as float32, of the same kind and on the same device."""
    return array.astype("float32", copy=False) if isinstance(array, np.ndarray) else ops.cast(array, "float32")


def as_numpy(array):
    """Return an array, a tensor or a variable of Keras as a NumPy array, which may share its memory."""
    if keras.backend.backend() == "torch" and not isinstance(array, np.ndarray):
        return ops.convert_to_numpy(array)  # from another device, and without what its gradients would need
    return np.asarray(array)


def softmax(logits):
    """Compute the softmax over the last axis of NumPy logits, in their dtype; the largest is subtracted first."""
    relative = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return relative / relative.sum(axis=-1, keepdims=True)


def placed_with(array, other):
    """Return another NumPy array as a tensor if `array` is one: where the rest of the work is done."""
    return other if isinstance(array, np.ndarray) else ops.convert_to_tensor(other)
