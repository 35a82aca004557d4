"""Do the 95 % intervals of one network hold the truth, and what do they leave out: the next training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, evaluation, networks, training
from black_average_drop.datasets import phantoms
from black_average_drop.datasets.phantoms.chest import draw_radiograph
from black_average_drop.paper import claims, tables
from black_average_drop.statistics.patients import Resampling

SIZE, EPOCHS, BATCH = 64, 8, 32
TRAINED_ON, VALIDATED_ON, TESTED_ON = 2000, 400, 400
SEEDS = range(5)
TRUTH = 10_000  # phantoms
DRAWS, N = 1000, 100  # of 200 draws chance alone puts one in a hundred outside of what is expected
LOW, HIGH = 90, 98  # percent of the draws with an interval whose interval should hold the truth
FEW = 20  # draws with an interval: of fewer no percent is given
METHODS = cams.PAPER_METHODS
QUANTITIES = [
    *((method, name) for method in METHODS for name in ("AD", "BAD", "incorrect_AD", "incorrect_BAD")),
    ("Grad-CAM++", "AD_minus_CAM"),
    ("Grad-CAM++", "BAD_minus_CAM"),
]


def train(images, seed):
    """A small CNN with a ReLU head by the recipe of the demo profile: a `networks.CamNetwork`, and its AUC or accuracy
    on other images. images(count, seed=, size=): phantoms."""
    networks.make_deterministic(seed)
    parts = [images(count, seed=1 + i, size=SIZE).in_memory() for i, count in enumerate((TRAINED_ON, VALIDATED_ON))]
    head = "relu" if len(parts[0].class_names) == 2 else "softmax"
    model = networks.build("small_cnn", (SIZE, SIZE), parts[0].class_names, head)
    training.fit(model, *parts, EPOCHS, BATCH, 2e-3, seed, head_epochs=int(head == "relu"))
    other = images(TESTED_ON, seed=3, size=SIZE)
    return networks.CamNetwork.from_model(model, activation="relu"), training.quality(
        other.labels, training.predict(model, other, BATCH)
    )


def evaluate(network, dataset, alpha=None):
    """The rows of the paper's three methods."""
    methods = cams.chosen(METHODS)
    return evaluation.evaluate(network, dataset.batches(BATCH), methods, alpha, BATCH, dataset.ids)


@pytest.fixture(scope="module")
def trainings():
    """The same radiographs learnt from several seeds: [(network, AUC), ...]."""
    return [train(phantoms.radiographs, seed) for seed in SEEDS]


def chests(count, size):
    """count radiographs of count / 2 chests, each with and without its lesion: two images of every patient."""
    ill = phantoms.radiographs(count, seed=5, size=size)
    twice = np.repeat(np.arange(1, count, 2), 2)  # the odd ones have a lesion
    lesion = np.arange(count) % 2 == 1
    both = ill.subset(twice)
    return replace(
        both,
        ids=np.array([f"{name}-{'ill' if has else 'well'}" for name, has in zip(both.ids, lesion, strict=True)]),
        labels=lesion.astype(int),
        positions=np.arange(count),
        read=lambda position: draw_radiograph(5, int(twice[position]), bool(lesion[position]), size)[0],
    )


def coverage(network, rows, dataset, draw):
    """How often the interval of Table 1 holds the mean over all images that could be drawn: a DataFrame by score,
    method and quantity with that mean (truth), and of how many draws there is an interval (given) that holds it (held).

    draw: generator -> indices of the images of one draw, or None -> of all that could be drawn. Also gives `apart`.
    """
    by_id, pool = of_table1(network, rows, dataset), draw(None)
    whole = table_of(by_id, dataset, pool, resamples=2)  # only its means are used
    keys = [(score, method, name) for score in ("relu", "softmax") for method, name in QUANTITIES]
    truth = pd.Series([whole.loc[key[:2], key[2]] for key in keys], index=pd.MultiIndex.from_tuples(keys))
    given, held = [], []
    for seed in range(DRAWS):
        chosen = draw(np.random.default_rng([7, seed]))
        table = table_of(by_id, dataset, chosen, resamples=2000, seed=seed)
        low, high = (np.array([table.at[key[:2], f"{key[2]}_{end}"] for key in keys]) for end in ("low", "high"))
        given.append(~np.isnan(low))
        held.append((low - 1e-9 <= truth) & (truth <= high + 1e-9))  # sums in another order
    counts = pd.DataFrame({"truth": truth, "given": np.sum(given, axis=0), "held": np.sum(held, axis=0)})
    return counts, apart(rows[rows["id"].isin(dataset.ids[pool])])


def apart(rows):
    """Percent of the images whose drop differs by more than 0.001 between Grad-CAM++ and CAM, by metric."""
    drops = rows.pivot(index=["metric", "id"], columns="method", values="drop")
    different = (drops["Grad-CAM++"] - drops["CAM"]).abs() > 1e-3
    return 100 * different.groupby("metric").mean()


def of_table1(network, rows, dataset):
    """The rows of `evaluate` with what Table 1 needs further, by the id of the image."""
    images = pd.DataFrame({"id": dataset.ids, "group": dataset.groups, "label": dataset.labels})
    black, rows = evaluation.black_logits(network).astype("float64"), rows.merge(images, on="id", validate="m:1")
    classes, shares = rows["class"].to_numpy(), np.exp(black - black.max())
    rows = rows.assign(black_logit=black[classes], black_softmax=(shares / shares.sum())[classes])
    return rows.set_index("id")


def table_of(by_id, dataset, chosen, resamples, seed=0):
    """Table 1 of the chosen images by score and method, as a DataFrame."""
    resampling, rows = Resampling(dataset.groups[chosen], resamples, seed), by_id.loc[dataset.ids[chosen]].reset_index()
    about = pd.DataFrame({"black_class": ["any"]})
    part = tables.PartOfTable1(data="general", trainings={0: rows}, about=about, resampling=resampling)  # no subsets
    return tables.table1(part).set_index(["score", "method"])


def test_intervals(check, trainings):
    """Whether 95 % intervals of one fixed network hold the truth."""
    network, auc = trainings[0]
    dataset = chests(TRUTH, SIZE)
    rows = evaluate(network, dataset, alpha=alpha_of(network, phantoms.radiographs))
    count = np.arange(len(dataset))
    ill = np.flatnonzero(dataset.labels == 1)

    def one_of_each(generator):
        if generator is None:
            return count
        return 2 * generator.choice(len(dataset) // 2, N, replace=False) + generator.integers(2, size=N)

    def both_of_each(generator):
        if generator is None:
            return count
        pairs = 2 * generator.choice(len(dataset) // 2, N // 2, replace=False)
        return np.sort(np.concatenate([pairs, pairs + 1]))

    def labelled_ill(generator):
        return ill if generator is None else generator.choice(ill, N, replace=False)

    designs = {
        f"radiographs, {N} patients with one image each": one_of_each,
        f"radiographs, {N // 2} patients with two images each": both_of_each,
        f"radiographs labelled pneumonia, {N} patients": labelled_ill,
    }
    for design, draw in designs.items():
        report_coverage(check, design, *coverage(network, rows, dataset, draw))
    report_claims(check, rows, dataset, ill)
    check("The network", f"AUC {auc:.3f} on other phantoms", "above 0.75", auc > 0.75)


def test_intervals_of_objects(check):
    """Whether 95 % intervals of one fixed network hold the truth, photo-like images."""
    network, accuracy = train(phantoms.objects, 0)
    dataset = phantoms.objects(TRUTH, seed=5, size=SIZE)
    rows = evaluate(network, dataset, alpha=alpha_of(network, phantoms.objects))

    def any_images(generator):
        return np.arange(TRUTH) if generator is None else generator.choice(TRUTH, N, replace=False)

    report_coverage(check, f"objects, {N} images", *coverage(network, rows, dataset, any_images))
    check("The network", f"accuracy {accuracy:.3f} on other phantoms", "above 0.5", accuracy > 0.5)


def alpha_of(network, images):
    """The alpha of other phantoms, fixed from then on."""
    other = images(TESTED_ON, seed=4, size=SIZE)
    return float(evaluate(network, other)["alpha"].iloc[0])


def in_words(truth, given, held):
    """How many draws have an interval, how many of these hold the truth, and whether that is what is expected.

    The last is None where too few intervals are given to tell."""
    if not given:
        return f"{truth:.4f}, no interval in any draw", None
    told = f"{truth:.4f} in " + (f"{held} of {given}" if given < FEW else f"{100 * held / given:.1f} %")
    told += f" (no interval in {100 * (1 - given / DRAWS):.1f} % of the draws)" if given < DRAWS else ""
    return told, None if given < FEW else LOW <= 100 * held / given <= HIGH


def report_coverage(check, design, counts, different):
    """A line for each quantity, with both scores and every method; Incorrect % is the same under both scores."""
    for name in counts.index.unique(level=2):
        lines, verdicts = [], []
        for score in ("relu",) if "incorrect" in name else ("relu", "softmax"):
            part = counts.xs((score, name), level=(0, 2))
            part = part[~part.duplicated()]  # Grad-CAM draws the maps of CAM
            for method, one in part.iterrows():
                told, met = in_words(one["truth"], int(one["given"]), int(one["held"]))
                lines.append(f"{method}{'' if score == 'relu' else ', softmax'}: {told}")
                verdicts.append(met)
        judged = [met for met in verdicts if met is not None]
        check(
            f"{design}: {name.replace('_minus_', ' − ').replace('_', ' ')}",
            f"of {DRAWS:,} draws the interval held the truth: {'; '.join(lines)}"
            + (f"; the two differ in {different[name.split('_')[0]]:.1f} % of the images" if "minus" in name else ""),
            f"{LOW} to {HIGH} %",
            all(judged) if judged else None,
        )


def report_claims(check, rows, dataset, pool):
    """The same of the intervals that the claims have, by a normal distribution: `claims.compare` of one training."""
    by_id = rows.set_index("id")
    asked = {
        "Grad-CAM++ − CAM, AD": ("AD", "drop", "Grad-CAM++", "CAM"),
        "Grad-CAM++ − CAM, BAD": ("BAD", "drop", "Grad-CAM++", "CAM"),
        "Grad-CAM++ − CAM, lit": ("AD", "lit", "Grad-CAM++", "CAM"),
        "Incorrect % of BAD, Grad-CAM++": ("BAD", "incorrect", "Grad-CAM++", None),
    }

    def estimates(chosen, resamples):
        part = dataset.subset(chosen)
        mine, resampling = [by_id.loc[part.ids].reset_index()], Resampling(part.groups, resamples)
        return {
            name: claims.compare(mine, *what[:2], part.ids, resampling, "phantoms", *what[2:]).estimate
            for name, what in asked.items()
        }

    truth = estimates(pool, 2)
    given, held = dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
    for seed in range(DRAWS):
        by_name = estimates(np.random.default_rng([8, seed]).choice(pool, N, replace=False), 2000)
        for name, one in by_name.items():
            given[name] += not np.isnan(one.low)
            held[name] += one.low - 1e-9 <= truth[name].value <= one.high + 1e-9
    for name in asked:
        told, met = in_words(truth[name].value, given[name], held[name])
        check(
            f"radiographs labelled pneumonia, {N} patients, as a claim of one training: {name}",
            f"of {DRAWS:,} draws the interval held the truth: {told}",
            f"{LOW} to {HIGH} %",
            met,
        )


def test_retraining(check, trainings):
    """What another training changes, which no interval over images covers."""
    dataset = phantoms.radiographs(TESTED_ON, seed=3, size=SIZE)
    ill = dataset.subset(dataset.labels == 1)
    rows = [evaluate(network, dataset) for network, _ in trainings]
    areas = [auc for _, auc in trainings]
    check(
        f"AUC of {len(areas)} trainings that differ in their seed alone",
        f"{', '.join(f'{auc:.3f}' for auc in areas)}; standard deviation {np.std(areas, ddof=1):.3f}",
        "no two alike",
        len(set(areas)) == len(areas),
    )
    asked = [(f"{metric} of {method}", metric, method, None) for metric in ("AD", "BAD") for method in METHODS]
    asked += [(f"{metric}, Grad-CAM++ − CAM", metric, "Grad-CAM++", "CAM") for metric in ("AD", "BAD")]
    for name, metric, method, baseline in asked:
        where = metric, "drop", ill.ids, Resampling(ill.groups), "phantoms", method, baseline
        each = [claims.compare([one], *where).estimate for one in rows]
        three, five = (claims.compare(some, *where).estimate for some in (rows[:3], rows))
        values = np.array([one.value for one in each])
        outside = sum(not each[0].low <= value <= each[0].high for value in values[1:])
        halves = [
            "none, too few images differ" if np.isnan(one.low) else f"{(one.high - one.low) / 2:.4f}"
            for one in (each[0], three, five)
        ]
        beyond = "" if np.isnan(each[0].low) else f", which {outside} of the other {len(values) - 1} are outside of"
        check(
            f"{name}, {len(ill)} radiographs labelled pneumonia",
            f"{len(values)} trainings: mean {values.mean():.4f}, standard deviation {values.std(ddof=1):.4f}, range "
            f"{values.min():.4f} to {values.max():.4f}. Half the 95 % interval over images of the first training: "
            f"{halves[0]}{beyond}; over images and three trainings, as the claims have it: {halves[1]}; over all: "
            f"{halves[2]}",
            "the interval over images and three trainings holds the mean of all, where there is one",
            None if np.isnan(three.low) else three.low <= values.mean() <= three.high,
        )
