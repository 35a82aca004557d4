"""A network without training, and the first pass over ten images; another one as 04_alpha takes it."""

import numpy as np
import pytest

from black_average_drop import evaluation, networks
from black_average_drop.datasets import phantoms
from black_average_drop.paper import alpha_rows, subjects
from evaluated_rows import METHODS


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


@pytest.fixture
def first_pass(network, pixels):
    return evaluation.explain_all(network, pixels, METHODS, 4)


@pytest.fixture
def subject():
    """A random network under twelve phantoms, of which the six with a lesion count."""
    dataset = phantoms.radiographs(12, size=64)
    model = networks.build("small_cnn", dataset.size, dataset.class_names, "relu")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.random.default_rng(1).normal(size=kernel.shape).astype("float32"), bias])
    return subjects.Subject(
        data="radiographs",
        title=alpha_rows.RADIOGRAPHS,
        training=2,
        file="a.keras",
        source="phantom radiographs",
        network=networks.CamNetwork.from_model(model),
        dataset=dataset,
        counted=dataset.labels == 1,
        alpha=0.333,
    )
