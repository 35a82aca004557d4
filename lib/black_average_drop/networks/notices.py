"""What is said of a model next to its maps, or against it: what lies behind the feature maps, and around them."""

import numpy as np

from black_average_drop.arrays import as_numpy
from black_average_drop.networks.cut import layers_with_maps
from black_average_drop.networks.graph import between
from black_average_drop.networks.positions import attends, learns
from black_average_drop.networks.tokens import unordered_tokens


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
    behind, _ = between(cut.behind, [logits])
    calls = [one for one in behind if between([], one.takes)[1]]  # without those on an input that is held
    kinds = ", ".join(dict.fromkeys(type(one.operation).__name__ for one in calls if _is_on_tokens(one)))
    around = (
        f"The scores draw on more than the feature maps of layer {cut.layer!r}: a map shows what goes through "
        "them, and not what goes around them."
    )
    if cut.around:
        return " ".join(filter(None, [around, _said_of_front(cut)]))
    mixed = any(attends(call) for call in between([], [cut.made])[0])
    if kinds and not mixed and _sees_single_patches(trunk, size):
        raise ValueError(
            f"Model {graph.name} works on tokens: the feature maps of layer {cut.layer!r} are single patches of the "
            f"image, and {kinds} lie behind them; {_remedy(cut, behind)}."
        )
    if kinds:
        said = (
            f"Behind the feature maps lie {kinds}: a map shows what goes into them, not which positions they look at."
        )
        return " ".join(filter(None, [said, _said_of_front(cut), _said_of_normalization(cut)]))
    later = [] if cut.chosen else layers_with_maps(graph, calls)
    if later:
        return (
            f"The maps are those of layer {cut.layer!r}, the last that everything goes through: layer={later[-1]!r} "
            "names a later one that the scores draw on in part."
        )
    return _said_of_front(cut)


def _said_of_front(cut):
    """What is said of tokens in front of the patches, on which the scores draw."""
    tokens = "The token" if cut.front == 1 else f"The {cut.front} tokens"
    return f"{tokens} in front of the patches, such as a class token, cannot be shown on a map." if cut.front else ""


def _said_of_normalization(cut):
    """What is said where the slopes are at right angles to the feature maps."""
    return cut.normalized and (
        f"HiRes-CAM is 0 there but for rounding, since only the normalization {cut.normalized!r} takes the patches: "
        f"layer={cut.normalized!r} has maps that are not."
    )


def _remedy(cut, behind):
    """What to do about feature maps that are single patches."""
    found = unordered_tokens(behind, cut.tokens, cut.maps.shape[1:3])
    if found:
        return (
            f"give reshape={found[1]} if tokens behind them are patches, row by row, or choose a convolutional network"
        )
    return "name a later layer, if there is one, or choose a deeper or a convolutional network"


def _is_on_tokens(call):
    """Whether a layer learns from, or attends to, a sequence (N, T, K)."""
    return attends(call) or (learns(call.operation) and any(len(one.shape) == 3 for one in call.takes))


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
