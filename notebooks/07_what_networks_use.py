# %% [markdown]
# # 7. What the networks use
#
# The paper says that Black Average Drop gives the correct judgement, by argument. This notebook and the next two test
# that where lesions or objects are known. A bench is a network, and images of which it is known where a map should
# point. The benches are made here. Where a lesion can be taken away, we measure whether the network uses it.

# %% [markdown]
# ## Parameters
#
# `boxed_source` names radiographs with boxes, and a network is then trained for them here. Without it the radiographs
# are phantoms, whose lesions are known to the pixel.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
seed = 0
batch_size = 32
most_images = 500  # with a lesion or marker that a network is judged on, drawn at random
most_photos = 500  # the same of photos or phantoms with objects
least_fall = 0.1  # of the score: what the network uses must be worth that much
marked_images = 2000  # phantoms with a planted marker to train on; 0: leave them out
marked_epochs = 4
boxed_source = ""  # "chestxray14", "rsna" or "chexlocalize", where the radiographs are no phantoms
boxed_backbone = "MobileNetV2"
boxed_weights = ""
boxed_epochs = 8
boxed_learning_rate = 1.0e-4
boxed_networks = 1  # for each fold of patients

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import networks, rows, training
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue, leaks
from black_average_drop.datasets.checksums import dataset_checksum, dataset_checksums
from black_average_drop.trust import faithfulness
from black_average_drop.trust.bench import WITHOUT, fold_splits, load_bench, load_benches, write_counted
from black_average_drop.trust.bench_training import Task, train

started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The classifiers of `01_train`
#
# The general classifier comes with the test images whose object is known, by its mask or its box. The radiograph
# classifier joins it where it was trained on phantoms: half of those have an opacity whose pixels are known. The
# explained class is always that of the object or the lesion, whatever the network predicts. Every image is read once
# and then kept in memory, as far as the memory reaches.

# %%
files = ["general.keras", "radiographs_relu_0.keras"]
known = load_benches([build_folder / file for file in files], data_root)
size, test_images = known[0].images.size, known[0].facts.test_images
for bench in known:
    print(f"{bench.title}: {len(bench.images)} images with a known truth")

# %% [markdown]
# ## Marked phantoms
#
# A second set of phantoms carries a planted marker. The marker alone tells the classes apart. A coin toss decides
# whether there is a lesion. A network that is trained on them looks at the marker, as one may do with a hospital's
# stamp. A map should point at the marker, and a metric that rewards the lesion is wrong.

# %%
tasks = []
if marked_images:
    source = "marked phantom radiographs"
    counts = {"train": marked_images, "validation": marked_images // 5, "test": test_images}
    marked = {
        split: catalogue.load(source, split, size, None, count, seed).in_memory() for split, count in counts.items()
    }
    start = {"backbone": "small_cnn", "weights": "", "recipe": "plain"}
    tasks.append(Task(source=source, splits=marked, epochs=marked_epochs, learning_rate=2e-3, **start))
print(counts if marked_images else "No marked phantoms in this profile.")

# %% [markdown]
# ## Radiographs with boxes
#
# These come from another hospital: all radiographs with boxes, which radiologists drew, and others without a finding.
# A network learns to tell the finding from none. On NIH that is any finding, and 980 images have none.
#
# Boxes are rare, so all of them are used. The patients are parted into two folds, A and B. A network learns from fold B
# and is judged on fold A. Another one learns from fold A and is judged on fold B. The images that choose its epoch are
# of the fold that it learns from. So every boxed image is judged once, by a network that never saw its patient.

# %%
inputs = {bench.file: build_folder / bench.file for bench in known}
folds = fold_splits(boxed_source, data_root, size, seed) if boxed_source else {}
if folds:
    place = Path(data_root) / boxed_weights
    there = bool(boxed_weights) and place.is_file()
    inputs["boxed weights"] = place if there else boxed_weights
    lasting = {"epochs": boxed_epochs, "learning_rate": boxed_learning_rate, "recipe": "full"}
    lasting |= {"backbone": boxed_backbone, "weights": str(place) if there else boxed_weights, "source": boxed_source}
for fold, splits in folds.items():
    boxed = {split: dataset.in_memory() for split, dataset in splits.items()}
    tasks += [Task(splits=boxed, fold=fold, training=number, **lasting) for number in range(boxed_networks)]
    print(f"Fold {fold}: { ({split: (len(part), len(set(part.groups))) for split, part in boxed.items()}) }")
print("(images, patients)" if folds else "No boxed radiographs in this profile.")

# %% [markdown]
# We look for leaks between the parts. A patient in two of them stops this notebook here. An image in two is named.

# %%
shared = {}
for task in tasks:
    checksums = {split: dataset_checksums(part)[1] for split, part in task.splits.items()}
    shared[f"{task.title} {task.fold}"] = leaks.compare_splits(task.splits, checksums)
pd.concat(shared, names=["data"]).droplevel(1) if shared else "Nothing is trained here."

# %% [markdown]
# ## Training
#
# All networks have a ReLU head, as the paper's, and keep the epoch that is best on the validation images. A training
# that was stopped goes on where it was. Each network is saved. It is then read again like those of `01_train`.

# %%
histories, trained = [], []
for task in tasks:
    history = train(task, build_folder, batch_size, seed)
    trained.append(load_bench(build_folder / task.file, data_root))
    histories.append(history.assign(data=task.title, fold=task.fold, training=task.training))
pd.concat(histories, ignore_index=True) if histories else "Nothing is trained here."

# %% [markdown]
# What they say of their test images, healthy ones included.

# %%
said = []
for task, bench in zip(tasks, trained, strict=True):
    test = task.splits["test"]
    scores = training.predict(bench.model, test, batch_size)
    view = "" if bench.views is None else bench.views.loc[test.ids, "view"].to_numpy()
    table = {"id": test.ids, "group": test.groups, "view": view, "label": test.labels}
    said.append(bench.named(pd.DataFrame(table | {"margin": scores[:, 1] - scores[:, 0]})))
columns = ["data", "fold", "training", "id", "group", "view", "label", "margin"]
of_networks = pd.concat(said or [pd.DataFrame(columns=columns)], ignore_index=True)
of_networks.groupby(["data", "fold", "training", "label"])["margin"].describe().round(2)

# %% [markdown]
# ## What the networks use
#
# A network can use something else than its map points at. On phantoms that can be measured: each is drawn again without
# its lesion, or without its marker. The share of the score that is lost is what the network drew from it.
#
# On phantoms only some images count. Their score falls by at least `least_fall` without what the network should use. On
# marker phantoms it also falls by no more than that without the lesion. There the mask is the truth.

# %%
fallen, counted_rows = [], []
for bench in [*known, *trained]:
    is_counted = np.full(len(bench.images), True)
    for what in filter(None, (bench.uses, bench.ignores)):
        without, images = bench.drawn_again(**WITHOUT[what]), bench.images
        fall = faithfulness.counterfactual_drops(bench.network, images, without, images.labels, batch_size)
        is_counted &= fall >= least_fall if what == bench.uses else fall <= least_fall
        table = {"data": bench.title, "taken away": what, "id": images.ids, "fall": fall, "enough": fall >= least_fall}
        fallen.append(pd.DataFrame(table))
    counted_rows.append(np.flatnonzero(is_counted))
columns = ["data", "taken away", "id", "fall", "enough"]
falls = pd.concat(fallen or [pd.DataFrame(columns=columns)], ignore_index=True)
falls.groupby(["data", "taken away"])["fall"].describe().round(3)

# %% [markdown]
# ## The images that count
#
# `most_images` or `most_photos` for each network, drawn at random, or all of them where there are fewer. The next two
# notebooks read them from the build folder.

# %%
benches = []
for bench, chosen in zip([*known, *trained], counted_rows, strict=True):
    if not len(chosen):
        raise ValueError(f"{bench.title}: the network uses no lesion or marker: train longer or lower least_fall.")
    drawn = np.random.default_rng(seed).permutation(chosen)[: most_images if bench.finding else most_photos]
    benches.append(bench.counting(bench.images.ids[drawn]))
    print(f"{bench.title} {bench.fold}: {len(drawn)} of {len(bench.images)} images")

# %% [markdown]
# What the networks said, those that were trained here, the images that count, and where all of this comes from.

# %%
outputs = [rows.write_rows(of_networks, "trust_networks", results_folder, profile, digits=4)]
outputs += [rows.write_rows(falls, "trust_falls", results_folder, profile, digits=4)]
outputs += [build_folder / task.file for task in tasks]
outputs.append(write_counted(benches, build_folder, profile))
inputs |= {f"{bench.title} {bench.fold}".strip(): dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("07_what_networks_use", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## What these networks are worth
#
# From here on everything follows from the rows in `results/rows/`. `make tables` makes it again.

# %%
from pathlib import Path

import pandas as pd

from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.rows import read_rows, row_file
from black_average_drop.trust import discrimination, wide

results_folder = Path(results)
said_rows = wide.read_named("trust_networks", results_folder)
fall_rows = read_rows("trust_falls", results_folder)

# %% [markdown]
# How well they tell ill from healthy. The view leaks the class. Patients in bed are radiographed from the front (AP),
# and they are more often ill. So look at the AUC within each view. Intervals are over patients, for these networks.

# %%
by_view = [
    discrimination.areas_by_view(part, seed).assign(data=data) for data, part in said_rows.groupby("data", sort=False)
]
names = ["data", "views", "fold", "images", "findings", "measure", "value", "low", "high"]
assessed = pd.concat(by_view or [pd.DataFrame(columns=names)], ignore_index=True)[names]
assessed.round(3)

# %% [markdown]
# How far the scores of phantoms fall without a part of them.

# %%
of_part = fall_rows.assign(some=fall_rows["fall"] > 0).groupby(["data", "taken away"], sort=False)
means_of_part = {"images": ("id", "size"), "mean fall": ("fall", "mean"), "falls at all": ("some", "mean")}
fallen_table = of_part.agg(**means_of_part, **{"falls enough": ("enough", "mean")}).reset_index()
fallen_table.round(3)

# %% [markdown]
# The tables, and where they come from.

# %%
whole = assessed[assessed["fold"].eq("")].drop(columns="fold")
tables = {
    "trust_networks": whole,
    "trust_networks_folds": assessed[assessed["fold"].ne("")],
    "trust_falls": fallen_table,
}
outputs = [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
inputs = {f"{name}.csv.xz": row_file(name, results_folder) for name in ("trust_networks", "trust_falls")}
concluded = provenance.write_analysis("07_what_networks_use", outputs, inputs, globals(), results_folder)
concluded["outputs"]
