# %% [markdown]
# # 3. Table 1: Average Drop and Black Average Drop
#
# Average Drop (AD) multiplies the image by the map and measures how far the class score falls, eq. (10). Black Average
# Drop (BAD) keeps the share alpha of the pixels that the map ranks highest and blacks out the rest, eq. (11). Every
# method keeps the same area. Alpha is the share at which the methods' masked images differ most. The smaller the drop,
# the better the map.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
scheduler = ""  # the address of a Dask scheduler, whose workers then evaluate; empty: this machine
seed = 0
batch_size = 32
resamples = 2000  # of the bootstrap over patients
ties = "strict"  # eq. (11) to the letter; "exact" keeps exactly the share alpha, ranked by the unclipped maps
alpha = 0.0  # the share of pixels that BAD keeps; 0: where the methods' masked images differ most
methods = ["CAM", "Grad-CAM", "Grad-CAM++", "Grad-CAM++ (normalised alpha)"]  # the paper's three, then any others

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from black_average_drop import cams, controls, evaluation, masks, networks, training, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import read_csv, replacing, write_csv
from black_average_drop.paper import claims, row_differences, table_text, tables
from black_average_drop.statistics.patients import Resampling

# %% [markdown]
# The claims and the control maps need the paper's methods. So these come first, whatever else has a row in the table.

# %%
started = datetime.datetime.now()
compared = cams.chosen(methods)
if tuple(methods[:3]) != cams.PAPER_METHODS:
    raise ValueError(f"methods is {methods}: begin with {', '.join(cams.PAPER_METHODS)} and add others behind them.")
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The classifiers and their test images
#
# Scores are read as ReLU scores, as in the paper. Softmax scores of the same logits are in the table next to them.
# Images are read once and then kept in memory, as far as the memory reaches.

# %%
kinds = {"general": "general.keras", "radiographs": "radiographs_relu_0.keras"}
networks_by_kind, datasets, facts = {}, {}, {}
for kind, file in kinds.items():
    classifier = training.load_classifier(build_folder / file, data_root, activation="relu")
    networks_by_kind[kind], facts[kind] = classifier.network, classifier.facts
    datasets[kind] = classifier.dataset.in_memory()
shown = ["source", "backbone", "weights", "image_size", "test_quality"]
pd.DataFrame({kind: asdict(fact) for kind, fact in facts.items()}).loc[shown]

# %% [markdown]
# ## What a black image gets
#
# The more is blacked out, the more a masked image looks like a black one. So the class of the black image decides which
# value Incorrect % tends to, whatever the map.

# %%
black = {kind: evaluation.black_logits(network) for kind, network in networks_by_kind.items()}
for kind in kinds:
    winner = int(black[kind].argmax())
    print(f"{kind}: a black image is called {datasets[kind].class_names[winner]}, logit {black[kind][winner]:.2f}")

# %% [markdown]
# ## Maps and alpha
#
# One pass over the images gives every map. It also gives the difference between masked images at every alpha. Alpha is
# chosen where that difference is largest.

# %%
maps, alphas = {}, {}
for kind in kinds:
    batches = datasets[kind].batches(batch_size)
    maps[kind] = evaluation.explain_all(networks_by_kind[kind], batches, compared, batch_size, scheduler=scheduler)
    alphas[kind] = alpha or masks.select_alpha(maps[kind].curve)
    same = ", ".join(f"{one} = {other}" for one, other in maps[kind].same_as.items())
    print(f"{kind}: alpha {alphas[kind]:.3f}; same maps: {same or 'none'}")

# %% [markdown]
# Two masks drawn at random differ most at alpha 0.5, whatever the methods. The grey line shows their curve.

# %%
curves = {}
for kind in kinds:
    shares = np.linspace(0, 1, len(maps[kind].curve))
    curves[kind] = pd.Series(maps[kind].curve / maps[kind].curve.max(), shares)
axes = pd.DataFrame(curves).interpolate(method="index").plot(figsize=(5, 3), xlabel="alpha", ylabel="difference")
axes.plot(shares, 4 * shares * (1 - shares), color="grey", linewidth=0.8)
for chosen in alphas.values():
    axes.axvline(chosen, color="black", linewidth=0.6, linestyle=":")

# %% [markdown]
# ## Masked images through the networks
#
# The methods named above and two control maps are measured. Images are read batch by batch. Rows are kept, images are
# not.

# %%
rows = {}
for kind in kinds:
    rows[kind] = evaluation.evaluate(
        networks_by_kind[kind],
        datasets[kind].batches(batch_size),
        compared,
        alpha=alphas[kind],
        batch_size=batch_size,
        ids=datasets[kind].ids,
        controls=controls.IN_TABLE_1,
        groups=datasets[kind].groups,
        ties=ties,
        seed=seed,
        first_pass=maps[kind],
        scheduler=scheduler,
    )
rows["radiographs"].groupby(["method", "metric"], sort=False)[["drop", "kept"]].mean()

# %% [markdown]
# ## The same network trained again
#
# An interval over patients says nothing about another training. The radiograph classifiers of the other seeds go
# through the same images, each with its own alpha, under the paper's methods.

# %%
answers = read_csv(build_folder / "test_scores.csv")
repeats = answers.query("head == 'relu'")["training_seed"].unique()
files = {repeat: build_folder / f"radiographs_relu_{repeat}.keras" for repeat in repeats}
trainings = {0: rows["radiographs"]}
for repeat in repeats[1:]:
    model, _ = networks.load(files[repeat])
    trainings[repeat] = evaluation.evaluate(
        networks.CamNetwork.from_model(model, activation="relu"),
        datasets["radiographs"].batches(batch_size),
        cams.chosen(cams.PAPER_METHODS),
        alpha=alpha or None,
        batch_size=batch_size,
        ids=datasets["radiographs"].ids,
        groups=datasets["radiographs"].groups,
        ties=ties,
        scheduler=scheduler,
    )

# %% [markdown]
# Every image's rows stay in the build folder for the other notebooks.

# %%
row_files = {build_folder / "rows_general.csv.gz": rows["general"]}
row_files |= {build_folder / f"rows_radiographs_{repeat}.csv.gz": trainings[repeat] for repeat in repeats}
for path, part in row_files.items():
    with replacing(path) as partial:
        part.to_csv(partial, index=False, compression={"method": "gzip", "mtime": 0})
pd.DataFrame({repeat: part.groupby("metric")["alpha"].first() for repeat, part in trainings.items()}).loc[["BAD"]]

# %% [markdown]
# ## The table
#
# For radiographs the images labelled pneumonia come first, since the paper evaluates those. Predicted pneumonia and
# predicted normal behave in opposite ways, so they are shown apart.

# %%
labels = datasets["radiographs"].labels
predicted = maps["radiographs"].classes
subsets = {
    "general": {"all": np.full(len(datasets["general"]), True)},
    "radiographs": {
        "label pneumonia": labels == 1,
        "predicted pneumonia": predicted == 1,
        "predicted normal": predicted == 0,
        "all": labels >= 0,
    },
}
empty = [name for part in subsets.values() for name, chosen in part.items() if not chosen.any()]
subsets = {kind: {name: part[name] for name in part if part[name].any()} for kind, part in subsets.items()}
print(f"Rows left out because no image is in them: {', '.join(empty) or 'none'}")
resamplings = {kind: Resampling(datasets[kind].groups, resamples, seed) for kind in kinds}
table = pd.concat(
    tables.table1(rows[kind], datasets[kind], kind, black[kind], subsets[kind], resamplings[kind]) for kind in kinds
)
tables.paper_rows(table)[["data", "images", "method", "AD", "BAD", "incorrect_AD", "incorrect_BAD", "n", "left_out"]]

# %% [markdown]
# What the training changes, next to the interval over patients. Value, low and high are of the first training, as in
# Table 1. Mean, deviation, least and most are over all trainings, each at its own alpha.

# %%
positives = datasets["radiographs"].ids[labels == 1]
of_positives = resamplings["radiographs"].of_rows(labels == 1)
spread = tables.spread_over_trainings(list(trainings.values()), positives, of_positives)
spread_file = write_csv(spread, results_folder / "table1_trainings.csv", profile)
spread.round(4)

# %% [markdown]
# The facts next to each half of the table.

# %%
lines = {}
for kind in kinds:
    fact, names = facts[kind], datasets[kind].class_names
    how = f"trained for {fact.trained_epochs} epochs, epoch {fact.chosen_epoch} kept" if fact.epochs else "as it is"
    measure = "AUC" if kind == "radiographs" else "accuracy"
    winner = int(black[kind].argmax())
    lines[kind] = [
        f"Data: {fact.source}, {len(datasets[kind])} test images at {fact.image_size[0]} pixels.",
        f"Network: {fact.backbone} from {fact.weights} weights, {how}.",
        f"On the test images: {measure} {fact.test_quality:.3f}.",
        f"Alpha {alphas[kind]:.4f}, "
        + ("given" if alpha else f"where the masked images of {', '.join(cams.PAPER_METHODS)} differ most")
        + ".",
        f"A black image is called {names[winner]}, ReLU score {max(black[kind][winner], 0):.3f}.",
    ]

# %% [markdown]
# The whole table. The paper's own shape comes first.

# %%
banner = wording.banner(profile)
trained_again = {"radiographs": spread} if len(trainings) > 1 else {}
outputs = table_text.write_table1(table, lines, trained_again, results_folder / "table1", banner)
display(Markdown((results_folder / "table1.md").read_text()))

# %% [markdown]
# ## What this says of the paper's claims
#
# Differences are taken image by image between Grad-CAM++ and CAM. For radiographs the images labelled pneumonia count,
# and the interval covers other patients and other trainings of this recipe. Where too few images differ there is no
# interval, and no verdict.

# %%
measured = {}
primary = {"general": "all", "radiographs": "label pneumonia"}
trained = {"general": [rows["general"]], "radiographs": list(trainings.values())}
for kind, tables_of_rows in trained.items():
    counted, source = subsets[kind][primary[kind]], facts[kind].source
    where = {"images": datasets[kind].ids[counted], "resampling": resamplings[kind].of_rows(counted), "source": source}
    for metric in ("AD", "BAD"):
        measured[f"{kind}_{metric}"] = claims.compare(tables_of_rows, metric, "drop", **where)
    measured[f"{kind}_lit"] = claims.compare(tables_of_rows, "AD", "lit", **where)

# %% [markdown]
# The same differences of the radiographs with softmax scores, and the share of the masked radiographs that Grad-CAM++
# leaves with another class.

# %%
for metric in ("AD", "BAD"):
    softmax = claims.compare(tables_of_rows, metric, "softmax_drop", **where)
    measured[f"radiographs_{metric}_softmax"] = softmax
    share = claims.compare(tables_of_rows, metric, "incorrect", **where, baseline=None)
    measured[f"incorrect_{metric}"] = share

# %% [markdown]
# The difference in every row of Table 1. Each training predicts classes of its own, so the rows by prediction hold the
# images that the training predicts so.

# %%
explained = row_differences.explained_classes(trained["radiographs"], datasets["radiographs"].ids)
by_training = subsets["radiographs"] | {"predicted pneumonia": explained == 1, "predicted normal": explained == 0}
by_kind = {"general": subsets["general"], "radiographs": by_training}
parts = [
    row_differences.RowsOfData(trained[kind], datasets[kind].ids, by_kind[kind], resamplings[kind], facts[kind].source)
    for kind in kinds
]
differences = row_differences.differences_of_rows(parts)
measured["small_differences"] = row_differences.furthest(differences)
pd.DataFrame({one.data: one.estimate._asdict() for one in differences}).T

# %% [markdown]
# How well the radiograph classifiers do, and whether the head matters. AUC is over all test images. Every classifier is
# resampled with the same patients.

# %%
heads = claims.compare_heads(answers, Resampling(answers["group"], resamples, seed))
for claim, estimate in zip(("AUC", "head"), heads, strict=True):
    measured[claim] = claims.Measured(estimate, len(datasets["radiographs"]), facts["radiographs"].source)
pd.DataFrame({name: one.estimate._asdict() for name, one in measured.items()}).T

# %% [markdown]
# Where all of this comes from: commit, versions, parameters, checksums of what went in and what came out.

# %%
read = [build_folder / "general.keras", build_folder / "test_scores.csv", *files.values()]
inputs = {path.name: path for path in read}
inputs |= {f"{kind}, test": dataset_checksum(datasets[kind]) for kind in kinds}
outputs += [*row_files, spread_file, claims.write_measured("03_table1", measured, results_folder, profile)]
record = provenance.write_record("03_table1", outputs, inputs, globals(), results_folder, started)
record["outputs"]
