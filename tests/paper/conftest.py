"""A network without training, and the first pass over ten images."""

import pytest

from black_average_drop import evaluation, networks
from evaluated_rows import METHODS


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


@pytest.fixture
def first_pass(network, pixels):
    return evaluation.explain_all(network, pixels, METHODS, 4)
