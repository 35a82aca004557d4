"""A module of PyTorch as a .pt2 archive, in memory."""

import io
import sys
import warnings

import torch
from torch import nn


def device_of(module):
    """Where to compute: where a module is, or for a file on the GPU, if there is one."""
    if not isinstance(module, nn.Module):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return next((one.device for one in module.parameters()), torch.device("cpu"))


def archive_of(module, image_size):
    """Export a module, as it answers in inference.

    Args:
        module: an `nn.Module` that takes images (N, 3, H, W), or (N, 1, H, W) if its first convolution does.
        image_size: (H, W).

    Returns:
        The bytes of a .pt2 archive. It takes any number of images, or two at a time if the module's code needs that.

    Raises:
        ValueError: if it cannot be exported.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"An nn.Module is expected, not {type(module).__name__}: build the module and load its weights."
        )
    kind = next((one.dtype for one in module.parameters()), torch.float32)
    example = torch.zeros(2, _channels(module), *image_size, dtype=kind, device=device_of(module))
    training = {one: one.training for one in module.modules()}
    if "tensorflow" in sys.modules:
        sys.modules.setdefault("triton", None)  # next to TensorFlow, importing it ends the process; exports do without
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it has no gradients
    module.eval()
    try:
        with warnings.catch_warnings(), io.BytesIO() as archive:
            warnings.simplefilter("ignore")
            program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
            torch.export.save(program, archive)
            return archive.getvalue()
    except Exception as problem:  # of many kinds
        said = next((line.strip() for line in str(problem).splitlines() if line.strip()), type(problem).__name__)
        raise ValueError(
            f"Module {type(module).__name__} cannot be exported ({said[:200]}): write its forward without decisions on "
            "the numbers in its tensors."
        ) from problem
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for one, was in training.items():
            one.training = was


def _channels(module):
    """How many channels a module's images have: those of its first convolution."""
    first = next((one for one in module.modules() if isinstance(one, nn.Conv2d)), None)
    return first.in_channels if first is not None else 3
