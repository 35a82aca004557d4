# %% [markdown]
# # 4. Does the conclusion depend on alpha?
#
# Section 4.1 of the paper keeps the share alpha of the pixels. It chooses alpha where the methods' masked images differ
# most. It argues that this repairs two faults of Average Drop. Average Drop changes the opacity of the image, and its
# score depends on the size of the feature. The choice of alpha and both objections can be measured.

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
boxed_source = ""  # "chestxray14", "rsna" or "chexlocalize", where the test radiographs have no masks of their lesions

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, evaluation, figures, networks, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import read_csv, write_csv
from black_average_drop.paper import alpha_charts, alpha_study, claims, objections, sensitivity
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust.localization import region_sizes, touched

# %% [markdown]
# Where files lie, and how intervals are made.

# %%
set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)
sampling = {"resamples": resamples, "seed": seed}
paper_methods = cams.chosen(cams.PAPER_METHODS)
banner = wording.banner(profile)

# %% [markdown]
# ## The classifiers and their test images
#
# The radiograph classifier comes in several trainings. The first one is shown, and the others say how far it speaks for
# them. The rows that `03_table1` measured for each image are read again. Where many masked images are needed, at most
# `most_images` images of each data set are used. The radiographs are those labelled pneumonia, which Table 1 puts
# first.

# %%
answers = read_csv(build_folder / "test_scores.csv")
repeats = answers.query("head == 'relu'")["training_seed"].unique()
loaded = [alpha_study.load_subject(build_folder, data_root, repeat) for repeat in (None, *repeats)]
subjects = [subject.sampled(most_images, seed, batch_size, scheduler) for subject in loaded]
radiographs, shown = subjects[1:], subjects[:2]
pd.Series({(subject.title, subject.training): subject.alpha for subject in subjects}, name="alpha in Table 1")

# %% [markdown]
# ## The curve that alpha is chosen from
#
# For each image we measure the difference between the masked images at every alpha. No forward pass is needed once the
# maps are there. The band is the 95 % interval over patients. Each resample of patients would choose its own alpha.

# %%
curves, bands_of, chosen = {}, {}, {}
for subject in shown:
    batches, title = subject.dataset.batches(batch_size), subject.title
    first_pass = evaluation.explain_all(subject.network, batches, paper_methods, batch_size, scheduler=scheduler)
    curves[title] = sensitivity.image_curves(batches, first_pass)
    resampling = Resampling(subject.dataset.groups, **sampling)
    bands_of[title], chosen[title] = alpha_study.curve_band(curves[title], resampling)
bands = pd.concat(bands_of, names=["data"]).reset_index(level=0)
pd.DataFrame(chosen, ["2.5 %", "median", "97.5 %"]).rename_axis("chosen alpha")

# %% [markdown]
# ## BAD along alpha
#
# BAD is measured from 5 % to 95 % in steps of 5, and at the alpha of Table 1. Each method's mean has an interval. So
# has their difference, paired over the same resamples of patients. Its p value is that of the test against 0. Where too
# few images differ (`means.enough_differ`) a difference has neither interval nor p, here and below.

# %%
ties = json.loads((results_folder / "03_table1.json").read_text())["parameters"]["ties"]
drops, along_of = {}, {}
for subject in shown:
    drops[subject.title] = sensitivity.along_alpha(
        subject.network, subject.pixels, subject.first_pass, subject.alphas, batch_size, ties, scheduler
    )
    resampling = Resampling(subject.few.groups, **sampling)
    along_of[subject.title] = alpha_study.along_table(drops[subject.title], subject.alphas, resampling)
along = pd.concat(along_of, names=["data"]).reset_index(level=0)
differences = along[along["quantity"] == alpha_study.DIFFERENCE]
differences.pivot(index="alpha", columns="data", values="BAD").round(4).fillna("")

# %% [markdown]
# ## Alpha chosen again in each resample
#
# Table 1's interval holds alpha fixed. Here each resample of patients chooses its own alpha, on its own curve. The
# difference is read at that alpha, interpolated between the measured ones. It uses those of the images above that were
# drawn. Next to it are the interval of these images at the fixed alpha, and Table 1's own interval over all of its
# images.

# %%
table1 = read_csv(results_folder / "table1.csv").query("score == 'relu' and method == 'Grad-CAM++'")
lines = []
for subject in shown:
    title, printed = subject.title, table1[table1["data"] == subject.data].iloc[0]
    line = {"data": title, "alpha_table1": subject.alpha, "table1_images": printed["n"]}
    line |= alpha_study.intervals_of_difference(subject, curves[title], chosen[title], drops[title], **sampling)
    lines.append(line | {f"table1_{end}": printed[f"BAD_minus_CAM_{end}"] for end in ("low", "high")})
intervals = pd.DataFrame(lines)
intervals.set_index("data").T

# %% [markdown]
# All of it in one figure. Two masks drawn at random differ most at alpha 0.5, whatever the methods. The dashed line
# shows their curve. In the right column two bars show the two intervals of the table above.

# %%
curves_figure = alpha_charts.draw_alpha(bands, along, intervals, banner)
display(curves_figure)

# %% [markdown]
# ## Other readings of the paper
#
# The paper leaves choices open. We measure AD and BAD under each. Alpha is chosen again each time, by the same rule.
# The choices are: hidden pixels grey instead of black, equal values kept, CAM clipped only after upsampling, bilinear
# upsampling, and the difference of masked images counted in pixels or in squares.

# %%
rows_of_readings = []
for subject in shown:
    by_choice = sensitivity.choices(
        subject.network, subject.pixels, subject.first_pass, subject.alpha, batch_size, scheduler
    )
    own_rows = alpha_study.rows_of_readings(by_choice, Resampling(subject.few.groups, **sampling))
    rows_of_readings += [{"data": subject.title} | row for row in own_rows]
readings = pd.DataFrame(rows_of_readings).sort_values(["data", "metric"], kind="stable")
readings.set_index(["data", "metric", "choice"]).round(4)

# %% [markdown]
# ## The first objection: opacity
#
# A map raised to a power ranks the pixels as before, so BAD stays the same. Only the contrast of the map changes. AD
# takes the map for opacity, so it is another number for each power.

# %%
exponents = [0.25, 0.5, 1.0, 2.0, 4.0]
powers, moved = {}, 0
for subject in subjects:
    powers[subject.title, subject.training], changed = objections.contrasts(
        subject.network, subject.pixels, subject.first_pass, exponents, subject.alpha, batch_size, scheduler
    )
    moved += changed
contrast_of = {}
for subject in shown:
    resampling = Resampling(subject.few.groups, **sampling)
    contrast_of[subject.title] = objections.contrast_table(powers[subject.title, 0], exponents, resampling)
contrast = pd.concat(contrast_of, names=["data"]).reset_index(level=0)
print(f"Pixels that BAD masks differently for any of the powers: {moved}")
contrast.pivot(index=["data", "method"], columns="exponent", values="AD").round(4)

# %% [markdown]
# ## The second objection: size
#
# We correlate the drop over images with the mean opacity of the map, and with the size of the object or lesion. The
# size is known from boxes or masks. Lesions are those of the test radiographs, or of another hospital. The paper
# expects a negative correlation with AD.

# %%
positives = radiographs[0].counted
if boxed_source:
    lesions = SOURCES[boxed_source].boxed(data_root, radiographs[0].network.image_size)
elif positives.read_mask:
    lesions = positives
else:
    raise ValueError("boxed_source is empty and the test radiographs have no masks: name a source of boxes.")
regions = lesions.regions()
sizes = pd.Series(regions.mean(axis=(1, 2)), index=lesions.ids)
where = boxed_source or "test radiographs"
print(f"{len(lesions)} lesions, {where}: {sizes.min():.2%} to {sizes.max():.2%} of the image")

# %% [markdown]
# Every training draws its own maps for the finding, and is measured at its own alpha. A lesion counts as touched if
# at least a quarter of it is in the tenth of the image that the map ranks highest.

# %%
lesion_rows, touches = {}, {}
batches, finding, each = lesions.batches(batch_size), np.ones(len(lesions), int), np.arange(len(lesions))
for subject in radiographs:
    network = subject.network
    first_pass = evaluation.explain_all(network, batches, paper_methods, batch_size, finding, scheduler)
    given = {"ids": lesions.ids, "first_pass": first_pass, "scheduler": scheduler}
    measured_rows = evaluation.evaluate(network, batches, paper_methods, subject.alpha, batch_size, **given)
    drawn = {method: first_pass.shown(method, lesions.size) for method in paper_methods}
    lesion_rows[subject.training] = measured_rows
    touches[subject.training] = {name: 100.0 * touched(maps, each, regions, 0.1)[0] for name, maps in drawn.items()}
small = sizes.rank(method="first").to_numpy() <= len(sizes) / 3
print(f"Percent of the {small.sum()} smallest lesions touched, a row for each training:")
pd.DataFrame({repeat: pd.DataFrame(by_method)[small].mean() for repeat, by_method in touches.items()}).T.round(1)

# %% [markdown]
# For each data set we correlate the rows of Table 1 with the opacity, and those of a known size with the size. The
# number is Spearman's correlation, the mean of that under CAM and that under Grad-CAM++.

# %%
general = subjects[0]
pairs = {(general, "opacity"): (general.rows, general.dataset, None)}
if general.dataset.read_mask or general.dataset.boxes:
    object_sizes = pd.Series(region_sizes(general.dataset, batch_size), index=general.dataset.ids)
    pairs[general, "size"] = (general.rows, general.dataset, object_sizes)
for subject in radiographs:
    pairs[subject, "opacity"] = (subject.rows, positives, None)
    pairs[subject, "size"] = (lesion_rows[subject.training], lesions, sizes)
lines_of_pairs, of_radiographs = [], {}
for (subject, feature), (rows_of_pair, those, known_sizes) in pairs.items():
    resampling = Resampling(those.groups, **sampling)
    for metric in ("AD", "BAD"):
        one = objections.correlation_with_drop(rows_of_pair, metric, those.ids, resampling, known_sizes)
        low, high = np.nanpercentile(one.samples, [2.5, 97.5])
        names = {"data": subject.title, "feature": feature, "training": subject.training, "metric": metric}
        value = {"correlation": one.value, "low": low, "high": high, "images": len(those)}
        lines_of_pairs.append(names | value)
        if subject is not general:
            of_radiographs.setdefault(f"{metric}_{feature}", []).append(one)
correlations = pd.DataFrame(lines_of_pairs)
correlations.round(3)

# %% [markdown]
# One figure has both objections. Every training of the radiograph classifier has its own line.

# %%
objections_figure = alpha_charts.draw_objections(contrast, correlations, banner)
display(objections_figure)

# %% [markdown]
# ## What this says of the paper's claims
#
# The measurements go over all trainings of the radiograph classifier.

# %%
sources = {"opacity": radiographs[0].source, "size": where}
measured = {
    claim: objections.measured_correlation(by_training, sources[claim.split("_")[1]])
    for claim, by_training in of_radiographs.items()
}
effects = [objections.contrast_effect(powers[subject.title, subject.training]) for subject in radiographs]
resampling = Resampling(radiographs[0].few.groups, **sampling)
measured["AD_contrast"] = objections.measured_difference(effects, resampling, radiographs[0].source)
more_touched = [by_method["Grad-CAM++"][small] - by_method["CAM"][small] for by_method in touches.values()]
resampling = Resampling(lesions.groups[small], **sampling)
measured["small_lesions"] = objections.measured_difference(more_touched, resampling, where)
pd.DataFrame({claim: one.estimate._asdict() for claim, one in measured.items()}).T

# %% [markdown]
# ## In a sentence

# %%
for of_data in lines:
    print(alpha_study.ranking_sentence(differences[differences["data"] == of_data["data"]], of_data))
for (data, method), part in contrast.groupby(["data", "method"], sort=False):
    print(f"{data}: contrast alone moves AD of {method} from {part['AD'].min():.4f} to {part['AD'].max():.4f}.")

# %% [markdown]
# The figures, the numbers behind them, and where they come from.

# %%
tables = {"alpha_curve": bands, "alpha_bad": along, "alpha_anew": intervals, "alpha_choices": readings}
tables |= {"alpha_contrast": contrast, "alpha_correlation": correlations}
outputs = figures.save_figure(curves_figure, results_folder / "alpha")
outputs += figures.save_figure(objections_figure, results_folder / "alpha_objections")
outputs += [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
outputs.append(claims.write_measured("04_alpha", measured, results_folder, profile))
inputs = {file: build_folder / file for subject in subjects for file in subject.files}
inputs |= {"table1.csv": results_folder / "table1.csv"}
images = {"lesions": lesions, "general images": general.few, "radiographs": radiographs[0].few}
inputs |= {name: dataset_checksum(part) for name, part in images.items()}
record = provenance.write_record("04_alpha", outputs, inputs, globals(), results_folder, started)
record["outputs"]
