# %% [markdown]
# # 4. Does the conclusion hang on alpha?
#
# Section 4.1 of the paper keeps the share alpha of the pixels where the methods' masked images differ most, and argues
# that this repairs two faults of Average Drop: that it changes the opacity of the image, and that its score depends on
# the size of the feature. The choice of alpha and both objections can be measured.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
scheduler = ""  # the address of a Dask scheduler, whose workers then evaluate; empty: this machine
seed = 0
batch_size = 32
resamples = 2000  # of the bootstrap over patients
most_images = 200  # of each data set, for what needs many masked images; drawn at random
boxed_source = ""  # "chestxray14": radiographs with boxes, where the test radiographs have no masks of their lesions

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, evaluation, figures, networks, statistics
from black_average_drop.artifact import provenance
from black_average_drop.datasets import catalogue, chestxray14
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import read_csv, write_csv
from black_average_drop.paper import claims, sensitivity
from black_average_drop.statistics import Resampling
from black_average_drop.trust.localization import region_sizes, seen

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build, results = Path(build), Path(results)
sampling = {"resamples": resamples, "seed": seed}
paper_methods = {name: cams.METHODS[name] for name in cams.PAPER_METHODS}

# %% [markdown]
# ## The classifiers and their test images
#
# The radiograph classifier comes in several trainings; the first is the one shown, the others say how far it speaks for
# them. What `03_table1` found image by image is read again.

# %%
answers = read_csv(build / "test_scores.csv")
repeats = answers.query("head == 'relu'")["training_seed"].unique()
files = {"general": "general.keras"} | {repeat: f"radiographs_relu_{repeat}.keras" for repeat in repeats}
rows = {"general": read_csv(build / "rows_general.csv.gz")}
rows |= {repeat: read_csv(build / f"rows_radiographs_{repeat}.csv.gz") for repeat in repeats}
network, datasets = {}, {}
for name, file in files.items():
    model, facts = networks.load(build / file)
    network[name] = networks.CamNetwork.from_model(model, activation="relu")
    origin = facts.source, "test", network[name].image_size, data_root
    background = network[name].classes == 1001
    datasets[name] = catalogue.load(*origin, facts.test_images, facts.seed, background).in_memory()
shown = {"general": "General images", 0: "Radiographs"}  # of the trainings of the radiograph classifier the first
alphas = {name: part["alpha"].iloc[0] for name, part in rows.items()}
pd.Series(alphas, name="alpha in Table 1")

# %% [markdown]
# ## The curve that alpha is chosen from
#
# For each image the difference between the masked images at every alpha; no forward pass is needed once the maps are
# there. The band is the 95 % interval over patients; each resample of patients would choose its own alpha.

# %%
curves, bands, choice = {}, [], {}
for name in shown:
    batches = datasets[name].batches(batch_size)
    found = evaluation.explain_all(network[name], batches, paper_methods, batch_size, scheduler=scheduler)
    curve = sensitivity.image_curves(datasets[name].batches(batch_size), found)
    curves[name] = pd.DataFrame(curve, index=datasets[name].ids)
    peak = curve.mean(axis=0).max() or 1.0
    samples = statistics.bootstrap_means(curve / peak, Resampling(datasets[name].groups, **sampling))
    low, high = statistics.interval(samples)
    choice[name] = np.percentile(samples.argmax(axis=1) / (curve.shape[1] - 1), [2.5, 50, 97.5])
    shares = np.linspace(0, 1, curve.shape[1])
    band = {"data": shown[name], "alpha": shares, "difference": curve.mean(axis=0) / peak, "low": low, "high": high}
    bands.append(pd.DataFrame(band | {"random_masks": 4 * shares * (1 - shares)}))
bands = pd.concat(bands, ignore_index=True)
pd.DataFrame({shown[name]: choice[name] for name in shown}, ["2.5 %", "median", "97.5 %"]).rename_axis("chosen alpha")

# %% [markdown]
# ## BAD along alpha
#
# From here on at most `most_images` images of each data set: of the radiographs those labelled pneumonia, which Table 1
# puts first. BAD is measured from 5 % to 95 % in steps of 5, and at the alpha of Table 1.

# %%
steps = np.round(np.arange(5, 100, 5) / 100, 2)
ties = json.loads((results / "03_table1.json").read_text())["parameters"]["ties"]
chosen, pixels, maps, drops, grids = {}, {}, {}, {}, {}
for name in shown:
    candidates = datasets[name] if name == "general" else datasets[name].subset(datasets[name].labels == 1)
    order = np.random.default_rng(seed).permutation(len(candidates))[:most_images]
    chosen[name] = candidates.subset(np.sort(order))
    pixels[name] = chosen[name].images()
    maps[name] = evaluation.explain_all(network[name], pixels[name], paper_methods, batch_size, scheduler=scheduler)
    grids[name] = np.union1d(steps, alphas[name])
    given = pixels[name], maps[name], grids[name], batch_size, ties, scheduler
    drops[name] = sensitivity.along_alpha(network[name], *given)
print({shown[name]: len(chosen[name]) for name in shown})

# %% [markdown]
# The mean of each method with its interval, and their difference, paired over the same resamples of patients, with the
# p value of its test against 0. Where too few images differ (`statistics.enough_differ`) it has neither interval nor p,
# here and below.

# %%
along, gained = [], {}
for name in shown:
    baseline = drops[name]["CAM"]
    gained[name] = drops[name].get("Grad-CAM++", baseline) - baseline  # the same maps have the same drops
    for quantity, values in (drops[name] | {"Grad-CAM++ − CAM": gained[name]}).items():
        bootstrap = statistics.bootstrap_means if quantity in drops[name] else statistics.bootstrap_differences
        mean, samples = np.nanmean(values, axis=0), bootstrap(values, Resampling(chosen[name].groups, **sampling))
        low, high = statistics.interval(samples)
        p = [statistics.across_trainings([mean[i]], samples[:, [i]]).p for i in range(len(mean))]
        part = {"data": shown[name], "quantity": quantity, "alpha": grids[name], "BAD": mean, "low": low, "high": high}
        along.append(pd.DataFrame(part | ({"p": p} if quantity not in drops[name] else {})))
along = pd.concat(along, ignore_index=True)
differences = along.query("quantity == 'Grad-CAM++ − CAM'")
differences.pivot(index="alpha", columns="data", values="BAD").round(4).fillna("")

# %% [markdown]
# ## Alpha chosen anew in each resample
#
# Table 1's interval holds alpha fixed. Here every resample of the test patients draws its own curve, takes its own
# alpha, and reads the difference there, on those of the images above that it drew, between the measured alphas by
# straight lines. Beside it these images at the fixed alpha, and Table 1's own interval over all of its images.

# %%
table1 = read_csv(results / "table1.csv").query("score == 'relu' and method == 'Grad-CAM++'")
anew = []
for name in shown:
    known = pd.DataFrame(gained[name], index=chosen[name].ids).reindex(datasets[name].ids).to_numpy()
    curve = curves[name].to_numpy()
    samples = sensitivity.redrawn_alpha(curve, grids[name], known, Resampling(datasets[name].groups, **sampling))
    at_table1 = gained[name][:, [np.flatnonzero(grids[name] == alphas[name])[0]]]
    fixed = statistics.bootstrap_differences(at_table1, Resampling(chosen[name].groups, **sampling))
    redrawn = np.where(np.isnan(fixed).all(axis=0), np.nan, samples[:, 1:])  # no interval there, none here
    printed = table1[table1["data"] == {"general": "general", 0: "radiographs"}[name]].iloc[0]
    part = {"data": shown[name], "alpha_table1": alphas[name], "table1_images": printed["n"]}
    part |= {"images": len(chosen[name]), "outside_grid": int(np.isnan(samples[:, 1]).sum())}
    part |= dict(zip(("alpha_low", "alpha_median", "alpha_high"), choice[name], strict=True))
    part |= dict(zip(("anew_low", "anew_high"), np.ravel(statistics.interval(redrawn)), strict=True))
    part |= dict(zip(("fixed_low", "fixed_high"), np.ravel(statistics.interval(fixed)), strict=True))
    part |= {"table1_low": printed["BAD_minus_CAM_low"], "table1_high": printed["BAD_minus_CAM_high"]}
    anew.append(part)
anew = pd.DataFrame(anew)
anew.set_index("data").T

# %% [markdown]
# All of it in one figure. Two masks drawn at random differ most at alpha 0.5 whatever the methods: the dashed line.

# %%
figure = Figure(figsize=(11, 6), layout="constrained")
figure.supxlabel("alpha, the share of pixels kept; red: the alpha of Table 1", fontsize=10)
grid = figure.subplots(len(shown), 3, sharex=True)
for panels, name in zip(grid, shown, strict=True):
    band, part = bands[bands["data"] == shown[name]], along[along["data"] == shown[name]].set_index("quantity")
    panels[0].fill_between(band["alpha"], band["low"], band["high"], alpha=0.3, color="black", linewidth=0)
    panels[0].plot(band["alpha"], band["difference"], color="black", label="between the methods")
    panels[0].plot(band["alpha"], band["random_masks"], "--", color="grey", linewidth=1, label="random masks")
    panels[0].axvspan(*choice[name][[0, 2]], color=figures.OUTLINE, alpha=0.2, linewidth=0, label="choices, resampled")
    panels[0].set_ylabel(f"{shown[name]}\ndifference of masked images")
    for quantity in drops[name]:
        label = "CAM = Grad-CAM" if quantity == "CAM" and "Grad-CAM" in maps[name].same_as else quantity
        part.loc[quantity].plot(
            "alpha", "BAD", ax=panels[1], label=label, color=figures.COLOURS[quantity], legend=False
        )
    difference = part.loc["Grad-CAM++ − CAM"]
    panels[2].axhline(0, color="grey", linewidth=0.8)
    panels[2].fill_between(difference["alpha"], difference["low"], difference["high"], alpha=0.3, color="black")
    panels[2].plot(difference["alpha"], difference["BAD"], color="black")
    panels[1].set_ylabel("BAD")
    panels[2].set_ylabel("BAD, Grad-CAM++ − CAM")
    for panel in panels:
        panel.axvline(alphas[name], color=figures.OUTLINE, linewidth=1)

# %% [markdown]
# Beside the difference at each alpha the two intervals of the table above, and a legend for each column.

# %%
for panel, (_, part) in zip(grid[:, 2], anew.iterrows(), strict=True):
    bars = {"Table 1": ("table1", part["alpha_table1"]), "alpha chosen anew": ("anew", part["alpha_table1"] + 0.03)}
    for (label, (interval, place)), colour in zip(bars.items(), (figures.OUTLINE, "#0072b2"), strict=True):
        ends = part[[f"{interval}_low", f"{interval}_high"]].astype(float)
        panel.plot([place, place], ends, color=colour, linewidth=4, solid_capstyle="butt", label=label)
banner = "smoke run: not a result" if profile == "smoke" else None
figure.suptitle(banner, color=figures.OUTLINE)
for panel in grid[0]:
    panel.legend(fontsize=8)
for panel in grid[-1]:
    panel.set_xlabel("")
curves_figure = figure
display(curves_figure)

# %% [markdown]
# ## Other readings of the paper
#
# The paper leaves choices open. What each of them does to AD and BAD on these images, alpha chosen on them by the same
# rule for each: hidden pixels grey instead of black, equal values kept, CAM clipped only after upsampling, bilinear
# upsampling, and the difference of masked images counted in pixels or in squares.

# %%
readings = []
for name in shown:
    by_choice = sensitivity.choices(network[name], pixels[name], maps[name], alphas[name], batch_size, scheduler)
    for (reading, metric), (alpha, by_method) in by_choice.items():
        difference = by_method.get("Grad-CAM++", by_method["CAM"]) - by_method["CAM"]
        low, high = statistics.interval(
            statistics.bootstrap_differences(difference[:, None], Resampling(chosen[name].groups, **sampling))
        )
        part = {"data": shown[name], "metric": metric, "choice": reading, "alpha": alpha}
        part |= {method: np.nanmean(values) for method, values in by_method.items()}
        readings.append(part | {"difference": np.nanmean(difference), "low": low[0], "high": high[0]})
readings = pd.DataFrame(readings).sort_values(["data", "metric"], kind="stable")
readings.set_index(["data", "metric", "choice"]).round(4)

# %% [markdown]
# ## The first objection: opacity
#
# A map raised to a power ranks the pixels as before, so BAD is the same; only the contrast it is drawn with changes.
# AD, which takes the map for opacity, is another number for each power.

# %%
exponents = [0.25, 0.5, 1.0, 2.0, 4.0]
contrast, moved, powers = [], 0, {}
for name in network:
    images = pixels["general" if name == "general" else 0]
    found = maps[name] if name in maps else evaluation.explain_all(network[name], images, paper_methods, batch_size)
    given = images, found, exponents, alphas[name], batch_size, scheduler
    powers[name], changed = sensitivity.contrasts(network[name], *given)
    moved += changed
    if name in shown:
        for method, values in powers[name].items():
            samples = statistics.bootstrap_means(values, Resampling(chosen[name].groups, **sampling))
            low, high = statistics.interval(samples)
            part = {"data": shown[name], "method": method, "exponent": exponents, "AD": np.nanmean(values, axis=0)}
            contrast.append(pd.DataFrame(part | {"low": low, "high": high}))
contrast = pd.concat(contrast, ignore_index=True)
print(f"Pixels that BAD masks differently for any of the powers: {moved}")
contrast.pivot(index=["data", "method"], columns="exponent", values="AD").round(4)

# %% [markdown]
# ## The second objection: size
#
# The correlation over images of the drop with the mean opacity of the map, and with the size of what there is to see,
# where that is known: boxes or masks of the objects, and lesions, of the test radiographs or of another hospital's. A
# negative correlation with AD is what the paper expects.

# %%
positives = datasets[0].subset(datasets[0].labels == 1)
lesions = positives if positives.read_mask else None
if boxed_source:
    lesions = chestxray14.load(data_root, "Pneumonia", boxed_only=True, size=network[0].image_size)
if lesions is None:
    raise ValueError("boxed_source is empty and the test radiographs have no masks: name a source of boxes.")
regions = lesions.regions()
sizes = pd.Series(regions.mean(axis=(1, 2)), index=lesions.ids)
where = boxed_source or "test radiographs"
print(f"{len(lesions)} lesions, {where}: {sizes.min():.2%} to {sizes.max():.2%} of the image")

# %% [markdown]
# Every training draws its maps of the finding and is measured at its own alpha. A lesion counts as seen if at least a
# quarter of it lies in the tenth of the image that the map ranks highest.

# %%
lesion_rows, sees = {}, {}
for name in repeats:
    batches, finding = lesions.batches(batch_size), np.ones(len(lesions), int)
    found = evaluation.explain_all(network[name], batches, paper_methods, batch_size, finding, scheduler)
    given = {"ids": lesions.ids, "first_pass": found, "scheduler": scheduler}
    lesion_rows[name] = evaluation.evaluate(network[name], batches, paper_methods, alphas[name], batch_size, **given)
    drawn = {method: evaluation.upsampled(found.maps[method], lesions.size) for method in paper_methods}
    each = np.arange(len(lesions))
    sees[name] = {method: seen(drawn[method], each, regions, 0.1)[0] for method in paper_methods}
small = sizes.rank(method="first").to_numpy() <= len(sizes) / 3
small_seen = {name: {method: 100 * value[small].mean() for method, value in by.items()} for name, by in sees.items()}
print(f"Percent of the {small.sum()} smallest lesions seen, a row for each training:")
pd.DataFrame(small_seen).T.round(1)

# %% [markdown]
# What there is to correlate: for each data set the rows of Table 1 with the opacity, and those with a known size.

# %%
pairs = {("General images", "opacity", 0): (rows["general"], datasets["general"], None)}
if datasets["general"].read_mask or datasets["general"].boxes:
    object_sizes = pd.Series(region_sizes(datasets["general"], batch_size), index=datasets["general"].ids)
    pairs["General images", "size", 0] = (rows["general"], datasets["general"], object_sizes)
for name in repeats:
    pairs["Radiographs", "opacity", name] = (rows[name], positives, None)
    pairs["Radiographs", "size", name] = (lesion_rows[name], lesions, sizes)
print(", ".join(f"{data} by {feature}" for data, feature, name in pairs if not name))

# %% [markdown]
# Spearman's correlation, the mean of that under CAM and that under Grad-CAM++.

# %%
correlations, by_claim = [], {}
for (data, feature, name), (part, dataset, known) in pairs.items():
    part = part[part["method"].isin(["CAM", "Grad-CAM++"])]
    for metric in ("AD", "BAD"):
        wide = part[part["metric"] == metric].pivot(index="id", columns="method", values=["drop", "opacity"])
        wide = wide.loc[dataset.ids]
        columns = [
            (wide["opacity", method] if known is None else known.loc[dataset.ids], wide["drop", method])
            for method in ("CAM", "Grad-CAM++")
        ]
        value, samples = sensitivity.rank_correlation(columns, Resampling(dataset.groups, **sampling))
        low, high = np.nanpercentile(samples, [2.5, 97.5])
        row = {"data": data, "feature": feature, "training": name, "metric": metric, "correlation": value}
        correlations.append(row | {"low": low, "high": high, "images": len(dataset)})
        valued = int(wide["drop"].notna().any(axis=1).sum())
        by_claim.setdefault((data, f"{metric}_{feature}"), []).append((value, samples, valued))
correlations = pd.DataFrame(correlations)
correlations.round(3)

# %% [markdown]
# Both objections in one figure.

# %%
figure = Figure(figsize=(11, 3.4), layout="constrained")
panels = figure.subplots(1, 3)
for panel, (data, part) in zip(panels, contrast.groupby("data", sort=False), strict=False):
    for method, line in part.groupby("method", sort=False):
        panel.fill_between(line["exponent"], line["low"], line["high"], color=figures.COLOURS[method], alpha=0.2)
        panel.plot(line["exponent"], line["AD"], marker="o", color=figures.COLOURS[method], label=method)
    panel.set(xscale="log", xticks=exponents, title=data, xlabel="power of the map", ylabel="AD")
    panel.set_xticks(exponents, [f"{exponent:g}" for exponent in exponents])
    panel.minorticks_off()
    panel.legend(fontsize=8)

# %% [markdown]
# The correlations beside them; every training of the radiograph classifier has its own line.

# %%
names = correlations["data"] + ", " + correlations["metric"] + " by " + correlations["feature"]
names += np.where(correlations["training"] > 0, " (training " + correlations["training"].astype(str) + ")", "")
position = -np.arange(len(names))
reach = np.abs(correlations[["low", "high"]].to_numpy().T - correlations["correlation"].to_numpy())
panels[2].errorbar(correlations["correlation"], position, xerr=reach, fmt="o", color="black", markersize=3)
panels[2].axvline(0, color="grey", linewidth=0.8)
panels[2].set_yticks(position, names, fontsize=6)
panels[2].set(xlim=(-1, 1), xlabel="correlation with the drop")
figure.suptitle(banner, color=figures.OUTLINE)
objections = figure
display(objections)

# %% [markdown]
# ## What this says of the paper's claims
#
# Over all trainings of the radiograph classifier.

# %%
measured, count = {}, len(repeats)
for feature, source in (("opacity", facts.source), ("size", where)):
    for metric in ("AD", "BAD"):
        values, samples, valued = zip(*by_claim["Radiographs", f"{metric}_{feature}"], strict=True)
        estimate = statistics.across_trainings(values, np.stack(samples, axis=1))
        measured[f"{metric}_{feature}"] = claims.Measured(estimate, count, max(valued), source)
by_training = [
    [np.mean([values[:, -1] - values[:, 0] for values in powers[name].values()], axis=0) for name in repeats],
    [100.0 * sees[name]["Grad-CAM++"][small] - 100.0 * sees[name]["CAM"][small] for name in repeats],
]
for claim, values, dataset, source in (
    ("AD_contrast", by_training[0], chosen[0], facts.source),
    ("small_lesions", by_training[1], lesions.subset(small), where),
):
    values = np.stack(values, axis=1)
    samples = statistics.bootstrap_differences(values, Resampling(dataset.groups, **sampling), trainings=True)
    estimate = statistics.across_trainings(np.nanmean(values, axis=0), samples)
    valued = int((~np.isnan(values)).any(axis=1).sum())
    measured[claim] = claims.Measured(estimate, count, valued, source)
pd.DataFrame({claim: one.estimate._asdict() for claim, one in measured.items()}).T

# %% [markdown]
# ## In a sentence
#
# What the numbers above come to.

# %%
for data, part in differences.groupby("data", sort=False):
    part = part[part["alpha"].isin(steps)]
    decided = statistics.holm(part["p"]) < claims.LEVEL
    ahead, behind = int((decided & (part["BAD"] < 0)).sum()), int((decided & (part["BAD"] > 0)).sum())
    turns = "turns over along alpha" if ahead and behind else "does not turn over along alpha"
    turns = turns if ahead or behind else "cannot be told at any alpha"
    spread = anew.set_index("data").loc[data]
    print(
        f"{data}: BAD puts Grad-CAM++ ahead of CAM at {ahead} of {len(steps)} alphas, behind at {behind}, undecided "
        f"at {len(steps) - ahead - behind} (Holm): the ranking {turns}; resampling patients moves the chosen alpha "
        f"between {spread['alpha_low']:.2f} and {spread['alpha_high']:.2f}."
    )
for (data, method), part in contrast.groupby(["data", "method"], sort=False):
    print(f"{data}: contrast alone moves AD of {method} from {part['AD'].min():.4f} to {part['AD'].max():.4f}.")

# %% [markdown]
# The figures, the numbers behind them, and where they come from.

# %%
tables = {"alpha_curve": bands, "alpha_bad": along, "alpha_anew": anew, "alpha_choices": readings}
tables |= {"alpha_contrast": contrast, "alpha_correlation": correlations}
outputs = figures.save(curves_figure, results / "alpha") + figures.save(objections, results / "alpha_objections")
outputs += [write_csv(table, results / f"{name}.csv", profile) for name, table in tables.items()]
outputs.append(claims.write_measured("04_alpha", measured, results, profile))
inputs = {file: build / file for file in files.values()}
row_files = ["rows_general.csv.gz", *(f"rows_radiographs_{name}.csv.gz" for name in repeats)]
inputs |= {file: build / file for file in row_files} | {"table1.csv": results / "table1.csv"}
images = {"lesions": lesions, "general images": chosen["general"], "radiographs": chosen[0]}
inputs |= {name: dataset_checksum(part) for name, part in images.items()}
record = provenance.write_record("04_alpha", outputs, inputs, globals(), results, started)
record["outputs"]
