# %% [markdown]
# # 1. Train the classifiers
#
# The paper explains two classifiers: one of general photos, one of chest radiographs. Both end in global average
# pooling and a single dense layer, so that CAM applies, and the radiograph classifier's scores pass through a ReLU,
# so that Grad-CAM++ can be computed (section 3.1). This notebook makes both and saves them for the next two.

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
radiograph_images = 3000
radiograph_epochs = 12
radiograph_learning_rate = 1.0e-3
activation = "relu"  # of the radiograph classifier's head
validation_images = 400
test_images = 600

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import pandas as pd

from black_average_drop import networks, provenance, training
from black_average_drop.datasets import catalogue

started = datetime.datetime.now()
networks.make_deterministic(seed)
size = (image_size, image_size)
build, results = Path(build), Path(results)

# %% [markdown]
# ## Images
#
# Training, validation and test radiographs; no patient is in two of them. Phantoms are kept in memory, since drawing
# them takes longer than a training step.

# %%
counts = {"train": radiograph_images, "validation": validation_images, "test": test_images}
radiographs = {
    split: catalogue.load(radiograph_source, split, size, data_root, count, seed) for split, count in counts.items()
}
if radiograph_source.startswith("phantom"):
    radiographs = {split: dataset.in_memory() for split, dataset in radiographs.items()}
class_names = radiographs["train"].class_names
table = {split: pd.Series(dataset.labels).value_counts() for split, dataset in radiographs.items()}
pd.DataFrame(table).rename(index=dict(enumerate(class_names)))

# %% [markdown]
# General images to train on, if that classifier is trained here.

# %%
counts = {"train": general_images, "validation": validation_images} if general_epochs else {}
general = {
    split: catalogue.load(general_source, split, size, data_root, count, seed).in_memory()
    for split, count in counts.items()
}
print({split: len(dataset) for split, dataset in general.items()} or "The ImageNet classifier is used as it comes.")

# %% [markdown]
# Pretrained weights come from a file in the data root where it is there, and otherwise from Keras.

# %%
weights = {"radiographs": radiograph_weights, "general": general_weights or ("" if general_epochs else "imagenet")}
files = {kind: Path(data_root) / name for kind, name in weights.items() if (Path(data_root) / name).is_file()}
weights = {kind: str(files.get(kind, "imagenet")) if name else None for kind, name in weights.items()}
origins = {kind: files[kind].name if kind in files else weights[kind] or "random" for kind in weights}
origins

# %% [markdown]
# ## The general classifier
#
# It is the ImageNet classifier as it comes, or one trained here. Its head is a softmax, like ImageNet's; the next
# notebooks read ReLU scores from the same logits.

# %%
if general_epochs:
    names = general["train"].class_names
    general_model = networks.build(general_backbone, size, names, "softmax", weights["general"])
    general_history = training.fit(
        general_model, general["train"], general["validation"], general_epochs, batch_size, general_learning_rate, seed
    )
else:
    general_model = networks.build_imagenet(general_backbone, size, weights["general"])
    general_history = pd.DataFrame()
general_history

# %% [markdown]
# The share of the test images that it classifies right.

# %%
background = general_model.output_shape[-1] == 1001
general_test = catalogue.load(general_source, "test", size, data_root, test_images, seed, background)
scores = training.predict(general_model, general_test, batch_size)
general_accuracy = training.quality(general_test.labels, scores)
print(f"Test accuracy of the general classifier: {general_accuracy:.3f} on {len(general_test)} images")

# %% [markdown]
# ## The radiograph classifier
#
# The epoch with the highest AUC on the validation images is kept.

# %%
radiograph_model = networks.build(radiograph_backbone, size, class_names, activation, weights["radiographs"])
radiograph_history = training.fit(
    radiograph_model,
    radiographs["train"],
    radiographs["validation"],
    radiograph_epochs,
    batch_size,
    radiograph_learning_rate,
    seed,
)
radiograph_history

# %% [markdown]
# How well it does on the test images, which nothing was chosen by.

# %%
scores = training.predict(radiograph_model, radiographs["test"], batch_size)
radiograph_auc = training.quality(radiographs["test"].labels, scores)
print(f"Test AUC of the radiograph classifier: {radiograph_auc:.3f} (the paper: about 0.93)")

# %% [markdown]
# ## Learning curves
#
# Loss on the training and validation images, and what the epoch was chosen by: AUC for the radiographs, the share
# classified right for the general images.

# %%
history = pd.concat({"radiographs": radiograph_history, "general": general_history}, names=["data"])
history = history.reset_index("data").reset_index(drop=True)
axes = None
for name, rows in history.groupby("data", sort=False):
    axes = rows.plot("epoch", "validation_quality", label=name, marker="o", ax=axes, figsize=(5, 3))
axes.set(ylabel="quality on validation images", ylim=(None, 1.0))
for name, rows in history.groupby("data", sort=False):
    rows.plot("epoch", ["loss", "validation_loss"], marker="o", title=name, figsize=(5, 3), xlabel="epoch")

# %% [markdown]
# ## Save
#
# Each model is one `.keras` file that also carries what is needed to use it again. The curves and test results go
# beside the figures, with where they come from.

# %%
shared = {"image_size": size, "profile": profile, "seed": seed, "test_images": test_images, "batch_size": batch_size}
radiograph_facts = shared | {
    "source": radiograph_source,
    "class_names": class_names,
    "activation": activation,
    "backbone": radiograph_backbone,
    "weights": origins["radiographs"],
    "epochs": radiograph_epochs,
    "chosen_epoch": int(radiograph_history.loc[radiograph_history["chosen"], "epoch"].iloc[0]),
    "learning_rate": radiograph_learning_rate,
    "test_quality": radiograph_auc,
}
networks.save(radiograph_model, build / "radiographs.keras", radiograph_facts)
radiograph_facts

# %% [markdown]
# The same for the general classifier; without training there is no epoch to name.

# %%
chosen = general_history.loc[general_history["chosen"], "epoch"].iloc[0] if general_epochs else 0
general_facts = shared | {
    "source": general_source,
    "class_names": general_test.class_names,
    "activation": "softmax",
    "backbone": general_backbone,
    "weights": origins["general"],
    "epochs": general_epochs,
    "chosen_epoch": int(chosen),
    "learning_rate": general_learning_rate,
    "test_quality": general_accuracy,
}
networks.save(general_model, build / "general.keras", general_facts)

# %% [markdown]
# What the test images say, as numbers.

# %%
tests = pd.DataFrame(
    {
        "data": ["radiographs", "general"],
        "measure": ["AUC", "accuracy"],
        "value": [radiograph_auc, general_accuracy],
        "images": [len(radiographs["test"]), len(general_test)],
    }
)
with provenance.replacing(results / "training.csv") as partial:
    history.to_csv(partial, index=False, float_format="%.6g")
with provenance.replacing(results / "test.csv") as partial:
    tests.to_csv(partial, index=False, float_format="%.6g")
tests

# %% [markdown]
# Where all of this comes from: commit, versions, parameters, checksums of what went in and what came out.

# %%
inputs = {f"radiographs, {split}": provenance.dataset_checksum(dataset) for split, dataset in radiographs.items()}
inputs |= {f"general, {split}": provenance.dataset_checksum(dataset) for split, dataset in general.items()}
inputs["general, test"] = provenance.dataset_checksum(general_test)
inputs |= {f"weights, {kind}": files.get(kind, origin) for kind, origin in origins.items()}
outputs = [build / "radiographs.keras", build / "general.keras", results / "training.csv", results / "test.csv"]
record = provenance.write("01_train", outputs, inputs, globals(), results, started)
record["outputs"]
