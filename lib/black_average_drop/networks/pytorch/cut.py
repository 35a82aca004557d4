"""Where a graph of PyTorch is cut: its last feature maps."""

from dataclasses import dataclass

import numpy as np
import torch

from black_average_drop.networks.calls import between
from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.closed_head import closed_head
from black_average_drop.networks.pytorch.graph import Value, name_of, of_kind
from black_average_drop.networks.pytorch.positions import Positions, check_more_than_one, positions_of

_SHOWN = 3  # layers that a message names
_LEARNING = operators.CONVOLUTIONS | operators.LINEAR | {"bmm", "einsum", "conv1d"}
_NORMALIZATIONS = "layer_norm", "native_layer_norm", "rms_norm"
_SAME = 1e-6  # of the largest logit: rounding
_SMALLEST = 1e-12  # of the largest slope: below it a logit does not draw on a position


@dataclass(frozen=True)
class TorchCut:
    """A graph in two parts: up to some feature maps, and from there to the logits."""

    maps: Value
    positions: Positions  # of the maps
    layer: str
    alone: bool  # the logits draw on the image through these feature maps alone
    around: bool  # positions of the image reach the logits along other ways, too, not only tokens that are none
    normalized: str  # the layer of a normalization through which alone the positions reach the logits, or ""


def cut_graph(graph, logits, layer=None, grid=None):
    """Where a graph is cut.

    By default the feature maps are the last ones that everything on the way to the logits goes through, and on whose
    positions the logits draw: behind its last attention a vision transformer may read its class token alone. Where
    there are none, they are the last ones on that way.

    Args:
        graph: a `TorchGraph`.
        logits: the `Value` of its logits.
        layer: the path of a module, or the name of a node of the graph, or None.
        grid: rows and columns of tokens, or None where they are those of the patches.

    Returns:
        A `TorchCut`.

    Raises:
        ValueError: if there are no feature maps in rows and columns of the image.
    """
    way = [one for call in between([], [logits])[0] for one in call.gives]
    learned = _learned(way)
    found = {one: positions_of(one, grid) for one in way if one in learned}
    found = {one: positions for one, positions in found.items() if positions is not None}
    if layer:
        maps = _named(graph, way, found, layer)
        if maps not in (read := _read(graph, found, logits)):
            earlier = cut_graph(graph, logits, None, grid).layer
            raise ValueError(
                f"layer is {layer!r}, and {graph.name} draws its scores on no patch among its tokens: choose an "
                f"earlier one, such as {earlier!r}."
            )
        return _cut(graph, maps, found, logits, layer)
    _check_more_than_one(graph, found)
    read = [one for one in _read(graph, found, logits) if found[one].wide]
    for maps in reversed(read):
        if not graph.draws_on_image([maps], logits):
            normalized = _normalized(graph, maps, found, logits)
            if normalized is not None:
                return _cut(graph, normalized, found, logits)
            return _cut(graph, _before_class_maps(graph, maps, found, logits), found, logits)
    if read:
        return _cut(graph, read[-1], found, logits)
    raise ValueError(_without_maps(graph, way, grid))


def _learned(way):
    """The values to which a layer with weights leads."""
    learned = set()
    for value in way:
        call = value.call
        args, kwargs = call.arguments([None] * len(call.takes))
        weights = any(one.ndim > 1 for one in of_kind((args, kwargs), torch.Tensor))
        if (name_of(call) in _LEARNING and weights) or any(one in learned for one in call.takes):
            learned.add(value)
    return learned


def _check_more_than_one(graph, found):
    """Check that no convolution leaves one position of several, unless it sees them all, as a dense layer does."""
    for maps, positions in found.items():
        before = maps.call.takes[0]
        if positions.wide or name_of(maps.call) not in operators.CONVOLUTIONS or before not in found:
            continue
        args, _ = maps.call.arguments([None] * len(maps.call.takes))
        if found[before].wide and tuple(args[1].shape[2:]) != found[before].grid:
            check_more_than_one(graph, positions)


def _read(graph, found, logits):
    """Those feature maps on whose positions the logits draw, by their slopes.

    Raises:
        ValueError: if the logits draw on nothing where a token that is no position may be all that is read.
    """
    if not any(one.extra for one in found.values()):
        return list(found)
    image = _noise(graph).requires_grad_()
    *maps, answers = graph.run({graph.image: image}, [*found, logits], graph.tried)
    weights = torch.linspace(1, 2, answers.shape[1], device=graph.device)
    slopes = torch.autograd.grad((answers * weights).sum(), maps, allow_unused=True)
    if not any(one is not None and one.any() for one in slopes):
        raise ValueError(f"Model {graph.name} gives the same scores of any image: load the weights of its training.")
    read = []
    for (value, positions), one in zip(found.items(), slopes, strict=True):
        if one is not None and positions.of(one).abs().max() > _SMALLEST * one.abs().max():
            read.append(value)
    return read


def _before_class_maps(graph, maps, found, logits):
    """What a 1 x 1 convolution takes in that makes one map for each class, the mean of which is its logit."""
    call = maps.call
    classes = logits.shape[-1] if name_of(logits.call) != "pair_of_logits" else 1
    if name_of(call) not in ("conv2d", "linear") or maps.shape[found[maps].channels] != classes:
        return maps
    before = call.takes[0]
    args, _ = call.arguments([None] * len(call.takes))
    pointwise = name_of(call) == "linear" or tuple(args[1].shape[2:]) == (1, 1)
    behind = between([maps, graph.count], [logits])[0]
    if not pointwise or before not in found or any(name_of(one) in _LEARNING for one in behind):
        return maps
    cut = _cut(graph, before, found, logits)
    return before if closed_head(graph, cut, logits) is not None else maps


def _cut(graph, maps, found, logits, layer=None):
    """The cut at some feature maps; what repeats positions, or does nothing in inference, lies behind it."""
    while not layer and _repeats(maps, found):
        maps = maps.call.takes[0]
    alone = not graph.draws_on_image([maps], logits)
    before = maps.call.takes[0]
    around = not alone and (before not in found or _normalized(graph, before, found, logits) is not maps)
    normalized = _normalized(graph, maps, found, logits)
    behind = "" if normalized is None else _shown(graph, normalized)
    return TorchCut(maps, found[maps], layer or _shown(graph, maps), alone, around, behind)


def _normalized(graph, maps, found, logits):
    """What a normalization gives of feature maps, if their positions reach the logits through that alone; or None."""
    takers = [one for one in found if name_of(one.call) in _NORMALIZATIONS and one.call.takes[0] is maps]
    if not takers or graph.draws_on_image([maps], logits):
        return None
    image = _noise(graph)
    with torch.no_grad():
        known, normalized, answers = graph.run({graph.image: image}, [maps, takers[0], logits], graph.tried)
        positions = found[maps]
        other = positions.put(2 * positions.of(known).flip(1) + 1, positions.elsewhere(known))
        others = graph.run({maps: other, takers[0]: normalized}, [logits], graph.tried)[0]
    return takers[0] if (others - answers).abs().max() <= _SAME * answers.abs().max() else None


def _noise(graph):
    """An image of noise."""
    noise = np.random.default_rng(0).uniform(0, 1, graph.image.shape).astype("float32")
    return torch.from_numpy(noise).to(graph.device)


def _repeats(maps, found):
    """Whether feature maps are those before them, each position once or several times."""
    before, name = maps.call.takes[0], name_of(maps.call)
    if before not in found:
        return False
    if name in operators.PASSING:
        return before.shape == maps.shape
    larger = all(after >= own for after, own in zip(found[maps].grid, found[before].grid, strict=True))
    return name in ("adaptive_avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d") and larger


def _named(graph, way, found, layer):
    """The last feature maps that a module of that path, or a node of that name, makes."""
    made = [one for one in way if one.module == layer or one.module.startswith(f"{layer}.")]
    made = made or [one for one in way if one.name == layer]
    if not made or made[-1] not in found or not found[made[-1]].wide:
        known = dict.fromkeys(_shown(graph, one) for one in reversed(found) if found[one].wide)
        last = ", ".join(repr(one) for one in list(known)[:_SHOWN])
        raise ValueError(
            f"layer is {layer!r}, and {graph.name} draws its scores on no feature maps of such a layer: choose another "
            + (f"one, such as {last}." if last else "network, a convolutional one.")
        )
    return made[-1]


def _shown(graph, value):
    """The name of a layer: the path of its module, if what that module gives is this value, or else its node's name."""
    steps = value.module.split(".")
    for length in range(1, len(steps) + 1):
        path = ".".join(steps[:length])
        inside = [one for one in graph.values if one.module == path or one.module.startswith(f"{path}.")]
        if path and inside[-1] is value:
            return path
    return value.name


def _without_maps(graph, way, grid):
    """What to say of a model without feature maps."""
    tokens = [one for one in way if len(one.shape) == 3]
    if tokens and grid is None:
        return (
            f"Model {graph.name} works on {tokens[-1].shape[1]} tokens, whose rows and columns are not known: pass "
            "reshape=(rows, columns)."
        )
    return f"Model {graph.name} has no feature maps in rows and columns of its image: choose a convolutional network."
