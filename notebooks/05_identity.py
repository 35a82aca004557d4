# %% [markdown]
# # 5. Why CAM and Grad-CAM are one map
#
# Table 1 of the paper gives CAM and Grad-CAM the same numbers, and section 5.2 says why. Behind global average pooling
# and one dense layer the gradient is the weight, eq. (12). So both draw the same map. Here the gradients come from
# automatic differentiation of trained networks, and the identity is measured. Then the head is changed, and the
# identity fails.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
seed = 0
batch_size = 32
images = 100  # of each test set, drawn at random
head_images = 600  # training radiographs for the other heads
head_epochs = 30

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, charts, figure_files, lettering, networks, rows, training, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.statistics import roc

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The networks
#
# The general classifier and every training of the radiograph classifier. Each has the features, logits and predicted
# classes of some of its test images.

# %%
trained = rows.read_rows("trainings", results_folder).query("data == 'radiographs' and head == 'relu'")
repeats = trained["training_seed"].to_numpy()
files = {"general": "general.keras"} | {f"radiographs {one}": f"radiographs_relu_{one}.keras" for one in repeats}
classifiers, network, features, classes, class_names, tested = {}, {}, {}, {}, {}, {}
for name, file in files.items():
    classifiers[name] = training.load_classifier(build_folder / file, data_root, activation="relu")
    network[name], dataset = classifiers[name].network, classifiers[name].dataset
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:images]
    tested[name] = dataset.subset(np.sort(chosen))
    explained = [network[name].explain(batch)[:2] for batch in tested[name].batches(batch_size)]
    features[name] = np.concatenate([of_batch for of_batch, _ in explained])
    classes[name] = np.concatenate([logits for _, logits in explained]).argmax(axis=1)
    class_names[name] = dataset.class_names
pd.Series({name: str(part.shape) for name, part in features.items()}, name="feature maps")

# %% [markdown]
# ## The identity, eq. (12)
#
# Differentiated automatically, the logit has the slope w / z at every position. These gradients give Grad-CAM before
# its clipping, Grad-CAM, and Grad-CAM++ with normalised alpha. The weights alone give CAM, CAM clipped, and CAM without
# its negative weights. Each pair should agree. Maps are in double precision, differences in shares of the peak.

# %%
rows_of_networks = []
for name in files:
    double, weights = features[name].astype("float64"), network[name].head_weights.T[classes[name]].astype("float64")
    positions = double.shape[1] * double.shape[2]
    gradients = network[name].differentiate(features[name], classes[name], tested[name].images()).astype("float64")
    slope = np.abs(gradients - (weights / positions)[:, None, None]).max() / np.abs(weights / positions).max()
    signed, by_weights = cams.cam(double, positions * gradients.mean(axis=(1, 2))), cams.cam(double, weights)
    peak = np.abs(by_weights).max(axis=(1, 2), keepdims=True)
    peak[peak == 0] = 1  # an image without any activity has two empty maps
    clipped = cams.grad_cam(double, gradients) - np.maximum(by_weights, 0)
    normalised = cams.grad_cam_plus_plus(double, gradients, normalize_alpha=True)
    positive = cams.cam(double, np.maximum(weights, 0))
    row = {"network": name, "images": len(classes[name]), "gradient and w / z": slope}
    row["CAM and Grad-CAM, unclipped"] = np.abs((signed - by_weights) / peak).max()
    row["CAM and Grad-CAM, clipped"] = np.abs(clipped / peak).max()
    row["Grad-CAM++ normalised and CAM without negative weights"] = np.abs((normalised - positive) / peak).max()
    rows_of_networks.append(row)
identity = pd.DataFrame(rows_of_networks)
identity.set_index("network").T

# %% [markdown]
# ## What is left to tell the methods apart
#
# Two things tell the methods apart on such a network: the negative weights, and how eq. (8) divides the positive ones
# by 2 + w F. The table shows how much of each class's weight is negative. It is counted in channels, in weight, and in
# weight times feature (w F).

# %%
rows_of_classes = []
for name in files:
    kernel = network[name].head_weights
    strength = features[name].mean(axis=(0, 1, 2))[:, None] * kernel
    for label in range(kernel.shape[1]):
        column, reached = kernel[:, label], strength[:, label]
        row_of_class = {"network": name, "class": class_names[name][label], "channels": (column < 0).mean()}
        row_of_class["weight"] = -column[column < 0].sum() / np.abs(column).sum()
        row_of_class["weight times feature"] = -reached[reached < 0].sum() / np.abs(reached).sum()
        rows_of_classes.append(row_of_class)
shares = pd.DataFrame(rows_of_classes)
shares.groupby("network", sort=False)[["channels", "weight", "weight times feature"]].describe().T.round(3)

# %% [markdown]
# ## Where the identity must fail
#
# Three heads are trained on the same feature maps. These are the maps of the first radiograph classifier, and they stay
# as they are. One head is that of the identity, one flattens the maps, and one has a hidden layer.

# %%
model, size = classifiers["radiographs 0"].model, network["radiographs 0"].image_size
trunk = keras.Model(model.inputs, model.get_layer("global_average_pooling").input)
source = classifiers["radiographs 0"].facts.source
learned = catalogue.load(source, "train", size, data_root, head_images, seed)
learned = learned.subset(np.random.default_rng(seed).permutation(len(learned)))  # they come class by class
head_inputs = np.concatenate([trunk.predict_on_batch(part.astype("float32")) for part in learned.batches(batch_size)])
endings = {
    "pooling, dense": [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)],
    "flatten, dense": [keras.layers.Flatten(), keras.layers.Dense(2)],
    "pooling, hidden, dense": [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(2),
    ],
}
heads = {}
for name, ending in endings.items():
    heads[name] = keras.Sequential([keras.Input(head_inputs.shape[1:]), *ending, keras.layers.Softmax()])
    heads[name].compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    heads[name].fit(head_inputs, learned.labels, batch_size, head_epochs, shuffle=False, verbose=0)

# %% [markdown]
# CAM needs one weight for each channel. For the other heads we take the nearest thing to it: their weights multiplied
# through, as if a hidden layer had no ReLU. The flattened maps get a weight for each position. The hidden layer gets
# the product of its two matrices.

# %%
kernels = {name: [np.asarray(kernel, "float64") for kernel in head.get_weights()[::2]] for name, head in heads.items()}
shape = trunk.output_shape[1:]
through = {
    "pooling, dense": np.broadcast_to(kernels["pooling, dense"][0], (*shape, 2)),
    "flatten, dense": kernels["flatten, dense"][0].reshape((*shape, 2)) * shape[0] * shape[1],
    "pooling, hidden, dense": np.broadcast_to(np.linalg.multi_dot(kernels["pooling, hidden, dense"]), (*shape, 2)),
}
{name: [kernel.shape for kernel in part] for name, part in kernels.items()}

# %% [markdown]
# The comparisons are the same as above. Gradients come by automatic differentiation through each head. The correlation
# is between the two maps, over positions.

# %%
test = tested["radiographs 0"]
rows_of_heads, drawn = [], {}
for name, head in heads.items():
    whole = networks.CamNetwork.from_model(keras.Model(model.inputs, head(trunk.output)))
    explained = [whole.explain(batch)[:2] for batch in test.batches(batch_size)]
    single, logits = (np.concatenate([answers[place] for answers in explained]) for place in (0, 1))
    double, predicted = single.astype("float64"), logits.argmax(axis=1)
    gradients = whole.differentiate(single, predicted, test.images()).astype("float64")
    at_positions = np.moveaxis(through[name][..., predicted], -1, 0)
    multiplied = (double * at_positions).sum(axis=-1) / (shape[0] * shape[1])
    averaged = np.einsum("nhwk,nk->nhw", double, gradients.mean(axis=(1, 2)))
    peak = np.abs(multiplied).max(axis=(1, 2), keepdims=True)
    peak[peak == 0] = 1
    row = {"head": name, "AUC": roc.area_under_roc(test.labels, logits[:, 1] - logits[:, 0])}
    row["CAM and Grad-CAM, unclipped"] = np.abs((averaged - multiplied) / peak).max()
    drawn[name] = np.maximum(multiplied, 0), cams.grad_cam(double, gradients)
    row["CAM and Grad-CAM, clipped"] = np.abs((drawn[name][1] - drawn[name][0]) / peak).max()
    normalised = cams.grad_cam_plus_plus(double, gradients, normalize_alpha=True)
    without_negative = (double * np.maximum(at_positions, 0)).sum(axis=-1) / (shape[0] * shape[1])
    difference = np.abs((normalised - without_negative) / peak).max()
    row["Grad-CAM++ normalised and CAM without negative weights"] = difference
    row["correlation"] = np.corrcoef(averaged.ravel(), multiplied.ravel())[0, 1]
    rows_of_heads.append(row)
compared = pd.DataFrame(rows_of_heads)
compared.set_index("head").T

# %% [markdown]
# ## The figure
#
# The left panel shows how much of each class's weight is negative, with channels weighed by what they contribute. The
# others show the two maps against each other, position by position, in shares of CAM's peak.

# %%
figure = Figure(figsize=(12, 3.2), layout="constrained")
panels = figure.subplots(1, 4, width_ratios=(1.5, 1, 1, 1))
for i, (_, part) in enumerate(shares.groupby("network", sort=False)):
    spread = np.linspace(-0.25, 0.25, len(part)) if len(part) > 1 else [0]
    panels[0].plot(
        100 * part["weight times feature"], i + np.array(spread), "o", color="black", markersize=3, alpha=0.5
    )
panels[0].set_yticks(range(len(files)), list(files), fontsize=8)
panels[0].set(xlim=(0, 100), xlabel="negative share of a class's weights, %")
panels[0].invert_yaxis()
for panel, (name, (cam, grad_cam)) in zip(panels[1:], drawn.items(), strict=True):
    peak = cam.max(axis=(1, 2), keepdims=True)
    scale = np.where(peak > 0, peak, 1)
    panel.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    across, up = (cam / scale).ravel(), (grad_cam / scale).ravel()
    panel.plot(across, up, ".", color=charts.COLOURS["CAM"], markersize=2, rasterized=True)
    panel.set(title=name, xlabel="CAM", xlim=(-0.05, 1.05))
panels[1].set_ylabel("Grad-CAM")
figure.suptitle(wording.banner(profile), color=lettering.ACCENT)
display(figure)

# %% [markdown]
# ## What was measured
#
# The figure, the rows behind every table, and where they come from.

# %%
measured_rows = {"identity": identity, "identity_heads": compared, "identity_weights": shares}
outputs = figure_files.save_figure(figure, results_folder / "identity")
outputs += [rows.write_rows(part, name, results_folder, profile, digits=6) for name, part in measured_rows.items()]
inputs = {file: build_folder / file for file in files.values()}
inputs |= {"radiographs, training": dataset_checksum(learned)}
inputs |= {"trainings.csv.xz": rows.row_file("trainings", results_folder)}
inputs |= {f"{name}, test": dataset_checksum(tested[name]) for name in ("general", "radiographs 0")}
record = provenance.write_record("05_identity", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## From rows to sentences
#
# The rest needs neither network nor image. It reads the rows that were written above, and `make tables` runs it alone.

# %%
from pathlib import Path

import numpy as np

from black_average_drop import rows
from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.paper import claims
from black_average_drop.statistics import trainings

results_folder = Path(results)
tables = {name: rows.read_rows(name, results_folder) for name in ("identity", "identity_heads", "identity_weights")}
{name: len(table) for name, table in tables.items()}

# %% [markdown]
# ## In a sentence
#
# The rows come to this, and say this of the paper's claim.

# %%
of_networks = tables["identity"]
largest = of_networks["CAM and Grad-CAM, clipped"].max()
trained = of_networks["network"].str.startswith("radiographs").sum()
estimate = trainings.Estimate(largest, largest, largest, np.nan, trainings=trained)
measured = {"identity": claims.Measured(estimate, of_networks["images"].sum(), "both classifiers")}
others = tables["identity_heads"].set_index("head")["CAM and Grad-CAM, clipped"]
print(
    f"Behind pooling and one dense layer CAM and Grad-CAM differ by at most {largest:.1e} of the peak; behind "
    f"flattened maps by up to {others['flatten, dense']:.2g}, behind a hidden layer by up to "
    f"{others['pooling, hidden, dense']:.2g} of it."
)
pneumonia = tables["identity_weights"].query("network == 'radiographs 0'").iloc[1]
print(
    f"What separates the methods on the radiograph classifier: {pneumonia['weight']:.1%} of the weight of "
    f"{pneumonia['class']} is negative, {pneumonia['weight times feature']:.1%} by what it contributes."
)

# %% [markdown]
# The tables, and what they were made from.

# %%
outputs = [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
outputs.append(claims.write_measured("05_identity", measured, results_folder, profile))
inputs = {f"{name}.csv.xz": rows.row_file(name, results_folder) for name in tables}
record = provenance.write_analysis("05_identity", outputs, inputs, globals(), results_folder)
record["outputs"]
