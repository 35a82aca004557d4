"""Where a map points, against lesions or objects that are known: hits, mass, top pixels, recall by size, and chance.

Maps are (N, H, W) as they are shown: upsampled, and blank where they are nowhere positive. Equal values share what
they compete for, as if ties were broken at random. A blank map, or one with NaN, points nowhere and never hits.
"""

import numpy as np
import pandas as pd
from scipy import fft
from scipy.ndimage import distance_transform_edt

from black_average_drop import evaluation

TOLERANCE = 15 / 500  # of the image's side: the tolerance of the pointing game, which is usually played at 500 pixels
AREAS = (0.05, 0.1, 0.2)  # shares of the image in which lesions are looked for
TOUCHED_SHARE = 0.25  # the share of a lesion that must lie inside
SCORES = ("hit", "hit_tolerant", "mass_inside", "top_inside")


def top_pixels(maps, counts):
    """The share of each pixel that is among the largest values of its map.

    Above the threshold the share is 1. The pixels at the threshold share alike what is left over. A blank map has 0
    all over.

    Args:
        maps: (N, H, W).
        counts: (N,), how many pixels of each map, or one number for all.

    Returns:
        (N, H, W), from 0 to 1.
    """
    flat = np.asarray(maps).reshape(len(maps), -1)
    weights = np.zeros(flat.shape, "float32")
    for row, count, out in zip(flat, np.broadcast_to(counts, len(flat)), weights, strict=True):
        if not np.isfinite(row).all() or row.max() <= 0:
            continue
        threshold = np.partition(row, row.size - count)[row.size - count]
        above, level = row > threshold, row == threshold
        out[above] = 1
        out[level] = (count - above.sum()) / level.sum()
    return weights.reshape(maps.shape)


def near(regions):
    """What is inside of regions, boolean (N, H, W), or at most TOLERANCE of the image's side away."""
    return np.stack([distance_transform_edt(~region) <= TOLERANCE * region.shape[0] for region in regions])


def scores(maps, regions, widened=None):
    """How well each map points into its region.

    Args:
        maps: (N, H, W).
        regions: boolean (N, H, W).
        widened: `near` of the regions, if it is known already.

    Returns:
        A DataFrame, a row for each image, with columns from 0 to 1. hit: the maximum lies inside. hit_tolerant: it lies
        inside, or at most TOLERANCE of the image's side away. mass_inside: the share of the positive part of the map
        inside. top_inside: the share inside of as many top pixels as the region has. chance_hit and the other chance_*:
        what the same map would score on average if it were shifted anywhere (cyclically), which is the share of the
        image that the region takes. For hit_tolerant the region is widened.

    Raises:
        ValueError: if a region is empty.
    """
    regions = np.asarray(regions)
    sizes = regions.sum(axis=(1, 2))
    if not sizes.all():
        raise ValueError(f"Region {int(np.argmin(sizes))} is empty: leave out images without a lesion or object.")
    widened = near(regions) if widened is None else widened
    largest = top_pixels(maps, 1)
    clipped = np.maximum(maps, 0)
    mass = clipped.sum(axis=(1, 2))  # NaN, which is not above 0, for a map that has one
    inside = np.divide((clipped * regions).sum(axis=(1, 2)), mass, out=np.zeros(len(mass)), where=mass > 0)
    share, near_share = regions.mean(axis=(1, 2)), widened.mean(axis=(1, 2))
    return pd.DataFrame(
        {
            "hit": (largest * regions).sum(axis=(1, 2)),
            "hit_tolerant": (largest * widened).sum(axis=(1, 2)),
            "mass_inside": inside,
            "top_inside": (top_pixels(maps, sizes) * regions).sum(axis=(1, 2)) / sizes,
            "chance_hit": share,
            "chance_hit_tolerant": near_share,
            "chance_mass_inside": share,
            "chance_top_inside": share,
        }
    )


def intersection_over_union(maps, regions):
    """The overlap of each region with as many top pixels of its map, as a share of what the two cover together.

    Both have the same number of pixels. So this is t / (2 - t), with t the top_inside of `scores`, and ranks the maps
    of an image as t does. CheXlocalize (Saporta et al. 2022) instead takes the pixels above a threshold, which it tunes
    for each finding on a validation set. It leaves out maps without such a pixel. A blank map has 0 here.

    Args:
        maps: (N, H, W).
        regions: boolean (N, H, W), none empty.

    Returns:
        (N,), from 0 to 1.
    """
    sizes = np.asarray(regions).sum(axis=(1, 2))
    shared = (top_pixels(maps, sizes) * regions).sum(axis=(1, 2))
    return shared / (2 * sizes - shared)


def touched(maps, rows, lesions, area):
    """Whether a map touches each lesion: at least TOUCHED_SHARE of it lies in the top `area` of its image's map.

    Args:
        maps: (N, H, W).
        rows: (L,), the image of each lesion.
        lesions: boolean (L, H, W).
        area: a share of the image, between 0 and 1.

    Returns:
        Boolean (L,), and the chance (L,) that the lesion would be touched if the map were shifted anywhere
        (cyclically), over all shifts.
    """
    height, width = maps.shape[1:]
    inside = top_pixels(maps, round(area * height * width))
    spectra = fft.rfft2(inside, workers=-1)
    is_touched, chance = np.zeros(len(rows), bool), np.zeros(len(rows))
    for i, (row, lesion) in enumerate(zip(rows, lesions, strict=True)):
        enough = TOUCHED_SHARE * lesion.sum()
        is_touched[i] = inside[row][lesion].sum() >= enough - 1e-3
        overlap = fft.irfft2(spectra[row] * np.conj(fft.rfft2(lesion.astype("float32"))), s=(height, width))
        chance[i] = (overlap >= enough - 0.05).mean()  # rounding of the transform is below 0.01 of a pixel
    return is_touched, chance


def lesions(dataset):
    """Every lesion or object of the images of a Dataset by itself.

    Returns:
        rows (L,), findings (L,) and masks, boolean (L, H, W). A mask is one lesion of the image's class, a box one of
        its own finding.
    """
    rows, findings, masks = [], [], []
    for row, (position, label) in enumerate(zip(dataset.positions, dataset.labels, strict=True)):
        for finding, mask in dataset.lesions(position, label):
            rows.append(row)
            findings.append(finding)
            masks.append(mask)
    return np.array(rows, int), np.array(findings), np.array(masks)


def region_sizes(dataset, batch_size=256):
    """The share (N,) of each image that its object or lesion takes, by `Dataset.regions`, a batch at a time."""
    chunks = (dataset.subset(slice(start, start + batch_size)) for start in range(0, len(dataset), batch_size))
    return np.concatenate([chunk.regions().mean(axis=(1, 2)) for chunk in chunks])


def blank(maps):
    """Whether each map (N, H, W) is nowhere positive, or not finite somewhere. Boolean (N,)."""
    return ~(np.isfinite(maps).all(axis=(1, 2)) & (np.nan_to_num(maps).max(axis=(1, 2)) > 0))


def score_maps(maps, dataset):
    """`scores` of every map, without chance.

    Args:
        maps: name -> (N, h, w) or (N, H, W), before clipping.
        dataset: a Dataset of the same N images.

    Returns:
        A DataFrame with columns id, score (one of SCORES), map and value.
    """
    regions = dataset.regions()
    widened, parts = near(regions), []
    for name, drawn in maps.items():
        part = scores(evaluation.upsampled(drawn, dataset.size), regions, widened)[list(SCORES)]
        parts.append(part.assign(id=dataset.ids, map=name).melt(["id", "map"], var_name="score"))
    return pd.concat(parts, ignore_index=True)


def touch_lesions(maps, dataset):
    """`touched` of every lesion, map and one of AREAS.

    Args:
        maps: name -> (N, h, w) or (N, H, W), before clipping.
        dataset: a Dataset of the same N images.

    Returns:
        A DataFrame with columns lesion (its number among those of its image), id, finding, size (share of the image),
        area, quantity ("touched", 0 or 1, or "chance"), map and value.
    """
    rows, findings, masks = lesions(dataset)
    numbers = pd.Series(rows).groupby(rows).cumcount()
    each = {"lesion": numbers, "id": dataset.ids[rows], "finding": findings, "size": masks.mean(axis=(1, 2))}
    parts = []
    for name, drawn in maps.items():
        shown = evaluation.upsampled(drawn, dataset.size)
        for area in AREAS:
            for quantity, values in zip(("touched", "chance"), touched(shown, rows, masks, area), strict=True):
                of_map = {"area": area, "quantity": quantity, "map": name, "value": values.astype(float)}
                parts.append(pd.DataFrame(each | of_map))
    return pd.concat(parts, ignore_index=True)
