"""Which axes of a tensor are the rows, columns and channels of an image, as far as its operators tell.

PyTorch keeps rows and columns last, Swin transformers keep channels last, and vision transformers put rows and columns
in one axis of tokens. Where an operator may put positions in another order, nothing is known from there on; a residual
way around it keeps what was known before.
"""

from dataclasses import dataclass, replace
from math import isqrt, prod

import numpy as np
import torch

from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.graph import name_of

IMAGES, CHANNELS, ROWS, COLUMNS, TOKENS, SINGLE = "images", "channels", "rows", "columns", "tokens", "single"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)  # lengths that tell the axes of a tensor apart
_SHAPING = frozenset("view reshape flatten unflatten squeeze unsqueeze view_as reshape_as _unsafe_view".split())
_PERMUTING = frozenset("permute transpose movedim swapaxes swapdims mT".split())


@dataclass(frozen=True)
class Axes:
    """What the axes of a tensor are.

    Attributes:
        kinds: for each axis IMAGES, CHANNELS, ROWS, COLUMNS, TOKENS, or SINGLE for one of length 1.
        grid: rows and columns of the tokens, row by row; None without tokens.
        extra: how many tokens before those are no positions, such as a class token.
    """

    kinds: tuple[str, ...]
    grid: tuple[int, int] | None = None
    extra: int = 0

    @property
    def has_positions(self):
        """Whether they are those of feature maps: images, channels, and either rows and columns or tokens."""
        return sorted(self.kinds) in (
            sorted((IMAGES, CHANNELS, ROWS, COLUMNS)),
            sorted((IMAGES, CHANNELS, TOKENS)),
        )


def assign_axes(graph):
    """Find the axes of all values of a graph.

    Tokens that no operator is known to make of rows and columns are looked for by what they see: where a patch of the
    image changes, the one token of that patch changes.

    Args:
        graph: a `Graph`, whose values get their axes.
    """
    graph.image.axes = Axes((IMAGES, CHANNELS, ROWS, COLUMNS))
    _derive(graph)
    if not any(one.axes and TOKENS in one.axes.kinds for one in graph.values):
        tokens = next((one for one in graph.values if len(one.shape) == 3 and _sees_patches(graph, one)), None)
        if tokens is not None:
            _derive(graph)


def square(count):
    """Rows and columns of a square of so many tokens; None for other numbers."""
    side = isqrt(max(count, 0))
    return (side, side) if side > 1 and side * side == count else None


def _derive(graph):
    """Find the axes of values from those that they are made of."""
    calls = dict.fromkeys(one.call for one in graph.values)
    for call in calls:
        args, kwargs = call.arguments(call.takes)
        wide = [one for one in call.takes if one.shape]
        shapes = [one.shape for one in call.gives]
        for value, axes in zip(call.gives, _derived(call, args, kwargs, wide, shapes), strict=True):
            value.axes = value.axes or axes


def _derived(call, args, kwargs, inputs, shapes):
    """The axes of each result of a call, None where nothing is known."""
    first = args[0] if args and any(args[0] is one for one in inputs) else None
    known = first is not None and first.axes
    name = name_of(call).removesuffix("_")
    if name in operators.POINTWISE | operators.MIXING:
        found = (one.axes for one in inputs if one.axes and one.shape == shapes[0])
        return [next(found, None)] + [None] * (len(shapes) - 1)
    if name in ("cat", "concat", "concatenate"):
        return [_joined(args, kwargs, shapes[0])]
    if not known:
        return [None] * len(shapes)
    if name in operators.CONVOLUTIONS | operators.RESIZING:
        padded = name in ("pad", "constant_pad_nd")
        fits = TOKENS not in known.kinds if padded else known.kinds == (IMAGES, CHANNELS, ROWS, COLUMNS)
        return [known if fits else None] * len(shapes)
    if name in operators.LINEAR:
        return [known if inputs == [first] and known.kinds[-1] == CHANNELS else None]
    if name in ("chunk", "split", "split_with_sizes", "narrow", "expand"):
        return [_if_alike(known, first.shape, shape) for shape in shapes]
    if name in _SHAPING:
        return [_reshaped(known, first.shape, shapes[0])]
    if name in _PERMUTING:
        moved = call.operation(torch.empty(_PRIMES[: len(known.kinds)], device="meta"), *args[1:], **kwargs).shape
        return [replace(known, kinds=tuple(known.kinds[_PRIMES.index(length)] for length in moved))]
    if name == "slice":
        return [_cut_out(known, first.shape, args, kwargs)]
    return [None] * len(shapes)


def _sees_patches(graph, value):
    """Whether a value is tokens (N, T, K) of the patches of a square grid, row by row; it then gets its axes."""
    count, length = value.shape[:2]
    height, width = graph.image.shape[2:]
    for extra in (0, 1):
        grid = square(length - extra)
        if count != graph.tried or grid is None or height % grid[0] or width % grid[1]:
            continue
        rows, columns = height // grid[0], width // grid[1]
        noise = np.random.default_rng(0).uniform(0, 1, graph.image.shape).astype("float32")
        changed = []
        for row, column in ((0, 0), (0, 1), (1, 0)):
            image = torch.from_numpy(noise.copy())
            image[:, :, row * rows : (row + 1) * rows, column * columns : (column + 1) * columns] += 1
            with torch.no_grad():
                changed.append(graph.run({graph.image: image.to(graph.device)}, [value], count)[0])
        before = graph.run({graph.image: torch.from_numpy(noise).to(graph.device)}, [value], count)[0]
        places = [(one != before).any(dim=(0, 2)).nonzero().flatten().tolist() for one in changed]
        if places == [[extra], [extra + 1], [extra + grid[1]]]:
            value.axes = Axes((IMAGES, TOKENS, CHANNELS), grid, extra)
            return True
    return False


def _if_alike(known, before, after):
    """The axes, where only the number of channels may have changed."""
    same = len(before) == len(after) and all(
        kind == CHANNELS or old == new for kind, old, new in zip(known.kinds, before, after, strict=True)
    )
    return known if same else None


def _joined(args, kwargs, shape):
    """The axes of tensors that are joined: along the channels, or with further tokens before those of the grid."""
    parts = [one for one in args[0] if getattr(one, "axes", None)]
    if not parts:
        return None
    known, dim = parts[-1].axes, kwargs.get("dim", args[1] if len(args) > 1 else 0) % len(shape)
    if len(known.kinds) != len(shape):
        return None
    if known.kinds[dim] == CHANNELS:
        return known
    if known.kinds[dim] == TOKENS and len(parts) == 1 and args[0][-1] is parts[0]:
        return replace(known, extra=known.extra + shape[dim] - parts[0].shape[dim])
    return None


def _reshaped(known, before, after):
    """The axes of a tensor in another shape: rows and columns become tokens, and tokens rows and columns."""
    kinds, grid, extra = [], known.grid, known.extra
    old, new = list(zip(known.kinds, before, strict=True)), list(after)
    while old or new:
        if old and new and old[0][1] == new[0]:
            kinds.append(old.pop(0)[0])
            new.pop(0)
        elif new and new[0] == 1:
            kinds.append(SINGLE)
            new.pop(0)
        elif old and old[0][1] == 1:
            old.pop(0)
        elif [kind for kind, _ in old[:2]] == [ROWS, COLUMNS] and new[:1] == [prod(size for _, size in old[:2])]:
            kinds.append(TOKENS)
            grid, extra = (old.pop(0)[1], old.pop(0)[1]), 0
            new.pop(0)
        elif old and old[0][0] == TOKENS and not extra and tuple(new[:2]) == grid:
            kinds += [ROWS, COLUMNS]
            old.pop(0)
            del new[:2]
        else:
            return None
    return Axes(tuple(kinds), grid if TOKENS in kinds else None, extra if TOKENS in kinds else 0)


def _cut_out(known, shape, args, kwargs):
    """The axes of a part of a tensor: the channels, every other position, or the tokens of the grid."""
    places = dict(zip(("dim", "start", "end", "step"), args[1:], strict=False)) | kwargs
    dim, start, step = places.get("dim", 0), places.get("start") or 0, places.get("step", 1)
    end = shape[dim] if places.get("end") is None else places["end"]
    if not all(isinstance(one, int) for one in (start, end)):
        return None
    start, end = (one + shape[dim] if one < 0 else one for one in (start, end))
    whole, kind = end >= shape[dim], known.kinds[dim]
    if kind == CHANNELS or (start == 0 and whole and step == 1):
        return known
    if kind in (ROWS, COLUMNS) and start < step:
        return known
    if kind == TOKENS and whole and step == 1 and start <= known.extra:
        return replace(known, extra=known.extra - start)
    return None
