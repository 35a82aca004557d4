"""Tokens that are the patches of an image: their rows and columns, and the feature maps that they are."""

from dataclasses import dataclass
from math import ceil, floor, isqrt, sqrt

import numpy as np
from keras import layers, ops

from black_average_drop.networks.graph import Call, Part, Symbol, applied, between
from black_average_drop.networks.pooled_head import passes_through
from black_average_drop.networks.positions import attends, keeps_places, merges, no_rows_and_columns

_EACH_ALONE = layers.Dense, layers.LayerNormalization
_NORMALIZATIONS = layers.LayerNormalization, layers.RMSNormalization, layers.UnitNormalization
_ROUNDING = 1e-5  # of the logits


@dataclass(frozen=True)
class Grid:
    """How tokens (N, T, K) are the patches of an image: row by row, behind `extra` others, such as a class token."""

    rows: int
    columns: int
    extra: int = 0

    @property
    def places(self):
        """(rows, columns)."""
        return self.rows, self.columns


def find_grids(calls, image, size, reshape=None):
    """The tokens of a model that are the patches of its image.

    Tokens come of maps in rows and columns, or of the image. They stay in their places where a layer works on each
    alone, and where something is added to them, such as what attention gives. What any other layer does is tried out.

    Args:
        calls: the calls of the model, each after those whose results it takes.
        image: the `Symbol` of the image.
        size: (H, W) of the image.
        reshape: (rows, columns) of tokens of which nothing is known.

    Returns:
        `Symbol`, (None, T, K) -> its `Grid`.
    """
    grids = {}
    for call in calls:
        for symbol in call.gives:
            if is_sequence(symbol):
                found = _found(call, symbol, grids, image, size) or _supposed(symbol, reshape, grids)
                if found:
                    grids[symbol] = found
    return grids


def is_sequence(symbol):
    """Whether a symbol is a sequence (None, T, K) of known length, and more than one."""
    return len(symbol.shape) == 3 and None not in symbol.shape[1:] and symbol.shape[1] > 1


@dataclass
class Tokens:
    """The tokens of a model whose places are known, and what its logits draw on."""

    grids: dict[Symbol, Grid]
    logits: Symbol
    image: Symbol
    size: tuple[int, int]  # (H, W) of the image

    def __post_init__(self):
        self._values, self._known = {}, {}

    def patches_count(self, tokens, grid=None):
        """Whether the logits draw on patches other than the first, which may be in the place of a class token.

        Args:
            tokens: a `Symbol`.
            grid: its `Grid`, if it is none of `grids`.
        """
        grid = grid or self.grids[tokens]
        if (tokens, grid) not in self._known:
            self._known[tokens, grid] = self._differ(tokens, slice(grid.extra + 1, None))
        return self._known[tokens, grid]

    def front_counts(self, tokens):
        """Whether the logits draw on the tokens in front of the patches."""
        extra = self.grids[tokens].extra
        return extra > 0 and self._differ(tokens, slice(0, extra))

    def normalized(self, tokens):
        """What a normalization makes of some tokens, if the logits draw on the patches among them through that alone.

        In front of a class token's last attention it is so. The slopes at what goes into a normalization are at right
        angles to it, so that HiRes-CAM is 0 there but for rounding.

        Args:
            tokens: a `Symbol` that everything goes through.

        Returns:
            A `Symbol`, or None.
        """
        for call in between([tokens], [self.logits])[0]:
            if isinstance(call.operation, _NORMALIZATIONS) and call.takes == [tokens] and call.gives[0] in self.grids:
                first = self.grids[tokens].extra + 1
                return None if self._differ(tokens, slice(first, None), call.gives) else call.gives[0]
        return None

    def front_alone_goes_around(self, tokens):
        """Whether nothing goes around tokens that a normalization makes but what was in front of the patches."""
        if not isinstance(tokens.maker, _NORMALIZATIONS):
            return False
        (before,) = tokens.call.takes
        known = before in self.grids and not between([before], [self.logits])[1]
        return known and not self._differ(before, slice(self.grids[before].extra, None), [tokens])

    def _differ(self, tokens, places, held=()):
        """Whether logits differ where some of the tokens are others, and further symbols are held.

        The others are those of another image, moved at random, since a class token may be the same for all images.
        """
        given = [tokens, *held]
        sources = given + [self.image] * bool(between(given, [self.logits])[1])
        first, *rest = self._of_two_images(sources)
        others, generator = first[::-1, places], np.random.default_rng(1)
        exchanged = first.copy()
        exchanged[:, places] = others + first.std() * generator.normal(size=others.shape).astype(others.dtype)
        answers = Part(sources, [self.logits])([exchanged, *rest], training=False)[0]
        (own,) = self._of_two_images([self.logits])
        return bool(np.abs(ops.convert_to_numpy(answers) - own).max() > _ROUNDING * np.abs(own).max())

    def _of_two_images(self, symbols):
        """The values of symbols for two images at random; those that may be asked for next come in the same pass."""
        wanted = [*symbols, self.logits]
        if not self._values:
            shape = (2, *self.size, self.image.shape[-1])
            self._values[self.image] = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
            wanted += [one for one in self.grids if isinstance(one.maker, _NORMALIZATIONS)]
            wanted += [one for one in self.grids if not between([one], [self.logits])[1]]
        missing = list(dict.fromkeys(one for one in wanted if one not in self._values))
        values = Part([self.image], missing)([self._values[self.image]], training=False) if missing else []
        self._values.update(zip(missing, map(ops.convert_to_numpy, values), strict=True))
        return [self._values[one] for one in symbols]


def unordered_tokens(calls, tokens, places=()):
    """The last tokens in an order that is not known, which would be feature maps if they were patches, row by row.

    Args:
        calls: those that give them, in their order.
        tokens: `Tokens` of the model.
        places: (rows, columns) of the patches, where they are known.

    Returns:
        The `Symbol` and its likely (rows, columns), or None.
    """
    for one in reversed([one for call in calls for one in call.gives if is_sequence(one) and one not in tokens.grids]):
        if likely := likely_places(one.shape[1], places):
            grid = Grid(*likely, one.shape[1] - likely[0] * likely[1])
            if not between([one], [tokens.logits])[1] and tokens.patches_count(one, grid):
                return one, likely
    return None


def likely_places(length, places=()):
    """(rows, columns) of so many tokens, or of all but the first: those that are given, or a square. None otherwise."""
    squares = [(isqrt(count), isqrt(count)) for count in (length, length - 1)]
    fitting = (one for one in (tuple(places), *squares) if np.prod(one) in (length, length - 1) and length > 3)
    return next(fitting, None)


def as_maps(tokens, grid, front):
    """Have the patches among some tokens pass through feature maps, in a graph.

    Args:
        tokens: a `Symbol`, (None, T, K), from then on made of feature maps and the tokens in front of the patches.
        grid: its `Grid`.
        front: whether anything draws on the tokens in front. Otherwise they become 0, so that they need no image.

    Returns:
        The `Symbol` of the feature maps, (None, rows, columns, K).
    """
    count, channels = grid.extra, tokens.shape[-1]
    made = Symbol(tokens.shape, tokens.dtype, tokens.call, tokens.tensor)
    tokens.call.gives[tokens.call.gives.index(tokens)] = made
    maps = applied(
        lambda values: ops.reshape(values[:, count:], (-1, *grid.places, channels)),
        made,
        (None, *grid.places, channels),
    )
    parts = [maps]
    if count and front:
        parts.append(applied(lambda values: values[:, :count], made, (None, count, channels)))

    def joined_again(maps, before=None):
        patches = ops.cast(ops.reshape(maps, (-1, grid.rows * grid.columns, channels)), tokens.dtype)
        if before is None and count:
            before = ops.zeros((ops.shape(maps)[0], count, channels), tokens.dtype)
        return ops.concatenate([before, patches], axis=1) if count else patches

    tokens.call = Call(joined_again, parts, lambda values: (values, {}), [tokens])
    return maps


def _found(call, symbol, grids, image, size):
    """The `Grid` of tokens that a call gives, None if it is not known."""
    operation, length = call.operation, symbol.shape[1]
    alike = [grids[one] for one in call.takes if one in grids and one.shape[1] == length]
    if merges(operation):
        return alike[0] if len(set(alike)) == 1 else None
    if type(operation) in _EACH_ALONE or passes_through(operation):
        return alike[0] if alike else None
    if attends(call):
        return None
    taken = list(dict.fromkeys(call.takes))
    before = {one: _grid_before(one, grids, image, size) for one in taken}
    if not any(before.values()):
        taken = _taken_further_ahead(symbol, grids)
        before = {one: grids[one] for one in taken}
    for known in dict.fromkeys(one for one in before.values() if one):
        sources = [one for one, grid in before.items() if grid == known]
        for after in _fitting(length, known):
            if keeps_places(taken, symbol, sources, known, after):
                return after
    return None


def _taken_further_ahead(symbol, grids):
    """The tokens of known places that a symbol is made of by other axes, as windows are; none behind attention."""
    calls, missing = between(grids, [symbol])
    taken = dict.fromkeys(one for call in calls for one in call.takes if one in grids)
    return [] if missing or any(attends(call) for call in calls) else list(taken)


def _supposed(symbol, reshape, grids):
    """The `Grid` of tokens as a user says it, None where that does not fit, or where as many tokens have another."""
    count, length = reshape[0] * reshape[1] if reshape else 0, symbol.shape[1]
    alike = {grid.places for one, grid in grids.items() if length == one.shape[1] or count == grid.rows * grid.columns}
    return Grid(*reshape, length - count) if count <= length < 2 * count and alike <= {reshape} else None


def _grid_before(symbol, grids, image, size):
    """The `Grid` of what a call takes: tokens, maps or the image; None if it is not known."""
    if symbol is image:
        return Grid(*size)
    if symbol.wide and None not in symbol.shape[1:3] and not no_rows_and_columns(symbol, "", grids):
        return Grid(*symbol.shape[1:3])
    return grids.get(symbol)


def _fitting(length, before):
    """Each `Grid` of so many tokens that may come of another: of the same places, or of fewer, in the same shape."""
    same = length - before.rows * before.columns
    grids = [Grid(*before.places, same)] if same >= 0 else []
    for extra in dict.fromkeys((before.extra, 0, 1)):
        patches = length - extra
        rows = sqrt(patches * before.rows / before.columns)
        for count in dict.fromkeys((floor(rows), ceil(rows))):
            if 0 < count < before.rows and patches % count == 0 and 0 < patches // count < before.columns:
                grids.append(Grid(count, patches // count, extra))
    return grids
