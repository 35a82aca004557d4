"""The same networks as the package reads them."""

import torch

from black_average_drop import networks


def read(architecture, module):
    """A `networks.TorchNetwork` of a module in Python."""
    return networks.TorchNetwork(module, **settings(architecture))


def read_file(architecture, module, path):
    """A `networks.TorchNetwork` of a .pt2 archive, which is written first."""
    example = torch.zeros(2, architecture.channels, 224, 224)
    dynamic = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=dynamic), path)
    model, _ = networks.open_model(path)
    return networks.TorchNetwork(model, **settings(architecture))


def settings(architecture):
    """What a user says of an architecture."""
    return {
        "layer": architecture.layer if architecture.named else None,
        "preprocessing": architecture.preprocessed,
        "activation": architecture.activation,
    }
