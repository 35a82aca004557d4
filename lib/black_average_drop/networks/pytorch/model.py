"""A model of a .pt2 archive, before it is read at some feature maps. PyTorch is imported when it is."""

import json
import shutil
import tempfile
from pathlib import Path

from black_average_drop import files
from black_average_drop.model_files import pt2
from black_average_drop.networks.applications import preprocessing as preprocessing_of
from black_average_drop.networks.facts import Facts


class TorchModel:
    """A model of a .pt2 archive.

    Attributes:
        name: of the model, for messages.
        archive: its bytes.
        facts: its `Facts`: the names of its classes, where the archive has them.
    """

    def __init__(self, name, archive, facts=None):
        self.name, self.archive, self.facts = name, archive, facts or Facts()
        self._networks = {}  # settings -> the network without preprocessing

    def network(self, preprocessing="", **settings):
        """This model read at its feature maps.

        Args:
            preprocessing: the name of one, see `networks.preprocessing`.
            **settings: as for `CamNetwork.from_model`.

        Returns:
            A `TorchNetwork`.

        Raises:
            ValueError: as `TorchNetwork`; if a precision or values of other inputs are given.
        """
        from black_average_drop.networks.pytorch.network import TorchNetwork

        settings = dict(settings)
        if settings.pop("precision", "float32") != "float32":
            raise ValueError(f"Model {self.name} is computed in float32, as all of PyTorch: leave precision out.")
        if settings.pop("held", None):
            raise ValueError(f"Model {self.name} takes its image alone, as all that is exported: leave held out.")
        key = json.dumps(settings, sort_keys=True)
        if key not in self._networks:
            self._networks[key] = TorchNetwork(self, **settings)
        return self._networks[key].with_preprocessing(preprocessing_of(preprocessing))

    def trial(self, name, images, **settings):
        """This model under a preprocessing: a `Trial`, or None, see `first_layers.trial`."""
        from black_average_drop.networks.pytorch.trial import trial_of

        return trial_of(self.network(name, **settings), images)


def read_model(path):
    """Read a model from a .pt2 archive, whose checksum is remembered for the record of a run.

    Args:
        path: of the file.

    Returns:
        A `TorchModel`.

    Raises:
        FileNotFoundError, ValueError: as `pt2.read`.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.pt2"
        shutil.copyfile(path, copy)
        files.remember(path, copy)
        program = pt2.read(copy, path)
        return TorchModel(path.stem, copy.read_bytes(), Facts(class_names=program.class_names))
