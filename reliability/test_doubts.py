"""Does `make choose` doubt what is wrong, and only that? Wrong or forgotten preprocessing, classes in a wrong order.

The thresholds in `preprocessing_doubts` were chosen on the first half of the classifiers, and are judged on the second,
of other architectures, trainings and images.
"""

from itertools import product

import classifiers
import numpy as np
import pandas as pd
import pytest

from black_average_drop import networks
from black_average_drop.choice import preprocessing_doubts
from black_average_drop.networks import first_layers

HALVES = {"chosen on": ("BatchNorm", 100), "held out": ("residual", 200)}  # the architecture of its own, and a seed
LEARNT = 0.75  # AUC on other images; below it a classifier has no right use
SEEN_BY = {
    "the same device": lambda pixels: pixels,
    "less contrast": lambda pixels: (pixels - 128) * 0.6 + 128,
    "darker": lambda pixels: pixels * 0.6,
    "brighter": lambda pixels: np.clip(pixels * 0.8 + 50, 0, 255),
    "another gamma": lambda pixels: 255 * (pixels / 255) ** 1.6,
}
IMAGES = 100
RIGHT_IN = 90  # percent
# Whether the doubt advises a change, rather than saying that something may be wrong.
ADVICE = ("own rescaling", "statistics", "order")


def trained(half):
    """The classifiers of one half, two thirds of all combinations and one of three with a Rescaling layer of its own:
    (kind, right preprocessing, model)."""
    own, seed = HALVES[half]
    architectures = (own, *classifiers.ARCHITECTURES[1:])
    for place in product(range(3), repeat=3):
        if sum(place) % 3:
            kind, preprocessing = list(classifiers.KINDS)[place[0]], classifiers.PREPROCESSINGS[place[1]]
            yield kind, preprocessing, classifiers.train(kind, preprocessing, architectures[place[2]], seed)
    for number, (kind, architecture) in enumerate(zip(classifiers.KINDS, architectures, strict=True)):
        rescaling = classifiers.RESCALINGS[number % 2]
        yield kind, "", classifiers.train(kind, "", architecture, seed, rescaling)


def labelled(labels, generator):
    """The ways in which images are known: name -> (their rows, whether their labels are given, which class is first in
    the order of class_names, what is added to the evidence for class 0)."""
    classes = int(labels.max()) + 1
    by_class = [generator.permutation(np.flatnonzero(labels == k)) for k in range(classes)]
    equal = np.concatenate([rows[: IMAGES // classes] for rows in by_class])
    rare = [rows[: IMAGES // 5 // (classes - 1)] for rows in by_class[1:]]
    shifted = np.concatenate([by_class[0][: IMAGES * 4 // 5], *rare])
    return {
        "no labels": (equal, False, False, 0),
        "no labels, one class": (by_class[-1][:IMAGES], False, False, 0),
        "labels": (equal, True, False, 0),
        "labels, four fifths of one class": (shifted, True, False, 0),
        "labels, threshold elsewhere": (equal, True, False, 3),
        "wrong order": (equal, True, True, 0),
        "wrong order, four fifths of one class": (shifted, True, True, 0),
    }


def uses(kind, right, model, seed):
    """Each way of using a classifier on 400 other images: a row of what is wrong with it and the doubts."""
    images, labels = classifiers.KINDS[kind](400, seed + 1)
    ways = {name: networks.preprocessing(name) for name in preprocessing_doubts.TRIED}
    readers = {name: networks.CamNetwork.from_model(model, way) for name, way in ways.items()}
    cases = labelled(labels, np.random.default_rng(seed))
    rescales, first = first_layers.has_own_rescaling(model), first_layers.first_statistics(model)
    for device, seen in SEEN_BY.items():
        pixels = seen(images.astype("float32")).round().astype("uint8")
        logits = {name: reader.score(pixels)[0] for name, reader in readers.items()}
        unlike = {
            name: first_layers.divergence_from_training(
                first, way, pixels[cases["labels"][0]][:: IMAGES // first_layers.LOOKED_AT]
            )
            for name, way in ways.items()
        }
        for case, (rows, known, swapped, shift) in cases.items():
            given = np.where(labels < 2, 1 - labels, labels) if swapped else labels
            table = []
            for name, reader in readers.items():
                moved = logits[name][rows].copy()
                moved[:, 0] += shift
                states = np.eye(moved.shape[1])[given[rows]] if known else None
                readings = preprocessing_doubts.answers(moved, reader.activation, states)
                table.append({"preprocessing": name, "rescales": rescales, "unlike": unlike[name]} | readings)
            table = pd.DataFrame(table)
            for chosen in preprocessing_doubts.TRIED:
                use = {"right": right, "chosen": chosen, "case": case, "device": device, "swapped": swapped}
                doubts = preprocessing_doubts.doubts_about_answers(table, chosen)
                yield use | {"doubts": doubts, "auc": table["auc"].max()}


def is_right(name, sentence, use):
    """Whether a doubt is about something that is wrong, and what it names is the remedy."""
    wrong_way = use["chosen"] != use["right"]
    if name == "order":
        return use["swapped"]
    if name == "chance":
        return wrong_way or use["swapped"]
    named = "gives such values" in sentence
    way = f"preprocessing={use['right']!r}" if use["right"] else "no preprocessing"
    return wrong_way and (not named or way in sentence)


@pytest.fixture
def used(check):
    """half -> every use of each of its classifiers, with its number; training counts as time of the check."""
    by_half = {}
    for half, (_, seed) in HALVES.items():
        rows = []
        for number, (kind, right, model) in enumerate(trained(half)):
            mine = pd.DataFrame(uses(kind, right, model, seed + number))
            best = mine[(mine["chosen"] == right) & (mine["device"] == "the same device")]["auc"].max()
            print(f"{half}: {kind}, {right or 'rescales'}, {model.name}: AUC {best:.3f}", flush=True)
            assert best > LEARNT
            rows.append(mine.assign(model=number))
        by_half[half] = pd.concat(rows, ignore_index=True)
    return by_half


def tally(uses, name):
    """Of one doubt: in how many percent of the uses that it is about it is raised and right, raised and wrong, and in
    how many percent of the others it is raised; and in how many percent it is right if one use in two is wrong."""
    said = uses["doubts"].map(lambda doubts: doubts.get(name))
    about = uses["swapped"] if name == "order" else uses["chosen"] != uses["right"]
    if name == "chance":
        about |= uses["swapped"]
    right = pd.Series(
        [
            isinstance(text, str) and is_right(name, text, use)
            for text, (_, use) in zip(said, uses.iterrows(), strict=True)
        ],
        uses.index,
    )
    raised = said.notna()
    good, bad = 100 * right[about].mean(), 100 * (raised & ~right)[about].mean()
    false = 100 * raised[~about].mean()
    return good, bad, false, 100 * good / (good + bad + false) if raised.any() else np.nan


def test_doubts(check, used):
    """Whether `make choose` doubts what is wrong with a model's use, and only that."""
    counts = {half: (part["model"].nunique(), len(part)) for half, part in used.items()}
    check(
        "Classifiers: three preprocessings and a Rescaling layer, three architectures, three kinds of images",
        "; ".join(f"{half}: {models} in {uses:,} uses" for half, (models, uses) in counts.items()),
        "12 held out, or more",
        counts["held out"][0] >= 12,
    )
    for name in preprocessing_doubts.DOUBTS:
        shares = {half: tally(part, name) for half, part in used.items()}
        good, bad, false, right = shares["held out"]
        check(
            f"Doubt: {name}",
            f"held out: raised, and right, in {good:.1f} % of the uses that call for it, wrong in {bad:.1f} %; in "
            f"{false:.2f} % of the others; so right in {right:.1f} % if one use in two is wrong (on those that it was "
            f"chosen on: {shares['chosen on'][3]:.1f} %)",
            f"right in {RIGHT_IN} % or more",
            right >= RIGHT_IN,
        )
    held = used["held out"]
    correct = held[(held["chosen"] == held["right"]) & ~held["swapped"]]
    advised = correct["doubts"].map(lambda doubts: bool(set(doubts) & set(ADVICE)))
    doubted = correct["doubts"].map(bool)
    check("Correct uses that are advised to change", f"{advised.sum()} of {len(correct):,}", "none", not advised.any())
    check(
        "Correct uses that are doubted in any way",
        f"{doubted.sum()} of {len(correct):,}",
        f"at most {100 - RIGHT_IN} %",
        doubted.mean() <= 1 - RIGHT_IN / 100,
    )
    for title, part in {
        "Forgotten preprocessing": held[(held["chosen"] == "") & (held["right"] != "")],
        "Any wrong preprocessing": held[held["chosen"] != held["right"]],
        "Classes in a wrong order, preprocessing right": held[(held["chosen"] == held["right"]) & held["swapped"]],
    }.items():
        noticed = part["doubts"].map(bool).groupby(part["case"], sort=False).mean()
        shares_noticed = ", ".join(f"{case} {100 * share:.0f} %" for case, share in noticed.items())
        check(f"{title}: how often something is noticed", shares_noticed, "said here, not judged", None)
