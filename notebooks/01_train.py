# %% [markdown]
# # 1. Train the classifiers
#
# The paper explains two classifiers: one of general photos, one of chest radiographs. Both end in global average
# pooling and one dense layer, so CAM applies. The scores of the radiograph classifier pass through a ReLU. So
# Grad-CAM++ can be computed (section 3.1). This notebook makes both and saves them for the others. The radiograph
# classifier is trained several times, with settings that are drawn before, and with the softmax head too. What depends
# on the training shows only when it is repeated.

# %% [markdown]
# ## Parameters
#
# A profile (`notebooks/profiles/*.yaml`) replaces these values. A count of 0 means all images; `general_epochs` of 0
# means no training, but the ImageNet classifier as it comes.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
seed = 0
image_size = 128  # pixels along each side
batch_size = 32
general_source = "phantom objects"
general_backbone = "small_cnn"
general_weights = ""
general_images = 3000
general_epochs = 8
general_learning_rate = 3.0e-3
radiograph_source = "phantom radiographs"
radiograph_backbone = "small_cnn"
radiograph_weights = ""
radiograph_images = 2000
radiograph_epochs = 8  # around which the epochs of each training are drawn
radiograph_learning_rate = 2.0e-3
radiograph_head_epochs = 0  # of the head alone, before the whole network
radiograph_recipe = "plain"  # or full: class weights and dropout (training.RECIPES)
precision = "float32"  # or, on a GPU, mixed_float16 or mixed_bfloat16
training_seeds = 3  # how often the radiograph classifier is trained with the ReLU head
softmax_seeds = 3  # and how often with the softmax head, with the settings of the first ones
other_backbone = ""  # one more training, of random weights, of this backbone; empty: none
other_epochs = 4
other_learning_rate = 2.0e-3
test_images = 600  # and as many to choose the epoch by

# %% [markdown]
# Everything that computes is in the package.

# %%
import datetime
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from black_average_drop import networks, rows, training
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue, leaks
from black_average_drop.datasets.checksums import dataset_checksums
from black_average_drop.training import drawn_settings, model_card, runs

started = datetime.datetime.now()
networks.make_deterministic(seed)
size = (image_size, image_size)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## Images
#
# Radiographs for training, validation and test. Each image is read once and then kept in memory, as far as the memory
# reaches. Every training sees the same images. A patient in two of the three stops this notebook here. An image in two
# of the three is named.

# %%
radiograph_counts = {"train": radiograph_images, "validation": test_images, "test": test_images}
radiographs = {
    split: catalogue.load(radiograph_source, split, size, data_root, count, seed).in_memory()
    for split, count in radiograph_counts.items()
}
class_names = radiographs["train"].class_names
by_class = {split: pd.Series(dataset.labels).value_counts() for split, dataset in radiographs.items()}
checksums = {split: dataset_checksums(dataset) for split, dataset in radiographs.items()}
leaks.compare_splits(radiographs, {split: each for split, (_, each) in checksums.items()})
pd.DataFrame(by_class).rename(index=dict(enumerate(class_names)))

# %% [markdown]
# The general images to train on, if the general classifier is trained here. Pretrained weights come from a file in the
# data root where it is there, and otherwise from Keras. A network that starts from random weights warms up: its
# learning rate rises for half of the steps before it falls.

# %%
general_counts = {"train": general_images, "validation": test_images} if general_epochs else {}
loaded = {split: catalogue.load(general_source, split, size, data_root, n, seed) for split, n in general_counts.items()}
general = {split: dataset.in_memory() for split, dataset in loaded.items()}
print({split: len(dataset) for split, dataset in general.items()} or "The ImageNet classifier is used as it comes.")
named = {"radiographs": radiograph_weights, "general": general_weights or ("" if general_epochs else "imagenet")}
files = {kind: Path(data_root) / name for kind, name in named.items() if (Path(data_root) / name).is_file()}
weights = {kind: str(files.get(kind, "imagenet")) if name else None for kind, name in named.items()}
origins = {kind: files[kind].name if kind in files else weights[kind] or "random" for kind in weights}
warm_up = {kind: training.WARM_UP if name == "random" else 0.0 for kind, name in origins.items()}
origins

# %% [markdown]
# ## The general classifier
#
# It is the ImageNet classifier as it comes, or one trained here. Its head is a softmax, like ImageNet's; the next
# notebooks read ReLU scores from the same logits. It is saved as one `.keras` file that also carries what is needed to
# use it again. Without training there is no epoch to name.

# %%
shared = {"image_size": size, "profile": profile, "seed": seed, "test_images": test_images, "batch_size": batch_size}
shared |= {"augmentation": "none", "balanced": False, "dropout": 0.0, "patience": 0, "head_epochs": 0}
shared |= {"head_learning_rate": training.HEAD_LEARNING_RATE, "precision": "float32"}
of_general = {"source": general_source, "backbone": general_backbone, "weights": origins["general"]}
of_general |= {"epochs": general_epochs, "learning_rate": general_learning_rate, "warm_up": warm_up["general"]}
general_plan = networks.Facts(**(shared | of_general), activation="softmax", order_seed=seed)
general_file, general_parts = build_folder / "general.keras", [general.get(name) for name in ("train", "validation")]
general_model, general_history = runs.fit_run(
    general_plan, general_file, general_parts[0], general_parts[1], weights["general"], batch_size
)
display(general_history)

# %% [markdown]
# It is right on this share of the test images. They are checked for leaks, too. A classifier that is used as it comes
# has no training images to compare.

# %%
background = general_model.output_shape[-1] == networks.WITH_BACKGROUND
general_test = catalogue.load(general_source, "test", size, data_root, test_images, seed, background).in_memory()
of_photos = runs.finish_run(general_plan, general_file, general_model, general_history, general_test, batch_size)
right = of_photos.scores.argmax(axis=1) == general_test.labels
print(f"Test accuracy of the general classifier: {right.mean():.3f} on {len(general_test)} images")
general_splits = general | {"test": general_test}
general_checksums = {split: dataset_checksums(dataset) for split, dataset in general_splits.items()}
leaks.compare_splits(general_splits, {split: each for split, (_, each) in general_checksums.items()})

# %% [markdown]
# ## The radiograph classifiers
#
# Trainings of one recipe differ in settings that are drawn from the seed before any of them begins: where the head
# starts, the order of the images, the augmentation, and when to stop. No training is dropped. A ReLU and a softmax
# training of one number have the same settings.

# %%
repeats = {"relu": training_seeds, "softmax": softmax_seeds}
drawn = drawn_settings.draw_settings(seed, max(repeats.values()), radiograph_epochs)
pd.DataFrame(map(asdict, drawn)).rename_axis("training")

# %% [markdown]
# The rest is the same for all of them. Another backbone is trained once from random weights, if one is named. It is no
# training of this recipe, and is never averaged with the others.

# %%
recipe = training.recipe(radiograph_recipe)
common = shared | {"source": radiograph_source, "class_names": class_names, "precision": precision}
common |= {"balanced": recipe["balanced"], "dropout": recipe["dropout"], "learning_rate": radiograph_learning_rate}
common |= {"backbone": radiograph_backbone, "weights": origins["radiographs"], "warm_up": warm_up["radiographs"]}
common["head_epochs"] = radiograph_head_epochs
planned = runs.plan_runs(common, drawn, repeats)
if other_backbone:
    other = common | {"backbone": other_backbone, "weights": "random", "warm_up": training.WARM_UP, "head_epochs": 0}
    once = [replace(drawn[0], epochs=other_epochs, patience=0, head_start=0.5)]
    planned |= runs.plan_runs(other | {"learning_rate": other_learning_rate}, once, {"relu": 1}, other_backbone)

# %% [markdown]
# First the head is trained alone, if there are epochs for it, then the whole network. The epoch with the highest AUC on
# the validation images is kept. A checkpoint is written after each epoch. If this notebook is stopped, the next run
# goes on from there. A finished training is not repeated. The test images choose nothing. A score is that of pneumonia
# minus that of normal; of a softmax head, the difference of logarithms. A ReLU head can die: then all its scores are 0.

# %%
train, validation, test = (radiographs[split] for split in catalogue.SPLITS)
outcomes = {}
for run, plan in planned.items():
    file, start = build_folder / run.file, weights["radiographs"] if run.data == "radiographs" else None
    model, history = runs.fit_run(plan, file, train, validation, start, batch_size)
    outcomes[run] = runs.finish_run(plan, file, model, history, test, batch_size)
outcomes["radiographs", "relu", 0].history

# %% [markdown]
# ## Model cards
#
# Each model has a card next to it. This is the card of the classifier that the other notebooks show.

# %%
counted = {
    split: {"images": len(dataset), "patients": len(set(dataset.groups))}
    | {name: int((dataset.labels == label).sum()) for label, name in enumerate(class_names)}
    for split, dataset in radiographs.items()
}
counts = pd.DataFrame(counted).T.rename_axis("split")
cards = {}
for run, outcome in outcomes.items():
    card = (build_folder / run.file).with_suffix(".md")
    cards[run] = model_card.write_card(card, outcome.facts, counts, test.labels, outcome.margins)
Markdown(cards["radiographs", "relu", 0].read_text())

# %% [markdown]
# What the classifiers said of each test image, and how they were trained, are rows.

# %%
general_answers = pd.DataFrame({"id": general_test.ids, "right": right.astype(int)})
row_tables = runs.rows_of_runs(outcomes, test) | {"test_general": general_answers}
if general_epochs:
    of_general_history = general_history.assign(data="general", head="softmax", training_seed=0)
    row_tables["training_history"] = pd.concat([row_tables["training_history"], of_general_history])
written = [rows.write_rows(table, name, results_folder, profile) for name, table in row_tables.items()]

# %% [markdown]
# Where all of this comes from: commit, versions, parameters, checksums of what went in and what came out.

# %%
inputs = {f"radiographs, {split}": whole for split, (whole, _) in checksums.items()}
inputs |= {f"general, {split}": whole for split, (whole, _) in general_checksums.items()}
inputs |= {f"weights, {kind}": files.get(kind, origin) for kind, origin in origins.items()}
models = [build_folder / name for name in ("general.keras", *(run.file for run in outcomes))]
outputs = [*models, *cards.values(), *written]
record = provenance.write_record("01_train", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## How well they do
#
# The rest needs neither network nor image. It reads the rows that were written above, and `make tables` runs it alone.

# %%
from pathlib import Path

import pandas as pd
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import charts, figure_files, wording
from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.rows import read_rows, row_file
from black_average_drop.statistics import assessment, roc
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

set_matplotlib_formats("png")  # figures made without pyplot are shown too
results_folder, banner = Path(results), wording.banner(profile)
row_names = ("trainings", "training_history", "test_scores", "test_general")
trainings, epochs, answers, photos = (read_rows(name, results_folder) for name in row_names)
dead = trainings["dead"].astype(bool)
print(f"{dead.sum()} of {len(trainings)} classifiers are dead: their ReLU scores are 0 for every test image.")

# %% [markdown]
# 95 % intervals are over patients. The first training with the ReLU head is the classifier that the other notebooks
# show. Specificity without misses is that at the threshold below which no pneumonia lies. The score of one pneumonia
# alone decides it, so it has no interval. A ReLU head whose scores stay above 0 learns as a softmax head does: the two
# then give one network.

# %%
roc_curves, summary = assessment.assess_all(answers, seed)
summary.pivot(index=["data", "head", "training_seed"], columns="measure", values="value").round(3)

# %% [markdown]
# ## Learning curves
#
# For radiographs the epoch was chosen by AUC, for general images by the share classified right.

# %%
curves = charts.learning_curves(epochs, banner)
pictures = figure_files.save_figure(curves, results_folder / "learning_curves")
curves

# %% [markdown]
# ## ROC and confusion matrix
#
# Both are of the first training with either head, on the test images. The class with the larger score is the predicted
# one.

# %%
class_names = tuple(trainings.loc[0, ["class_0", "class_1"]])
first = {head: ("radiographs", head, 0) for head in ("relu", "softmax")}
parts_of = dict(list(answers.groupby(["data", "head", "training_seed"])))
confusions = {
    head: roc.confusion(parts_of[run]["label"], parts_of[run]["score"], class_names) for head, run in first.items()
}
known = summary.query("measure == 'AUC'").set_index(["data", "head", "training_seed"])
labels = {head: f"{head} head: AUC {wording.with_interval(known.loc[run], 3)}" for head, run in first.items()}
roc_figure = charts.assessments({head: roc_curves[run] for head, run in first.items()}, confusions, labels, banner)
pictures += figure_files.save_figure(roc_figure, results_folder / "roc")
roc_figure

# %% [markdown]
# The numbers of the test images, how each training was drawn and came out, and what the tables were made from.

# %%
accurate = estimate_means(photos[["right"]], Resampling(photos["id"], assessment.RESAMPLES, seed), bounds=(0, 1))
accuracy = {"data": "general", "head": "softmax", "training_seed": 0, "measure": "accuracy", "images": len(photos)}
accuracy |= {name: getattr(accurate, name)[0] for name in ("value", "low", "high")}
tests = pd.concat([summary, pd.DataFrame([accuracy])], ignore_index=True)
tests = tests[["head", "training_seed", "measure", "value", "low", "high", "data", "images"]]
written_tables = {"test": tests, "trainings": trainings, "training": epochs}
made = pictures + [write_csv(one, results_folder / f"{name}.csv", profile) for name, one in written_tables.items()]
inputs = {f"{name}.csv.xz": row_file(name, results_folder) for name in row_names}
record = provenance.write_analysis("01_train", made, inputs, globals(), results_folder)
tests
