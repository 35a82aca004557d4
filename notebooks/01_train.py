# %% [markdown]
# # 1. Train the classifiers
#
# The paper explains two classifiers: one of general photos, one of chest radiographs. Both end in global average
# pooling and one dense layer, so CAM applies. The scores of the radiograph classifier pass through a ReLU. So
# Grad-CAM++ can be computed (section 3.1). This notebook makes both and saves them for the others. The radiograph
# classifier is trained several times, from other seeds and with the softmax head too. What depends on the training
# shows only when it is repeated.

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
radiograph_epochs = 8
radiograph_learning_rate = 2.0e-3
radiograph_head_epochs = 0  # of the head alone, before the whole network
radiograph_recipe = "plain"  # or full: augmentation, class weights, dropout, early stopping (training.RECIPES)
precision = "float32"  # or, on a GPU, mixed_float16 or mixed_bfloat16
training_seeds = 3  # how often the radiograph classifier is trained with the ReLU head
softmax_seeds = 3  # and how often with the softmax head
test_images = 600  # and as many to choose the epoch by

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from dataclasses import replace
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import charts, figures, networks, training, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue, leaks
from black_average_drop.datasets.checksums import dataset_checksums
from black_average_drop.files import write_csv
from black_average_drop.statistics.patients import Resampling
from black_average_drop.training import assessment, augmentation

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
size = (image_size, image_size)
build_folder, results_folder = Path(build), Path(results)
banner = wording.banner(profile)

# %% [markdown]
# ## Images
#
# Radiographs for training, validation and test. No patient is in two of these three. Each image is read once and then
# kept in memory, as far as the memory reaches. Every training sees the same images.

# %%
radiograph_counts = {"train": radiograph_images, "validation": test_images, "test": test_images}
radiographs = {
    split: catalogue.load(radiograph_source, split, size, data_root, count, seed).in_memory()
    for split, count in radiograph_counts.items()
}
class_names = radiographs["train"].class_names
by_class = {split: pd.Series(dataset.labels).value_counts() for split, dataset in radiographs.items()}
pd.DataFrame(by_class).rename(index=dict(enumerate(class_names)))

# %% [markdown]
# We look for leaks. A patient in two of the three stops this notebook here. An image in two of the three is named.

# %%
checksums = {split: dataset_checksums(dataset) for split, dataset in radiographs.items()}
leaks.compare_splits(radiographs, {split: each for split, (_, each) in checksums.items()})

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
# notebooks read ReLU scores from the same logits.

# %%
if general_epochs:
    names = general["train"].class_names
    with training.on_all("GPU"):
        general_model = networks.build(general_backbone, size, names, "softmax", weights["general"])
    general_history = training.fit(
        general_model,
        general["train"],
        general["validation"],
        general_epochs,
        batch_size,
        general_learning_rate,
        seed,
        warm_up=warm_up["general"],
        checkpoint=build_folder / "general.checkpoint.npz",
    )
else:
    general_model = networks.build_imagenet(general_backbone, size, weights["general"])
    general_history = pd.DataFrame({"epoch": [], "chosen": []})
    print("The general classifier is not trained here.")
display(general_history)

# %% [markdown]
# The general classifier is right on this share of the test images.

# %%
background = general_model.output_shape[-1] == networks.WITH_BACKGROUND
general_test = catalogue.load(general_source, "test", size, data_root, test_images, seed, background).in_memory()
general_scores = training.predict(general_model, general_test, batch_size)
general_accuracy = training.quality(general_test.labels, general_scores)
print(f"Test accuracy of the general classifier: {general_accuracy:.3f} on {len(general_test)} images")

# %% [markdown]
# The same check for leaks between the general images. A classifier that is used as it comes has no training images to
# compare.

# %%
general_splits = general | {"test": general_test}
general_checksums = {split: dataset_checksums(dataset) for split, dataset in general_splits.items()}
leaks.compare_splits(general_splits, {split: each for split, (_, each) in general_checksums.items()})

# %% [markdown]
# It is saved as one `.keras` file that also carries what is needed to use it again. Without training there is no epoch
# to name.

# %%
shared = {"image_size": size, "profile": profile, "seed": seed, "test_images": test_images, "batch_size": batch_size}
kept_epoch = int(general_history.query("chosen")["epoch"].iloc[0]) if general_epochs else 0
of_general = {"source": general_source, "class_names": general_test.class_names, "activation": "softmax"}
of_general |= {"backbone": general_backbone, "weights": origins["general"], "test_quality": general_accuracy}
of_general |= {"epochs": general_epochs, "trained_epochs": len(general_history), "chosen_epoch": kept_epoch}
general_facts = networks.Facts(**shared, **of_general, learning_rate=general_learning_rate)
networks.save(general_model, build_folder / "general.keras", general_facts)

# %% [markdown]
# ## The radiograph classifiers
#
# The seed moves what a random start, the order of the images and their augmentation can move, nothing else.

# %%
recipe = training.recipe(radiograph_recipe)
lasting = {"epochs": radiograph_epochs, "learning_rate": radiograph_learning_rate}
lasting |= {"head_epochs": radiograph_head_epochs, "head_learning_rate": training.HEAD_LEARNING_RATE}
lasting["warm_up"] = warm_up["radiographs"]
of_radiographs = {"source": radiograph_source, "class_names": class_names, "precision": precision}
of_radiographs |= {"backbone": radiograph_backbone, "weights": origins["radiographs"]}
radiograph_facts = networks.Facts(**(shared | lasting | recipe | of_radiographs))
repeats = {"relu": training_seeds, "softmax": softmax_seeds}
runs = [(head, repeat) for head, count in repeats.items() for repeat in range(count)]
files_of_models = {run: build_folder / f"radiographs_{run[0]}_{run[1]}.keras" for run in runs}

# %% [markdown]
# First the head is trained alone, if there are epochs for it, then the whole network. The epoch with the highest AUC on
# the validation images is kept. A checkpoint is written after each epoch. If this notebook is stopped, the next run
# goes on from there. A finished training is not repeated. The test images choose nothing. A score is that of pneumonia
# minus that of normal; of a softmax head, the difference of logarithms.

# %%
train, validation, test = (radiographs[split] for split in catalogue.SPLITS)
how = lasting | {"patience": recipe["patience"], "balanced": recipe["balanced"]}
how["augment"] = augmentation.radiograph if recipe["augmented"] else None
start = {"weights": weights["radiographs"], "dropout": recipe["dropout"], "precision": precision}
histories, facts, scored = {}, {}, []
for (head, repeat), file in files_of_models.items():
    networks.make_deterministic(seed + repeat)
    with training.on_all("GPU"):
        trained = networks.build(radiograph_backbone, size, class_names, head, **start)
    how |= {"seed": seed + repeat, "checkpoint": file.with_suffix(".checkpoint.npz")}
    rows = histories[head, repeat] = training.fit(trained, train, validation, batch_size=batch_size, **how)
    model = networks.in_precision(trained, "float32")
    scores = training.predict(model, test, batch_size)
    own = {"activation": head, "training_seed": repeat, "test_quality": training.quality(test.labels, scores)}
    own |= {"chosen_epoch": int(rows.query("chosen")["epoch"].iloc[0]), "trained_epochs": len(rows)}
    facts[head, repeat] = replace(radiograph_facts, **own)
    networks.save(model, file, facts[head, repeat])
    answer = {"head": head, "training_seed": repeat, "id": test.ids, "group": test.groups, "label": test.labels}
    scored.append(pd.DataFrame(answer | {"score": scores[:, 1] - scores[:, 0]}))
histories["relu", 0]

# %% [markdown]
# How well each classifier does, with 95 % intervals over patients. The first training with the ReLU head is the
# classifier that the other notebooks show.

# %%
answers = pd.concat(scored, ignore_index=True)
assessed = {
    run: assessment.assess(part["label"], part["score"], Resampling(part["group"], assessment.RESAMPLES, seed))
    for run, part in answers.groupby(["head", "training_seed"])
}
by_run = pd.concat({run: table for run, (_, table) in assessed.items()}, names=["head", "training_seed"])
summary = by_run.reset_index(level=[0, 1])
print("Test AUC of the radiograph classifiers (the paper: about 0.93, with a ReLU head)")
summary.query("measure == 'AUC'")

# %% [markdown]
# ## Learning curves
#
# For radiographs the epoch was chosen by AUC, for general images by the share classified right.

# %%
parts = {("radiographs", head, repeat): rows for (head, repeat), rows in histories.items()}
parts |= {("general", "softmax", 0): general_history} if general_epochs else {}
history = pd.concat(parts, names=["data", "head", "training_seed"]).reset_index(level=[0, 1, 2])
curves = charts.learning_curves(history, banner)
pictures = figures.save_figure(curves, results_folder / "learning_curves")
curves

# %% [markdown]
# ## ROC and confusion matrix
#
# Both are of the first training with either head, on the test images. The class with the larger score is the predicted
# one.

# %%
first = {head: answers.query("head == @head and training_seed == 0") for head in ("relu", "softmax")}
confusions = {head: assessment.confusion(part["label"], part["score"], class_names) for head, part in first.items()}
labels = {}
for head in first:
    auc = assessed[head, 0][1].iloc[0]
    labels[head] = f"{head} head: AUC {wording.with_interval(auc, 3)}"
roc = charts.assessments({head: assessed[head, 0][0] for head in first}, confusions, labels, banner)
pictures += figures.save_figure(roc, results_folder / "roc")
roc

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
for run, part in answers.groupby(["head", "training_seed"]):
    confusion = assessment.confusion(part["label"], part["score"], class_names)
    silent, card = int((part["score"] == 0).sum()), files_of_models[run].with_suffix(".md")
    cards[run] = assessment.write_card(card, facts[run], counts, assessed[run][1], confusion, silent)
Markdown(cards["relu", 0].read_text())

# %% [markdown]
# The numbers of the test images. The score of each test radiograph stays in the build folder.

# %%
accuracy = {"data": "general", "head": "softmax", "training_seed": 0, "measure": "accuracy", "value": general_accuracy}
last_row = pd.DataFrame([accuracy | {"images": len(general_test)}])
tests = pd.concat([summary.assign(data="radiographs", images=len(test)), last_row], ignore_index=True)
tables = {results_folder / "training.csv": history, results_folder / "test.csv": tests}
tables[build_folder / "test_scores.csv"] = answers
written = [write_csv(table, path, profile) for path, table in tables.items()]
tests

# %% [markdown]
# Where all of this comes from: commit, versions, parameters, checksums of what went in and what came out.

# %%
inputs = {f"radiographs, {split}": whole for split, (whole, _) in checksums.items()}
inputs |= {f"general, {split}": whole for split, (whole, _) in general_checksums.items()}
inputs |= {f"weights, {kind}": files.get(kind, origin) for kind, origin in origins.items()}
outputs = [*files_of_models.values(), build_folder / "general.keras", *cards.values(), *pictures, *written]
record = provenance.write_record("01_train", outputs, inputs, globals(), results_folder, started)
record["outputs"]
