# %% [markdown]
# # Your model, your images: which heat map?
#
# This page needs a classifier of Keras or PyTorch and a folder of images, and no pixel labels. Average Drop and Black
# Average Drop say how much of the class score survives in what CAM, Grad-CAM, Grad-CAM++ and others point at.
#
# **This is no clinical evidence.** A method that is ahead here keeps more of what *this network* uses on *these
# images*. It does not show that its map helps a diagnosis.

# %% [markdown]
# ## Parameters
#
# `make choose MODEL=model.keras DATA=folder` sets `model` and `images`. `MAPS` and `LESIONS` set what they are called
# after, and `SET="name=value"` any other. `docs/your-model.md` and `docs/your-images.md` say when you need them.

# %% tags=["parameters"]
model = "../build/demo/radiographs_relu_0.keras"
code = ""  # a Python file with layers of the model: it runs as a program with your rights
maps = ""  # a folder of maps that others made, .npy or .png named like the images, in a sub-folder for each set
lesions = ""  # boxes or masks of what is to be found: a CSV, a JSON or a folder of PNG
images = ""  # a folder; empty: sixty phantoms, written as files first
labels = ""  # a table; empty: labels.csv in the folder, if there is one
layout = ""  # what each level of folders is, such as "patient/study" or "split/class"; empty: found out
split = "test"  # where folders are train, validation and test; or "all"
patients = ""  # a pattern that finds the patient in each path, such as "(person\\d+)"
frame = ""  # of files with several: "first", "middle", "all", or a number from 0 as text; empty: they cannot be read
unreadable = "stop"  # where a file cannot be read; or "leave out"
names = "hidden"  # of files and folders; or "shown"
class_names = []  # in the order of the model's outputs; empty: as the model's file has them, if it does
preprocessing = ""  # empty: the model rescales pixels by itself; or "0..1", "imagenet", a keras.applications name
activation = ""  # "softmax", "sigmoid" or "relu", where the model ends in logits
image_size = []  # (height, width) in pixels, or one number for both, where the model takes images of any size
layer = ""  # the name of the layer whose feature maps are explained; empty: the last
reshape = []  # (rows, columns) of the patches among the tokens of a transformer, where their order cannot be found
output = ""  # the name of the output that is explained, where the model has several
held = {}  # values of the model's inputs other than the image, by name, such as {"age": 60}
fit = "stretch"  # to the shape that the network takes; or "crop", "pad", "imagenet": as the model was trained
window = "full"  # of grey values of more than 8 bits; or "minmax", "percentile", or centre and width: "40/400"
precision = "float32"  # on a GPU mixed_float16 is faster, but moves each drop a little, mixed_bfloat16 more
findings = []  # the outputs that are explained, where they are present; empty: all of them
thresholds = {}  # of a model of several findings: the score above which one counts as there, such as {"Edema": 0.3}
methods = []  # in cams.METHODS or cams.ON_REQUEST, next to the paper's three; empty: all of cams.METHODS
margin = 0.02  # of the score: methods whose mean drops differ by less are practically as good as each other
alpha = 0.0  # the share of pixels that BAD keeps; 0: where the methods' masked images differ most
most_images = 500  # drawn at random, if there are more
colour_map = "heat"  # "jet" has the paper's look, but no order in greyscale or for colour-blind readers
batch_size = 32
resamples = 2000  # of the bootstrap over patients
seed = 0
profile = "your data"
scheduler = ""  # the address of a Dask scheduler, whose workers then evaluate; empty: this machine
results = "../build/choose/example"

# %% [markdown]
# Everything that computes is in the package.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, charts, controls, evaluation, figures, lettering, masks, networks
from black_average_drop.artifact import choose_settings, provenance, versions
from black_average_drop.choice import answers_and_maps, galleries, inputs, known_lesions, remarks, report, selection
from black_average_drop.choice.cost import announce
from black_average_drop.choice.methods_text import methods_text
from black_average_drop.choice.preprocessing_doubts import doubts_about_answers, try_preprocessings
from black_average_drop.choice.ranking import EVERY, among, answers_by_metric, rank_by_metric, tables_of_answers
from black_average_drop.choice.recommendation import recommend, table_of_findings, verdict_of_trust
from black_average_drop.choice.robustness import changes_in_words, measure_changes
from black_average_drop.choice.user_images import forget, read_images
from black_average_drop.datasets import appearance, folder, phantoms
from black_average_drop.datasets.maps import map_files
from black_average_drop.statistics.patients import Resampling

set_matplotlib_formats("png")
pd.set_option("display.max_colwidth", None)  # a remedy stands at the end of a sentence
started = datetime.datetime.now()

# %% [markdown]
# ## The model
#
# It is cut at its last feature maps: those of a CNN, or the tokens of a transformer. CAM and Ablation-CAM need the
# weights of a head of global average pooling and affine layers. Any other head is differentiated. A single sigmoid
# output S is read as two opposite logits, (-S/2, S/2). A softmax head may have other logits, and so other maps.

# %%
networks.make_deterministic(seed)
results_folder = Path(results)
loaded, stored = networks.open_model(model, code)
settings = choose_settings.of_model(globals())
network = networks.network_of(loaded, preprocessing, **settings)
facts = answers_and_maps.facts_of(network, model, precision)
display(facts.to_frame(""))
Markdown(network.notice)

# %% [markdown]
# ## The images
#
# Each level of folders is taken for this. `layout` overrules it.

# %%
place = images or str(results_folder / "phantoms")
if not images:
    folder.save_images(phantoms.radiographs(60, seed=seed + 1, size=network.image_size[0]), place)
how = choose_settings.of_images(globals()) | {"outputs": stored.class_names, "lesions": lesions}
images_read = read_images(place, network.image_size, results_folder, **how)
dataset, appearances = images_read.dataset, images_read.appearances
images_read.listing.levels

# %% [markdown]
# The images as the network sees them. Grey images of more than 8 bits are shown over all values that their bits allow,
# DICOM files through their own window where they have one. A picture of one grey value alone is blank and left out.

# %%
first = dataset.subset(np.unique(np.linspace(0, len(dataset) - 1, 8).astype(int)))
titles, replaced = lettering.in_picture(first.ids, "image")
sheet = figures.contact_sheet(first.images(), titles)
display(sheet)
print(lettering.legend(replaced))

# %% [markdown]
# So many images are taken. Names of sub-folders are labels only if they are names of the model's outputs. Where nothing
# says whose an image is, it counts as a patient of its own: if it is not, the intervals below are too narrow. Then come
# images that use less than a quarter of the range from black to white, and files that are passed over.

# %%
known = selection.read_labels(network, images_read.named, class_names or stored.class_names)
outputs, states = known.names, known.states
print("\n".join(filter(None, [known.notice, *images_read.notes])))
display(selection.count_images(dataset, appearances, states, outputs).to_frame(""))
dark, passed_over = appearances[appearances["filled"] < appearance.LEAST_FILLED], images_read.listing.passed_over
display(dark.round(3) if len(dark) else Markdown("No image uses less than a quarter of the range."))
passed_over if len(passed_over) else Markdown("No file is passed over.")

# %% [markdown]
# ## Does the model understand these images?
#
# A network that expects other pixels still answers, but much the same to every image, surer than training makes it, or
# as if by chance. Here are its answers on up to 100 images under the usual ways of preprocessing (the columns:
# `try_preprocessings`). Below are reasons to doubt that model and images belong together.

# %%
few = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:100])
states_of_few = None if states is None else states[few]
tried = try_preprocessings(loaded, dataset.images(few), states_of_few, preprocessing, **settings)
display(tried.round(3))
doubts = list(doubts_about_answers(tried, preprocessing).values())
doubts += appearance.doubts(appearances) + appearance.doubts_about_shape(appearances, network.image_size, fit)
Markdown("\n".join(f"- **{doubt}**" for doubt in doubts) or "Nothing was noticed.")

# %% [markdown]
# ## What is explained
#
# The class of the label is explained, or without labels the class that the network predicts. A model of several
# findings has each one explained that is present by the labels, or without labels whose score is above the threshold.
# What is uncertain (-1) or not mentioned (blank) is not explained. So many images will go through the network.

# %%
asked = [*cams.PAPER_METHODS, *(name for name in methods or cams.METHODS if name not in cams.PAPER_METHODS)]
above = selection.thresholds_of(network, thresholds, outputs)
wanted = selection.numbers_of(findings, outputs)
logits, chosen, unfit = answers_and_maps.first_look(network, dataset, cams.chosen(asked), batch_size)
explained = selection.to_explain(network, logits, states, wanted, above)
studied, classes = dataset.subset(explained.rows), explained.classes
several = selection.several(network, states)
counts = selection.count(network, logits, states, explained, dataset.groups, outputs, above)
display(counts[counts["explained"] > 0] if network.classes > 40 else counts)
drawn = map_files.load(maps, images_read.named.subset(explained.rows), classes, outputs, fit) if maps else {}
checksum_of_maps = map_files.maps_checksum(drawn)
announce(network, studied, classes, chosen, drawn, controls.CONTROLS, batch_size)

# %% [markdown]
# ## The maps
#
# Grad-CAM++ needs feature maps that are nowhere negative. Of others the negative part is given, by absolute value.

# %%
first_pass = evaluation.explain_all(network, studied.batches(batch_size), chosen, batch_size, classes, scheduler)
told = alpha > 0 or np.max(first_pass.curve) > 0  # the curve is flat where the paper's methods draw no two maps
share = alpha or (masks.select_alpha(first_pass.curve) if told else answers_and_maps.ALPHA)
negative = first_pass.negative_share if cams.POSITIVE_PART in chosen else 0
print(f"alpha: BAD keeps {100 * share:.1f} % of the pixels" + ("" if told else ", since the maps do not differ"))

# %% [markdown]
# ## The scores
#
# Control maps know nothing of the image. Where one does as well as a method, the metric says little of where to point.

# %%
given = {"ids": studied.ids, "groups": studied.groups, "thresholds": above, "seed": seed, "scheduler": scheduler}
given |= {"controls": controls.CONTROLS, "drawn": drawn, "first_pass": first_pass}
rows = evaluation.evaluate(network, studied.batches(batch_size), chosen, share, batch_size, **given)
same_as = rows[rows["same_map_as"] != ""].groupby("method")["same_map_as"].first().to_dict()
rows = rows[rows["same_map_as"] == ""]
answers_and_maps.fates([*chosen, *drawn], same_as, unfit, negative)

# %% [markdown]
# The smaller the drop, the more of the score survives in what the map points at. Intervals are 95 %, over patients. An
# image with three findings counts three times. Last come differences, with p after Holm's correction.

# %%
resampling = Resampling(studied.groups, resamples, seed)
of_findings = np.array(outputs)[classes] if several else None
ranked, differences = rank_by_metric(rows, controls.CONTROLS, resampling, of_findings)
answers = answers_by_metric(rows, controls.CONTROLS, resampling, margin)
left_out = int((first_pass.scores["score"] <= 0).sum())
of_all = ranked[ranked["finding"] == EVERY]
ranking_figure = charts.ranking(of_all, drawn, margin)
findings_figure = charts.rankings_of_findings(ranked[ranked["metric"] == "BAD"], drawn)
print(f"Left out because the score of the explained class is 0: {left_out} of {len(studied)}")
display(ranking_figure, of_all.round(4))
display(findings_figure if ranked["finding"].nunique() > 1 else Markdown("There is one ranking alone."))
maps_compared = {name: one for name, one in (first_pass.maps | drawn).items() if name not in same_as}
among(differences, maps_compared).round(4)

# %% [markdown]
# ## May the metric be believed on these images?
#
# Known `lesions` tell. A map hits where its maximum lies inside the lesion. On pairs of methods that hits tell apart,
# the agreement of a metric is 1 if it orders all as hits do, and -1 if none. With controls it is high for any metric.

# %%
found = known_lesions.find(lesions, images_read, explained, outputs, fit)
judged = known_lesions.judge(found, maps_compared, rows, of_all, resampling, batch_size)
judged_figure = charts.hits_and_agreement(judged.points, judged.agreements, drawn) if len(judged.points) else None
display(judged_figure or Markdown(judged.said), judged.in_short(), judged.agreements.round(3))

# %% [markdown]
# ## Would the answer survive small changes?
#
# On up to 200 images the methods that may be taken are measured again, next to the nearest of the others.

# %%
how_again = {"seed": seed, "batch_size": batch_size, "scheduler": scheduler}
changed = measure_changes(network, studied, images_read.resized, chosen, drawn, first_pass, rows, answers, **how_again)
changed.round(4)

# %% [markdown]
# ## Where the methods differ most
#
# On these images the masked images of the methods have least in common.

# %%
apart = answers_and_maps.disagreement(studied, maps_compared, share, batch_size)
drawing, titled = galleries.most_apart(studied, maps_compared, classes, outputs, apart, share, colour_map, drawn)
display(drawing)
print(lettering.legend(titled))

# %% [markdown]
# ## The report
#
# Any method within the margin of the best may be taken. `make choose` makes a page and a PDF of it.

# %%
blank = answers_and_maps.blank_maps(maps_compared, batch_size)
said = {metric: recommend(metric, answer, same_as) for metric, answer in answers.items()}
best = of_all[(of_all["metric"] == "BAD") & ~of_all["control"]]["map"].iloc[0]
how_drawn = {"name": best, "alpha": share, "colour_map": colour_map, "seed": seed}
examples, under = galleries.draw_examples(studied, maps_compared[best], classes, outputs, **how_drawn)
counted = remarks.counts_in_words(studied, several)
setup = {"chosen": told and not alpha, "margin": margin, "resamples": resamples, "seed": seed}
setup["versions"] = versions.programs()
by_finding = table_of_findings(rows, of_findings, ranked, counts, resampling, margin)
of_maps = ["" if told else remarks.alpha_not_chosen(share), remarks.negative_part(negative), network.notice]
sections = {
    "Six images": [report.figure("examples"), remarks.names_in_figures(under)],
    "How often maps were blank": [remarks.blanks(blank, classes, outputs)],
    "What was doubted": ["See above." if doubts else "Nothing speaks against model and images."],
    "What would change the answer": [changes_in_words(changed), report.parts_of(said, "needed", "unseen")],
    "What stands behind it": [report.parts_of(said, "worse", "controls")],
    "Each finding by itself": [by_finding, report.figure("findings", by_finding)],
    "May the metrics be believed?": [judged.said, report.figure("lesions", judged_figure), verdict_of_trust()],
    "Maps": [*of_maps, remarks.of_others(drawn), remarks.fewer_kept(rows, maps_compared)],
    "Images": [known.notice, *images_read.notes],
    "For the methods section of a paper": [methods_text(facts, counted, maps_compared, share, **setup)],
}
advice = report.put_together(Path(model).name, doubts, said, counted, left_out, share, sections)
Markdown(advice)

# %% [markdown]
# Everything as CSV, and where it comes from. Nothing is written if the model or an image has changed meanwhile.

# %%
pictures = {"images": sheet, "ranking": ranking_figure, "findings": findings_figure, "gallery": drawing}
pictures |= {"examples": examples} | ({"lesions": judged_figure} if judged_figure else {})
tables = {"images": answers_and_maps.by_image(studied, first_pass, outputs, apart, blank), "findings": counts}
tables |= {"scores": rows, "ranking": ranked, "differences": differences, "preprocessing": tried, "shown": appearances}
tables |= {"lesions": judged.points, "agreement": judged.agreements} if judged_figure else {}
tables |= tables_of_answers(answers) | {"changes": changed}
made = report.write_all(results_folder, advice, pictures, tables, profile)
read = inputs.inputs_of(model, code, images_read, drawn, checksum_of_maps, found, lesions)
recorded = choose_settings.recorded(globals())
forget(results_folder)
provenance.write_record("your_data", made, read, recorded, results_folder, started)["outputs"]
