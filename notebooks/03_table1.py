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
margin = 0.02  # of the score: methods whose mean drops differ by less are practically as good as each other
ties = "strict"  # eq. (11) to the letter; "exact" keeps exactly the share alpha, ranked by the unclipped maps
alpha = 0.0  # the share of pixels that BAD keeps; 0: where the methods' masked images differ most
methods = ["CAM", "Grad-CAM", "Grad-CAM++", "Grad-CAM++ (normalised alpha)"]  # the paper's three, then any others

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import cams, controls, evaluation, masks, networks, rows, training
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.paper import rows_of_table1

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
# The photo classifier, every training of the radiograph classifier with a ReLU head, and another backbone where there
# is one. Scores are read as ReLU scores, as in the paper. Softmax scores of the same logits are in the table next to
# them. Images are read once and then kept in memory, as far as the memory reaches.

# %%
trained = rows.read_rows("trainings", results_folder).query("head == 'relu'")
files = {("general", 0): build_folder / "general.keras"}
files |= {(one.data, one.training_seed): build_folder / one.file for one in trained.itertuples()}
classifiers = {key: training.load_classifier(file, data_root, activation="relu") for key, file in files.items()}
in_memory = {kind: classifiers[kind, 0].dataset.in_memory() for kind in ("general", "radiographs")}
datasets = {key: in_memory["general" if key[0] == "general" else "radiographs"] for key in classifiers}
facts = {key: classifier.facts for key, classifier in classifiers.items()}
pd.DataFrame({key: [fact.source, fact.backbone, fact.weights, fact.test_quality] for key, fact in facts.items()}).T

# %% [markdown]
# ## What a black image gets
#
# The more is blacked out, the more a masked image looks like a black one. So the class of the black image decides which
# value Incorrect % tends to, whatever the map.

# %%
black = {key: evaluation.black_logits(classifier.network) for key, classifier in classifiers.items()}
for key, black_logits in black.items():
    winner = datasets[key].class_names[black_logits.argmax()]
    print(f"{key[0]}, training {key[1]}: a black image is called {winner}, logit {black_logits.max():.2f}")

# %% [markdown]
# ## Maps and alpha
#
# One pass over the images gives every map. It also gives the difference between masked images at every alpha. Alpha is
# chosen where that difference is largest, for each network by itself. Where the methods draw the same maps, any share
# will do. The first networks are measured under all methods that are named above, the others under the paper's.

# %%
methods_of = {key: compared if key in (("general", 0), ("radiographs", 0)) else {} for key in classifiers}
methods_of = {key: chosen or cams.chosen(cams.PAPER_METHODS) for key, chosen in methods_of.items()}
maps, alphas = {}, {}
for key, classifier in classifiers.items():
    batches = datasets[key].batches(batch_size)
    maps[key] = evaluation.explain_all(classifier.network, batches, methods_of[key], batch_size, scheduler=scheduler)
    curve = maps[key].curve
    alphas[key] = alpha or (masks.select_alpha(curve) if curve.max() > 0 else 0.5)
    same = ", ".join(f"{one} = {other}" for one, other in maps[key].same_as.items())
    print(f"{key[0]}, training {key[1]}: alpha {alphas[key]:.3f}; same maps: {same or 'none'}")

# %% [markdown]
# Two masks drawn at random differ most at alpha 0.5, whatever the methods. The grey line shows their curve.

# %%
curves = {}
for key in classifiers:
    shares = np.linspace(0, 1, len(maps[key].curve))
    curves[", ".join(map(str, key))] = pd.Series(maps[key].curve / max(maps[key].curve.max(), 1e-9), shares)
axes = pd.DataFrame(curves).interpolate(method="index").plot(figsize=(5, 3), xlabel="alpha", ylabel="difference")
axes.plot(shares, 4 * shares * (1 - shares), color="grey", linewidth=0.8)
for chosen_alpha in alphas.values():
    axes.axvline(chosen_alpha, color="black", linewidth=0.6, linestyle=":")

# %% [markdown]
# ## Masked images through the networks
#
# The methods and two control maps are measured. Images are read batch by batch. Rows are kept, images are not.

# %%
measured = {}
for key, classifier in classifiers.items():
    evaluated = evaluation.evaluate(
        classifier.network,
        datasets[key].batches(batch_size),
        methods_of[key],
        alpha=alphas[key],
        batch_size=batch_size,
        ids=datasets[key].ids,
        controls=controls.IN_TABLE_1,
        groups=datasets[key].groups,
        ties=ties,
        seed=seed,
        first_pass=maps[key],
        scheduler=scheduler,
    )
    measured[key] = evaluated, datasets[key], black[key]
measured["radiographs", 0][0].groupby(["method", "metric"], sort=False)[["drop", "kept"]].mean()

# %% [markdown]
# The rows of every image, and a row on each network, are all that is kept.

# %%
described = []
for key, (own_rows, dataset, black_logits) in measured.items():
    described.append(rows_of_table1.describe_classifier(key, facts[key], own_rows, dataset, black_logits, alpha > 0))
outputs = rows_of_table1.write_table1_rows(measured, results_folder, profile)
outputs.append(rows.write_rows(pd.DataFrame(described), "table1_classifiers", results_folder, profile))
inputs = {file.name: file for file in files.values()}
inputs |= {"trainings.csv.xz": rows.row_file("trainings", results_folder)}
inputs |= {f"{kind}, test": dataset_checksum(dataset) for kind, dataset in in_memory.items()}
record = provenance.write_record("03_table1", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## From rows to sentences
#
# The rest needs neither network nor image. It reads the rows that were written above, and `make tables` runs it alone.

# %%
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from black_average_drop import wording
from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.paper import claims, published, row_differences, table_answers, table_claims, table_text, tables
from black_average_drop.paper.rows_of_table1 import read_table1_rows
from black_average_drop.rows import read_rows, row_file
from black_average_drop.statistics.patients import Resampling

results_folder, banner = Path(results), wording.banner(profile)
about, answers = (read_rows(name, results_folder) for name in ("table1_classifiers", "test_scores"))
parts = tables.parts_of_table1(read_table1_rows(results_folder), about, resamples, seed)
about.set_index(["data", "training"])

# %% [markdown]
# ## The table
#
# For radiographs the images labelled pneumonia come first, since the paper evaluates those. Predicted pneumonia and
# predicted normal are shown apart. The table is about the first training. Another backbone has rows of its own and
# enters no mean.

# %%
table = pd.concat([tables.table1(part) for part in parts.values()], ignore_index=True)
tables.paper_rows(table)[["data", "images", "method", "AD", "BAD", "incorrect_AD", "incorrect_BAD", "n", "left_out"]]

# %% [markdown]
# What the training changes, next to the interval over patients. Value, low and high are of the first training, as in
# Table 1. Mean, deviation, least and most are over all trainings, each at its own alpha. A training is dead if its ReLU
# score is 0 for every image. It is counted here, and no mean can hold it.

# %%
of_radiographs = parts["radiographs"]
died = len(of_radiographs.trainings) - len(of_radiographs.alive)
print(f"{died} of {len(of_radiographs.trainings)} trainings are dead.")
spread = tables.spread_over_trainings(of_radiographs)
spread.round(4)

# %% [markdown]
# ## Which map to take
#
# Two questions stand next to each other. Does the drop differ, and is the difference within the margin? `least` and
# `most` are the limits of how much more a method loses than the one that loses least of the others.

# %%
answered = table_answers.answers_of_table(parts, margin)
tables_of_answers = table_answers.answer_tables(answered)
tables_of_answers["table1_set"].round(4)

# %% [markdown]
# The whole table. The paper's own shape comes first.

# %%
lines = {data: table_text.fact_lines(part.about.iloc[0], published.METHODS) for data, part in parts.items()}
lines["radiographs"].append(f"Trainings: {len(of_radiographs.trainings)}, of which {died} are dead.")
said = table_answers.with_answers(lines, answered, parts)
trained_again = {"radiographs": spread} if len(of_radiographs.alive) > 1 else {}
made = table_text.write_table1(table, said, trained_again, results_folder / "table1", banner)
written = {"table1_trainings": spread} | tables_of_answers
made += [write_csv(values, results_folder / f"{name}.csv", profile) for name, values in written.items()]
display(Markdown((results_folder / "table1.md").read_text()))

# %% [markdown]
# ## What this says of the paper's claims
#
# Differences are taken image by image between Grad-CAM++ and CAM. For radiographs the images labelled pneumonia count,
# and the interval covers other patients and other trainings of this recipe. Where too few images differ there is no
# interval, and no verdict. The differences of the radiographs with softmax scores, and those of another backbone, have
# rows of their own. For Incorrect % the masked radiographs count that Grad-CAM++ leaves with another class.

# %%
claimed = table_claims.measure_claims(parts, margin)
pd.DataFrame({name: one.estimate._asdict() for name, one in claimed.items()}).T

# %% [markdown]
# The difference in every row of Table 1, and the row where it reaches furthest from 0.

# %%
differences = table_claims.differences_of_table(parts)
claimed["small_differences"] = row_differences.furthest(differences)
pd.DataFrame({one.data: one.estimate._asdict() for one in differences}).T

# %% [markdown]
# How well the radiograph classifiers do, and whether the head matters. AUC is over all test images. Every classifier is
# resampled with the same patients. A ReLU and a softmax training of one number have the same drawn settings, and are
# compared with each other.

# %%
of_recipe = answers.query("data == 'radiographs'")
heads = claims.compare_heads(of_recipe, Resampling(of_recipe["group"], resamples, seed))
source = of_radiographs.about["source"].iloc[0]
for claim, estimate in zip(("AUC", "head"), heads, strict=True):
    claimed[claim] = claims.Measured(estimate, answers["id"].nunique(), source)
pd.DataFrame({claim: claimed[claim].estimate._asdict() for claim in ("AUC", "head")}).T

# %% [markdown]
# The tables, and what they were made from.

# %%
made.append(claims.write_measured("03_table1", claimed, results_folder, profile))
read = ("table1_images", "table1_methods", "table1_maps", "table1_classifiers", "test_scores")
inputs = {f"{name}.csv.xz": row_file(name, results_folder) for name in read}
record = provenance.write_analysis("03_table1", made, inputs, globals(), results_folder)
record["outputs"]
