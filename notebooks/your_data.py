# %% [markdown]
# # Your model, your images: which heat map?
#
# This page needs a classifier of Keras or PyTorch and a folder of images, and no pixel labels. CAM, Grad-CAM,
# Grad-CAM++ and their relatives are drawn. Average Drop and Black Average Drop say how much of the class score survives
# in what each map points at. The page ends in a recommendation, or in the sentence that these images do not tell the
# methods apart.
#
# **This is no clinical evidence.** A method that is ahead here keeps more of what *this network* uses on *these
# images*. It does not show that its map helps a diagnosis.

# %% [markdown]
# ## Parameters
#
# `make choose MODEL=model.keras DATA=folder` sets the first two. The images are in one sub-folder for each class, or
# flat. A `labels.csv` with the columns `image`, `label` and `patient` may say what is known of them.

# %% tags=["parameters"]
model = "../build/demo/radiographs_relu_0.keras"
code = ""  # a Python file with layers of the model: it runs as a program with your rights
maps = ""  # a folder of maps that others made, .npy or .png named like the images, in a sub-folder for each set
images = ""  # a folder; empty: sixty phantoms, written as files first
labels = ""  # a CSV; empty: labels.csv in the folder, if there is one
class_names = []  # in the order of the model's outputs; empty: as the model's file has them, if it does
preprocessing = ""  # empty: the model rescales pixels by itself; or "0..1", "imagenet", a keras.applications name
activation = ""  # "softmax", "sigmoid" or "relu", where the model ends in logits
image_size = []  # (height, width) in pixels, or one number for both, where the model takes images of any size
layer = ""  # the name of the layer whose feature maps are explained; empty: the last
reshape = []  # (rows, columns) of the patches among the tokens of a transformer, where their order cannot be found
output = ""  # the name of the output that is explained, where the model has several
held = {}  # values of the model's inputs other than the image, by name, such as {"age": 60}
window = "full"  # of grey values of more than 8 bits; or "minmax", "percentile": each image stretched by itself
precision = "float32"  # on a GPU mixed_float16 is faster, but moves each drop a little, mixed_bfloat16 more
methods = []  # names in cams.METHODS, next to the paper's three; empty: all of them
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
from black_average_drop.artifact import choose_settings, provenance
from black_average_drop.choice import answers_and_maps, class_labels, preprocessing_doubts, ranking, recommendation
from black_average_drop.datasets import appearance, folder, phantoms
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import replacing, write_csv
from black_average_drop.model_files import formats
from black_average_drop.statistics import Resampling
from black_average_drop.trust import localization

set_matplotlib_formats("png")
pd.set_option("display.max_colwidth", None)  # a remedy stands at the end of a sentence
started = datetime.datetime.now()

# %% [markdown]
# ## The model
#
# It is cut at its last feature maps: those of a CNN, or the tokens of a transformer. Behind global average pooling and
# affine layers all maps have a closed form. Any other head is differentiated. CAM and Ablation-CAM are then lost, since
# they need the weights of such a head.
#
# Maps explain a logit. A single sigmoid output S has one logit, which is read as two opposite ones, (-S/2, S/2). A
# softmax head may have the same probabilities and other logits. Then its maps differ, and so may the recommendation.

# %%
networks.make_deterministic(seed)
results_folder = Path(results)
loaded, stored = networks.open_model(model, code)
of_model = {"activation": activation, "layer": layer, "output": output, "held": held}
of_model["image_size"] = tuple(choose_settings.height_and_width(image_size))
of_model["reshape"] = tuple(choose_settings.rows_and_columns(reshape))
settings = {name: value for name, value in of_model.items() if value} | {"precision": precision}
network = networks.network_of(loaded, preprocessing, **settings)
head = "pooling and affine layers" if network.head_weights is not None else "a head of another kind, differentiated"
facts = {"model": Path(model).name, "feature maps": f"layer {network.layer}", "head": head}
facts |= {"computed in": precision, "score": network.activation, "classes": network.classes}
facts |= {"images": f"{network.image_size[0]} x {network.image_size[1]}"}
display(pd.Series(facts).to_frame(""))
Markdown(network.notice)

# %% [markdown]
# ## The images
#
# The images are shown as they are read: the whole image, stretched to the size that the network takes. Grey images of
# more than 8 bits are shown over all values that their bits allow. DICOM files are shown through their own window where
# they have one. `window` stretches each of them instead, DICOM files of 8 bits too. A picture of one grey value alone
# is blank and left out.

# %%
place = images or str(results_folder / "phantoms")
if not images:
    folder.save_images(phantoms.radiographs(60, seed=seed + 1, size=network.image_size[0]), place)
whole = folder.load(place, network.image_size, labels=labels or None, class_names=class_names, window=window)
total, passed_over = len(whole), folder.left_out(place, whole)
drawn = whole.subset(folder.drawn_rows(total, most_images, seed))
appearances = appearance.shown(place, drawn, window)
dataset = appearance.not_blank(drawn, appearances)
taken = dataset_checksum(dataset)
first = dataset.subset(np.unique(np.linspace(0, len(dataset) - 1, 8).astype(int)))
titles, replaced = lettering.in_picture(first.ids, "image")
sheet = figures.contact_sheet(first.images(), titles)
display(sheet)
for new, name in replaced.items():
    print(f"{new}: {name}")

# %% [markdown]
# The images are counted. Names of sub-folders are labels only if they are names of the model's outputs, by its file or
# by `class_names`. Otherwise they may be patients. Images of one patient are alike. Without a column `patient` every
# file counts as a patient of its own. If that is not so, the intervals below are too narrow.

# %%
counted = {"images in the folder": total, "taken": len(dataset), "patients": len(np.unique(dataset.groups))}
counted["files passed over"] = len(passed_over)
counted["blank, left out"] = (appearances["filled"] == 0).sum()
counted |= {f"shown: {how}": number for how, number in appearances["shown"].value_counts().items()}
named = class_names or stored.class_names
known = class_labels.known_labels(dataset, network.classes, named)
names = class_labels.output_names(dataset, network.classes, named)
counted["without a label"] = len(dataset) if known is None else 0
if known is not None:
    counted |= {f"label {name}": (known == number).sum() for number, name in enumerate(names) if number in known}
sorted_by = known is None and (dataset.labels != folder.UNLABELLED).any()
notice = class_labels.left_aside(dataset, network.classes) if sorted_by else ""
folder.check_patients(dataset.groups)
if notice:
    print(notice)
pd.Series(counted).to_frame("")

# %% [markdown]
# These images use less than a quarter of the range from black to white, or none of it:

# %%
appearances[appearances["filled"] < appearance.LEAST_FILLED].round(3)

# %% [markdown]
# These files are passed over. They are of another kind, in a deeper folder, not named in the CSV, or links that lead
# nowhere.

# %%
pd.DataFrame({"passed over": passed_over})

# %% [markdown]
# ## Does the model understand these images?
#
# A network that expects other pixels still answers. But its answers are much the same to every image, surer than
# training makes them, or as if by chance. Its first BatchNorm also keeps the statistics of its training. Here are its
# answers on up to 100 images under the usual ways of preprocessing (the columns:
# `preprocessing_doubts.try_preprocessings`).

# %%
few = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:100])
labels_of_few = None if known is None else known[few]
tried = preprocessing_doubts.try_preprocessings(loaded, dataset.images(few), labels_of_few, preprocessing, **settings)
doubts = list(preprocessing_doubts.doubts_about_answers(tried, preprocessing).values())
tried.round(3)

# %% [markdown]
# Reasons to doubt that this model and these images belong together:

# %%
doubts += appearance.doubts(appearances)
Markdown("\n".join(f"- **{doubt}**" for doubt in doubts) or "Nothing was noticed.")

# %% [markdown]
# ## The maps
#
# The class of the label is explained. Without labels it is the class that the network predicts. Grad-CAM++ needs
# feature maps that are nowhere negative. The negative part of others is given as a share of the sum of absolute values.

# %%
asked = [*cams.PAPER_METHODS, *(name for name in methods or cams.METHODS if name not in cams.PAPER_METHODS)]
logits, chosen, unfit = answers_and_maps.first_look(network, dataset, cams.chosen(asked), batch_size)
classes = logits.argmax(axis=1) if known is None else known
first_pass = evaluation.explain_all(network, dataset.batches(batch_size), chosen, batch_size, classes, scheduler)
told = alpha > 0 or np.max(first_pass.curve) > 0  # the curve is flat where the paper's methods draw no two maps
share = alpha or (masks.select_alpha(first_pass.curve) if told else answers_and_maps.ALPHA)
distinct = first_pass.distinct
negative = first_pass.negative_share if cams.POSITIVE_PART in chosen else 0
in_row = {cams.POSITIVE_PART: {"negative part": f"{100 * negative:.3g} %"}} if negative else {}
fates = [{"method": name, "same map as": first_pass.same_as.get(name, "")} | in_row.get(name, {}) for name in chosen]
fates += [{"method": name, "left out": reason} for name, reason in unfit.items()]
print(f"alpha: BAD keeps {100 * share:.1f} % of the pixels" + ("" if told else ", since the maps do not differ"))
pd.DataFrame(fates).fillna("")

# %% [markdown]
# ## The scores
#
# Seven control maps know nothing of what the image shows. A method that does no better than one of them is not
# recommended.

# %%
given = {"ids": dataset.ids, "groups": dataset.groups, "controls": controls.CONTROLS, "seed": seed}
given |= {"scheduler": scheduler}
batches = dataset.batches(batch_size)
rows = evaluation.evaluate(network, batches, chosen, share, batch_size, first_pass=first_pass, **given)
rows = rows[rows["same_map_as"] == ""]
resampling, tables, pairs, sentences = Resampling(dataset.groups, resamples, seed), {}, {}, {}
for metric in ("BAD", "AD"):
    drops = rows[rows["metric"] == metric].pivot(index="id", columns="method", values="drop")
    drops = drops.loc[dataset.ids, distinct + list(controls.CONTROLS)]
    tables[metric] = ranking.rank_maps(drops, controls.CONTROLS, resampling).assign(metric=metric)
    pairs[metric] = ranking.comparisons(drops, controls.CONTROLS, resampling).assign(metric=metric)
    sentences[metric] = recommendation.recommend(metric, tables[metric], pairs[metric], first_pass.same_as)
ranked = pd.concat(tables.values(), ignore_index=True)
left_out = int((first_pass.scores["score"] <= 0).sum())
print(f"Images left out because the score of the explained class is 0: {left_out} of {len(dataset)}")

# %% [markdown]
# The smaller the drop, the more of the score survives in what the map points at. Intervals are 95 %, over patients.

# %%
ranking_figure = charts.ranking(ranked)
display(ranking_figure)
ranked.round(4)

# %% [markdown]
# Which differences between methods does the test find, after Holm's correction for all pairs with a method in them?
# Where too few images differ (`statistics.enough_differ`) there is no interval and no p:

# %%
differences = pd.concat(pairs.values(), ignore_index=True)
differences[differences["first"].isin(distinct) & differences["second"].isin(distinct)].round(4)

# %% [markdown]
# ## Recommendation
#
# The first sentence is by BAD, the next by AD. Then follows what `09_verdict` measured of both, where lesions are
# known. Read that before you conclude anything.

# %%
warning = " ".join(["**Doubtful:**", *doubts, "\n\n"]) if doubts else ""
said = [notice, f"**{sentences['BAD']}**", sentences["AD"]]
said += ["" if told else recommendation.alpha_not_chosen(share), recommendation.negative_part(negative)]
said += [network.notice, recommendation.blanks({name: first_pass.maps[name] for name in distinct}, classes, names)]
advice = warning + "".join(f"{part}\n\n" for part in said if part)
advice += f"{len(dataset)} images of {counted['patients']} patients, {left_out} left out for a score of 0. "
advice += "This is no clinical evidence. " + recommendation.verdict_of_trust()
with replacing(results_folder / "recommendation.md") as partial:
    partial.write_text(advice + "\n", encoding="utf-8")
Markdown(advice)

# %% [markdown]
# ## Where the methods differ most
#
# On these images the masked images of the methods have least in common.

# %%
apart = answers_and_maps.disagreement(dataset, {name: first_pass.maps[name] for name in distinct}, share, batch_size)
gallery_rows, shown = [], np.argsort(-apart, kind="stable")[:6]
titles, replaced = lettering.in_picture([Path(dataset.ids[one]).name for one in shown], "image")
of_class, further = lettering.in_picture(names, "output")
for one, title in zip(shown, titles, strict=True):
    drawn_here = {name: first_pass.shown(name, network.image_size, [one])[0] for name in distinct}
    title += f"\n{of_class[classes[one]]}\n{100 * apart[one]:.0f} % apart"
    gallery_rows.append(figures.Row(title, dataset.images([one])[0], drawn_here, share))
gallery = figures.figure1(gallery_rows, distinct, colour_map=colour_map)
display(gallery)
for new, name in (replaced | further).items():
    print(f"{new}: {name}")

# %% [markdown]
# Everything as CSV, and where it comes from. Nothing is written if the model or an image is no longer what was read
# above.

# %%
outputs = [results_folder / "recommendation.md", *figures.save_figure(sheet, results_folder / "images")]
outputs += figures.save_figure(ranking_figure, results_folder / "ranking")
outputs += figures.save_figure(gallery, results_folder / "gallery")
shares = {name: localization.blank(np.maximum(first_pass.maps[name], 0)) for name in distinct}
patients = np.unique(dataset.groups, return_inverse=True)[1]  # by number: their IDs are nobody's business
by_image = pd.DataFrame({"id": dataset.ids, "patient": patients, "explained": classes, "apart": apart})
by_image = by_image.assign(**first_pass.scores, **{f"blank {name}": blank for name, blank in shares.items()})
tables = {"images": by_image, "scores": rows, "ranking": ranked, "differences": differences, "preprocessing": tried}
tables |= {"shown": appearances}
outputs += [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
read = [*formats.files_of(model), *([Path(code)] if code else [])]
inputs = {one.name: one for one in read}
inputs["images"] = (taken, dataset_checksum(dataset))
record = provenance.write_record("your_data", outputs, inputs, globals(), results_folder, started)
record["outputs"]
