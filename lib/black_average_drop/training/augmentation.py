"""Training images varied as the world varies them; what is drawn depends on the generator alone."""

import numpy as np
from PIL import Image

ROTATION = 7.0  # degrees, either way
SHIFT = 0.05  # share of the side
ZOOM = 0.1
CONTRAST = 0.15
BRIGHTNESS = 12.0  # grey levels of 255


def radiograph(image, generator):
    """A frontal radiograph as another positioning and exposure would have given it.

    It gets a small turn, shift and zoom, and another contrast and brightness. It is never mirrored: the heart is on the
    left, and a mirrored chest is another finding. It is never sheared or recoloured. What comes into view at the edge
    is black, as outside a collimated beam.

    Args:
        image: uint8 (H, W, 3).
        generator: a `numpy.random.Generator`, from which all is drawn.

    Returns:
        uint8 (H, W, 3).
    """
    height, width = image.shape[:2]
    angle = np.deg2rad(generator.uniform(-ROTATION, ROTATION))
    zoom = generator.uniform(1 - ZOOM, 1 + ZOOM)
    right, down = generator.uniform(-SHIFT, SHIFT, 2) * (width, height)
    contrast = generator.uniform(1 - CONTRAST, 1 + CONTRAST)
    brightness = generator.uniform(-BRIGHTNESS, BRIGHTNESS)
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
