"""Training images varied as the world varies them; what is drawn depends on the generator alone."""

from functools import partial

import numpy as np
from PIL import Image

KINDS = {"none": 0.0, "light": 0.5, "full": 1.0}  # how much of what follows
ROTATION = 7.0  # degrees, either way
SHIFT = 0.05  # share of the side
ZOOM = 0.1
CONTRAST = 0.15
BRIGHTNESS = 12.0  # grey levels of 255


def chosen_augmentation(kind):
    """How the radiographs of a training are varied.

    Args:
        kind: one of `KINDS`.

    Returns:
        What `fit` takes as augment: `radiograph` at that strength, or None.

    Raises:
        ValueError: if there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"The augmentation is {kind!r}: choose one of {', '.join(KINDS)}.")
    return partial(radiograph, strength=KINDS[kind]) if KINDS[kind] else None


def radiograph(image, generator, strength=1.0):
    """A frontal radiograph as another positioning and exposure would have given it.

    It gets a small turn, shift and zoom, and another contrast and brightness. It is never mirrored: the heart is on the
    left, and a mirrored chest is another finding. It is never sheared or recoloured. What comes into view at the edge
    is black, as outside a collimated beam.

    Args:
        image: uint8 (H, W, 3).
        generator: a `numpy.random.Generator`, from which all is drawn.
        strength: the share of the largest change that is drawn from, from 0 to 1.

    Returns:
        uint8 (H, W, 3).
    """
    height, width = image.shape[:2]
    rotation, larger, shift, contrasting, brighter = np.multiply(
        strength, (ROTATION, ZOOM, SHIFT, CONTRAST, BRIGHTNESS)
    )
    angle = np.deg2rad(generator.uniform(-rotation, rotation))
    zoom = generator.uniform(1 - larger, 1 + larger)
    right, down = generator.uniform(-shift, shift, 2) * (width, height)
    contrast = generator.uniform(1 - contrasting, 1 + contrasting)
    brightness = generator.uniform(-brighter, brighter)
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    # Pillow asks where each output pixel comes from: turn and zoom about the centre, then shift.
    x, y = width / 2, height / 2
    source = (
        *(cosine, sine, x - cosine * (x + right) - sine * (y + down)),
        *(-sine, cosine, y + sine * (x + right) - cosine * (y + down)),
    )
    greys = np.clip((np.arange(256) - 127.5) * contrast + 127.5 + brightness, 0, 255).round().astype("uint8")
    grey = (image == image[..., :1]).all()  # as most radiographs are: one channel takes half of the time of three
    moved = Image.fromarray(greys[image[..., 0] if grey else image]).transform(
        (width, height), Image.Transform.AFFINE, source, Image.Resampling.BILINEAR
    )
    return np.asarray(moved.convert("RGB"))
