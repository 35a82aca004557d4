"""Numbers of time: minutes of notebooks, and how fast training and the benchmark went."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import least_to_most, records_of

TRAINING_IMAGES = 5216  # radiographs in the train folder of chest_xray
PAPER_EPOCHS = 20  # of the `paper` profile, at most


def notebook_minutes(results):
    """Minutes of groups of notebooks, by the first number of their names."""
    minutes = {
        profile: pd.Series(
            {name: one["minutes"] for name, one in records_of(results, profile).items() if "minutes" in one}
        )
        for profile in ("demo", "laptop", "paper")
    }
    trained = {profile: _trained(records_of(results, profile)["01_train"]) for profile in minutes}
    trust = pd.read_csv(results / "laptop/trust.csv")
    maps = pd.read_csv(results / "laptop/trust_localization.csv")["map"].nunique()
    number = minutes["laptop"].index.str[:2].astype(int)
    return {
        **{f"{profile}.training": f"{rows['01_train']:.0f}" for profile, rows in minutes.items()},
        "laptop.all": f"{minutes['laptop'].sum():.0f}",
        **{f"{profile}.classifiers": f"{count}" for profile, count in trained.items()},
        "laptop.paper": f"{minutes['laptop'][(number > 1) & (number < 7)].sum():.0f}",
        "laptop.trust": f"{minutes['laptop'][number >= 7].sum():.0f}",
        "trust.metrics": f"{trust.loc[trust['metric'] != 'the truth itself', 'metric'].nunique()}",
        "trust.maps": f"{maps}",
    }


def _trained(record):
    """How many classifiers a run of 01_train trained: all that it saved, but for one that is used as it comes."""
    saved = sum(path.endswith(".keras") for path in record["outputs"])
    return saved - (record["parameters"]["general_epochs"] == 0)


def training_speed(results):
    """The benchmark's machine, the rows that miss their targets as a table, and how long training takes."""
    record = records_of(results, "laptop")["01_train"]
    trainings = pd.read_csv(results / "laptop/trainings.csv").query("data == 'radiographs'")
    minutes, epochs = record["minutes"], trainings["trained_epochs"]
    passed = epochs.sum() * TRAINING_IMAGES
    hours = PAPER_EPOCHS * TRAINING_IMAGES / (passed / minutes / 60) / 3600
    rows = pd.read_csv(results / "benchmark/benchmark.csv")
    missed = [
        f"| {row['row']} | {row['of']} | {row['value']:.3f} | {row['target']} |"
        for _, row in rows[rows["met"] == "no"].iterrows()
    ]
    rates = rows.set_index("row")["value"]
    slower = rates["MobileNetV2: forward passes"] / rates["InceptionResNetV2: forward passes"]
    return {
        "missed targets": "\n".join(["| What | Against | Value | Target |", "|---|---|---|---|", *missed]),
        "machine": (results / "benchmark/benchmark.md").read_text().splitlines()[2],
        "training images": f"{TRAINING_IMAGES:,}",
        "classifiers": f"{len(trainings)}",
        "epochs": least_to_most(epochs, 0),
        "passed": f"{passed:,}",
        "minutes": f"{minutes}",
        "a second": f"{passed / minutes / 60:.0f}",
        "paper epochs": f"{PAPER_EPOCHS}",
        "hours": f"{hours:.1f}",
        "paper hours": f"{hours * slower:.0f}",
    }
