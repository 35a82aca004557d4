"""From pixels to what a model takes in."""

import numpy as np
from keras import ops

from black_average_drop.arrays import as_float32, namespace


def prepared(images, image_size, grey, preprocessing):
    """What a model takes in, with its channels last.

    Args:
        images: pixels (N, H, W, 3), 0..255; an array or a tensor.
        image_size: (H, W) of the model.
        grey: whether it takes one channel, the mean of the colours.
        preprocessing: a function of such pixels, or None.

    Returns:
        (N, H, W, 3) or (N, H, W, 1), float32, of the same kind.

    Raises:
        ValueError: for images of another size.
    """
    images = as_float32(images if ops.is_tensor(images) else np.asarray(images))
    if tuple(images.shape[1:]) != (*image_size, 3):
        expected = "(N, {}, {}, 3)".format(*image_size)
        raise ValueError(f"images {images.shape} do not fit the network: pixels {expected} are expected.")
    if grey:
        images = namespace(images).mean(images, axis=-1, keepdims=True)
    return preprocessing(images) if preprocessing else images
