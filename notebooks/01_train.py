# %% [markdown]
# # 1. Train the classifiers
#
# The paper explains two classifiers: one of general photos, one of chest radiographs. Both end in global average
# pooling and a single dense layer, so that CAM applies, and the radiograph classifier's scores pass through a ReLU,
# so that Grad-CAM++ can be computed (section 3.1). This notebook makes both and saves them for the next two.

# %% [markdown]
# ## Parameters
#
# A profile (`notebooks/profiles/*.yaml`) replaces these values. A count or a number of epochs of 0 means: all images;
# no training, use the ImageNet head as it comes.

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
general_epochs = 12
general_learning_rate = 3.0e-3
radiograph_source = "phantom radiographs"
radiograph_backbone = "small_cnn"
radiograph_weights = ""
radiograph_images = 3000
radiograph_epochs = 10
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
# ## Radiographs
#
# Training, validation and test images; no patient is in two of them. Phantoms are kept in memory, since drawing them
# takes longer than a training step.

# %%
radiographs = {
    split: catalogue.load(radiograph_source, split, size, data_root, count, seed)
    for split, count in (("train", radiograph_images), ("validation", validation_images), ("test", test_images))
}
if radiograph_source.startswith("phantom"):
    radiographs = {split: dataset.in_memory() for split, dataset in radiographs.items()}
pd.DataFrame({split: pd.Series(dataset.labels).value_counts() for split, dataset in radiographs.items()}).rename(
    index=dict(enumerate(radiographs["train"].class_names))
)

# %% [markdown]
# The network: pretrained weights are taken from a file in the data root where it is there, and otherwise from Keras.
# The epoch with the highest AUC on the validation images is kept.

# %%
radiograph_file = Path(data_root) / radiograph_weights
pretrained = str(radiograph_file) if radiograph_file.is_file() else "imagenet"
radiograph_model = networks.build(
    radiograph_backbone,
    size,
    radiographs["train"].class_names,
    activation,
    pretrained if radiograph_weights else None,
)
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
# ## General images
#
# With a number of epochs the classifier is trained here, in the same way; with 0 it is the ImageNet classifier itself.

# %%
general_file = Path(data_root) / general_weights
pretrained = str(general_file) if general_file.is_file() else "imagenet"
if general_epochs:
    general = {
        split: catalogue.load(general_source, split, size, data_root, count, seed).in_memory()
        for split, count in (("train", general_images), ("validation", validation_images))
    }
    class_names = general["train"].class_names
    general_model = networks.build(general_backbone, size, class_names, "relu", pretrained if general_weights else None)
    general_history = training.fit(
        general_model, general["train"], general["validation"], general_epochs, batch_size, general_learning_rate, seed
    )
else:
    general_model = networks.build_imagenet(general_backbone, size, pretrained)
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
shared = {"image_size": size, "profile": profile, "seed": seed, "test_images": test_images}
radiograph_facts = shared | {
    "source": radiograph_source,
    "class_names": radiographs["train"].class_names,
    "activation": activation,
    "backbone": radiograph_backbone,
    "pretrained": bool(radiograph_weights),
    "epochs": radiograph_epochs,
    "test_quality": radiograph_auc,
}
general_facts = shared | {
    "source": general_source,
    "class_names": general_test.class_names,
    "activation": "relu" if general_epochs else "softmax",
    "backbone": general_backbone,
    "pretrained": bool(general_weights),
    "epochs": general_epochs,
    "test_quality": general_accuracy,
}
networks.save(radiograph_model, build / "radiographs.keras", radiograph_facts)
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
inputs["general, test"] = provenance.dataset_checksum(general_test)
inputs |= {path.name: path for path in (radiograph_file, general_file) if path.is_file()}
outputs = [build / "radiographs.keras", build / "general.keras", results / "training.csv", results / "test.csv"]
record = provenance.write("01_train", outputs, inputs, globals(), results, started)
record["outputs"]
