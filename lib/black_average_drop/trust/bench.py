"""A bench: a network, and images of which it is known where a map should point.

`07_what_networks_use` makes the benches and says which images count, `08_maps_against_truth` draws their maps, and
`09_verdict` measures what the metrics say. What one of them makes and another one needs lies in the build folder: the
networks, the images that count, the maps.

Radiographs with boxes come in two folds of patients, and a network that learned from one fold is judged on the other.
Either is a bench of its own; benches of one title share alpha, and their images are taken together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from black_average_drop import controls, evaluation, masks, networks, training
from black_average_drop.datasets import Dataset, catalogue
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.datasets.sources.source import splits_of_halves
from black_average_drop.files import read_csv, replacing, write_csv
from black_average_drop.trust import localization
from black_average_drop.trust.kinds import KINDS, Kind

COUNTED = "trust_images.csv"  # the images that count, and the file of their network
FOLDS = ("A", "B")  # of patients: those of one are judged by networks that learned from the other
ARRAYS = ("classes", "curve", "digests", "feature_sums")  # of `evaluation.Maps`, written as they are
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
    fold: str = ""  # of FOLDS: the patients that are judged, where there are two folds
    training: int = 0  # the number of the network among those that are judged on the same images
    draw: Callable[..., Dataset] | None = None  # draws the phantoms of the test split again, with changes
    first_pass: evaluation.Maps | None = None  # the maps of every method, scores, and the curve of alpha
    maps: dict[str, np.ndarray] | None = None  # the methods' maps that differ, then those of the controls
    alpha: float = 0.0  # the share of pixels that BAD keeps, chosen from the paper's three methods on all folds

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

    def with_maps(self, first_pass, alpha, seed):
        """The same bench with the maps of its methods and of `controls.CONTROLS`.

        Args:
            first_pass: what `evaluation.explain_all` gives for the images.
            alpha: the share of pixels that BAD keeps.
            seed: of the controls that are drawn at random.
        """
        bench = replace(self, first_pass=first_pass, alpha=alpha)
        maps = {name: first_pass.maps[name] for name in bench.methods}
        reference = np.maximum(first_pass.maps["Grad-CAM"], 0)
        for name, draw in controls.CONTROLS.items():
            maps[name] = draw(reference, self.images.groups, self.images.size, seed)
        return replace(bench, maps=maps)

    def known(self):
        """What is known of each image: a DataFrame with a row an image.

        Columns: id, group (the patient), right (whether the network predicts the label), fully_boxed (whether all of
        its findings have a box, True where the tables do not say), score and black_score (of the explained class on the
        image and on a black one), region (the share of the image that its lesion or object takes) and near (the same
        with the tolerance of hits).
        """
        regions, scores = self.images.regions(), self.first_pass.scores
        black = self.network.scores(evaluation.black_logits(self.network))[self.images.labels]
        table = {"id": self.images.ids, "group": self.images.groups}
        table |= {"right": (scores["predicted"] == self.images.labels).to_numpy(), "fully_boxed": True}
        table |= {"score": scores["score"].to_numpy(), "black_score": black}
        table |= {"region": regions.mean(axis=(1, 2)), "near": localization.near(regions).mean(axis=(1, 2))}
        if self.views is not None and "fully_boxed" in self.views:
            table["fully_boxed"] = self.views.loc[self.images.ids, "fully_boxed"].to_numpy()
        return pd.DataFrame(table)

    def named(self, table):
        """A DataFrame with the columns data, fold and training of this bench in front."""
        names = pd.DataFrame({"data": self.title, "fold": self.fold, "training": self.training}, index=table.index)
        return pd.concat([names, table], axis=1)

    def few(self, count, seed):
        """The rows, rising, of at most `count` images, drawn at random."""
        return np.sort(np.random.default_rng(seed).permutation(len(self.images))[:count])


def load_bench(path, data_root):
    """The bench of a saved classifier, with every image whose lesion or object is known and that it did not learn from.

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
    size, kind, fold = classifier.network.image_size, KINDS[facts.source], ""
    source = SOURCES.get(facts.source)
    if source and source.boxed_halves:
        views, fold = source.views(data_root) if source.views else None, facts.fold or FOLDS[0]
        test = fold_splits(facts.source, data_root, size, facts.seed)[fold]["test"]
    else:
        drawn = {"root": data_root, "count": facts.test_images, "seed": facts.seed}
        draw, test = partial(catalogue.load, facts.source, "test", size, **drawn), classifier.dataset
    test = test.in_memory()
    known, normal = test, None
    if kind.finding:
        known, normal = test.subset(test.labels == 1), test.subset(test.labels == 0)
    known = known.subset(known.regions().any(axis=(1, 2)))
    loaded = {"file": path.name, "facts": facts, "model": classifier.model, "network": classifier.network}
    loaded |= {"fold": fold, "training": facts.training_seed - facts.seed if facts.fold else 0}
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
        raise ValueError("No classifier has images with a known truth: name a source of KINDS in trust/kinds.py.")
    return known


def fold_splits(source, data_root, size, seed):
    """Fold -> split -> Dataset, of radiographs with known lesions and some without.

    The test images of a fold are its own. Those for training and validation are of the other fold, so that no patient
    is in two splits of a fold, and every image is a test image once.

    Args:
        source: one of `catalogue.BOXED`.
        data_root: the folder of the data sets.
        size: (H, W), in pixels.
        seed: of the folds, of the validation images, and of the drawing where not all images are taken.
    """
    one, other = SOURCES[source].boxed_halves(data_root, size, seed)
    pairs = zip(FOLDS, ((one, other), (other, one)), strict=True)
    return {fold: splits_of_halves(learned, judged, seed) for fold, (learned, judged) in pairs}


def draw_maps(benches, passes, seed):
    """The benches with their maps: see `Bench.with_maps`.

    Benches of one title share alpha, which is chosen from the sum of their curves. Among them two methods draw the same
    map if they do so on every bench.

    Args:
        benches: the benches.
        passes: what `evaluation.explain_all` gives for the images of each.
        seed: of the controls that are drawn at random.
    """
    drawn = []
    for bench, first_pass in zip(benches, passes, strict=True):
        together = [other for one, other in zip(benches, passes, strict=True) if one.title == bench.title]
        alpha = masks.select_alpha(sum(other.curve for other in together))
        alike = [other.same_as.items() for other in together]
        same_as = {name: first for name, first in first_pass.same_as.items() if all((name, first) in a for a in alike)}
        drawn.append(bench.with_maps(first_pass._replace(same_as=same_as), alpha, seed))
    return drawn


def write_counted(benches, build, profile):
    """Write to the build folder which images of which benches count; returns the file."""
    parts = [pd.DataFrame({"network": bench.file, "id": bench.images.ids}) for bench in benches]
    return write_csv(pd.concat(parts), build / COUNTED, profile)


def read_counted(build, data_root):
    """The benches that `write_counted` wrote, in its order, with their networks and the images that count."""
    table = read_csv(build / COUNTED)
    ids = {file: part["id"] for file, part in table.groupby("network", sort=False)}
    return [load_bench(build / file, data_root).counting(ids[file]) for file in ids]


def write_maps(bench, build, seed):
    """Write the first pass of a bench, its alpha and the seed of its controls to the build folder; returns the file."""
    first_pass = bench.first_pass
    arrays = {
        "methods": list(first_pass.maps),
        "same_as": [first_pass.same_as.get(name, "") for name in first_pass.maps],
        "seed": seed,
        "alpha": bench.alpha,
    }
    arrays |= {f"map {name}": maps for name, maps in first_pass.maps.items()}  # those of RISE are larger than others
    arrays |= {name: getattr(first_pass, name) for name in ARRAYS}
    arrays |= {f"score {name}": part.to_numpy() for name, part in first_pass.scores.items()}
    with replacing(maps_file(bench, build)) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    return maps_file(bench, build)


def maps_file(bench, build):
    """The file of the maps of a bench in the build folder."""
    return build / f"{Path(bench.file).stem}_maps.npz"


def read_maps(bench, build):
    """The bench with the maps that `write_maps` wrote."""
    with np.load(maps_file(bench, build)) as file:
        arrays = {name: file[name] for name in file.files}
    names = arrays["methods"].tolist()
    same_as = {name: other for name, other in zip(names, arrays["same_as"].tolist(), strict=True) if other}
    scores = {name.removeprefix("score "): part for name, part in arrays.items() if name.startswith("score ")}
    rest = {name: arrays[name] for name in ARRAYS}
    maps = {name: arrays[f"map {name}"] for name in names}
    first_pass = evaluation.Maps(maps=maps, same_as=same_as, scores=pd.DataFrame(scores), **rest)
    return bench.with_maps(first_pass, float(arrays["alpha"]), int(arrays["seed"]))
