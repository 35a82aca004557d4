"""Numbers of the classifiers: those of `laptop`, and the smaller version of the paper's network."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import lead_rows, least_to_most, one_row, parameters_with
from black_average_drop.wording import with_interval


def tested_models(results):
    """How well the classifiers of the `laptop` profile do on test images."""
    tests = pd.read_csv(results / "laptop/test.csv")
    photos = one_row(tests, data="general", measure="accuracy")
    texts = {"photos.images": f"{photos['images']}", "photos.accuracy": with_interval(photos, 3)}
    aucs = tests.query("data == 'radiographs' and measure == 'AUC'")
    for head, rows in aucs.groupby("head"):
        texts[f"{head}.seeds"] = ", ".join(map(str, rows["training_seed"]))
    for (head, measure), rows in tests[tests["data"] == "radiographs"].groupby(["head", "measure"]):
        texts[f"{head}.{measure}.range"] = least_to_most(rows["value"], 2)
        with_intervals = measure != "specificity without misses"  # which has none
        values = [with_interval(row, 3) if with_intervals else f"{row['value']:.3f}" for _, row in rows.iterrows()]
        texts[f"{head}.{measure}"] = ", ".join(values)
    trainings = pd.read_csv(results / "laptop/trainings.csv").query("data == 'radiographs'")
    texts["epochs"] = least_to_most(trainings["trained_epochs"], 0)
    kinds = trainings["augmentation"].map({"none": "not augmented"}).fillna("augmented")
    of_kinds = trainings.assign(name=trainings["head"].map({"relu": "ReLU"}).fillna(trainings["head"])).groupby(kinds)
    texts["augmentations"] = "; ".join(f"{kind}: {_seeds(rows)}" for kind, rows in sorted(of_kinds, reverse=True))
    texts["AUC"] = with_interval(one_row(pd.read_csv(results / "laptop/claims.csv"), claim="AUC"), 3)
    texts["AUC range"] = least_to_most(aucs["value"], 3)
    training = pd.read_csv(results / "laptop/training.csv").query("chosen and data == 'radiographs'")
    texts["validation AUC"] = least_to_most(training["validation_quality"], 3)
    ill = lead_rows(results, "laptop", "radiographs").loc["CAM", "n"]
    normal = aucs["images"].iloc[0] - ill
    right = tests.query("data == 'radiographs' and head == 'relu' and training_seed == 0").set_index("measure")["value"]
    called_ill, called_normal = round(ill * right["sensitivity"]), round(normal * right["specificity"])
    texts |= {"ill": f"{ill}", "normal": f"{normal}", "ill called ill": f"{called_ill}"}
    return texts | {"normal called normal": f"{called_normal}", "normal called ill": f"{normal - called_normal}"}


def _seeds(trainings):
    """The heads and seeds of trainings: "ReLU 0, 1, softmax 0"."""
    return ", ".join(f"{name} {', '.join(map(str, rows['training_seed']))}" for name, rows in trainings.groupby("name"))


def smaller_paper_network(results):
    """The smaller version of the paper's network: its AUC, BAD, black image and softmax maps."""
    tests = pd.read_csv(results / "paper/test.csv").query("measure == 'AUC'").set_index("head")
    table = pd.read_csv(results / "paper/table1.csv")
    black = table.query("images == 'predicted pneumonia' and score == 'relu'")["black_score"]
    softmax = pd.read_csv(results / "paper/softmax.csv").sort_values("factor")["blank"]
    given = parameters_with(results, "paper", "radiograph_epochs")
    return {
        "AUC.relu": with_interval(tests.loc["relu"], 3),
        "AUC.softmax": with_interval(tests.loc["softmax"], 3),
        "black score": f"{black.iloc[0]:.1f}",
        "softmax images": f"{pd.read_csv(results / 'paper/claims_06_softmax.csv')['images'].iloc[0]}",
        "softmax blank as trained": f"{softmax.iloc[0]:.0f}",
        "softmax blank": f"{softmax.iloc[-1]:.0f}",
        "size": f"{given['image_size']}",
        "epochs": f"{given['radiograph_epochs']}",
    }
