"""Classifiers trained from a data set, in stages and resumably, and loaded again with their test images."""

from black_average_drop.training.classifiers import Classifier, load_classifier
from black_average_drop.training.devices import on_all
from black_average_drop.training.fitting import fit
from black_average_drop.training.prediction import predict, quality
from black_average_drop.training.recipes import HEAD_LEARNING_RATE, RECIPES, WARM_UP, recipe

__all__ = [
    "HEAD_LEARNING_RATE",
    "RECIPES",
    "WARM_UP",
    "Classifier",
    "fit",
    "load_classifier",
    "on_all",
    "predict",
    "quality",
    "recipe",
]
