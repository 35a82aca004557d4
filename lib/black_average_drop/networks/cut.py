"""Where a model is cut: its logits, its last feature maps, and what lies between them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from black_average_drop.networks.graph import Symbol, between, check_followed, makers
from black_average_drop.networks.pooled_head import (
    copies,
    fold,
    is_pointwise,
    is_pooling,
    passes_through,
)
from black_average_drop.networks.positions import is_learned, learns, no_rows_and_columns
from black_average_drop.networks.tokens import Tokens, as_maps, find_grids, is_sequence, likely_places, unordered_tokens

_LARGEST_SIZE = 2048  # up to which an image size is looked for that gives more than one position
_SHOWN = 3  # layers that a message names


@dataclass(frozen=True)
class Cut:
    """A model in two parts: up to some feature maps, and from there to the logits."""

    maps: Symbol  # (None, h, w, K)
    made: Symbol  # what the layer makes: the maps, or tokens among which they are
    layer: str  # the name of the layer that makes them
    pooled: tuple[np.ndarray, np.ndarray] | None  # kernel (K, C) and bias (C,) of a head of pooling and a dense layer
    around: bool  # the logits draw on the image along other ways, too
    front: int  # tokens in front of the patches on which the logits draw
    chosen: bool  # the layer was named
    behind: tuple[Symbol, ...]  # from which on the head begins: `made`, and what else goes around a normalization
    tokens: Tokens  # of the model
    normalized: str = ""  # the name of a normalization through which alone the logits draw on the patches

    @property
    def alone(self):
        """Whether the logits draw on the image through these feature maps alone."""
        return not (self.around or self.front)


def find_features(graph, logits, image, size, layer=None, reshape=None):
    """Where the model of a graph is cut.

    By default the feature maps are the last ones that everything on the way to the logits goes through, or the last
    tokens, if the logits draw on their patches. Where there are none, they are the last ones on that way.

    Args:
        graph: a `Graph`. Where the feature maps are among tokens, they become a part of it.
        logits: the `Symbol` of its logits.
        image: that of its image.
        size: (H, W) of the image.
        layer: the name of the layer that makes the feature maps, or None.
        reshape: (rows, columns) of the patches among its tokens, or None.

    Returns:
        A `Cut`.

    Raises:
        ValueError: if there are no feature maps, in rows and columns of the image, that a layer has learned.
    """
    calls, _ = between([], [logits])
    for call in calls:
        if getattr(call.operation, "data_format", "channels_last") == "channels_first":
            raise ValueError(f"Model {graph.name} keeps channels first: build it with channels last.")
    if reshape is not None:
        reshape = _two_numbers(reshape)
    tokens = Tokens(find_grids(calls, image, size, reshape), logits, image, size)
    if reshape:
        _check_reshape(graph.name, calls, tokens, reshape)
    made = _named(graph, layer, calls, tokens, reshape) if layer else _last_maps(graph, calls, tokens, reshape)
    if len(made.shape) == 4 and (problem := no_rows_and_columns(made, graph.name, tokens.grids)):
        raise ValueError(problem)
    made = _before_copies(made, tokens)
    around, pooled = bool(between([made], [logits])[1]), fold(made, logits, tokens.grids)
    normalized = None if around or made not in tokens.grids else tokens.normalized(made)
    name = layer or _shortest_name(graph, made)
    if len(made.shape) == 4:
        return Cut(made, made, name, pooled, around, 0, bool(layer), (made,), tokens)
    if not tokens.patches_count(made):
        raise ValueError(
            f"layer is {layer!r}, and {graph.name} draws its scores on no patch among its tokens: choose an earlier "
            f"one, such as {_shortest_name(graph, _last_maps(graph, calls, tokens, reshape))!r}."
        )
    grid, front = tokens.grids[made], tokens.front_counts(made)
    behind = (made,)
    if around and front and tokens.front_alone_goes_around(made):
        around, behind = False, (made, *made.call.takes)
    return Cut(
        as_maps(made, grid, front), made, name, pooled, around, grid.extra * front, bool(layer), behind, tokens,
        _shortest_name(graph, normalized) if normalized else "",
    )  # fmt: skip


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


def _last_maps(graph, calls, tokens, reshape):
    """The symbol of the last feature maps, or of the last tokens, that a layer has learned."""
    logits = tokens.logits
    fitting = {one for one, grid in tokens.grids.items() if reshape in (None, grid.places)}
    made = [one for call in calls for one in call.gives]
    candidates = [one for one in made if one in fitting or (one.wide and not reshape)]
    if not reshape:
        poolings = (call.takes[0] for call in calls if is_pooling(call))
        candidates += [one for one in poolings if len(one.shape) == 4 and not one.wide]
    for maps in reversed(candidates):
        if not between([maps], [logits])[1] and _shows_patches(maps, graph.name, tokens):
            if maps in tokens.grids and (normalized := tokens.normalized(maps)):
                return normalized
            scored = is_pointwise(maps.maker) and _nothing_learned(maps, logits)  # they are class maps
            return maps.call.takes[0] if scored and fold(maps.call.takes[0], logits, tokens.grids) else maps
    if reshape:
        for maps in reversed(candidates):
            if _shows_patches(maps, graph.name, tokens):
                return maps
        raise ValueError(f"reshape is {reshape}, and model {graph.name} learns no such tokens: leave reshape out.")
    way = (one for call in makers(logits) for one in call.gives if one.wide)
    learned = [one for one in way if is_learned(one)]
    if learned:
        return next((one for one in learned if not no_rows_and_columns(one, graph.name, tokens.grids)), learned[0])
    for call in calls:
        check_followed(call.operation, graph.name)
    raise ValueError(_no_maps(graph, calls, candidates, tokens))


def _shows_patches(maps, name, tokens):
    """Whether feature maps are learned and in rows and columns, or are tokens on whose patches the logits draw."""
    if maps in tokens.grids:
        return any(learns(call.operation) for call in between([], [maps])[0]) and tokens.patches_count(maps)
    return is_learned(maps) and not no_rows_and_columns(maps, name, tokens.grids)


def _no_maps(graph, calls, candidates, tokens):
    """What to say of a model without feature maps."""
    if found := unordered_tokens(calls, tokens):
        return (
            f"The tokens of layer {_shortest_name(graph, found[0])!r} in model {graph.name} are in an order that is "
            f"not known: give reshape={found[1]} if they are the patches of the image, row by row."
        )
    if candidates or any(one.wide for one in graph.inputs.values()):
        return (
            f"Model {graph.name} has no layer that learns feature maps, in rows and columns, from its image: choose a "
            "convolutional network."
        )
    return f"Model {graph.name} has no feature maps before its head: a convolutional network is expected."


def _before_copies(made, tokens):
    """What a layer makes, before all that inference ignores, and before tokens are cut off or put in one row."""
    while not between([made], [tokens.logits])[1] and made.call and made.call.takes:
        taken = made.call.takes[0]
        if passes_through(made.maker):
            known = taken.wide or taken in tokens.grids
        else:
            shown = copies(made.call) and made in tokens.grids and taken.shape[-1] == made.shape[-1]
            known = shown and (taken in tokens.grids or (taken.wide and _shows_patches(taken, "", tokens)))
        if not known:
            break
        made = taken
    return made


def _two_numbers(reshape):
    """(rows, columns) as a tuple, or a ValueError."""
    numbers = tuple(reshape) if isinstance(reshape, list | tuple) else ()
    if len(numbers) != 2 or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise ValueError(f"reshape is {reshape!r}: give the rows and columns of the patches, such as (14, 14).")
    return numbers


def _check_reshape(name, calls, tokens, reshape):
    """Refuse rows and columns that no tokens have, naming some that would do."""
    if any(grid.places == reshape for grid in tokens.grids.values()):
        return
    known = [grid.places for one, grid in tokens.grids.items() if not between([one], [tokens.logits])[1]]
    found = None if known else unordered_tokens(calls, tokens)
    remedy = f"give reshape={known[-1] if known else found[1]}" if known or found else "leave reshape out"
    raise ValueError(
        f"reshape is {reshape}, and model {name} has no tokens that are patches in {reshape[0]} rows and "
        f"{reshape[1]} columns: {remedy}."
    )


def _named(graph, layer, calls, tokens, reshape):
    """The symbol of the feature maps, or of the tokens, that a layer of that name makes."""
    places = [place for place in graph.named if f"/{place}".endswith(f"/{layer}")]
    if layer not in places and len(places) > 1:
        raise ValueError(f"layer is {layer!r}, and {len(places)} layers have that name: write {' or '.join(places)}.")
    maps = graph.named[layer if layer in places else places[0]] if places else None
    used = {one for call in calls for one in call.takes}
    if maps in used and maps in tokens.grids:
        own = tokens.grids[maps].places
        if reshape in (None, own):
            return maps
        raise ValueError(f"reshape is {reshape}, and layer {layer!r} has {own}: give reshape={own}, or leave it out.")
    if maps in used and is_sequence(maps) and (likely := likely_places(maps.shape[1])):
        raise ValueError(
            f"layer is {layer!r}, whose tokens are in an order that is not known: give reshape={likely} if they are "
            "the patches of the image, row by row."
        )
    if maps not in used or len(maps.shape) != 4 or not is_learned(maps):
        names = layers_with_maps(graph, calls)[: -_SHOWN - 1 : -1]
        if tokens.grids:  # many others are single patches, or count no more
            names = [_shortest_name(graph, _last_maps(graph, calls, tokens, reshape))]
        last = ", ".join(map(repr, names))
        raise ValueError(
            f"layer is {layer!r}, and {graph.name} draws its scores on no feature maps of such a layer: choose another "
            f"one, such as {last}."
            if last
            else f"layer is {layer!r}, and {graph.name} has no feature maps: choose a convolutional network."
        )
    return maps


def layers_with_maps(graph, calls):
    """The names of layers that learn the feature maps they give, in their order, among some calls of a `Graph`."""
    made = [one for call in calls for one in call.gives if one.wide and learns(one.maker)]
    known = {id(one) for one in graph.named.values()}
    return [_shortest_name(graph, one) for one in made if id(one) in known]


def _shortest_name(graph, symbol):
    """The name of the layer that makes a symbol, with its place where other layers have that name."""
    places = {id(one): place for place, one in reversed(graph.named.items())}  # a nested model comes after its layers
    place = places.get(id(symbol), symbol.maker.name)
    short = place.rsplit("/", 1)[-1]
    return short if sum(f"/{one}".endswith(f"/{short}") for one in graph.named) == 1 else place


def _positions(part, side):
    """The rows or columns, whichever are fewer, of the feature maps of square images; 0 where there are none."""
    try:
        return min(part.shape_for((side, side))[1:3])
    except (ValueError, TypeError, RuntimeError):  # smaller than a window, or layers of a fixed size
        return 0


def _nothing_learned(maps, logits):
    """Whether no layer between feature maps and logits has weights."""
    return not any(learns(call.operation) for call in between([maps], [logits])[0])
