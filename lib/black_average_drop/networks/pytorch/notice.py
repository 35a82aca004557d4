"""What is said of a head of PyTorch whose maps do not show all."""

from black_average_drop.networks.calls import between
from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.graph import name_of


def notice_on(graph, cut, logits, closed):
    """Sentences on what a map does not show, "" where it shows all that the logits draw on.

    Args:
        graph: a `TorchGraph`.
        cut: its `TorchCut`.
        logits: the `Value` of its logits.
        closed: whether the head has a closed form.
    """
    said = []
    if cut.positions.extra:
        said.append(_of_extra(cut.positions.extra))
    if cut.around:
        said.append(
            f"The scores draw on more than the feature maps of layer {cut.layer!r}: a map shows what goes through "
            "them, and not what goes around them."
        )
    calls, _ = between([cut.maps, graph.image, graph.count], [logits])
    if not closed and any(name_of(one) in operators.ATTENTION for one in calls):
        said.append(
            "Behind the feature maps lies attention: a map shows what goes into it, not which positions it looks at."
        )
    if cut.normalized:
        said.append(
            f"HiRes-CAM is 0 there but for rounding, since only the normalization {cut.normalized!r} takes the "
            f"patches: layer={cut.normalized!r} has maps that are not."
        )
    return " ".join(said)


def _of_extra(extra):
    if extra == 1:
        return "The class token is no position of the image, and no map shows it."
    return f"{extra} tokens are no positions of the image, and no map shows them."
