# %% [markdown]
# # 8. Maps against the truth
#
# Where lesions or objects are known, maps can be judged without any metric. We ask whether they point at the lesion.
# This notebook draws the maps of every method for the images of `07_what_networks_use`. It adds seven control maps that
# know nothing of the finding. It says which methods draw the same map, where the maps point, and whether they find
# small lesions. `09_verdict` then judges the metrics by that.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
scheduler = ""  # the address of a Dask scheduler, whose workers then evaluate; empty: this machine
seed = 0
batch_size = 32
resamples = 2000  # of the bootstrap over patients
methods = []  # names in cams.METHODS, next to the paper's three; none: all but Grad-CAM++ of the positive part
curve_images = 100  # of each network, drawn at random, for the maps of shuffled networks

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, controls, evaluation, figure_files, figures, masks, networks, rows, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.trust import localization, randomization, wide
from black_average_drop.trust.bench import COUNTED, draw_maps, read_counted, write_maps

# %% [markdown]
# Where files lie.

# %%
set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The maps
#
# One forward pass gives the maps of all methods. Control maps follow. Methods that draw the same map are counted once.
# Alpha is chosen from the paper's three, for both folds of a data set together. Grad-CAM++ of the positive part is left
# out, since it is Grad-CAM++ wherever that can be drawn.

# %%
further = methods or [name for name in cams.METHODS if name != cams.POSITIVE_PART]
compared = cams.chosen([*cams.PAPER_METHODS, *(name for name in further if name not in cams.PAPER_METHODS)])
counted, passes = read_counted(build_folder, data_root), []
for bench in counted:
    batches, labels = bench.images.batches(batch_size), bench.images.labels
    passes.append(evaluation.explain_all(bench.network, batches, compared, batch_size, labels, scheduler))
benches = draw_maps(counted, passes, seed)
pd.concat([bench.named(pd.DataFrame({"images": [len(bench.images)], "alpha": bench.alpha})) for bench in benches])

# %% [markdown]
# The table shows which methods coincide. It has the largest difference between the maps of two methods, each clipped
# and scaled to the same peak. Behind global average pooling and one dense layer the gradient of a logit is the same at
# every position, w / z. Grad-CAM, XGrad-CAM and HiRes-CAM weigh or multiply by it. So they are all CAM without its
# negative part. Positive gradients, Layer-CAM and Grad-CAM++ with normalised alpha are CAM without its negative
# weights. Ablation-CAM weighs by w F instead, and Eigen-CAM does not know the class.

# %%
coinciding = []
for bench in benches:
    of_method = bench.first_pass.maps
    for method, drawn in of_method.items():
        first = bench.first_pass.same_as.get(method, method)
        apart = np.abs(masks.scaled_to_peak(drawn) - masks.scaled_to_peak(of_method[first])).max()
        blank = localization.blank(np.maximum(drawn, 0)).mean()
        facts = {"method": [method], "same map as": first, "difference": apart, "blank": blank}
        coinciding.append(bench.named(pd.DataFrame(facts)))
same = pd.concat(coinciding, ignore_index=True)
same.pivot(index="method", columns=["data", "fold", "training"], values=["same map as", "difference"])

# %% [markdown]
# The maps of one image of each data set. A dashed line encloses the lesion or the object. A white line encloses the
# pixels that BAD keeps.

# %%
candidates = ["CAM", "Grad-CAM++", "Eigen-CAM", "inverted Grad-CAM", "another image's map"]
shown = [name for name in candidates if all(name in bench.maps for bench in benches)]
gallery_rows = {}
for bench in benches:
    one = bench.images.subset([0])
    panels = {name: evaluation.upsampled(np.asarray(bench.maps[name][:1]), one.size)[0] for name in shown}
    row = figures.Row(bench.title, one.images()[0], panels, bench.alpha, one.regions()[0])
    gallery_rows.setdefault(bench.title, row)
gallery = figures.figure1(list(gallery_rows.values()), shown, wording.banner(profile))
display(gallery)

# %% [markdown]
# ## Where the maps point
#
# A hit means that the maximum of the map lies on the lesion or object, without tolerance. Next to it is the hit with
# the usual tolerance of 15 pixels in 500. Then come the share of the map's mass inside, and the share of as many top
# pixels as the lesion has.
#
# On marker phantoms the lesion is a second truth, and a wrong one. A metric that agrees with the lesion more than with
# the marker is misled. So the same maps are scored against the lesion as well.

# %%
pointing = []
for bench in benches:
    pointing.append(bench.named(localization.score_maps(bench.maps, bench.images)))
    if bench.ignores:
        again = bench.drawn_again(region=bench.ignores)
        ill = again.subset(again.regions().any(axis=(1, 2)))
        maps_of_ill = {name: drawn[np.isin(bench.images.ids, ill.ids)] for name, drawn in bench.maps.items()}
        wrong = bench.named(localization.score_maps(maps_of_ill, ill)) if len(ill) else pd.DataFrame()
        pointing.append(wrong.assign(data=f"{bench.title}: the {bench.ignores}, wrong"))
points = pd.concat(pointing, ignore_index=True)
points.groupby(["data", "fold", "training"], sort=False)["id"].nunique().to_frame("images")

# %% [markdown]
# ## Which lesions they touch
#
# The paper is about small lesions. A lesion counts as touched if at least a quarter of it is in the part that the map
# ranks highest. This part is 5, 10 or 20 % of the image. Chance is that of the same map if it were shifted anywhere.

# %%
touching = [bench.named(localization.touch_lesions(bench.maps, bench.images)) for bench in benches]
touched = pd.concat(touching, ignore_index=True)
touched[touched["quantity"] == "touched"].pivot_table(index="map", columns=["data", "area"], values="value").round(3)

# %% [markdown]
# ## Shuffled networks
#
# A map that explains a network must change when the network's weights are shuffled, in the head or in the backbone
# (Adebayo et al. 2018). We measure how like the trained network's map it stays, as structural similarity and as rank
# correlation of the pixels.

# %%
alike = []
for bench in benches:
    few = bench.few(curve_images, seed)
    part, drawing = bench.images.subset(few), {method: compared[method] for method in bench.methods}
    trained = {method: bench.maps[method][few] for method in drawing}
    others = {}
    for which in randomization.PARTS:
        shuffled = randomization.randomised(bench.model, which, seed)
        network = networks.CamNetwork.from_model(shuffled, activation="relu")
        first_pass = evaluation.explain_all(network, part.batches(batch_size), drawing, batch_size, part.labels)
        others[f"{which} randomised"] = first_pass.maps
    others["another image's map"] = {
        method: controls.another_images_map(maps, part.groups, part.size, seed) for method, maps in trained.items()
    }
    for kind, redrawn in others.items():
        for method in drawing:
            ours, theirs = (evaluation.upsampled(maps[method], part.size) for maps in (trained, redrawn))
            of_pair = randomization.similarity(ours, theirs).assign(id=part.ids, maps=kind, map=method)
            alike.append(bench.named(of_pair.melt(["id", "maps", "map"], var_name="measure")))

# %% [markdown]
# The rows, the maps that the next notebook reads, the gallery, and where all of this comes from.

# %%
known = pd.concat([bench.named(bench.known()) for bench in benches], ignore_index=True)
measured = {"trust_images": known, "trust_same_maps": same, "trust_points": wide.spread(points)}
measured |= {"trust_touched": wide.spread(touched), "trust_shuffled": wide.spread(pd.concat(alike))}
outputs = [rows.write_rows(table, name, results_folder, profile, digits=4) for name, table in measured.items()]
outputs += figure_files.save_figure(gallery, results_folder / "trust_maps", dots=100)
outputs += [write_maps(bench, build_folder, seed) for bench in benches]
inputs = {file: build_folder / file for file in (COUNTED, *(bench.file for bench in benches))}
inputs |= {f"{bench.title} {bench.fold}".strip(): dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("08_maps_against_truth", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## What follows from these rows
#
# From here on everything follows from the rows in `results/rows/`. `make tables` makes it again. Both folds
# of a data set are taken together: each image counts once, and patients are drawn within folds.

# %%
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import charts, figure_files, wording
from black_average_drop.artifact import provenance
from black_average_drop.files import write_csv
from black_average_drop.rows import row_file
from black_average_drop.trust import lesion_sizes, summaries, trust_page, wide

set_matplotlib_formats("png")
results_folder = Path(results)
images = summaries.images_by_data(wide.read_named("trust_images", results_folder), resamples, seed)

# %% [markdown]
# The methods that draw the same map on both folds, and how many of each method's maps are blank.

# %%
of_methods = wide.read_named("trust_same_maps", results_folder).groupby(["data", "method"], sort=False)
columns = {"same map as": "first", "difference": "max", "blank": "mean"}
same_maps = of_methods.agg(columns).reset_index()
methods_of = summaries.methods_by_data(same_maps)
same_maps.pivot(index="method", columns="data", values="same map as")

# %% [markdown]
# Where the maps point, next to chance: the score of the same map if it were shifted anywhere. Each fold is shown next
# to both. Where a fold has several networks, a second interval is for other trainings, too.

# %%
points_read = wide.gather(wide.read_named("trust_points", results_folder), [*wide.NAMES, "id", "score"])
summaries_of_points = []
for data, of_data in images.items():
    of_truth = points_read[points_read["data"] == data]
    for subset, ids in of_data.subsets().items():
        scores = summaries.mean_scores(of_truth, of_data, ids)
        summaries_of_points.append(scores.assign(data=data, images=subset))
localized = pd.concat(summaries_of_points, ignore_index=True)
of_hits = localized[(localized["score"] == "hit") & localized["images"].str.match("all|fold")]
of_hits.pivot(index="map", columns=["data", "images"], values="value").round(3)

# %% [markdown]
# ## Small lesions
#
# Small lesions are the smallest third of their own finding. Rare findings are taken together.

# %%
sights = lesion_sizes.with_size_classes(
    wide.read_maps_rows("trust_touched", results_folder, ["lesion", "id", "finding", "size", "area", "quantity"])
)
recalled = []
for data, of_data in images.items():
    for subset, ids in of_data.subsets().items():
        shares = summaries.recall(sights[sights["data"] == data], of_data, ids)
        recalled.append(shares.assign(data=data, images=subset))
recall = pd.concat(recalled, ignore_index=True)
small = recall[(recall["size_class"] == "small") & (recall["area"] == 0.1) & (recall["images"] == "all positives")]
small.pivot(index="map", columns="data", values=["seen", "chance", "lesions"]).round(3)

# %% [markdown]
# Every pair of methods is compared on the same small lesions, at 10 % of the image, with Holm's correction for the
# pairs. Below ten patients there is neither interval nor test. The sentences are about the pair of the paper, one for
# each data set. Maps that do not look for the finding are named next to it.

# %%
pairs_of_methods = []
for data, of_data in images.items():
    sight = sights[(sights["data"] == data) & (sights["size_class"] == "small") & (sights["area"] == 0.1)]
    seen = sight[sight["quantity"] == "touched"].pivot(index=["lesion", "id"], columns="map", values="value")
    pairs = of_data.differences(seen, methods_of[data])
    pairs_of_methods.append(pairs.assign(data=data, quantity="small lesions seen"))
small_lesions = pd.concat(pairs_of_methods, ignore_index=True)
sentences = trust_page.small_lesion_sentences(recall, small_lesions)
Markdown("\n".join(f"- {sentence}" for sentence in sentences) or "CAM and Grad-CAM++ are not both among the methods.")

# %% [markdown]
# ## Sanity: do the maps depend on what was learned?
#
# The maps of a shuffled network should be no more like those of the trained one than another image's map is. Grey: how
# alike the trained network's maps of two images are.

# %%
shuffled_maps = wide.read_maps_rows("trust_shuffled", results_folder, ["id", "maps", "measure"])
likeness = [
    summaries.mean_similarity(part, images[data]).assign(data=data)
    for data, part in shuffled_maps.groupby("data", sort=False)
]
sanity = pd.concat(likeness, ignore_index=True)
sanity_figure = charts.sanity(sanity, wording.banner(profile))
display(sanity_figure)

# %% [markdown]
# The tables, the figure, and where they come from.

# %%
tables = {"trust_localization": localized, "trust_recall": recall, "trust_same_maps": same_maps}
tables |= {"trust_sanity": sanity, "trust_small_lesions": small_lesions}
outputs = [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
outputs += figure_files.save_figure(sanity_figure, results_folder / "trust_sanity")
names = ("trust_images", "trust_same_maps", "trust_points", "trust_touched", "trust_shuffled")
inputs = {f"{name}.csv.xz": row_file(name, results_folder) for name in names}
concluded = provenance.write_analysis("08_maps_against_truth", outputs, inputs, globals(), results_folder)
concluded["outputs"]
