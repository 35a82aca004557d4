"""Phantoms: images drawn from a seed whose lesion or object is known to the pixel.

`radiographs` are frontal chest images of two classes told apart by a lesion, `marked_radiographs` the same chests told
apart by a planted marker, `objects` coloured things of ten classes. Image i of a seed is the same whatever the number
of images. Lengths are in half image widths, brightness runs from 0 to 1 until the last line.
"""

import itertools
import math
from functools import lru_cache

import numpy as np

from black_average_drop.datasets import Dataset

RADIOGRAPH_CLASSES = ("normal", "pneumonia")
OBJECT_CLASSES = ("ball", "star", "heart", "flower", "moon", "ring", "house", "mushroom", "fish", "cup")

# Letters that name the side, five pixels wide.
_LETTERS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
}

# The planted marker, a ring with a bar across: about 1 % of the image.
_RING, _STROKE = 0.118, 0.048  # the radius of the middle of its line, and the width of its lines
_BORDER = 0.7  # its centre lies at least so far from the middle of the image, along x or y


def radiographs(count, seed=0, size=128, lesions=True):
    """Chest radiographs, half of them with an opacity of 1 % to 15 % of the lung area and its mask.

    lesions=False: the same ids, labels and chests, every lesion left out.
    """
    labels = np.arange(count) % 2
    return _dataset(
        "radiograph",
        count,
        seed,
        size,
        labels,
        RADIOGRAPH_CLASSES,
        lambda i: radiograph(seed, i, lesions and bool(labels[i]), size),
    )


def marked_radiographs(count, seed=0, size=128, lesions=True, markers=True, region="marker"):
    """Chest radiographs whose class hangs on a planted marker alone, as on a hospital's stamp.

    Every image of class 1 carries the marker near the border, outside the lungs; a coin of its own decides for each
    image whether it has a lesion. lesions=False or markers=False: the same ids, labels and chests, every lesion or
    every marker left out. region: what the masks show of the image as it is drawn, "marker" or "lesion".
    Raises ValueError for another region.
    """
    if region not in ("marker", "lesion"):
        raise ValueError(f"region is {region!r}: choose marker or lesion.")
    labels = np.arange(count) % 2

    def render(i):
        ill = np.random.default_rng([seed, i, 4]).uniform() < 0.5
        image, lesion, marker = _draw_chest(seed, i, lesions and ill, markers and bool(labels[i]), size)
        return image, marker if region == "marker" else lesion

    return _dataset("marked-radiograph", count, seed, size, labels, RADIOGRAPH_CLASSES, render)


def objects(count, seed=0, size=128):
    """Photo-like images of ten kinds of coloured, textured things on a cluttered ground, with the thing's mask."""
    labels = np.arange(count) % len(OBJECT_CLASSES)
    return _dataset(
        "object", count, seed, size, labels, OBJECT_CLASSES, lambda i: draw_object(seed, i, int(labels[i]), size)
    )


def radiograph(seed, index, lesion, size=128):
    """One radiograph: uint8 (size, size, 3) and the lesion's mask, boolean (size, size).

    The anatomy depends on seed and index alone: with lesion=False the same chest comes without its lesion, and the two
    images differ inside the mask only.
    """
    image, mask, _ = _draw_chest(seed, index, lesion, False, size)
    return image, mask


def draw_object(seed, index, label, size=128):
    """One object of class `label`: uint8 (size, size, 3) and its mask, boolean (size, size)."""
    generator = np.random.default_rng([seed, index, 2])
    uniform = generator.uniform
    x, y = _grid(size)
    image = _ground(generator, x, y, size)
    for _ in range(generator.integers(3, 8)):  # clutter: pebbles and planks
        across, along = (x - uniform(-1, 1)) / uniform(0.05, 0.18), (y - uniform(-1, 1)) / uniform(0.05, 0.18)
        pebble = 1 - across * across - along * along
        plank = 1 - np.maximum(np.abs(across), np.abs(along))
        cover = _edge(pebble if uniform() < 0.5 else plank, 0.2)[..., None]
        image = image * (1 - cover) + _colour(generator) * cover

    angle, zoom = uniform(-0.4, 0.4), uniform(0.32, 0.62)
    shift = uniform(-0.85, 0.85, 2) * (1 - zoom)
    u, v = _grid(size, angle=angle, zoom=zoom, shift=shift)
    inside = _SHAPES[OBJECT_CLASSES[label]](u, v)
    cover = _edge(inside, 0.02 / zoom)[..., None]
    light = 0.8 + 0.3 * np.clip(0.5 - 0.45 * u - 0.55 * v, 0, 1)
    image = image * (1 - cover) + _texture(generator, u, v) * light[..., None] * cover
    image += 0.02 * generator.standard_normal(image.shape, dtype="float32")
    return _to_bytes(image), inside > 0


def _dataset(kind, count, seed, size, labels, class_names, render):
    if count < 1 or size < 64:
        raise ValueError(f"{count} phantoms of {size} pixels: at least one of at least 64 pixels is wanted.")
    ids = np.array([f"{kind}-{seed}-{i:05d}" for i in range(count)])
    return Dataset(
        ids=ids,
        labels=labels,
        groups=ids,  # every phantom is a patient of its own
        class_names=class_names,
        size=(size, size),
        positions=np.arange(count),
        read=lambda position: render(position)[0],
        read_mask=lambda position: render(position)[1],
    )


def _draw_chest(seed, index, lesion, marker, size):
    """One radiograph: uint8 (size, size, 3), the mask of its lesion and that of its marker, boolean (size, size)."""
    generator = np.random.default_rng([seed, index, 1])
    uniform = generator.uniform
    x, y = _grid(size, angle=uniform(-0.06, 0.06), zoom=uniform(0.93, 1.1), shift=uniform(-0.05, 0.05, 2))
    side = np.abs(x)

    # Soft tissue, then air: two tapered lungs above domed diaphragms.
    outline = np.minimum(0.93 - side**2 * uniform(0.02, 0.1), 0.2 + 1.5 * np.sqrt(np.maximum(y + 0.98, 0)))
    body = _edge(outline - side, 0.03)
    lungs = np.zeros_like(x)
    for sign in (-1, 1):
        centre, half_width = sign * uniform(0.42, 0.47), uniform(0.3, 0.35)
        taper = half_width * (1 + 0.3 * y)
        height = uniform(0.68, 0.78)
        across, along = np.abs((x - centre) / taper), np.abs((y + 0.05) / height)
        inside = 1 - across * across * np.sqrt(across) - along * along * np.sqrt(along)
        dome = uniform(0.4, 0.52) + 0.9 * (x - centre - sign * 0.06) ** 2
        lungs = np.maximum(lungs, _edge(inside, 0.09) * _edge(dome - y, 0.03))
    tilted = x - 0.13 - 0.35 * (y - 0.3), y - 0.3 + 0.35 * (x - 0.13)
    heart = _edge(1 - (tilted[0] / uniform(0.26, 0.36)) ** 2 - (tilted[1] / uniform(0.32, 0.4)) ** 2, 0.1)
    air = lungs * (1 - 0.97 * heart)
    tissue = 0.66 + 0.08 * np.exp(-((x / 0.13) ** 2)) + 0.05 * y
    image = tissue - (tissue - uniform(0.2, 0.3)) * air
    image -= 0.1 * np.exp(-(((x - 0.01) / 0.05) ** 2)) * _edge(-0.15 - y, 0.1)  # trachea

    # Ribs behind (falling outwards) and in front (falling inwards), collar bones.
    thorax = _edge(0.8 - side, 0.04) * _edge(side - 0.1, 0.06) * _edge(0.62 - y, 0.06)
    for slope, spacing, strength in ((0.55, uniform(0.17, 0.2), 0.055), (-0.75, uniform(0.2, 0.24), 0.032)):
        phase = (y - slope * side * np.sqrt(side)) / spacing + uniform(0, 1)
        distance = np.abs(phase - np.floor(phase) - 0.5)
        rim = np.exp(-(((distance - 0.2) / 0.05) ** 2))
        image += thorax * strength * (np.exp(-(((distance / 0.17) ** 2) ** 2)) + 0.5 * rim)
    for sign in (-1, 1):
        line = y + uniform(0.56, 0.64) + uniform(0.1, 0.3) * (sign * x - 0.1) - 0.1 * np.sin(4 * (sign * x - 0.1))
        image += 0.09 * np.exp(-((line / 0.035) ** 2)) * _edge(sign * x - 0.08, 0.04) * _edge(0.8 - sign * x, 0.05)

    # Vessels leave the hila and thin out; mottling, shadows of nipples and vessels seen end-on look like small lesions.
    middle = size // 2
    for sign, half in ((-1, np.s_[:, :middle]), (1, np.s_[:, middle:])):
        right, down = sign * x[half] - 0.2, y[half] - 0.05
        vessels = np.zeros_like(right)
        for angle in uniform(-1.25, 1.25, 8).tolist():
            along = right * math.cos(angle) + down * math.sin(angle)
            across = down * math.cos(angle) - right * math.sin(angle) - uniform(-0.5, 0.5) * along * along
            left_over = np.clip(1 - along / uniform(0.3, 0.65), 0, 1) * (along > 0)
            vessels += uniform(0.05, 0.11) * left_over * np.exp(-((across / (0.008 + 0.02 * left_over)) ** 2))
        image[half] += air[half] * np.minimum(vessels, 0.16)
    for sign in (-1, 1):
        hilum = ((x - sign * 0.21) / 0.09) ** 2 + ((y - 0.04) / 0.16) ** 2
        image += uniform(0.08, 0.15) * air * np.exp(-hilum)
    image += 0.055 * air * _smooth_noise(generator, 9, size) + 0.03 * air * _smooth_noise(generator, 24, size)
    for _ in range(generator.integers(0, 4)):
        sign = 1 if uniform() < 0.5 else -1
        distance = (x - sign * uniform(0.25, 0.6)) ** 2 + (y - uniform(-0.4, 0.4)) ** 2
        image += uniform(0.03, 0.1) * air * np.exp(-distance / uniform(0.03, 0.1) ** 2)

    mask, opacity = _lesion(generator, x, y, lungs * (1 - heart) > 0.6, size)
    if lesion:
        image += opacity
    else:
        mask = np.zeros_like(mask)

    image = image * (1 + 0.06 * _smooth_noise(generator, 4, size)) * body + 0.03
    contrast, exposure = uniform(0.9, 1.15), uniform(-0.05, 0.05)
    image = 0.45 + (image - 0.45) * contrast + exposure * body
    image += uniform(0.012, 0.022) * generator.standard_normal((size, size), dtype="float32")
    letter = _stamp(image, generator.choice(("R", "L")), size)
    planted = np.zeros_like(mask)
    if marker:  # a generator of its own: the chest is the same with and without it
        taken = lungs > 0
        taken[letter] = True
        planted = _marker(np.random.default_rng([seed, index, 3]), taken, size)
        image[planted] = 1
    return np.repeat(_to_bytes(image)[..., None], 3, axis=2), mask, planted


def _lesion(generator, x, y, lung, size):
    """A ragged opacity inside the lung: its mask, of a known share of the lung's pixels, and its brightness."""
    rows, columns = np.nonzero(lung)
    seat = generator.integers(len(rows))
    radius = generator.uniform(0.1, math.sqrt(0.15))
    area = radius**2
    field = np.zeros_like(x)
    for _ in range(generator.integers(1, 4)):
        shift_x, shift_y = (0.6 * radius * generator.uniform(-1, 1, 2)).tolist()
        wide, high = generator.uniform(0.7, 1.3, 2).tolist()
        centre_x, centre_y = (
            float(x[rows[seat], columns[seat]]) + shift_x,
            float(y[rows[seat], columns[seat]]) + shift_y,
        )
        distance = np.sqrt(((x - centre_x) / wide) ** 2 + ((y - centre_y) / high) ** 2)
        field = np.maximum(field, np.exp(-distance / radius))
    field += 0.06 * _smooth_noise(generator, 20, size)
    wanted = math.ceil(area * len(rows))
    field = np.where(lung, field, -np.inf)
    threshold = np.partition(field, field.size - wanted, axis=None)[field.size - wanted]
    mask = field >= threshold
    depth = np.where(mask, field - threshold, 0)
    profile = np.sqrt(np.clip(depth / (0.35 * float(depth.max()) + 1e-6), 0, 1))
    texture = 1 + 0.35 * _smooth_noise(generator, 32, size)
    return mask, generator.uniform(0.13, 0.34) * profile * np.clip(texture, 0.3, 1.7)


def _marker(generator, taken, size):
    """The mask of a ring with a bar across, wholly inside the image near its border, where nothing is taken."""
    reach = _RING + _STROKE / 2 + 0.02
    # Most of the free room is below the lungs: the half is drawn first, so that half of the markers are in the upper
    # one, and given up only where nothing is found there. The lower corners are always free.
    half = generator.choice((-1, 1))
    for attempt in itertools.count():
        centre = generator.uniform(reach - 1, 1 - reach, 2)
        if np.abs(centre).max() < _BORDER or (centre[1] * half < 0 and attempt < 200):
            continue
        x, y = _grid(size, angle=generator.uniform(-0.5, 0.5), shift=centre)
        distance = np.hypot(x, y)
        if not taken[distance < reach].any():
            ring, bar = np.abs(distance - _RING), np.where(distance < _RING, np.abs(y), np.inf)
            return np.minimum(ring, bar) < _STROKE / 2


def _ground(generator, x, y, size):
    """A background between two colours, mottled and streaked: (size, size, 3)."""
    angle = generator.uniform(0, math.pi)
    ramp = np.clip(
        0.5 + 0.4 * (x * math.cos(angle) + y * math.sin(angle)) + 0.25 * _smooth_noise(generator, 8, size), 0, 1
    )
    low, high = _colour(generator, 0.1, 0.5), _colour(generator, 0.1, 0.5)
    grain = 1 + 0.12 * _smooth_noise(generator, 40, size)
    return (low + (high - low) * ramp[..., None]) * grain[..., None]


def _texture(generator, u, v):
    """The surface of an object: plain, striped, dotted or chequered in two colours, (H, W, 3)."""
    first, second = _colour(generator, 0.5), _colour(generator, 0.5)
    period = generator.uniform(8, 14)
    waves = np.sin(period * u), np.sin(period * v)
    pattern = (
        np.zeros_like(u),
        _edge(waves[0], 0.3),
        _edge(waves[0] * waves[1] - 0.4, 0.15),
        _edge(waves[0] * waves[1], 0.15),
    )
    blend = pattern[generator.integers(4)][..., None]
    return first * (1 - blend) + second * blend


def _colour(generator, least_saturation=0.2, most_saturation=0.95):
    """A random RGB colour (3,) by hue, saturation and value."""
    hue, value = generator.uniform(0, 6), generator.uniform(0.4, 0.95)
    saturation = generator.uniform(least_saturation, most_saturation)
    wheel = np.clip(np.abs((hue + np.array((0, 4, 2), "float32")) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation * (1 - wheel))


def _star(u, v):
    fold = np.abs((np.arctan2(u, -v) + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)  # 0 at a tip, pi/5 in a notch
    radius = np.hypot(u, v)
    along, across = radius * np.cos(fold), radius * np.sin(fold)
    return 0.9 - along - 2.3 * across


def _heart(u, v):
    return 0.76 - np.hypot(1.15 * u, 0.15 - 1.2 * v - 0.75 * np.sqrt(np.abs(u)))


def _flower(u, v):
    return 0.66 + 0.2 * np.cos(8 * np.arctan2(u, v)) - np.hypot(u, v)


def _moon(u, v):
    return np.minimum(0.85 - np.hypot(u, v), np.hypot(u - 0.42, v + 0.1) - 0.66)


def _ring(u, v):
    return 0.22 - np.abs(np.hypot(u, v) - 0.62)


def _house(u, v):
    walls = np.minimum(0.6 - np.abs(u), np.minimum(0.8 - v, v + 0.1))
    roof = np.minimum(v + 0.85 - 0.95 * np.abs(u), 0.0 - v)
    door = np.minimum(0.15 - np.abs(u), v - 0.3)
    return np.minimum(np.maximum(walls, roof), -door)


def _mushroom(u, v):
    cap = np.minimum(0.75 - np.hypot(u, 1.2 * (v - 0.0)), 0.05 - v)
    stem = np.minimum(0.2 + 0.08 * v - np.abs(u), np.minimum(v + 0.05, 0.8 - v))
    return np.maximum(cap, stem)


def _fish(u, v):
    trunk = 0.55 - np.hypot(0.8 * (u + 0.2), 1.5 * v)
    tail = np.minimum(0.75 * (u - 0.2) - np.abs(v), 0.8 - u)
    return np.maximum(trunk, tail)


def _cup(u, v):
    bowl = np.minimum(0.5 - 0.12 * v - np.abs(u + 0.15), np.minimum(v + 0.6, 0.65 - v))
    handle = np.minimum(0.09 - np.abs(np.hypot(u - 0.38, v) - 0.3), u - 0.3)
    return np.maximum(bowl, handle)


# Signed extent of each shape in its own coordinates: positive inside.
_SHAPES = {
    "ball": lambda u, v: 0.8 - np.hypot(u, v),
    "star": _star,
    "heart": _heart,
    "flower": _flower,
    "moon": _moon,
    "ring": _ring,
    "house": _house,
    "mushroom": _mushroom,
    "fish": _fish,
    "cup": _cup,
}


def _grid(size, angle=0.0, zoom=1.0, shift=(0.0, 0.0)):
    """Coordinates x (rightwards) and y (downwards), each float32 (size, size), from -1 to 1 over the image."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype("float32")
    x, y = (axis[None] - float(shift[0])) / zoom, (axis[:, None] - float(shift[1])) / zoom
    return math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x


def _edge(extent, width):
    """0 outside, 1 inside, a smooth step of the given width where extent is 0."""
    return np.clip(extent / width + 0.5, 0, 1)


def _smooth_noise(generator, cells, size):
    """Smooth noise of unit spread (size, size), `cells` independent values along a side."""
    weights = _spline(cells, size)
    return weights @ generator.standard_normal((cells, cells), dtype="float32") @ weights.T


@lru_cache(maxsize=32)
def _spline(cells, size):
    distance = np.abs((np.arange(size)[:, None] + 0.5) / size * cells - np.arange(cells)[None] - 0.5)
    weights = np.exp(-(distance**2)).astype("float32")
    return weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))


def _stamp(image, letter, size):
    """Write the side's letter into the upper corner, in place; gives the rows and columns that it takes."""
    bitmap = np.array([[int(bit) for bit in row] for row in _LETTERS[letter]])
    bitmap = np.kron(bitmap, np.ones((max(1, size // 100),) * 2))
    top = size // 20
    left = size // 20 if letter == "R" else size - size // 20 - bitmap.shape[1]
    place = np.s_[top : top + bitmap.shape[0], left : left + bitmap.shape[1]]
    np.maximum(image[place], 0.92 * bitmap, out=image[place])
    return place


def _to_bytes(image):
    return (np.clip(image, 0, 1) * 255).round().astype("uint8")
