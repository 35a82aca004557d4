"""Which axes of a tensor are the rows, columns and channels of an image, as far as its operators tell.

PyTorch keeps rows and columns last, Swin transformers keep channels last, vision transformers put rows and columns in
one axis of tokens, and attention within windows takes rows apart into windows and places in a window. So each axis is a
list of digits, as those of a number: 56 rows in windows of 7 are a digit of 8 windows and one of 7 places. Where an
operator may put positions in another order, nothing is known from there on; a way around it keeps what was known.
"""

from dataclasses import dataclass, replace
from math import prod

import torch

from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.graph import name_of

IMAGES, CHANNELS, ROWS, COLUMNS, EXTRA = "images", "channels", "rows", "columns", "extra"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)  # lengths that tell the axes of a tensor apart
_SHAPING = frozenset("view reshape flatten unflatten squeeze unsqueeze view_as reshape_as _unsafe_view".split())
_PERMUTING = frozenset("permute transpose movedim swapaxes swapdims mT".split())
_PADDING = frozenset("pad constant_pad_nd".split())


@dataclass(frozen=True)
class Digit:
    """A part of what an axis counts: (index // stride) % size of the rows, the columns, the channels or the images.

    EXTRA are tokens before those of the positions.
    """

    kind: str
    total: int  # how many rows there are, and so on
    stride: int
    size: int

    @property
    def leads(self):
        """Whether it is the first digit: positions are told apart by it where those after it are mixed."""
        return self.stride * self.size == self.total


@dataclass(frozen=True)
class Axes:
    """What the axes of a tensor are: for each its digits, the first first."""

    digits: tuple[tuple[Digit, ...], ...]


def whole(kind, size):
    """The one digit of an axis that is all rows, and so on."""
    return (Digit(kind, size, 1, size),)


def assign_axes(graph):
    """Find the axes of all values of a graph from those of its image.

    Args:
        graph: a `TorchGraph`, whose values get their axes.
    """
    graph.image.axes = _of_image(graph.image.shape)
    for call in dict.fromkeys(one.call for one in graph.values):
        args, kwargs = call.arguments(call.takes)
        wide = [one for one in call.takes if one.shape]
        shapes = [one.shape for one in call.gives]
        for value, axes in zip(call.gives, _derived(call, args, kwargs, wide, shapes), strict=True):
            value.axes = axes


def _of_image(shape):
    """The axes of (N, K, h, w)."""
    return Axes(tuple(whole(kind, size) for kind, size in zip((IMAGES, CHANNELS, ROWS, COLUMNS), shape, strict=True)))


def _derived(call, args, kwargs, inputs, shapes):
    """The axes of each result of a call, None where nothing is known."""
    first = args[0] if args and any(args[0] is one for one in inputs) else None
    known = first is not None and first.axes
    name, unknown = name_of(call).removesuffix("_"), [None] * len(shapes)
    if name in operators.POINTWISE | operators.MIXING:
        alike = {one.axes for one in inputs if one.axes and one.shape == shapes[0]}
        return [alike.pop() if len(alike) == 1 else None, *unknown[1:]]
    if name in ("cat", "concat", "concatenate"):
        return [_joined(args, kwargs, shapes[0])]
    if not known:
        return unknown
    if name in _PADDING:
        return [_resized(known, first.shape, shapes[0])]
    if name in operators.CONVOLUTIONS | operators.RESIZING:
        return [_of_image(shape) if _is_image(known) else None for shape in shapes]
    if name in operators.LINEAR:
        mixes = inputs == [first] and all(one.kind != IMAGES for one in known.digits[-1])
        return [Axes((*known.digits[:-1], whole(CHANNELS, shapes[0][-1]))) if mixes else None]
    if name in ("chunk", "split", "split_with_sizes", "narrow", "expand"):
        return [_resized(known, first.shape, shape, of_channels=True) for shape in shapes]
    if name in _SHAPING:
        return [_reshaped(known, shapes[0])]
    if name in _PERMUTING:
        moved = call.operation(torch.empty(_PRIMES[: len(known.digits)], device="meta"), *args[1:], **kwargs).shape
        return [Axes(tuple(known.digits[_PRIMES.index(length)] for length in moved))]
    if name == "slice":
        return [_cut_out(known, first.shape, shapes[0], args, kwargs)]
    return unknown


def _kinds(digits):
    """Of what the leading digits of an axis are."""
    return [one.kind for one in digits if one.leads or one.kind == EXTRA]


def _is_image(known):
    """Whether axes are images, channels, rows and columns in this order, none of them in parts."""
    return [_kinds(one) for one in known.digits] == [[IMAGES], [CHANNELS], [ROWS], [COLUMNS]] and all(
        len(one) == 1 for one in (known.digits[0], *known.digits[2:])
    )


def _is_of_channels(digits):
    """Whether an axis tells no positions and no images apart."""
    return not {IMAGES, ROWS, COLUMNS, EXTRA} & set(_kinds(digits))


def _resized(known, before, after, of_channels=False):
    """The axes where some have another length: the channels, or rows and columns that lie in axes of their own."""
    if len(before) != len(after):
        return None
    digits = list(known.digits)
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            if _is_of_channels(digits[place]):
                digits[place] = whole(CHANNELS, new)
            elif _kinds(digits[place]) in ([ROWS], [COLUMNS]) and len(digits[place]) == 1 and not of_channels:
                digits[place] = whole(digits[place][0].kind, new)
            else:
                return None
    return Axes(tuple(digits))


def _joined(args, kwargs, shape):
    """The axes of tensors that are joined: along the channels, or with further tokens before those of positions."""
    parts = [one for one in args[0] if getattr(one, "axes", None)]
    dim = kwargs.get("dim", args[1] if len(args) > 1 else 0) % len(shape)
    if not parts or any(len(one.axes.digits) != len(shape) for one in parts):
        return None
    digits = list(parts[-1].axes.digits)
    if all(_is_of_channels(one.axes.digits[dim]) for one in parts):
        others = {one.axes.digits[:dim] + one.axes.digits[dim + 1 :] for one in parts}
        digits[dim] = whole(CHANNELS, shape[dim])
        return Axes(tuple(digits)) if len(others) == 1 else None
    if len(parts) == 1 and args[0][-1] is parts[0] and _kinds(digits[dim])[-2:] == [ROWS, COLUMNS]:
        extra = shape[dim] - prod(one.size for one in digits[dim] if one.kind != EXTRA)
        digits[dim] = (*whole(EXTRA, extra), *(one for one in digits[dim] if one.kind != EXTRA))
        return Axes(tuple(digits))
    return None


def _reshaped(known, after):
    """The axes of a tensor in another shape, which takes digits together, and apart."""
    waiting, axes = [], []
    for digits in known.digits:
        waiting += [digits] if any(one.kind == EXTRA for one in digits) else [(one,) for one in digits if one.size > 1]
    for size in after:
        axis = []
        while size > 1:
            if not waiting:
                return None
            digits = waiting.pop(0)
            if digits[0].kind == EXTRA:
                length = digits[0].size + prod(one.size for one in digits[1:])
                if axis or length != size:
                    return None
                axis, size = list(digits), 1
                continue
            (one,) = digits
            if size % one.size and one.size % size:
                return None
            if one.size > size:
                inner = one.size // size
                waiting.insert(0, (replace(one, size=inner),))
                one = replace(one, stride=one.stride * inner, size=size)
            axis.append(one)
            size //= one.size
        axes.append(_put_together(axis))
    return Axes(tuple(axes)) if not waiting else None


def _put_together(digits):
    """Digits with those made one that follow each other."""
    found = digits[:1]
    for one in digits[1:]:
        last = found[-1]
        if (last.kind, last.total) == (one.kind, one.total) and last.stride == one.stride * one.size:
            found[-1] = replace(one, size=last.size * one.size)
        else:
            found.append(one)
    return tuple(found)


def _cut_out(known, before, after, args, kwargs):
    """The axes of a part of a tensor: of the channels, of every other position, or of the tokens."""
    places = dict(zip(("dim", "start", "end", "step"), args[1:], strict=False)) | kwargs
    dim, start, step = places.get("dim", 0), places.get("start") or 0, places.get("step", 1)
    if before == after:
        return known
    if not isinstance(start, int):
        return None
    start, digits = (start + before[dim] if start < 0 else start), list(known.digits)
    axis = digits[dim]
    if _is_of_channels(axis):
        digits[dim] = whole(CHANNELS, after[dim])
    elif axis[0].kind in (ROWS, COLUMNS) and len(axis) == 1 and axis[0].leads and start < step:
        digits[dim] = whole(axis[0].kind, after[dim])
    elif axis[0].kind == EXTRA and step == 1 and start + after[dim] == before[dim] and start <= axis[0].size:
        left = axis[0].size - start
        digits[dim] = (*(whole(EXTRA, left) if left else ()), *axis[1:])
    else:
        return None
    return Axes(tuple(digits))
