"""A head of PyTorch that is a mean over positions and affine: its kernel, by its numbers."""

import torch

from black_average_drop.networks.calls import between
from black_average_drop.networks.pytorch import operators
from black_average_drop.networks.pytorch.graph import name_of

# What a graph's own functions of logits are called, see `torch_logits`.
OF_LOGITS = "pair_of_logits", "flat_logits"
_AT_ONCE = 2**22  # numbers in the feature maps that a head is asked about
_ROUNDING = 1e-9  # of the largest answer, in 64 bits


def closed_head(graph, cut, logits):
    """The kernel of a head of global average pooling and affine layers, found by its numbers.

    All that lies in the head has to be affine in the feature maps. Then its answers to maps of one channel, the same at
    every position, are the kernel, in 64 bits. Its answers to noise have to be what that kernel gives of the mean.

    Args:
        graph: a `TorchGraph`.
        cut: its `TorchCut`.
        logits: the `Value` of its logits.

    Returns:
        (K, C), float32, or None for any other head.
    """
    calls, _ = between([cut.maps, graph.count], [logits])
    if not cut.alone or not all(gives_affine_map(call) for call in calls):
        return None
    channels, positions = cut.maps.shape[cut.positions.channels], cut.positions
    whole = torch.zeros(cut.maps.shape, dtype=torch.float64)
    empty = positions.of(whole)[:1]
    count = graph.batch or max(graph.tried, _AT_ONCE // empty.numel())
    noise = torch.randn(cut.maps.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def answers(maps):
        return graph.run({cut.maps: maps.to(graph.device)}, [logits], len(positions.of(maps)), torch.float64)[0].cpu()

    try:
        with torch.no_grad():
            nothing = answers(whole)[0]
            kernel = []
            for first in range(0, channels, count):
                single = torch.eye(channels, dtype=torch.float64)[first : first + count]
                single = torch.cat([single, single.new_zeros(count - len(single), channels)])
                maps = positions.put(single[:, None, None].expand(count, *empty.shape[1:]))
                kernel.append(answers(maps)[: channels - first] - nothing)
            kernel, found = torch.cat(kernel), answers(noise)
    except RuntimeError:  # some of it computes in another precision
        return None
    expected = positions.of(noise).mean((1, 2)) @ kernel + nothing
    if (found - expected).abs().max() > _ROUNDING * expected.abs().max():
        return None
    return kernel.numpy().astype("float32")


def gives_affine_map(call):
    """Whether what a call gives is an affine map of the tensors that it takes."""
    name = name_of(call)
    if not name:
        return False
    if name in OF_LOGITS or name in operators.PASSING | operators.SHAPING:
        return True
    tensors = [one for one in call.takes if one.shape]
    args, _ = call.arguments([_Mark() if one.shape else 1 for one in call.takes])
    first = isinstance(args[0], _Mark) if args else False
    if name in ("add", "sub", "cat", "concat", "stack", "neg", "rsub", "subtract", "concatenate"):
        return True
    if name in ("mul", "multiply"):
        return len(tensors) == 1 and sum(isinstance(one, _Mark) for one in args[:2]) == 1
    if name in ("div", "divide", "true_divide"):
        return len(tensors) == 1 and first and not isinstance(args[1], _Mark)
    if name == "addmm":
        return len(tensors) == 1 and isinstance(args[1], _Mark) and not isinstance(args[2], _Mark)
    single = len(tensors) == 1 and sum(isinstance(one, _Mark) for one in args) == 1
    return single and name in operators.AFFINE


class _Mark:
    """In the place of a tensor among arguments."""
