# %% [markdown]
# # 6. What softmax does to Grad-CAM++
#
# Section 5.3 of the paper could draw no Grad-CAM++ behind a softmax. Logits ran from -3,056 to 3,215, every derivative
# underflowed, and the map was blank. Eq. (8) can be computed at any logit, if it is divided by what underflows. So we
# can tell whether the arithmetic is to blame, or the equation.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
seed = 0
batch_size = 32
images = 200  # of the test radiographs, drawn at random
paper_lowest = -3056.0  # the logits that section 5.3 reports
paper_highest = 3215.0

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, figure_files, figures, lettering, networks, rows, training, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.paper import saturation

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## Classifiers with a softmax head
#
# They were trained like the ReLU ones in `01_train`. Eq. (8) needs of an image its features, the head and the logits,
# nothing else.

# %%
trained = rows.read_rows("trainings", results_folder).query("data == 'radiographs' and head == 'softmax'")
repeats = trained["training_seed"].to_numpy()
files = {repeat: f"radiographs_softmax_{repeat}.keras" for repeat in repeats}
features, logits, kernels, classes = {}, {}, {}, {}
for repeat, file in files.items():
    classifier = training.load_classifier(build_folder / file, data_root)
    network, tested = classifier.network, classifier.dataset
    chosen = np.random.default_rng(seed).permutation(len(tested))[:images]
    dataset = tested.subset(np.sort(chosen))
    explained = [network.explain(batch)[:2] for batch in dataset.batches(batch_size)]
    features[repeat] = np.concatenate([of_batch for of_batch, _ in explained])
    logits[repeat] = np.concatenate([of_batch for _, of_batch in explained])
    kernels[repeat], classes[repeat] = network.head_weights, logits[repeat].argmax(axis=1)
pd.DataFrame({repeat: pd.Series(part.ravel()).describe() for repeat, part in logits.items()}).T.round(2)

# %% [markdown]
# ## The paper's logits
#
# A factor on the head, its bias included, multiplies the logits. No prediction changes. The factor below brings the
# largest logit to the paper's.

# %%
factors = {repeat: max(paper_highest, -paper_lowest) / np.abs(part).max() for repeat, part in logits.items()}
table = pd.DataFrame({"paper": {"factor": np.nan, "lowest": paper_lowest, "highest": paper_highest}})
for repeat, factor in factors.items():
    table[f"training {repeat}"] = [factor, factor * logits[repeat].min(), factor * logits[repeat].max()]
table.T.round(1)

# %% [markdown]
# ## Three ways to compute one equation
#
# The head grows from row to row. We count how often the float32 softmax is exactly 1, how often textbook maps are
# blank, and how often exp gives NaN. Computed exactly, we count the channels with a weight of the wrong sign, and the
# maps that are negative on the whole.

# %%
swept = []
for repeat in repeats:
    steps = np.geomspace(1, factors[repeat], 25)
    sweep = saturation.sweep(features[repeat], kernels[repeat], logits[repeat], classes[repeat], steps)
    swept.append(sweep.assign(training=repeat))
sweeps = pd.concat(swept, ignore_index=True)
first = sweeps.query("training == 0").set_index("factor")
first.iloc[::4].round(1)

# %% [markdown]
# ## Why the exact map fails as well
#
# On a sure classifier of two classes eq. (8) gives alpha = 1 / (2 - D sum A), with D the slope of the margin. A
# saturating score has a negative second derivative and a positive third one. For exp both are positive. Once D sum A
# exceeds 2, alpha is negative. The stronger a channel speaks for the class, the more surely this happens. The table
# shows D sum A.

# %%
products = {}
for factor in (1.0, factors[0]):
    double, grown = features[0].astype("float64"), kernels[0].astype("float64") * factor
    _, lead = cams.softmax_weights(double, grown, logits[0].astype("float64") * factor, classes[0])
    product = lead * double.sum(axis=(1, 2))
    products[factor] = pd.Series(product[product > 0])
pd.DataFrame({f"head times {factor:.3g}": product.describe() for factor, product in products.items()}).round(2)

# %% [markdown]
# ## What the doctor would see
#
# The first image of pneumonia that the network calls pneumonia. Its maps are drawn under exp (Grad-CAM++ as in Table 1)
# and under softmax, as trained and at the paper's logits. A map is red where it is negative.

# %%
candidates = np.flatnonzero((dataset.labels == 1) & (classes[0] == 1))
example = int(candidates[0]) if len(candidates) else 0
one = features[0][[example]].astype("float64")
own = classes[0][[example]]
slopes = kernels[0].T[own] / (one.shape[1] * one.shape[2])
maps = {"exp, divided out": cams.grad_cam_plus_plus(one, np.broadcast_to(slopes[:, None, None], one.shape))}
for title, factor in (("as trained", 1.0), ("at the paper's logits", factors[0])):
    grown, grown_logits = kernels[0].astype("float64") * factor, logits[0][[example]].astype("float64") * factor
    one32, grown32, logits32 = (values.astype("float32") for values in (one, grown, grown_logits))
    maps[f"exp as written,\n{title}"] = saturation.textbook_exp(one32, grown32, logits32, own)
    maps[f"softmax as written,\n{title}"] = saturation.textbook_softmax(one32, grown32, logits32, own)
    maps[f"softmax, exact,\n{title}"] = cams.softmax_grad_cam_plus_plus(one, grown, grown_logits, own)
for name, part in maps.items():
    print(name.replace("\n", " "), "NaN" if np.isnan(part).any() else f"{part.min():.2g} to {part.max():.2g}", sep=": ")

# %% [markdown]
# ## The figure
#
# The upper row shows the logits, what the arithmetic does, and what the equation does. The lower row shows the maps.

# %%
figure = Figure(figsize=(12, 5.0), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1.5, 1))
panels = above.subplots(1, 3)
for output, name in enumerate(dataset.class_names):
    panels[0].hist(factors[0] * logits[0][:, output], 40, alpha=0.6, label=f"logit of {name}")
panels[0].axvline(paper_lowest, color=lettering.ACCENT)
panels[0].axvline(paper_highest, color=lettering.ACCENT, label="the paper's range")
panels[0].set(xlabel=f"logit, head times {factors[0]:.3g}", ylabel="images", xticks=[-3000, 0, 3000])
curves = (
    {"saturated": "softmax is 1", "blank": "blank, softmax as written", "exp_nan": "NaN, exp as written"},
    {"negative_weights": "channels of the wrong sign", "negative_maps": "maps negative on the whole"},
)
for panel, labels, title in zip(panels[1:], curves, ("float32", "exact"), strict=True):
    for (column, label), style in zip(labels.items(), ("-", "--", ":"), strict=False):
        panel.plot(first["highest_logit"], first[column], style, label=label)
    panel.set(xscale="log", ylim=(-3, 103), xlabel="largest logit", ylabel="%", title=title)
for panel in panels:
    panel.legend(fontsize=8)

# %% [markdown]
# Each map has a scale of its own, from minus to plus its largest value. So a map of the wrong sign shows.

# %%
map_panels = below.subplots(1, len(maps) + 1)
figures.show(map_panels[0], dataset.subset([example]).images()[0])
map_panels[0].set_title("input", fontsize=8)
for panel, (title, part) in zip(map_panels[1:], maps.items(), strict=True):
    panel.set_title(title, fontsize=8)
    panel.set(xticks=[], yticks=[])
    shown = cams.upsample(part, network.image_size)[0]
    reach = np.abs(shown).max()
    if np.isnan(reach) or reach == 0:
        panel.set_facecolor("0.9")
        panel.set_box_aspect(1)
        panel.text(0.5, 0.5, "NaN" if np.isnan(reach) else "blank", transform=panel.transAxes, ha="center")
    else:
        panel.imshow(shown, "RdBu", vmin=-reach, vmax=reach)
figure.suptitle(wording.banner(profile), color=lettering.ACCENT)
display(figure)

# %% [markdown]
# ## Which maps are blank
#
# The textbook map in float32, at the paper's logits, for each image and training. Every derivative is 0 where it is
# blank. 0 / 0 counts as alpha 0, as in the paper. Without that rule the map is NaN.

# %%
blank = []
for repeat, factor in factors.items():
    at_paper = features[repeat], factor * kernels[repeat], factor * logits[repeat]
    features32, kernel32, logits32 = (values.astype("float32") for values in at_paper)
    textbook = saturation.textbook_softmax(features32, kernel32, logits32, classes[repeat])
    columns = {"id": dataset.ids, "group": dataset.groups, "training": repeat, "blank": saturation.vanished(textbook)}
    blank.append(pd.DataFrame(columns))
blank_maps = pd.concat(blank, ignore_index=True).assign(data=classifier.facts.source)
blank_maps.groupby("training")["blank"].describe()

# %% [markdown]
# ## What was measured
#
# The figure, the rows behind every table, and where they come from.

# %%
outputs = figure_files.save_figure(figure, results_folder / "softmax")
outputs.append(rows.write_rows(sweeps, "softmax_sweep", results_folder, profile, digits=6))
outputs.append(rows.write_rows(blank_maps, "softmax_blank", results_folder, profile))
inputs = {file: build_folder / file for file in files.values()} | {"test": dataset_checksum(dataset)}
inputs |= {"trainings.csv.xz": rows.row_file("trainings", results_folder)}
record = provenance.write_record("06_softmax", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## From rows to sentences
#
# The rest needs neither network nor image. It reads the rows that were written above, and `make tables` runs it alone.

# %%
from pathlib import Path

import pandas as pd

from black_average_drop import rows
from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.paper import claims
from black_average_drop.statistics import patients

results_folder = Path(results)
sweeps, blank_maps = (rows.read_rows(name, results_folder) for name in ("softmax_sweep", "softmax_blank"))

# %% [markdown]
# ## What this says of the paper's claim
#
# The percentage of blank maps over all trainings, with its interval.

# %%
percent = 100.0 * blank_maps.pivot(index="id", columns="training", values="blank")
groups = blank_maps.drop_duplicates("id").set_index("id")["group"].loc[percent.index]
resampling = patients.Resampling(groups)
kills = claims.measured_mean(percent.to_numpy(), resampling, blank_maps["data"].iloc[0], bounds=(0, 100))
estimate, measured = kills.estimate, {"softmax_kills": kills}
pd.Series(estimate._asdict(), name="percent of maps")

# %% [markdown]
# ## In a sentence
#
# The numbers above come to this.

# %%
ends = sweeps.groupby("training")[["negative_weights", "negative_maps"]].agg(["first", "last"]).mean()
print(
    f"At the paper's logits float32 leaves {estimate.value:.1f} % of the maps blank; computed exactly, "
    f"{ends['negative_weights', 'last']:.1f} % of the channels that speak for the class get a negative weight, and "
    f"{ends['negative_maps', 'last']:.1f} % of the maps are negative on the whole (as trained: "
    f"{ends['negative_weights', 'first']:.1f} % and {ends['negative_maps', 'first']:.1f} %)."
)
print(
    "The paper's conclusion, to use a ReLU head or exp, does not rest on the arithmetic: "
    + ("eq. (8) itself turns the map over." if ends["negative_maps", "last"] > 50 else "here the exact map holds.")
)

# %% [markdown]
# The tables, and what they were made from.

# %%
outputs = [write_csv(sweeps, results_folder / "softmax.csv", profile)]
outputs.append(claims.write_measured("06_softmax", measured, results_folder, profile))
inputs = {f"{name}.csv.xz": rows.row_file(name, results_folder) for name in ("softmax_sweep", "softmax_blank")}
record = provenance.write_analysis("06_softmax", outputs, inputs, globals(), results_folder)
record["outputs"]
