"""Average Drop as each library has it, by hand: Pillow to enlarge maps, NumPy, and a function for the scores."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

KERNELS = {"Lanczos": Image.LANCZOS, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


@dataclass(frozen=True)
class Definition:
    """One way from a map at the size of the features to Average Drop; by default that of the paper.

    Attributes:
        scaled: "to its peak" after enlarging, which leaves 0 at 0; "min to max, before" enlarging, "min to max, after"
            enlarging, or "min to max, twice".
        kernel: one of KERNELS.
        absolute: the enlarged map is taken without its sign.
        masked: "pixels", of which 0 is black, or "prepared images", of which 0 is mid-grey.
        score: "ReLU", "softmax" or "logit".
        divided: by the score of the image.
        clipped: a masked image that scores more counts as no drop.
        drawn: the map, by name.
    """

    scaled: str = "to its peak"
    kernel: str = "Lanczos"
    absolute: bool = False
    masked: str = "pixels"
    score: str = "ReLU"
    divided: bool = True
    clipped: bool = True
    drawn: str = "Grad-CAM"


def shares(definition, maps, size):
    """What is left of each pixel, (N, H, W), by maps (N, h, w)."""
    if definition.scaled in ("min to max, before", "min to max, twice"):
        maps = _min_to_max(maps)
    large = np.stack(
        [Image.fromarray(one.astype("float32")).resize(size[::-1], KERNELS[definition.kernel]) for one in maps]
    ).astype("float64")
    if definition.absolute:
        large = np.abs(large)
    if definition.scaled == "to its peak":
        large = np.maximum(large, 0)
        return large / large.max(axis=(1, 2), keepdims=True)
    return large if definition.scaled == "min to max, before" else _min_to_max(large)


def drops(definition, maps, pixels, logits_of, classes):
    """The drop of each image (N,), and whether the masked image scores more (N,).

    Args:
        definition: a Definition.
        maps: name -> (N, h, w).
        pixels: (N, H, W, 3).
        logits_of: function of prepared images (N, H, W, 3), from -1 to 1, that gives logits (N, C).
        classes: (N,).
    """
    left = shares(definition, maps[definition.drawn], pixels.shape[1:3])[..., None]
    whole = pixels / 127.5 - 1
    masked = whole * left if definition.masked == "prepared images" else pixels * left / 127.5 - 1
    full, after = (_scores(definition.score, logits_of(images), classes) for images in (whole, masked))
    lost = full - after
    lost = np.maximum(lost, 0) if definition.clipped else lost
    return lost / full if definition.divided else lost, after > full


def _scores(score, logits, classes):
    logits = np.float64(logits)
    if score == "softmax":
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits = shifted / shifted.sum(axis=1, keepdims=True)
    values = logits[np.arange(len(logits)), classes]
    return np.maximum(values, 0) if score == "ReLU" else values


def _min_to_max(maps):
    least = maps.min(axis=(1, 2), keepdims=True)
    return (maps - least) / (maps.max(axis=(1, 2), keepdims=True) - least)
