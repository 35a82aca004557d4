"""A bench: a network, and images of which it is known where a map should point.

`07_what_networks_use` makes the benches and says which images count, `08_maps_against_truth` draws their maps, and
`09_verdict` judges the metrics. What one of them makes and another one needs lies in the build folder: the networks,
the images that count, the maps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
import pandas as pd

from black_average_drop import controls, evaluation, masks, networks, training
from black_average_drop.datasets import Dataset, catalogue
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import read_csv, replacing, write_csv

COUNTED = "trust_images.csv"  # the images that count, and the file of their network
ARRAYS = ("classes", "curve", "digests", "feature_sums")  # of `evaluation.Maps`, written as they are


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a bench is called, and what its network is expected to use."""

    slug: str  # names its files
    title: str  # names its rows and panels
    small: str  # what its smallest lesions or objects are called in a sentence
    uses: str = ""  # what the network should use: "lesion" or "marker", where that can be taken away
    ignores: str = ""  # what the network should not use, where that can be taken away
    finding: bool = True  # whether class 1 has the finding and class 0 is normal; otherwise every class has an object


# By the source of the images.
KINDS = {
    "imagenet": Kind(slug="objects", title="ImageNet boxes", small="small objects", finding=False),
    "phantom objects": Kind(slug="objects", title="Object phantoms", small="small objects", finding=False),
    "phantom radiographs": Kind(slug="lesions", title="Lesion phantoms", small="small lesions", uses="lesion"),
    "marked phantom radiographs": Kind(
        slug="markers", title="Marker phantoms", small="small markers", uses="marker", ignores="lesion"
    ),
    "chestxray14": Kind(slug="boxes", title="NIH boxes", small="small lesions"),
    "rsna": Kind(slug="rsna", title="RSNA boxes", small="small lesions"),
    "chexlocalize": Kind(slug="chexlocalize", title="CheXlocalize masks", small="small lesions"),
}
WITHOUT = {"lesion": {"lesions": False}, "marker": {"markers": False}}  # how a phantom is drawn without it


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench(Kind):
    """A network and N images with a known truth; the explained class is that of the label."""

    file: str  # the network's, in the build folder
    facts: networks.Facts
    model: keras.Model
    network: networks.CamNetwork  # the same model, with ReLU scores
    images: Dataset  # N images; `regions` is the truth
    normal: Dataset | None = None  # images without the finding
    views: pd.DataFrame | None = None  # what is known of each image, by id: `Source.views`
    draw: Callable[..., Dataset] | None = None  # draws the phantoms of the test split again, with changes
    first_pass: evaluation.Maps | None = None  # the maps of every method, scores, and the curve of alpha
    maps: dict[str, np.ndarray] | None = None  # the methods' maps that differ, then those of the controls
    alpha: float = 0.0  # the share of pixels that BAD keeps, chosen from the paper's three methods

    @property
    def methods(self):
        """The names of the methods whose maps differ."""
        return self.first_pass.distinct

    def counting(self, ids):
        """The same bench with the images of these ids alone, in their order on the bench."""
        return replace(self, images=self.images.subset(np.isin(self.images.ids, ids)))

    def drawn_again(self, **changes):
        """The same phantoms, with or without their lesions and markers, as a Dataset: see `datasets.phantoms`."""
        phantoms = self.draw(**changes)
        return phantoms.subset(np.isin(phantoms.ids, self.images.ids))

    def with_maps(self, first_pass, seed):
        """The same bench with the maps of its methods and of `controls.CONTROLS`, and the alpha chosen from them.

        Args:
            first_pass: what `evaluation.explain_all` gives for the images.
            seed: of the controls that are drawn at random.
        """
        bench = replace(self, first_pass=first_pass, alpha=masks.select_alpha(first_pass.curve))
        maps = {name: first_pass.maps[name] for name in bench.methods}
        reference = np.maximum(first_pass.maps["Grad-CAM"], 0)
        for name, draw in controls.CONTROLS.items():
            maps[name] = draw(reference, self.images.groups, self.images.size, seed)
        return replace(bench, maps=maps)

    def subsets(self):
        """Name -> boolean (N,): all images, and those that the network calls right.

        Where the tables say so, also those whose findings all have a box.
        """
        right = (self.first_pass.scores["predicted"] == self.images.labels).to_numpy()
        subsets = {"all positives": np.full(len(self.images), True), "true positives": right}
        if self.views is not None and "fully_boxed" in self.views:
            subsets["without unboxed findings"] = self.views.loc[self.images.ids, "fully_boxed"].to_numpy()
        return subsets

    def few(self, count, seed):
        """The rows, rising, of at most `count` images, drawn at random."""
        return np.sort(np.random.default_rng(seed).permutation(len(self.images))[:count])


def load_bench(path, data_root):
    """The bench of a saved classifier, with every test image whose lesion or object is known.

    Args:
        path: the .keras file of the classifier, from `networks.save`.
        data_root: the folder of the data sets.

    Returns:
        A `Bench` without maps, or None where nobody knows where the lesions are, as on `chest_xray`.
    """
    classifier = training.load_classifier(path, data_root, activation="relu")
    facts, views, draw = classifier.facts, None, None
    if facts.source not in KINDS:
        return None
    size, kind = classifier.network.image_size, KINDS[facts.source]
    source = SOURCES.get(facts.source)
    if source and source.boxed_splits:
        views = source.views(data_root) if source.views else None
        test = boxed_splits(facts.source, data_root, size, facts.seed)["test"]
    else:
        drawn = {"root": data_root, "count": facts.test_images, "seed": facts.seed}
        draw, test = partial(catalogue.load, facts.source, "test", size, **drawn), classifier.dataset
    test = test.in_memory()
    known, normal = test, None
    if kind.finding:
        known, normal = test.subset(test.labels == 1), test.subset(test.labels == 0)
    known = known.subset(known.regions().any(axis=(1, 2)))
    loaded = {"file": path.name, "facts": facts, "model": classifier.model, "network": classifier.network}
    return Bench(**vars(kind), **loaded, images=known, normal=normal, views=views, draw=draw)


def load_benches(paths, data_root):
    """The benches of those saved classifiers whose images have a known truth: see `load_bench`.

    Args:
        paths: the .keras files of the classifiers.
        data_root: the folder of the data sets.

    Raises:
        ValueError: if there is none.
    """
    known = [bench for bench in (load_bench(path, data_root) for path in paths) if bench is not None]
    if not known:
        raise ValueError("No classifier has images with a known truth: name a source of KINDS in trust/bench.py.")
    return known


def boxed_splits(source, data_root, size, seed):
    """Split -> Dataset, of radiographs with known lesions and some without; no patient is in two splits.

    Args:
        source: one of `catalogue.BOXED`.
        data_root: the folder of the data sets.
        size: (H, W), in pixels.
        seed: of the split, and of the drawing where not all images are taken.
    """
    return dict(zip(catalogue.SPLITS, SOURCES[source].boxed_splits(data_root, size, seed), strict=True))


def write_counted(benches, build, profile):
    """Write to the build folder which images of which benches count; returns the file."""
    parts = [pd.DataFrame({"network": bench.file, "id": bench.images.ids}) for bench in benches]
    return write_csv(pd.concat(parts), build / COUNTED, profile)


def read_counted(build, data_root):
    """The benches that `write_counted` wrote, in its order, with their networks and the images that count."""
    table = read_csv(build / COUNTED)
    ids = {file: part["id"] for file, part in table.groupby("network", sort=False)}
    return [load_bench(build / file, data_root).counting(ids[file]) for file in ids]


def write_maps(bench, path, seed):
    """Write the first pass of a bench, and the seed of its controls, to an .npz file; returns the path."""
    first_pass = bench.first_pass
    arrays = {
        "methods": list(first_pass.maps),
        "same_as": [first_pass.same_as.get(name, "") for name in first_pass.maps],
        "seed": seed,
    }
    arrays |= {f"map {name}": maps for name, maps in first_pass.maps.items()}  # those of RISE are larger than others
    arrays |= {name: getattr(first_pass, name) for name in ARRAYS}
    return _write(path, arrays | {f"score {name}": part.to_numpy() for name, part in first_pass.scores.items()})


def read_maps(bench, path):
    """The bench with the maps that `write_maps` wrote to the path."""
    arrays = _read(path)
    names = arrays["methods"].tolist()
    same_as = {name: other for name, other in zip(names, arrays["same_as"].tolist(), strict=True) if other}
    scores = {name.removeprefix("score "): part for name, part in arrays.items() if name.startswith("score ")}
    rest = {name: arrays[name] for name in ARRAYS}
    maps = {name: arrays[f"map {name}"] for name in names}
    first_pass = evaluation.Maps(maps=maps, same_as=same_as, scores=pd.DataFrame(scores), **rest)
    return bench.with_maps(first_pass, int(arrays["seed"]))


def write_exact_table(table, path):
    """Write a DataFrame as an .npz file, for another notebook: a CSV would not keep float32; returns the path."""
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    return _write(path, {name: table[name].to_numpy(str if name in texts else None) for name in table})


def read_exact_table(path):
    """The DataFrame that `write_exact_table` wrote to the path, to the last bit."""
    return pd.DataFrame(_read(path))


def _write(path, arrays):
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    return path


def _read(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
