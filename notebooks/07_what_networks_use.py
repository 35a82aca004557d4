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
most_images = 500  # of each data set
least_fall = 0.1  # of the score: what the network uses must be worth that much
marked_images = 2000  # phantoms with a planted marker to train on; 0: leave them out
marked_epochs = 4
boxed_source = ""  # "chestxray14", "rsna" or "chexlocalize", where the radiographs are no phantoms
boxed_backbone = "MobileNetV2"
boxed_weights = ""
boxed_epochs = 8
boxed_learning_rate = 1.0e-4

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import networks, training
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue, leaks
from black_average_drop.datasets.checksums import dataset_checksum, dataset_checksums
from black_average_drop.files import write_csv
from black_average_drop.statistics.patients import Resampling
from black_average_drop.training import assessment
from black_average_drop.trust import faithfulness
from black_average_drop.trust.bench import WITHOUT, boxed_splits, load_bench, load_benches, write_counted
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
# The network learns to tell the finding from none. On NIH that is any finding, and 980 images have none. No patient is
# in two parts. `data/README.md` says for each source how many of the boxed images are for testing.

# %%
inputs = {bench.file: build_folder / bench.file for bench in known}
if boxed_source:
    splits = boxed_splits(boxed_source, data_root, size, seed)
    boxed = {split: dataset.in_memory() for split, dataset in splits.items()}
    place = Path(data_root) / boxed_weights
    there = bool(boxed_weights) and place.is_file()
    inputs["boxed weights"] = place if there else boxed_weights
    lasting = {"epochs": boxed_epochs, "learning_rate": boxed_learning_rate, "recipe": "full"}
    origin = {"backbone": boxed_backbone, "weights": str(place) if there else boxed_weights}
    tasks.append(Task(source=boxed_source, splits=boxed, **origin, **lasting))
    print({split: (len(part), len(set(part.groups))) for split, part in boxed.items()}, "images, patients")
else:
    print("No boxed radiographs in this profile.")

# %% [markdown]
# We look for leaks between the parts. A patient in two of them stops this notebook here. An image in two is named.

# %%
shared = {}
for task in tasks:
    checksums = {split: dataset_checksums(part)[1] for split, part in task.splits.items()}
    shared[task.title] = leaks.compare_splits(task.splits, checksums)
pd.concat(shared, names=["data"]).droplevel(1) if shared else "Nothing is trained here."

# %% [markdown]
# ## Training
#
# Both networks have a ReLU head, as the paper's, and keep the epoch that is best on the validation images. A training
# that was stopped goes on where it was. Each network is saved. It is then read again like those of `01_train`.

# %%
histories, trained = [], []
for task in tasks:
    history = train(task, build_folder, batch_size, seed)
    trained.append(load_bench(build_folder / task.file, data_root))
    histories.append(history.assign(data=task.title))
pd.concat(histories, ignore_index=True) if histories else "Nothing is trained here."

# %% [markdown]
# How well they do on the test images. The view leaks the class. Patients in bed are radiographed from the front (AP),
# and they are more often ill. So look at the AUC within each view.

# %%
assessments = []
for task, bench in zip(tasks, trained, strict=True):
    test = task.splits["test"]
    scores = training.predict(bench.model, test, batch_size)
    views = {"all": np.full(len(test), True)}
    if bench.views is not None:
        views |= {view: (bench.views.loc[test.ids, "view"] == view).to_numpy() for view in ("AP", "PA")}
    for view, chosen in views.items():
        labels, margins = test.labels[chosen], (scores[:, 1] - scores[:, 0])[chosen]
        resampling = Resampling(test.groups[chosen], assessment.RESAMPLES, seed)
        measured = assessment.assess(labels, margins, resampling)[1].iloc[0]
        counted = {"data": bench.title, "views": view, "images": chosen.sum(), "findings": labels.sum()}
        assessments.append(counted | dict(measured))
assessed = pd.DataFrame(assessments, columns=["data", "views", "images", "findings", "measure", "value", "low", "high"])
assessed.round(3)

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
        mean = {"data": bench.title, "taken away": what, "images": len(images), "mean fall": np.nanmean(fall)}
        fallen.append(mean | {"falls at all": (fall > 0).mean(), "falls enough": (fall >= least_fall).mean()})
    counted_rows.append(np.flatnonzero(is_counted))
falls = pd.DataFrame(fallen, columns=["data", "taken away", "images", "mean fall", "falls at all", "falls enough"])
falls.round(3)

# %% [markdown]
# ## The images that count
#
# At most `most_images` of each bench, drawn at random. The next two notebooks read them from the build folder.

# %%
benches = []
for bench, rows in zip([*known, *trained], counted_rows, strict=True):
    if not len(rows):
        raise ValueError(f"{bench.title}: the network uses no lesion or marker: train longer or lower least_fall.")
    drawn = np.random.default_rng(seed).permutation(rows)[:most_images]
    benches.append(bench.counting(bench.images.ids[drawn]))
    print(f"{bench.title}: {len(drawn)} of {len(bench.images)} images")

# %% [markdown]
# The numbers, the networks that were trained here, the images that count, and where all of this comes from.

# %%
tables = {"trust_networks": assessed, "trust_falls": falls}
outputs = [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
outputs += [build_folder / task.file for task in tasks]
outputs.append(write_counted(benches, build_folder, profile))
inputs |= {bench.title: dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("07_what_networks_use", outputs, inputs, globals(), results_folder, started)
record["outputs"]
