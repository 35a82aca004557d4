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
curve_images = 100  # of each data set, drawn at random, for the maps of shuffled networks

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, charts, controls, evaluation, figures, masks, networks, wording
from black_average_drop.artifact import provenance
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import write_csv
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust import localization, randomization, trust_page
from black_average_drop.trust.bench import COUNTED, read_counted, write_exact_table, write_maps

# %% [markdown]
# Where files lie, and how intervals are made.

# %%
set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)
banner = wording.banner(profile)
sampling = {"resamples": resamples, "seed": seed}

# %% [markdown]
# ## The maps
#
# One forward pass gives the maps of all methods. Control maps follow. Methods that draw the same map are counted once.
# Alpha is chosen from the paper's three. Grad-CAM++ of the positive part is left out, since it is Grad-CAM++ wherever
# that can be drawn.

# %%
further = methods or [name for name in cams.METHODS if name != cams.POSITIVE_PART]
compared = cams.chosen([*cams.PAPER_METHODS, *(name for name in further if name not in cams.PAPER_METHODS)])
benches = []
for bench in read_counted(build_folder, data_root):
    batches, labels = bench.images.batches(batch_size), bench.images.labels
    first_pass = evaluation.explain_all(bench.network, batches, compared, batch_size, labels, scheduler)
    benches.append(bench.with_maps(first_pass, seed))
pd.DataFrame({bench.title: {"images": len(bench.images), "alpha": bench.alpha} for bench in benches}).T

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
        names = {"data": bench.title, "method": method, "same map as": first}
        coinciding.append(names | {"difference": apart, "blank": blank})
same = pd.DataFrame(coinciding)
same.pivot(index="method", columns="data", values=["same map as", "difference"]).loc[list(compared)]

# %% [markdown]
# The maps of one image of each data set. A dashed line encloses the lesion or the object. A white line encloses the
# pixels that BAD keeps.

# %%
candidates = ["CAM", "Grad-CAM++", "Eigen-CAM", "inverted Grad-CAM", "another image's map"]
shown = [name for name in candidates if all(name in bench.maps for bench in benches)]
gallery_rows = []
for bench in benches:
    one = bench.images.subset([0])
    panels = {name: evaluation.upsampled(np.asarray(bench.maps[name][:1]), one.size)[0] for name in shown}
    gallery_rows.append(figures.Row(bench.title, one.images()[0], panels, bench.alpha, one.regions()[0]))
gallery = figures.figure1(gallery_rows, shown, banner)
display(gallery)

# %% [markdown]
# ## Where the maps point
#
# A hit means that the maximum of the map lies on the lesion or object, without tolerance. Next to it is the hit with
# the usual tolerance of 15 pixels in 500. Then come the share of the map's mass inside, and the share of as many top
# pixels as the lesion has. Chance is the score of the same map if it were shifted anywhere.

# %%
points, summaries = {}, []
for bench in benches:
    points[bench.slug] = localization.score_maps(bench.maps, bench.images)
    for subset, chosen in bench.subsets().items():
        part = bench.images.subset(chosen)
        if not len(part):
            continue
        for name, scores in points[bench.slug].groupby("map", sort=False):
            ordered = scores.set_index("id").loc[part.ids]
            summary = localization.mean_scores(ordered, Resampling(part.groups, **sampling))
            summaries.append(summary.assign(data=bench.title, images=subset, map=name, n=len(part)))
localized = pd.concat(summaries, ignore_index=True)
of_hits = localized[(localized["score"] == "hit") & (localized["images"] == "all positives")]
of_hits.pivot(index="map", columns="data", values=["value", "chance"]).round(3).loc[list(benches[0].maps)]

# %% [markdown]
# ## Small lesions
#
# The paper is about small lesions. A lesion counts as touched if at least a quarter of it is in the part that the map
# ranks highest. This part is 5, 10 or 20 % of the image. Small lesions are the smallest third of their own finding.
# Rare findings are taken together.

# %%
sights, recalled = {}, []
for bench in benches:
    sights[bench.slug] = localization.touch_lesions(bench.maps, bench.images)
    for subset, chosen in bench.subsets().items():
        those = sights[bench.slug][sights[bench.slug]["id"].isin(bench.images.ids[chosen])]
        resampling = Resampling(those["group"], **sampling)
        recalled.append(localization.recall(those, resampling).assign(data=bench.title, images=subset))
recall = pd.concat(recalled, ignore_index=True)
small = recall[(recall["size_class"] == "small") & (recall["area"] == 0.1) & (recall["images"] == "all positives")]
small.pivot(index="map", columns="data", values=["seen", "chance", "lesions"]).round(3).loc[list(benches[0].maps)]

# %% [markdown]
# Every pair of methods is compared on the same small lesions, at 10 % of the image. Whole patients are flipped, and
# Holm corrects for the pairs. There is no test where too few lesions tell the two apart (`means.enough_differ`).
# The sentences are about the pair of the paper, one for each data set.

# %%
pairs_of_methods, sentences = [], []
for bench in benches:
    sight = sights[bench.slug]
    sight = sight[(sight["size_class"] == "small") & (sight["area"] == 0.1) & sight["map"].isin(bench.methods)]
    wide = sight.pivot(index=["lesion", "group"], columns="map", values="seen")[bench.methods].astype(float)
    resampling = Resampling(wide.index.get_level_values("group"), **sampling)
    pairs = comparisons.differences(wide.to_numpy(), bench.methods, resampling)
    pairs_of_methods.append(pairs.assign(data=bench.title, quantity="small lesions seen"))
    pair = pairs.query("first == 'CAM' and second == 'Grad-CAM++'")
    if len(pair):
        sentences.append(trust_page.difference_sentence(bench.title, wide.mean(), pair.iloc[0], bench.small))
Markdown("\n".join(f"- {sentence}" for sentence in sentences) or "CAM and Grad-CAM++ are not both among the methods.")

# %% [markdown]
# ## A truth that the network does not use
#
# On marker phantoms the lesion is a second truth, and a wrong one. A metric that agrees with the lesion more than with
# the marker is misled. So the same maps are scored against the lesion as well.

# %%
scored = [points[bench.slug].assign(bench=bench.slug, data=bench.title, used=True) for bench in benches]
for bench in benches:
    if bench.ignores:
        again = bench.drawn_again(region=bench.ignores)
        ill = again.subset(again.regions().any(axis=(1, 2)))
        there = np.isin(bench.images.ids, ill.ids)
        if len(ill):
            maps_of_ill = {name: drawn[there] for name, drawn in bench.maps.items()}
            wrong = {"bench": bench.slug, "data": f"{bench.title}: the {bench.ignores}, wrong", "used": False}
            scored.append(localization.score_maps(maps_of_ill, ill).assign(**wrong))
truths = pd.concat(scored, ignore_index=True)
truths.groupby(["data", "used"], sort=False)["id"].nunique().to_frame("images")

# %% [markdown]
# ## Sanity: do the maps depend on what was learned?
#
# A map that explains a network must change when the network's weights are shuffled, in the head or in the backbone
# (Adebayo et al. 2018). We measure how like the trained network's map it stays, as structural similarity and as rank
# correlation of the pixels. Grey: how alike the trained network's maps of two images are.

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
            similarity = randomization.mean_similarity(ours, theirs, Resampling(part.groups, **sampling))
            alike.append(similarity.assign(data=bench.title, maps=kind, method=method))

# %% [markdown]
# The maps of a shuffled network should be no more like those of the trained one than another image's map is.

# %%
sanity = pd.concat(alike, ignore_index=True)
sanity_figure = charts.sanity(sanity, banner)
display(sanity_figure)

# %% [markdown]
# The figures, the numbers behind them, what the next notebook reads, and where all of this comes from.

# %%
tables = {"trust_localization": localized, "trust_recall": recall, "trust_same_maps": same, "trust_sanity": sanity}
outputs = [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
outputs += figures.save_figure(gallery, results_folder / "trust_maps", dots=100)
outputs += figures.save_figure(sanity_figure, results_folder / "trust_sanity")
outputs += [write_maps(bench, build_folder / f"trust_maps_{bench.slug}.npz", seed) for bench in benches]
further_tables = {"trust_truths": truths, "trust_localization": localized}
further_tables |= {"trust_small_lesions": pd.concat(pairs_of_methods)}
further_tables |= {"trust_sentences": pd.DataFrame({"sentence": sentences})}
outputs += [write_exact_table(table, build_folder / f"{name}.npz") for name, table in further_tables.items()]
inputs = {file: build_folder / file for file in (COUNTED, *(bench.file for bench in benches))}
inputs |= {bench.title: dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("08_maps_against_truth", outputs, inputs, globals(), results_folder, started)
record["outputs"]
