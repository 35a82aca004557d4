"""Control maps: what a metric must not prefer to a real map.

Each is a function of the maps (N, h, w) of the first method, the patients (N,) of the images, the size (H, W) of the
images and a seed. It gives maps (N, h, w) or (N, H, W).
"""

import numpy as np

from black_average_drop import cams

CENTRE_SPREAD = 0.25  # of the image's side: standard deviation of the centre prior


def other_patients(groups, donor_groups, seed=0):
    """Draw a donor of another patient for each image, at random.

    Args:
        groups: (N,), the patient of each image.
        donor_groups: (M,), the patient of each donor.
        seed: of the draw.

    Returns:
        (N,), the row of each image's donor.

    Raises:
        ValueError: if an image's patient is the only donor.
    """
    if len(np.unique(donor_groups)) < 2 and np.isin(donor_groups[:1], groups).any():
        raise ValueError("Another patient's image or map is needed: take images of at least two patients.")
    generator = np.random.default_rng(seed)
    donors = generator.integers(len(donor_groups), size=len(groups))
    while (own := donor_groups[donors] == groups).any():
        donors[own] = generator.integers(len(donor_groups), size=own.sum())
    return donors


def another_images_map(maps, groups, size, seed=0):
    """Each image gets the map of an image of another patient, drawn at random whatever its class."""
    return maps[other_patients(groups, groups, seed)]


def smooth_random_map(maps, groups, size, seed=0):
    """Uniform noise of the resolution of the maps (N, h, w), which upsampling makes smooth."""
    return np.random.default_rng(seed).random(maps.shape, "float32")


def uniform_random_map(maps, groups, size, seed=0):
    """Uniform noise, every pixel by itself (N, H, W)."""
    return np.random.default_rng(seed).random((len(maps), *size), "float32")


def all_ones(maps, groups, size, seed=0):
    """1 everywhere: it says nothing, and its Average Drop is 0."""
    return np.broadcast_to(np.ones(size, "float32"), (len(maps), *size))


def fake_cam(maps, groups, size, seed=0):
    """1 everywhere but in one corner pixel, which is 0 (Poppi et al. 2021): it says nothing either."""
    ones = np.ones(size, "float32")
    ones[0, 0] = 0
    return np.broadcast_to(ones, (len(maps), *size))


def centre_prior(maps, groups, size, seed=0):
    """A round bump in the middle of the image, whatever it shows."""
    offsets = [((np.arange(side) + 0.5) / side - 0.5) / CENTRE_SPREAD for side in size]
    bump = np.exp(-(offsets[0][:, None] ** 2 + offsets[1][None] ** 2) / 2).astype("float32")
    return np.broadcast_to(bump, (len(maps), *size))


def inverted(maps, groups, size, seed=0):
    """What is least important to the first method first: the peak of each clipped map minus the map."""
    clipped = np.maximum(maps, 0)
    return clipped.max(axis=(1, 2), keepdims=True) - clipped


CONTROLS = {
    "all ones": all_ones,
    "uniform random map": uniform_random_map,
    "smooth random map": smooth_random_map,
    "centre prior": centre_prior,
    "inverted Grad-CAM": inverted,
    "another image's map": another_images_map,
    "Fake-CAM": fake_cam,
}
# The two in Table 1.
IN_TABLE_1 = {name: CONTROLS[name] for name in ("another image's map", "smooth random map")}
# Those that depend on the image, drawn again from an `Explanation`. The others are the same for a faded image.
REDRAWN = {"inverted Grad-CAM": lambda e: inverted(cams.grad_cam(e.features, e.gradients), None, None)}
