"""What evaluation needs of a classifier, whatever framework it comes from."""

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Packed(Protocol):
    """A `Network` on its way to another process: an object that can be sent there."""

    def unpacked(self) -> "Network":
        """The same network, giving the same numbers, in the process that calls this."""


@runtime_checkable
class Network(Protocol):
    """A classifier of images that is read at some feature maps.

    Images are pixels 0 to 255, (N, H, W, 3), of any dtype, for any N from 1. What comes back is float32. Evaluation
    calls these methods from two threads at a time, on batches of one size, and expects of each image the same numbers
    whatever other images are in its batch. A method raises ValueError, in a sentence with a remedy, for images of
    another size.

    Attributes:
        activation: "relu", "softmax" or "sigmoid" (several labels at once), which `scores` applies.
        classes: their number C, at least 2.
        head_weights: (K, C), if the logits are the mean of the feature maps over positions, times these, plus a bias.
            None for any other head, which `differentiate` is then asked about.
        image_size: (H, W), in pixels.
        layer: the name of the layer that makes the feature maps, for messages.
        notice: sentences for the reader on what a map does not show, or "".
    """

    activation: str
    classes: int
    head_weights: np.ndarray | None
    image_size: tuple[int, int]
    layer: str
    notice: str

    def placed(self, images) -> Any:
        """Pixels as float32 where they are to be masked: an array, or a tensor of Keras's backend on its device."""

    def explain(self, images) -> tuple[Any, np.ndarray, np.ndarray]:
        """Features A (N, h, w, K), logits (N, C) and scores (N, C).

        Of a tensor the features are a tensor, too. There is more than one position, and rows and columns are those of
        the image.
        """

    def score(self, images) -> tuple[np.ndarray, np.ndarray]:
        """Logits (N, C) and scores (N, C), those of `explain`."""

    def differentiate(self, features, classes, images) -> Any:
        """Gradients dS_c/dA (N, h, w, K) of the logit of one class of each image, a tensor for a tensor.

        Args:
            features: what `explain` gave of these images.
            classes: c, (N,), integers.
            images: for a layer with a way around it, which is held as it is.

        Raises:
            ValueError: if there is nothing to differentiate with, saying what to install or to set.
        """

    def scores(self, logits) -> np.ndarray:
        """The activation applied to logits (N, C); NumPy float32."""

    def packed(self) -> Packed:
        """This network for another process.

        Raises:
            ValueError: if it cannot leave this one.
        """
