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
# The first half measures and writes rows. The second half concludes from these.

# %%
import datetime
import json
from pathlib import Path

import pandas as pd

from black_average_drop import cams, controls, evaluation, networks, rows
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.paper import alpha_rows, preparations, rows_of_table1, sensitivity, subjects
from black_average_drop.trust.localization import region_sizes, touched

# %% [markdown]
# Where files lie, and how equal values are kept in Table 1.

# %%
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)
ties = json.loads((results_folder / "03_table1.json").read_text())["parameters"]["ties"]
measured = {}  # the row files

# %% [markdown]
# ## The classifiers and their test images
#
# The radiograph classifier comes in several trainings. The first one is shown, and the others say how far it speaks for
# them. Where many masked images are needed, at most `most_images` images of each data set are used. The radiographs are
# those labelled pneumonia, which Table 1 puts first.

# %%
table1_rows = rows_of_table1.read_table1_rows(results_folder)
repeats = [None, *table1_rows.query("data == 'radiographs'")["training"].unique()]
loaded = [subjects.load_subject(build_folder, data_root, table1_rows, repeat) for repeat in repeats]
classifiers = [subject.sampled(most_images, seed, batch_size, scheduler) for subject in loaded]
radiographs, shown = classifiers[1:], classifiers[:2]
pd.Series({(subject.title, subject.training): subject.alpha for subject in classifiers}, name="alpha in Table 1")

# %% [markdown]
# ## The curve that alpha is chosen from
#
# For each image we measure the difference between the masked images at every alpha. No forward pass is needed once the
# maps are there. The rows hold the curves at every percent. The size of the object is known from boxes or masks.

# %%
curve_parts = []
for subject in shown:
    batches, methods = subject.dataset.batches(batch_size), cams.chosen(cams.PAPER_METHODS)
    all_maps = evaluation.explain_all(subject.network, batches, methods, batch_size, scheduler=scheduler)
    sizes = region_sizes(subject.dataset, batch_size) if subject.has_objects else None
    curve_parts.append(alpha_rows.curve_rows(subject, sensitivity.image_curves(batches, all_maps), sizes))
measured["alpha_curves"] = pd.concat(curve_parts)

# %% [markdown]
# ## BAD along alpha
#
# BAD is measured from 5 % to 95 % in steps of 5, and at the alpha of Table 1.

# %%
drop_parts = []
for subject in shown:
    network, pixels, first_pass = subject.network, subject.pixels, subject.first_pass
    drops = sensitivity.along_alpha(network, pixels, first_pass, subject.alphas, batch_size, ties, scheduler)
    drop_parts.append(alpha_rows.rows_along_alpha(subject, drops))
measured["alpha_drops"] = pd.concat(drop_parts)

# %% [markdown]
# ## Other readings of the paper
#
# The paper leaves choices open. We measure AD and BAD under each. Alpha is chosen again each time, by the same rule.
# The choices are: hidden pixels grey instead of black, equal values kept, CAM clipped only after upsampling, bilinear
# upsampling, and the difference of masked images counted in pixels or in squares.

# %%
reading_parts = []
for subject in shown:
    network, pixels, first_pass = subject.network, subject.pixels, subject.first_pass
    by_choice = sensitivity.choices(network, pixels, first_pass, subject.alpha, batch_size, scheduler)
    reading_parts.append(alpha_rows.rows_of_choices(subject, by_choice))
measured["alpha_readings"] = pd.concat(reading_parts)

# %% [markdown]
# ## The same images, prepared in other ways
#
# Programs differ in how they bring an image to the size that a network takes. We read the same files with another crop
# or filter, pass them through JPEG, and add noise. The class stays, the maps are drawn again, and so is alpha chosen.

# %%
prepared_parts = []
for subject in shown:
    classes = subject.first_pass.classes
    given = {"fallback": subject.alpha, "seed": seed, "batch_size": batch_size, "ties": ties, "scheduler": scheduler}
    by_preparation = preparations.drops_of_preparations(subject.network, subject.few, classes, **given)
    prepared_parts.append(alpha_rows.rows_of_preparations(subject, by_preparation))
measured["alpha_preparations"] = pd.concat(prepared_parts)

# %% [markdown]
# ## The first objection: opacity
#
# A map raised to a power ranks the pixels as before, so BAD stays the same. Only the contrast of the map changes. AD
# takes the map for opacity, so it is another number for each power.

# %%
exponents, contrast_parts, moved = [0.25, 0.5, 1.0, 2.0, 4.0], [], 0
for subject in classifiers:
    network, pixels, first_pass, alpha = subject.network, subject.pixels, subject.first_pass, subject.alpha
    powers, changed = sensitivity.contrasts(network, pixels, first_pass, exponents, alpha, batch_size, scheduler)
    contrast_parts.append(alpha_rows.rows_of_contrasts(subject, powers, exponents))
    moved += changed
measured["alpha_contrast"] = pd.concat(contrast_parts)
print(f"Pixels that BAD masks differently for any of the powers: {moved}")

# %% [markdown]
# ## The second objection: size
#
# The paper expects that AD depends on the size of the object or lesion. Lesions are those of the test radiographs, or
# of another hospital.

# %%
positives = radiographs[0].dataset.subset(radiographs[0].counted)
if boxed_source:
    lesions = SOURCES[boxed_source].boxed(data_root, radiographs[0].network.image_size)
elif positives.read_mask:
    lesions = positives
else:
    raise ValueError("boxed_source is empty and the test radiographs have no masks: name a source of boxes.")
regions = lesions.regions()
lesion_sizes = regions.mean(axis=(1, 2))
where = boxed_source or "test radiographs"
print(f"{len(lesions)} lesions, {where}: {lesion_sizes.min():.2%} to {lesion_sizes.max():.2%} of the image")

# %% [markdown]
# Every training draws its own maps for the finding, and is measured at its own alpha. A lesion counts as touched if
# at least a quarter of it is in the tenth of the image that the map ranks highest. Three further maps are controls: a
# bump in the middle, another patient's map, and Eigen-CAM, which does not know the class.

# %%
lesion_methods = cams.chosen([*alpha_rows.PAIR, "Eigen-CAM"])
lesion_controls = {name: controls.CONTROLS[name] for name in ("centre prior", "another image's map")}
batches, finding, each = lesions.batches(batch_size), [1] * len(lesions), range(len(lesions))
lesion_parts = []
for subject in radiographs:
    network = subject.network
    all_maps = evaluation.explain_all(network, batches, lesion_methods, batch_size, finding, scheduler)
    given = {"ids": lesions.ids, "first_pass": all_maps, "scheduler": scheduler}
    evaluated = evaluation.evaluate(network, batches, lesion_methods, subject.alpha, batch_size, **given)
    drawn = evaluation.control_maps(all_maps.maps, lesion_controls, lesions.groups, lesions.size, seed)
    upsampled = {name: evaluation.upsampled(maps, lesions.size) for name, maps in (all_maps.maps | drawn).items()}
    touches = {name: touched(maps, each, regions, 0.1)[0] for name, maps in upsampled.items()}
    lesion_parts.append(alpha_rows.rows_of_lesions(subject, lesions, lesion_sizes, evaluated, touches))
measured["alpha_lesions"] = pd.concat(lesion_parts)

# %% [markdown]
# The rows, and where they come from. From here on nothing is measured.

# %%
measured["alpha_subjects"] = alpha_rows.subject_rows(classifiers, where)
outputs = [rows.write_rows(table, name, results_folder, profile) for name, table in measured.items()]
inputs = {subject.file: build_folder / subject.file for subject in classifiers}
inputs |= {path.name: path for path in rows_of_table1.row_files(results_folder)}
images = {"lesions": lesions, "general images": shown[0].dataset, "radiographs": shown[1].dataset}
inputs |= {name: dataset_checksum(part) for name, part in images.items()}
record = provenance.write_record("04_alpha", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## What the rows say
#
# This half reads rows alone, and `make tables` runs it by itself. Intervals are over patients. Where too few patients
# differ, a difference has neither interval nor p.

# %%
from pathlib import Path

import pandas as pd
from IPython.display import display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import figure_files, rows, wording
from black_average_drop.artifact import provenance
from black_average_drop.files import read_csv, write_csv
from black_average_drop.paper import alpha_charts, alpha_claims, alpha_sentences, alpha_tables, claims, rows_of_table1

# %% [markdown]
# The first training of each data set is shown. Further trainings of the radiograph classifier come in below.

# %%
set_matplotlib_formats("png")  # figures made without pyplot are shown too
results_folder, banner = Path(results), wording.banner(profile)
sampling = {"resamples": resamples, "seed": seed}
names = ("subjects", "curves", "drops", "readings", "preparations", "contrast", "lesions")
read = {name: rows.read_rows(f"alpha_{name}", results_folder) for name in names}
table1 = read_csv(results_folder / "table1.csv").query("score == 'relu' and method == 'Grad-CAM++'")
correlations = alpha_tables.correlations(read, rows_of_table1.read_table1_rows(results_folder), sampling)
tables = alpha_tables.all_tables(read, correlations, table1, sampling)
read["subjects"]

# %% [markdown]
# Each resample of patients may choose its own alpha, on its own curve. The difference is read at that alpha,
# interpolated between the measured ones. Table 1's own interval holds alpha fixed, over all of its images.

# %%
tables["alpha_anew"].set_index("data").T

# %% [markdown]
# All of it in one figure. Two masks drawn at random differ most at alpha 0.5, whatever the methods. The dashed line
# shows their curve. In the right column two bars show two intervals: of Table 1, and of alpha chosen again.

# %%
curves_figure = alpha_charts.draw_alpha(tables["alpha_curve"], tables["alpha_bad"], tables["alpha_anew"], banner)
display(curves_figure)

# %% [markdown]
# The drops under other readings of the paper.

# %%
tables["alpha_choices"].set_index(["data", "metric", "choice"]).round(4)

# %% [markdown]
# The drops of images that were prepared in other ways, each at the alpha that it chooses. `moved` is how far that moves
# the mean of both methods. `difference` is what is between the methods.

# %%
tables["alpha_preparations"].set_index(["data", "metric", "preparation"]).round(4)

# %% [markdown]
# AD at each power of the map. The largest power minus the smallest is what contrast alone changes.

# %%
tables["alpha_contrast_differences"].round(4)

# %% [markdown]
# We correlate the drop with the mean opacity of the map, and with the size of the object or lesion. The number is
# Spearman's correlation, the mean of that under CAM and that under Grad-CAM++. One figure has both objections.

# %%
objections_figure = alpha_charts.draw_objections(tables["alpha_contrast"], tables["alpha_correlation"], banner)
display(objections_figure)

# %% [markdown]
# The percentage of the smallest third of the lesions that each map touches, mean over the trainings. The difference is
# that of Grad-CAM++ and the other map. Its interval is over patients and trainings, and Holm corrects for the maps.

# %%
tables["alpha_small_lesions"].round(3)

# %% [markdown]
# ## What this says of the paper's claims
#
# The measurements go over all trainings of the radiograph classifier.

# %%
measured_claims = alpha_claims.measured_claims(read, correlations, sampling)
pd.DataFrame({claim: one.estimate._asdict() for claim, one in measured_claims.items()}).T

# %% [markdown]
# ## In a sentence

# %%
dead = alpha_claims.dead_trainings(read["contrast"])
print("\n".join(alpha_sentences.closing_sentences(read["subjects"], tables, dead)))

# %% [markdown]
# The figures, the numbers behind them, and where they come from.

# %%
made = figure_files.save_figure(curves_figure, results_folder / "alpha")
made += figure_files.save_figure(objections_figure, results_folder / "alpha_objections")
made += [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
made.append(claims.write_measured("04_alpha", measured_claims, results_folder, profile))
paths = [rows.row_file(f"alpha_{name}", results_folder) for name in names]
paths += [*rows_of_table1.row_files(results_folder), results_folder / "table1.csv"]
inputs = {path.name: path for path in paths}
record = provenance.write_analysis("04_alpha", made, inputs, globals(), results_folder)
record["outputs"]
