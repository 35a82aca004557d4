"""Feature maps in rows and columns, whatever axes a tensor of PyTorch keeps them in."""

from dataclasses import dataclass

import torch

from black_average_drop.networks.pytorch.axes import CHANNELS, COLUMNS, IMAGES, ROWS, TOKENS


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

    def put(self, features, tensor):
        """The tensor with other feature maps, (N, h, w, K), at its positions; what is elsewhere stays."""
        if TOKENS not in self.kinds:
            order = [(IMAGES, ROWS, COLUMNS, CHANNELS).index(one) for one in self.kinds]
            return features.permute(order)
        tokens = features.reshape(len(features), -1, features.shape[-1])
        if self.extra:
            tokens = torch.cat([self.elsewhere(tensor), tokens], dim=1)
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
    axes = value.axes
    if axes is not None and axes.has_positions:
        if TOKENS not in axes.kinds:
            sizes = [value.shape[axes.kinds.index(one)] for one in (ROWS, COLUMNS)]
            return Positions(axes.kinds, tuple(sizes))
        known = Positions(axes.kinds, axes.grid, axes.extra)
        return _regrouped(known, value.shape[axes.kinds.index(TOKENS)], grid)
    if axes is None and len(value.shape) == 3:
        return _of_tokens(value.shape[1], grid)
    return None


def check_more_than_one(graph, positions):
    """Check that feature maps have more than one position.

    Raises:
        ValueError: saying so.
    """
    if not positions.wide:
        size = "{} x {}".format(*graph.image.shape[2:])
        raise ValueError(
            f"Model {graph.name} has feature maps of one position for images of {size} pixels, so that every map is the "
            "same all over: export it with a larger example image."
        )


def _regrouped(known, count, grid):
    """Positions on another grid."""
    if grid is None:
        return known
    extra = count - grid[0] * grid[1]
    return Positions(known.kinds, tuple(grid), extra) if extra >= 0 else None


def _of_tokens(count, grid):
    """Positions of tokens (N, T, K) of which nothing else is known: on a grid that was given."""
    if grid is None or count < grid[0] * grid[1]:
        return None
    return Positions((IMAGES, TOKENS, CHANNELS), tuple(grid), count - grid[0] * grid[1])

