"""Where a model is cut: its logits, its last feature maps, and what lies between them."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from keras import layers

from black_average_drop.arrays import as_numpy
from black_average_drop.networks.graph import Symbol, between, check_followed, makers
from black_average_drop.networks.pooled_head import (
    fold,
    is_operation,
    is_pointwise_convolution,
    is_pooling,
    passes_through,
)

_NORMALIZATIONS = layers.Normalization, layers.BatchNormalization, layers.LayerNormalization
_LARGEST_SIZE = 2048  # up to which an image size is looked for that gives more than one position
_SHOWN = 3  # layers that a message names


@dataclass(frozen=True)
class Cut:
    """A model in two parts: up to some feature maps, and from there to the logits."""

    maps: Symbol  # (None, h, w, K)
    layer: str  # the name of the layer that makes them
    pooled: tuple[np.ndarray, np.ndarray] | None  # kernel (K, C) and bias (C,) of a head of pooling and a dense layer
    alone: bool  # the logits draw on the image through these feature maps alone
    chosen: bool  # the layer was named


def find_features(graph, logits, layer=None):
    """Where the model of a graph is cut.

    By default the feature maps are the last ones that everything on the way to the logits goes through. Where there are
    none, they are the last ones on that way.

    Args:
        graph: a `Graph`.
        logits: the `Symbol` of its logits.
        layer: the name of the layer that makes the feature maps, or None.

    Returns:
        A `Cut`.

    Raises:
        ValueError: if there are no feature maps, in rows and columns of the image, that a layer has learned.
    """
    calls, _ = between([], [logits])
    for call in calls:
        if getattr(call.operation, "data_format", "channels_last") == "channels_first":
            raise ValueError(f"Model {graph.name} keeps channels first: build it with channels last.")
    maps = _named(graph, layer, calls) if layer else _last_maps(graph, logits, calls)
    if problem := _no_rows_and_columns(maps, graph.name):
        raise ValueError(problem)
    _, missing = between([maps], [logits])
    while not missing and passes_through(maps.maker) and maps.call.takes[0].wide:
        maps = maps.call.takes[0]
    return Cut(maps, layer or _shortest_name(graph, maps), fold(maps, logits), not missing, bool(layer))


def notice(graph, cut, trunk, logits, size):
    """What is said of a head that is no pooling and dense layer.

    Args:
        graph: a `Graph`.
        cut: its `Cut`.
        trunk: the `Part` from the image to the feature maps.
        logits: the `Symbol` of its logits.
        size: (H, W) of the image.

    Returns:
        Sentences, "" where a map shows all that the logits draw on.

    Raises:
        ValueError: if only layers behind the feature maps mix positions, so that the maps are single patches.
    """
    if cut.pooled is not None:
        return ""
    if not cut.alone:
        return (
            f"The scores draw on more than the feature maps of layer {cut.layer!r}: a map shows what goes through "
            "them, and not what goes around them."
        )
    behind, _ = between([cut.maps], [logits])
    calls = [one for one in behind if between([], one.takes)[1]]  # without those on an input that is held
    kinds = ", ".join(dict.fromkeys(type(one.operation).__name__ for one in calls if _is_on_tokens(one)))
    if kinds:
        if _sees_single_patches(trunk, size):
            raise ValueError(
                f"Model {graph.name} works on tokens: its last feature maps (layer {cut.layer!r}) are single patches "
                f"of the image, and {kinds} lie behind them; put layers.Reshape((rows, columns, channels)) behind the "
                "last tokens, where each is a patch, or choose a convolutional network."
            )
        return (
            f"Behind the feature maps lie {kinds}: a map shows what goes into them, not which positions they look at."
        )
    later = [] if cut.chosen else _layers_with_maps(graph, calls)
    if later:
        return (
            f"The maps are those of layer {cut.layer!r}, the last that everything goes through: layer={later[-1]!r} "
            "names a later one that the scores draw on in part."
        )
    return ""


def check_positions(part, size, name):
    """Check that feature maps have more than one position.

    Args:
        part: the `Part` from the image to the feature maps.
        size: (H, W) of the image.
        name: of the whole model, for the message.

    Raises:
        ValueError: naming the smallest size of images that gives 2 x 2 positions.
    """
    shape = part.targets[0].shape
    if None in shape[1:3]:
        shape = part.shape_for(size)
    if tuple(shape[1:3]) != (1, 1):
        return
    remedy = "take larger images"
    side = bisect_left(range(1, _LARGEST_SIZE), 2, key=lambda side: _positions(part, side)) + 1
    if side < _LARGEST_SIZE:
        remedy = f"images of {side} x {side} pixels give 2 x 2"
    raise ValueError(
        f"{name} has feature maps of one position for images of {size[0]} x {size[1]} pixels, so that every map is "
        f"the same all over: {remedy}."
    )


def _last_maps(graph, logits, calls):
    """The symbol of the last feature maps that a layer has learned."""
    candidates = [one for call in calls for one in call.gives if one.wide]
    candidates += [call.takes[0] for call in calls if is_pooling(call) and not call.takes[0].wide]
    for maps in reversed(candidates):
        if not between([maps], [logits])[1] and _is_learned(maps) and not _no_rows_and_columns(maps, graph.name):
            scored = is_pointwise_convolution(maps.maker) and _nothing_learned(maps, logits)  # they are class maps
            return maps.call.takes[0] if scored and fold(maps.call.takes[0], logits) else maps
    way = (one for call in makers(logits) for one in call.gives if one.wide)
    learned = [one for one in way if _is_learned(one)]
    if learned:
        return next((one for one in learned if not _no_rows_and_columns(one, graph.name)), learned[0])
    for call in calls:
        check_followed(call.operation, graph.name)
    if candidates or any(one.wide for one in graph.inputs.values()):
        raise ValueError(
            f"Model {graph.name} has no layer that learns feature maps, in rows and columns, from its image: choose a "
            "convolutional network."
        )
    raise ValueError(f"Model {graph.name} has no feature maps before its head: a convolutional network is expected.")


def _named(graph, layer, calls):
    """The symbol of the feature maps that a layer of that name makes."""
    known = _layers_with_maps(graph, calls)
    places = [place for place in graph.named if f"/{place}".endswith(f"/{layer}")]
    if layer not in places and len(places) > 1:
        raise ValueError(f"layer is {layer!r}, and {len(places)} layers have that name: write {' or '.join(places)}.")
    maps = graph.named[layer if layer in places else places[0]] if places else None
    used = {one for call in calls for one in call.takes}
    if maps is None or maps not in used or len(maps.shape) != 4 or not _is_learned(maps):
        last = ", ".join(repr(one) for one in known[: -_SHOWN - 1 : -1])
        raise ValueError(
            f"layer is {layer!r}, and {graph.name} draws its scores on no feature maps of such a layer: choose another "
            f"one, such as {last}."
            if last
            else f"layer is {layer!r}, and {graph.name} has no feature maps: choose a convolutional network."
        )
    return maps


def _layers_with_maps(graph, calls):
    """The names of layers that learn the feature maps they give, in their order."""
    made = [one for call in calls for one in call.gives if one.wide and _learns(one.maker)]
    known = {id(one) for one in graph.named.values()}
    return [_shortest_name(graph, one) for one in made if id(one) in known]


def _shortest_name(graph, symbol):
    """The name of the layer that makes a symbol, with its place where other layers have that name."""
    places = {id(one): place for place, one in reversed(graph.named.items())}  # a nested model comes after its layers
    place = places.get(id(symbol), symbol.maker.name)
    short = place.rsplit("/", 1)[-1]
    return short if sum(f"/{one}".endswith(f"/{short}") for one in graph.named) == 1 else place


def _no_rows_and_columns(maps, name):
    """Why feature maps have not the rows and columns of the image, "" where nothing speaks against it.

    Of what has neither, (N, T, K) with T = h w can be put in rows and columns, and nothing else. Nothing may change
    places with rows and columns.
    """
    way = [maps, *(_main(call) for call in makers(maps))]
    for later, earlier in pairwise(way):
        shape, source = later.shape, earlier.shape
        if len(source) == len(shape) == 4 and _moves_positions(later, earlier):
            what = f"puts {source[1:]} in another order"
        elif len(source) < 4 <= len(shape) and None not in shape[1:]:
            stacked = source[1:] == shape[1:-1] and not _is_learned(earlier)  # the channels of an image
            if stacked or source[1:] == (np.prod(shape[1:-1]), shape[-1]):
                continue
            what = f"makes {shape[1:]} of {source[1:]}, no rows and columns of the image"
        else:
            continue
        return (
            f"Model {name} has no feature maps: its layer {later.maker.name!r} {what}; choose a convolutional network."
        )
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


def _main(call):
    """What `makers` follows of the things that a call takes."""
    return next((one for one in call.takes if one.wide), call.takes[0])


def _positions(part, side):
    """The rows or columns, whichever are fewer, of the feature maps of square images; 0 where there are none."""
    try:
        return min(part.shape_for((side, side))[1:3])
    except (ValueError, TypeError, RuntimeError):  # smaller than a window, or layers of a fixed size
        return 0


def _is_learned(symbol):
    """Whether a layer on the way to a symbol has weights other than those of a normalization."""
    return any(_learns(call.operation) for call in makers(symbol))


def _nothing_learned(maps, logits):
    """Whether no layer between feature maps and logits has weights."""
    return not any(_learns(call.operation) for call in between([maps], [logits])[0])


def _learns(layer):
    return bool(getattr(layer, "weights", ())) and not isinstance(layer, _NORMALIZATIONS)


def _is_on_tokens(call):
    """Whether a layer learns from, or attends to, a sequence (N, T, K)."""
    takes_part = _learns(call.operation) or isinstance(call.operation, layers.Attention)
    return takes_part and any(len(one.shape) == 3 for one in call.takes)


def _sees_single_patches(trunk, size):
    """Whether the first position of the feature maps depends on its own pixels alone, up to rounding.

    The pixels of all other positions change places, which leaves the statistics of the image as they are.
    """
    generator = np.random.default_rng(0)
    images, others = generator.uniform(0, 255, (2, 4, *size, trunk.sources[0].shape[-1])).astype("float32")
    first = as_numpy(trunk([images], training=False)[0])
    rows, columns = (-(-side // count) for side, count in zip(size, first.shape[1:3], strict=True))
    outside = np.ones(size, bool)
    outside[:rows, :columns] = False
    moved = images.copy()
    moved[:, outside] = generator.permutation(images[:, outside], axis=1)
    same, other = (as_numpy(trunk([batch], training=False)[0])[:, 0, 0] for batch in (moved, others))
    first = first[:, 0, 0]
    return bool(np.abs(first - same).max() < 1e-3 * np.abs(first - other).max())
