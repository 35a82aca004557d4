"""Methods that ask the network again: they mask the image, and read how much of the score is left.

Pixels are masked, and black is 0. The score is Y of the explained class under the network's activation, as in AD and
BAD. Both methods are functions of images (N, H, W, 3), arrays or tensors, and of a function `score` from masked pixels
(m, H, W, 3) and their classes (m,) to scores (m,), a NumPy array.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from black_average_drop.arrays import as_float32, as_numpy, namespace, placed_with, together
from black_average_drop.resampling import upsample

MASKS = 4000  # of RISE: as many as its authors take for VGG16
AT_ONCE = 32  # masked images that are made, and shown to the network, at a time


@dataclass(frozen=True)
class Perturbing:
    """A method that asks the network again. It is called as any other, with a `cams.Explanation`."""

    draw: Callable  # from an Explanation to maps
    passes: Callable  # from an Explanation to how many masked images the network sees for each explained one

    def __call__(self, explanation):
        """Maps of an explanation. Raises ValueError if it has no way to the network."""
        if explanation.score is None:
            raise ValueError(
                "This method asks the network again, and the Explanation has no score: call evaluation.explain_batch."
            )
        return self.draw(explanation)


def score_cam(features, images, score, classes, at_once=AT_ONCE):
    """Score-CAM (Wang et al. 2020): L = relu(sum_k w_k A^k), w = softmax over k of S_k, S_k = Y(I H^k) - Y(black).

    H^k is A^k, enlarged to the image and scaled from 0 to 1. Y(black) is the same for all channels, so that it cancels
    in the softmax: it is never asked for. As in Algorithm 1 the softmax runs over channels. Scores between 0 and 1 thus
    give weights that differ by a factor of at most e: the map is then close to the mean of the features.

    The authors' code has no softmax over channels: its weight is the probability of the class. It also masks the
    preprocessed tensor, where 0 is the mean colour, and adds up enlarged maps. As there, the mask is enlarged with the
    bilinear kernel, and a channel that is the same all over has no weight: it has no mask.

    Args:
        features: A, (N, h, w, K), of any sign.
        images: I, pixels (N, H, W, 3).
        score: Y, as the module says.
        classes: (N,), integers.
        at_once: how many masked images are made at a time.

    Returns:
        (N, h, w), >= 0, a tensor if features are. 0 all over if no channel has a mask.
    """
    size, scores = images.shape[1:3], []
    for row in range(len(classes)):
        image = as_float32(images[row : row + 1])
        channels = namespace(features).transpose(features[row], (2, 0, 1))
        parts = [channels[start : start + at_once] for start in range(0, len(channels), at_once)]
        answers = [_ask(score, image, _from_0_to_1(upsample(part, size, "bilinear")), classes[row]) for part in parts]
        scores.append(np.concatenate(answers))
    xp = namespace(features)
    flat = as_numpy(xp.max(features, axis=(1, 2)) == xp.min(features, axis=(1, 2)))
    xp, features, weights = together(features, _softmax_of_others(np.stack(scores), flat))
    return xp.maximum(xp.einsum("nhwk,nk->nhw", features, weights), 0)


def rise(images, score, classes, masks=MASKS, cells=7, kept=0.5, seed=0, at_once=AT_ONCE):
    """RISE (Petsiuk et al. 2018): S = sum_i Y(I M_i) M_i / (n p), of n random masks M_i whose mean is p.

    Where the score survives most masks, S is far above 0 all over, and fading by it hides little: AD is then small,
    whatever S shows, as it is for a map of ones. The colours of the authors begin at the minimum, AD and ours at 0.

    The authors' code masks the preprocessed tensor, where 0 is the mean colour; the paper dims pixels to 0, as is done
    here. The masks are those of `random_masks`, the same for every image.

    Args:
        images: I, pixels (N, H, W, 3).
        score: Y, as the module says.
        classes: (N,), integers.
        masks: n, their number.
        cells: the rows, and the columns, of the grid that a mask is made from.
        kept: p, the probability that a cell is kept.
        seed: of the masks.
        at_once: how many masked images are made at a time.

    Returns:
        NumPy float32 (N, H, W), >= 0 for scores >= 0.
    """
    size = tuple(int(side) for side in images.shape[1:3])
    totals = np.zeros((len(classes), *size))
    for part in random_masks(size, masks, cells, kept, seed, at_once):
        shown = placed_with(images, part)
        for row, one in enumerate(classes):
            answers = _ask(score, as_float32(images[row : row + 1]), shown, one)
            totals[row] += np.tensordot(answers, part, axes=1)
    return (totals / (masks * kept)).astype("float32")


def random_masks(size, masks=MASKS, cells=7, kept=0.5, seed=0, at_once=AT_ONCE):
    """The masks of RISE, a few at a time: they need not fit into memory together.

    Each is a grid of cells that are kept or not, enlarged with the bilinear kernel by one cell more than the image has,
    and cropped at a random place within the first cell. A cell has the image's side over `cells` pixels, rounded up as
    in the authors' code: rounded down, as in the paper, it would not reach over every image. That code mirrors the grid
    at its border, where here the outermost cell goes on.

    Args:
        size: (H, W) of the image.
        masks: their number.
        cells: rows and columns of a grid.
        kept: the probability that a cell is kept.
        seed: of grids and places. The masks do not depend on at_once.
        at_once: how many are made at a time.

    Yields:
        float32 (at_once, H, W), from 0 to 1; the last one shorter.
    """
    generator = np.random.default_rng(seed)
    grids = (generator.random((masks, cells, cells)) < kept).astype("float32")
    sides = [-(-side // cells) for side in size]  # of a cell, in pixels
    places = [generator.integers(side, size=masks) for side in sides]
    for start in range(0, masks, at_once):
        rows = range(start, min(start + at_once, masks))
        large = upsample(grids[rows.start : rows.stop], [(cells + 1) * side for side in sides], "bilinear")
        corners = ((places[0][row], places[1][row]) for row in rows)
        cropped = [one[y : y + size[0], x : x + size[1]] for one, (y, x) in zip(large, corners, strict=True)]
        yield np.stack(cropped)


def _ask(score, image, shares, explained):
    """The scores (m,) of one class of an image (1, H, W, 3) under masks (m, H, W)."""
    return score(image * shares[..., None], np.full(len(shares), explained))


def _from_0_to_1(maps):
    """Maps (m, H, W) by their smallest and largest value; 0 where these are the same."""
    xp = namespace(maps)
    lowest = xp.min(maps, axis=(1, 2), keepdims=True)
    span = xp.max(maps, axis=(1, 2), keepdims=True) - lowest
    return (maps - lowest) / xp.where(span > 0, span, xp.ones_like(span))


def _softmax_of_others(scores, left_out):
    """The softmax of scores (N, K) over those that are not left out, boolean (N, K); these get 0."""
    top = np.where(left_out, scores.min(axis=1, keepdims=True), scores).max(axis=1, keepdims=True)
    powers = np.exp(np.where(left_out, -np.inf, scores - top))
    total = powers.sum(axis=1, keepdims=True)
    return powers / np.where(total > 0, total, 1)
