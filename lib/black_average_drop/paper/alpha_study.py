"""Tables and sentences of `04_alpha`, from the drops of `sensitivity`: no forward pass, but for `Subject.sampled`."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from black_average_drop import cams, evaluation, networks, training
from black_average_drop.datasets import Dataset
from black_average_drop.files import read_csv
from black_average_drop.paper import sensitivity
from black_average_drop.statistics import comparisons, patients, trainings
from black_average_drop.statistics.means import bootstrap_differences
from black_average_drop.statistics.patients import Resampling

DIFFERENCE = "Grad-CAM++ − CAM"
STEPS = np.round(np.arange(5, 100, 5) / 100, 2)  # the alphas at which BAD is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A classifier with its test images, and what Table 1 says of them."""

    data: str  # what Table 1 calls its images: "general" or "radiographs"
    title: str  # names its rows
    training: int  # the seed of the training
    files: tuple[str, str]  # in the build folder: of the classifier, and of its rows
    source: str  # of the images
    network: networks.CamNetwork
    dataset: Dataset  # all test images
    counted: Dataset  # those that Table 1 puts first: of radiographs the ones labelled pneumonia
    rows: pd.DataFrame  # of Table 1: a row for each image, method and metric
    few: Dataset | None = None  # some of the images that count, for what needs many masked images
    pixels: np.ndarray | None = None  # of these
    first_pass: evaluation.Maps | None = None  # of these, under the paper's methods

    @property
    def alpha(self):
        """The alpha of Table 1."""
        return self.rows["alpha"].iloc[0]

    @property
    def alphas(self):
        """`STEPS` and the alpha of Table 1, rising."""
        return np.union1d(STEPS, self.alpha)

    def sampled(self, most, seed, batch_size, scheduler=""):
        """The same subject with at most `most` of the images that count, drawn at random, and their maps."""
        order = np.random.default_rng(seed).permutation(len(self.counted))[:most]
        few = self.counted.subset(np.sort(order))
        pixels, methods = few.images(), {name: cams.METHODS[name] for name in cams.PAPER_METHODS}
        first_pass = evaluation.explain_all(self.network, pixels, methods, batch_size, scheduler=scheduler)
        return replace(self, few=few, pixels=pixels, first_pass=first_pass)


def load_subject(build, data_root, repeat=None):
    """A classifier of `01_train` with what `03_table1` measured image by image.

    Args:
        build: the build folder.
        data_root: the folder of the data sets.
        repeat: the seed of a training of the radiograph classifier. None: the general classifier.
    """
    data, title, name = "radiographs", "Radiographs", f"radiographs_relu_{repeat}"
    if repeat is None:
        data, title, name = "general", "General images", "general"
    files = f"{name}.keras", f"rows_{name.replace('_relu', '')}.csv.gz"
    classifier = training.load_classifier(build / files[0], data_root, activation="relu")
    dataset = classifier.dataset.in_memory()
    return Subject(
        data=data,
        title=title,
        training=repeat or 0,
        files=files,
        source=classifier.facts.source,
        network=classifier.network,
        dataset=dataset,
        counted=dataset if repeat is None else dataset.subset(dataset.labels == 1),
        rows=read_csv(build / files[1]),
    )


def curve_band(curves, resampling):
    """The curve that alpha is chosen from, with its 95 % interval, and the choice of alpha when patients are resampled.

    Args:
        curves: (N, points + 1), as `sensitivity.image_curves` gives them.
        resampling: a `Resampling` of the N images.

    Returns:
        A DataFrame with columns alpha, difference (a share of the peak), low, high and random_masks, which is the curve
        of two masks drawn at random; and the 2.5th, 50th and 97.5th percentile of the chosen alpha, (3,).
    """
    peak = curves.mean(axis=0).max() or 1.0
    samples = patients.bootstrap_means(curves / peak, resampling)
    low, high = patients.interval(samples)
    shares = np.linspace(0, 1, curves.shape[1])
    band = {"alpha": shares, "difference": curves.mean(axis=0) / peak, "low": low, "high": high}
    chosen = np.percentile(samples.argmax(axis=1) / (curves.shape[1] - 1), [2.5, 50, 97.5])
    return pd.DataFrame(band | {"random_masks": 4 * shares * (1 - shares)}), chosen


def gains(drops):
    """The drops of Grad-CAM++ minus those of CAM; where both draw the same maps that is 0. drops: method -> array."""
    return drops.get("Grad-CAM++", drops["CAM"]) - drops["CAM"]


def along_table(drops, alphas, resampling):
    """BAD of each method at every alpha, and the difference of Grad-CAM++ and CAM, with 95 % intervals.

    Args:
        drops: method -> (N, M), as `sensitivity.along_alpha` gives them.
        alphas: (M,).
        resampling: a `Resampling` of the N images.

    Returns:
        A DataFrame with columns quantity, alpha, BAD, low, high, and p of the difference, which is tested against 0.
        Where too few patients differ, the difference has neither interval nor p.
    """
    tables = []
    for quantity, values in (drops | {DIFFERENCE: gains(drops)}).items():
        bootstrap = patients.bootstrap_means if quantity in drops else bootstrap_differences
        means, samples = np.nanmean(values, axis=0), bootstrap(values, resampling)
        low, high = patients.interval(samples)
        table = pd.DataFrame({"quantity": quantity, "alpha": alphas, "BAD": means, "low": low, "high": high})
        if quantity == DIFFERENCE:
            columns = range(len(means))
            table["p"] = [trainings.statistic_across_trainings([means[i]], samples[:, [i]]).p for i in columns]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def intervals_of_difference(subject, curves, chosen, drops, resamples, seed):
    """Two intervals of the difference of Grad-CAM++ and CAM: each resample chooses alpha again, or alpha is fixed.

    Args:
        subject: a `Subject` that was sampled.
        curves: (N, points + 1) of all its test images.
        chosen: (3,), the percentiles of the chosen alpha that `curve_band` gives.
        drops: method -> (n, M), of the sampled images at `subject.alphas`.
        resamples, seed: of the bootstrap over patients.

    Returns:
        A dict: images, outside_grid (resamples whose alpha is below or above all of the alphas), alpha_low,
        alpha_median, alpha_high, anew_low, anew_high, fixed_low and fixed_high.
    """
    gained, dataset, few = gains(drops), subject.dataset, subject.few
    known = pd.DataFrame(gained, index=few.ids).reindex(dataset.ids).to_numpy()
    samples = sensitivity.redrawn_alpha(curves, subject.alphas, known, Resampling(dataset.groups, resamples, seed))
    at_table1 = gained[:, [np.flatnonzero(subject.alphas == subject.alpha)[0]]]
    fixed = bootstrap_differences(at_table1, Resampling(few.groups, resamples, seed))
    again = np.where(np.isnan(fixed).all(axis=0), np.nan, samples[:, 1:])  # no interval there, none here
    row = {"images": len(few), "outside_grid": int(np.isnan(samples[:, 1]).sum())}
    row |= dict(zip(("alpha_low", "alpha_median", "alpha_high"), chosen, strict=True))
    for name, values in (("anew", again), ("fixed", fixed)):
        row |= dict(zip((f"{name}_low", f"{name}_high"), np.ravel(patients.interval(values)), strict=True))
    return row


def rows_of_readings(by_choice, resampling):
    """AD and BAD under each reading of the paper, as a list of dicts.

    Args:
        by_choice: as `sensitivity.choices` gives it.
        resampling: a `Resampling` of the N images.

    Returns:
        Dicts with metric, choice, alpha, the mean drop of each method, and the difference of Grad-CAM++ and CAM with
        its 95 % interval, low and high.
    """
    rows = []
    for (choice, metric), (alpha, drops) in by_choice.items():
        difference = gains(drops)
        low, high = patients.interval(bootstrap_differences(difference[:, None], resampling))
        row = {"metric": metric, "choice": choice, "alpha": alpha}
        row |= {method: np.nanmean(values) for method, values in drops.items()}
        rows.append(row | {"difference": np.nanmean(difference), "low": low[0], "high": high[0]})
    return rows


def ranking_sentence(differences, intervals):
    """Whether the ranking of Grad-CAM++ and CAM depends on alpha, in a sentence for one data set.

    Args:
        differences: the rows of `along_table` that are a `DIFFERENCE`, those at `STEPS` counted.
        intervals: the row of the data set in alpha_anew.csv, with data, alpha_low and alpha_high.
    """
    steps = differences[differences["alpha"].isin(STEPS)]
    decided, count = comparisons.holm(steps["p"]) < comparisons.LEVEL, len(steps)
    ahead, behind = int((decided & (steps["BAD"] < 0)).sum()), int((decided & (steps["BAD"] > 0)).sum())
    turns = "turns over along alpha" if ahead and behind else "does not turn over along alpha"
    turns = turns if ahead or behind else "cannot be told at any alpha"
    return (
        f"{intervals['data']}: BAD puts Grad-CAM++ ahead of CAM at {ahead} of {count} alphas, behind at {behind}, "
        f"undecided at {count - ahead - behind} (Holm): the ranking {turns}; resampling patients moves the chosen "
        f"alpha between {intervals['alpha_low']:.2f} and {intervals['alpha_high']:.2f}."
    )
