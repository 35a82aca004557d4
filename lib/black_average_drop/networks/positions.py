"""What becomes of the places of an image on the way through a model: rows, columns, and the order of tokens."""

from functools import partial

import numpy as np
from keras import layers

from black_average_drop.arrays import as_numpy
from black_average_drop.networks.graph import Part, makers
from black_average_drop.networks.pooled_head import is_operation

_NORMALIZATIONS = layers.Normalization, layers.BatchNormalization, layers.LayerNormalization
_ATTENTION = layers.MultiHeadAttention, layers.GroupQueryAttention, layers.Attention, layers.AdditiveAttention
_MERGES = layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum
_ELEMENT_BY_ELEMENT = "Add", "Subtract", "Multiply", "Divide", "TrueDivide"
_PLACES = 8  # that are tried: the corners, and some in between
_AHEAD = 2  # how much more than any other a token of several places changes with these
_LARGER = 4  # the change goes on along the path around an attention, whose normalization takes its size away
_SAME = 0.02  # of what moves when tokens change places: the share that may be rounding, in a mixed precision too


def no_rows_and_columns(maps, name, grids=()):
    """Why feature maps have not the rows and columns of the image, "" where nothing speaks against it.

    Of what has neither, (N, T, K) with T = h w can be put in rows and columns, and nothing else. Nothing may change
    places with rows and columns.

    Args:
        maps: a `Symbol`, (None, h, w, K).
        name: of the whole model, for the message.
        grids: `Symbol` -> `Grid` of tokens whose places are known.
    """
    reasons, seen, waiting = [], {maps}, [maps]
    while waiting:
        later = waiting.pop()
        if later in grids or later.call is None or not later.call.takes:
            return ""
        for earlier in reversed(_ways(later.call)):
            if earlier not in seen:
                seen.add(earlier)
                what = _loses(later, earlier, grids)
                if what:
                    reasons.append(f"its layer {later.maker.name!r} {what}")
                else:
                    waiting.append(earlier)
    return f"Model {name} has no feature maps: {reasons[0]}; choose a convolutional network."


def keeps_places(taken, symbol, sources, before, after):
    """Whether tokens are in the places of what they are made of, as far as random numbers show.

    Either a change in one place changes the token of that place most. Or tokens that change places give what they gave
    before, in their new places, as attention without positions does.

    Args:
        taken: the symbols that the tokens are made of.
        symbol: the tokens.
        sources: those taken of which the places are known: tokens, or maps in rows and columns.
        before: the `Grid` of all sources.
        after: the supposed `Grid` of the tokens.
    """
    if any(None in one.shape[1:] for one in taken if one not in sources):
        return False
    part, generator = Part(taken, [symbol]), np.random.default_rng(0)
    shapes = [(*before.places, one.shape[-1]) if _is_placed(one, sources) else one.shape[1:] for one in taken]
    given = [generator.normal(size=shape).astype("float32") for shape in shapes]

    def answers(changes):
        """(1 + M, T, K): what comes of random numbers, and of the same after each of M changes of the sources."""
        every = [[change(one) if known in sources else one for known, one in zip(taken, given, strict=True)]
                 for change in (lambda values: values, *changes)]  # fmt: skip
        batches = [np.stack(values) for values in zip(*every, strict=True)]
        return as_numpy(part(batches, training=False)[0]).astype("float64")

    try:
        if _changes_in_its_place(answers, generator, before, after):
            return True
        tokens = all(len(one.shape) == 3 for one in sources)
        return tokens and before == after and _moves_along(answers, generator, before)
    except Exception:  # a layer of somebody's own may raise anything on random numbers
        return False


def _is_placed(symbol, sources):
    """Whether a symbol is one of the sources, in rows and columns."""
    return symbol in sources and len(symbol.shape) == 4


def _changes_in_its_place(answers, generator, before, after):
    """Whether a change in one place changes the token of that place most, for several places."""
    rows, columns = after.places
    corners = [(row, column) for row in (0, rows - 1) for column in (0, columns - 1)]
    others = [(int(generator.integers(rows)), int(generator.integers(columns))) for _ in range(_PLACES - len(corners))]
    places = list(dict.fromkeys(corners + others))
    first, *moved = answers([partial(_drawn_again, place, before, after, generator) for place in places])
    ahead = 1 if after.places == before.places else _AHEAD
    for (row, column), other in zip(places, moved, strict=True):
        changes = np.abs(other - first).sum(axis=-1)
        own, rest = after.extra + row * columns + column, np.sort(changes)[-2]
        if not changes[own] > ahead * rest:
            return False
    return True


def _drawn_again(place, before, after, generator, values):
    """What a call takes, with other and larger random numbers in one place of the `Grid` after it."""
    values = values.copy()
    spans = zip(place, before.places, after.places, strict=True)
    own = tuple(slice(number * side // count, (number + 1) * side // count) for number, side, count in spans)
    maps = values if values.ndim == 3 else values[before.extra :].reshape(*before.places, -1)
    maps[own] = generator.normal(scale=_LARGER, size=maps[own].shape)
    return values


def _moves_along(answers, generator, grid):
    """Whether tokens that change places give what they gave before, in their new places."""
    order = np.arange(grid.extra + grid.rows * grid.columns)
    order[grid.extra :] = grid.extra + generator.permutation(grid.rows * grid.columns)
    first, moved = answers([lambda values: values[order]])
    return bool(np.abs(moved - first[order]).max() < _SAME * np.abs(moved - first).max())


def is_learned(symbol):
    """Whether a layer on the way to a symbol has weights other than those of a normalization."""
    return any(learns(call.operation) for call in makers(symbol))


def learns(operation):
    """Whether an operation has weights other than those of a normalization."""
    return bool(getattr(operation, "weights", ())) and not isinstance(operation, _NORMALIZATIONS)


def _ways(call):
    """The things that a call takes whose places those of its result may be: of what is added up, any will do."""
    wide = [one for one in call.takes if one.wide]
    return wide if wide and merges(call.operation) else (wide or call.takes)[:1]


def merges(operation):
    """Whether an operation puts things together element by element."""
    return type(operation) in _MERGES or is_operation(operation, *_ELEMENT_BY_ELEMENT)


def attends(call):
    """Whether a call is one of attention, or what attention by hand is made of: a product of two sequences."""
    operation = call.operation
    if isinstance(operation, _ATTENTION):
        return True
    product = type(operation) is layers.Dot or is_operation(operation, "Matmul", "Einsum", "DotProductAttention")
    return product and len(call.takes) > 1 and all(len(one.shape) > 2 for one in call.takes)


def _loses(later, earlier, grids):
    """What the call that makes a symbol of another does to rows and columns, "" where it keeps them."""
    shape, source = later.shape, earlier.shape
    if len(source) == len(shape) == 4 and _moves_positions(later, earlier):
        return f"puts {source[1:]} in another order"
    if len(source) < 4 <= len(shape) and None not in shape[1:]:
        stacked = source[1:] == shape[1:-1] and not is_learned(earlier)  # the channels of an image
        places = grids[earlier].places if earlier in grids else shape[1:3]
        if not stacked and (source[1:] != (np.prod(shape[1:-1]), shape[-1]) or shape[1:3] != places):
            return f"makes {shape[1:]} of {source[1:]}, no rows and columns of the image"
    return ""


def _moves_positions(later, earlier):
    """Whether a call gives the numbers of feature maps other rows and columns."""
    operation = later.maker
    if isinstance(operation, layers.Permute):
        return tuple(operation.dims) != (1, 2, 3)
    if is_operation(operation, "Transpose"):
        return operation.axes is None or tuple(axis % 4 for axis in operation.axes) != (0, 1, 2, 3)
    reshapes = isinstance(operation, layers.Reshape) or is_operation(operation, "Reshape")
    return reshapes and later.shape[1:3] != earlier.shape[1:3]
