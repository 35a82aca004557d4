"""Lesions of images as masks at the size of the network's image, packed so that thousands take little memory."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

ANY = ""  # the finding of a lesion whose file names none: it is one of whatever is explained


@dataclass(frozen=True)
class PackedMask:
    """A mask, packed: eight pixels of the box around it in a byte."""

    corner: tuple[int, int]  # (row, column) of the box
    size: tuple[int, int]  # (h, w) of the box
    bits: np.ndarray  # uint8


@dataclass(frozen=True)
class Lesions:
    """L lesions of images, each a mask at the size of the network's image."""

    table: pd.DataFrame  # id, finding (as its file names it, or ANY), kind (box, mask), area (share of the image)
    notes: tuple[str, ...]  # sentences on what was counted, without names
    size: tuple[int, int]  # (H, W)
    parts: tuple[PackedMask, ...]  # (L,)

    def __len__(self):
        return len(self.table)

    def mask(self, row):
        """Return the mask of one lesion, boolean (H, W): row is its number in `table`."""
        part = self.parts[row]
        (top, left), (height, width) = part.corner, part.size
        mask = np.zeros(self.size, bool)
        mask[top : top + height, left : left + width] = np.unpackbits(part.bits, count=height * width).reshape(
            part.size
        )
        return mask

    def of_pairs(self, ids, findings):
        """List the lesions of pairs of an image and a finding.

        Args:
            ids: (M,), the images.
            findings: (M,), what lesions of the pair are called in their file. A lesion of ANY finding is of every pair
                of its image.

        Returns:
            The pairs (K,) and the lesions (K,) that are in them, both as numbers, pair by pair.
        """
        rows = {}
        for row, key in enumerate(zip(self.table["id"], self.table["finding"], strict=True)):
            rows.setdefault(key, []).append(row)
        found = []
        for pair, (name, finding) in enumerate(zip(map(str, ids), findings, strict=True)):
            keys = dict.fromkeys([(name, finding), (name, ANY)])
            found += [(pair, row) for row in sorted(row for key in keys for row in rows.get(key, ()))]
        pairs, lesions = np.array(found, int).reshape(-1, 2).T
        return pairs, lesions

    def regions(self, ids, findings):
        """Mark all lesions of each pair of an image and a finding.

        Args:
            ids, findings: (M,), as in `of_pairs`; a part of the pairs at a time keeps memory flat.

        Returns:
            boolean (M, H, W), false all over where a pair has no lesion.
        """
        regions = np.zeros((len(ids), *self.size), bool)
        for pair, row in zip(*self.of_pairs(ids, findings), strict=True):
            regions[pair] |= self.mask(row)
        return regions


def packed(mask):
    """Pack a mask, boolean (H, W) with at least one true pixel, as a `PackedMask`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return PackedMask((int(rows[0]), int(columns[0])), part.shape, np.packbits(part))
