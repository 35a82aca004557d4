"""Feature maps in rows and columns, whatever axes a tensor of PyTorch keeps them in."""

from dataclasses import dataclass

import torch

from black_average_drop.networks.pytorch.axes import CHANNELS, COLUMNS, EXTRA, IMAGES, ROWS

TOKENS = "tokens"  # rows and columns in one axis


@dataclass(frozen=True)
class Positions:
    """Where the positions of feature maps are in a tensor.

    Attributes:
        kinds: what each axis of the tensor is, see `axes`.
        grid: (h, w).
        extra: how many tokens before those of the grid are no positions.
    """

    kinds: tuple[str, ...]
    grid: tuple[int, int]
    extra: int = 0

    @property
    def wide(self):
        """Whether there is more than one position."""
        return self.grid != (1, 1)

    @property
    def channels(self):
        """The axis of the channels."""
        return self.kinds.index(CHANNELS)

    def of(self, tensor):
        """Feature maps (N, h, w, K), of a tensor."""
        if TOKENS not in self.kinds:
            order = [self.kinds.index(one) for one in (IMAGES, ROWS, COLUMNS, CHANNELS)]
            return tensor.permute(order)
        tokens = self._tokens(tensor)[:, self.extra :]
        return tokens.reshape(len(tokens), *self.grid, -1)

    def elsewhere(self, tensor):
        """The tokens (N, extra, K) that are no positions; without such tokens an empty tensor."""
        return self._tokens(tensor)[:, : self.extra] if self.extra else tensor.new_empty(0)

    def put(self, features, elsewhere=None):
        """A tensor with feature maps (N, h, w, K) at its positions.

        Args:
            features: the feature maps.
            elsewhere: of such a tensor, the tokens that are no positions; by default 0.
        """
        if TOKENS not in self.kinds:
            order = [(IMAGES, ROWS, COLUMNS, CHANNELS).index(one) for one in self.kinds]
            return features.permute(order)
        tokens = features.reshape(len(features), -1, features.shape[-1])
        if self.extra:
            if elsewhere is None:
                elsewhere = tokens.new_zeros(len(tokens), self.extra, tokens.shape[-1])
            tokens = torch.cat([elsewhere, tokens], dim=1)
        return tokens.permute([(IMAGES, TOKENS, CHANNELS).index(one) for one in self.kinds])

    def _tokens(self, tensor):
        """Tokens (N, T, K)."""
        return tensor.permute([self.kinds.index(one) for one in (IMAGES, TOKENS, CHANNELS)])


def positions_of(value, grid=None):
    """The positions of a value of a graph; None where it has none that are known.

    Args:
        value: a `Value`.
        grid: rows and columns of tokens, in place of those of the patches.
    """
    kinds, found = [], {}
    for digits in value.axes.digits if value.axes else ():
        leading = [one for one in digits if one.leads or one.kind == EXTRA]
        place = [one.kind for one in leading if one.kind in (IMAGES, ROWS, COLUMNS)]
        known = {(): CHANNELS, (IMAGES,): IMAGES, (ROWS,): ROWS, (COLUMNS,): COLUMNS, (ROWS, COLUMNS): TOKENS}
        if tuple(place) not in known or (place and len(leading) != len(digits)):
            return None
        kinds.append(known[tuple(place)])
        found |= {one.kind: one.size for one in leading}
    if sorted(kinds) in (sorted((IMAGES, CHANNELS, TOKENS)), sorted((IMAGES, CHANNELS, ROWS, COLUMNS))):
        own = found[ROWS], found[COLUMNS]
        if TOKENS not in kinds or grid is None:
            return Positions(tuple(kinds), own, found.get(EXTRA, 0))
        extra = value.shape[kinds.index(TOKENS)] - grid[0] * grid[1]
        return Positions(tuple(kinds), tuple(grid), extra) if extra >= 0 else None
    if value.axes is None and len(value.shape) == 3 and grid and value.shape[1] >= grid[0] * grid[1]:
        return Positions((IMAGES, TOKENS, CHANNELS), tuple(grid), value.shape[1] - grid[0] * grid[1])
    return None


def check_more_than_one(graph, positions):
    """Check that feature maps have more than one position.

    Raises:
        ValueError: saying so.
    """
    if not positions.wide:
        size = "{} x {}".format(*graph.image.shape[2:])
        raise ValueError(
            f"Model {graph.name} has feature maps of one position for images of {size} pixels, so that every map is "
            "the same all over: export it with a larger example image."
        )
