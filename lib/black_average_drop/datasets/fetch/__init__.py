"""Bring what a profile names to the data root: archives and photos from Kaggle, and Keras' weights.

Everything is fetched into a folder next to its place, checked there, and renamed only when it is whole. An interrupted
run leaves nothing that looks finished, and the next one goes on with a Kaggle archive where it stopped.
"""

from pathlib import Path

from black_average_drop.datasets.fetch.trees import fetch_source
from black_average_drop.datasets.fetch.weights import fetch_weights


def fetch(sources, weights, root, photos=()):
    """Bring data sets below the data root, and Keras' weights to where Keras looks for them.

    What is there already is counted and left alone.

    Args:
        sources: names in `sources.SOURCES`.
        weights: (backbone, whether with its head), for each file.
        root: the data root.
        photos: ids of ImageNet photos to fetch next to those that are always fetched.

    Raises:
        RuntimeError: if something could not be fetched. There is a sentence for each such thing, after the others have
            been fetched.
    """
    root = Path(root)
    steps = [lambda source=source: fetch_source(source, root, photos) for source in sorted(sources)]
    steps += [lambda key=key: fetch_weights(*key) for key in sorted(weights)]
    problems = []
    for step in steps:
        try:
            step()
        except RuntimeError as problem:
            problems.append(str(problem))
    if problems:
        raise RuntimeError("\n".join(problems))
