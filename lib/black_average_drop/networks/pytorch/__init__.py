"""Classifiers of PyTorch, as modules or as .pt2 archives. PyTorch is imported here, and nowhere else."""

from black_average_drop.networks.pytorch.network import TorchModel, TorchNetwork

__all__ = ["TorchModel", "TorchNetwork"]
