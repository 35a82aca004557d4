# %% [markdown]
# # 7. Which metric should you believe?
#
# The paper says that Black Average Drop gives the correct judgement, by argument. Where lesions are known, maps can be
# judged without any metric: by whether they point at the lesion. Then the metrics can be judged in their turn: does a
# metric rank the maps as the lesions do, and does it see through maps that say nothing?

# %% [markdown]
# ## Parameters
#
# `boxed_source` names radiographs with boxes; a network is then trained for them here. Without it the radiographs are
# phantoms, whose lesions are known to the pixel.

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
scheduler = ""  # the address of a Dask scheduler, whose workers then evaluate; empty: this machine
seed = 0
batch_size = 32
resamples = 2000  # of the bootstrap over patients
methods = []  # names in cams.METHODS, beside the paper's three; none: all of them
most_images = 500  # of each data set
curve_images = 100  # of them, drawn at random, for the metrics that need many masked images
least_fall = 0.1  # of the score: what the network uses must be worth that much
marked_images = 2000  # phantoms with a planted marker to train on; 0: leave them out
marked_epochs = 4
boxed_source = ""  # "chestxray14", where the radiographs are no phantoms
boxed_backbone = "MobileNetV2"
boxed_weights = ""
boxed_epochs = 8
boxed_learning_rate = 1.0e-4

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import figures, masks, networks, training
from black_average_drop.artifact import provenance
from black_average_drop.artifact.sources import measurement_key
from black_average_drop.datasets import catalogue, chestxray14, leaks
from black_average_drop.datasets.checksums import dataset_checksum, dataset_checksums
from black_average_drop.files import keep_table, kept_table, replacing, write_csv
from black_average_drop.training import assessment, augmentation

set_matplotlib_formats("png")  # figures made without pyplot are shown too
started = datetime.datetime.now()
networks.make_deterministic(seed)
build, results = Path(build), Path(results)
banner = "smoke run: not a result" if profile == "smoke" else ""
sampling = {"resamples": resamples, "seed": seed}

# %% [markdown]
# First networks and images; what measures maps and metrics comes from these modules.

# %%
from black_average_drop import cams, controls, evaluation, metrics, statistics
from black_average_drop.statistics import Resampling
from black_average_drop.trust import agreement, faithfulness, localization, randomization

# %% [markdown]
# ## General images
#
# The general classifier of `01_train` and the test images whose object is known, by its mask or its box. The explained
# class is always the object's or the lesion's, whatever the network predicts. Every image is read once and then kept in
# memory, as far as that reaches.

# %%
models, dataset, normal, inputs = {}, {}, {}, {"general.keras": build / "general.keras"}
model, facts = networks.load(build / "general.keras")
size, origin = facts.image_size, (data_root, facts.test_images, facts.seed)
photos = catalogue.load(facts.source, "test", size, *origin, model.output_shape[-1] == 1001).in_memory()
general = "ImageNet boxes" if facts.source == "imagenet" else "Object phantoms"
models[general], dataset[general] = model, photos.subset(photos.regions().any(axis=(1, 2)))
print(f"{general}: {len(dataset[general])} of {len(photos)} images with a known object")

# %% [markdown]
# ## Radiographs with lesions
#
# Phantoms first, where `01_train` was given phantoms: half of them have an opacity whose pixels are known.

# %%
model, facts = networks.load(build / "radiographs_relu_0.keras")
phantom = facts.source == "phantom radiographs"
if phantom:
    models["Lesion phantoms"] = model
    inputs["radiographs_relu_0.keras"] = build / "radiographs_relu_0.keras"
    drawn = catalogue.load("phantom radiographs", "test", size, *origin).in_memory()
    dataset["Lesion phantoms"] = drawn.subset(drawn.labels == 1)
    normal["Lesion phantoms"] = drawn.subset(drawn.labels == 0)
print({name: len(images) for name, images in dataset.items()})

# %% [markdown]
# A second set of phantoms carries a planted marker: it alone tells the classes apart, and whether there is a lesion is
# a coin toss. A network that is trained on them looks at the marker, as one may do with a hospital's stamp. That is
# where a map should point, and a metric that rewards the lesion is wrong.

# %%
to_train = {}
if marked_images:
    counts = {"train": marked_images, "validation": marked_images // 5, "test": facts.test_images}
    marked = {
        split: catalogue.load("marked phantom radiographs", split, size, None, count, seed).in_memory()
        for split, count in counts.items()
    }
    to_train["Marker phantoms"] = (marked, ("small_cnn", "", marked_epochs, 2e-3, "plain"))
print(counts if marked_images else "No marked phantoms in this profile.")

# %% [markdown]
# Radiographs of another hospital: all that have boxes, which radiologists drew, and 980 without a finding. The network
# learns to tell any finding from none; no patient is in two parts, and about half of the boxed images are for testing.

# %%
if boxed_source:
    views = chestxray14.views(data_root)
    parts = chestxray14.split(chestxray14.boxed_and_normal(data_root, size, seed=seed), seed)
    boxed = {split: part.in_memory() for split, part in zip(catalogue.SPLITS, parts, strict=True)}
    place = Path(data_root) / boxed_weights
    start = str(place) if boxed_weights and place.is_file() else boxed_weights
    to_train["NIH boxes"] = (boxed, (boxed_backbone, start, boxed_epochs, boxed_learning_rate, "full"))
    inputs["boxed weights"] = place if place.is_file() else boxed_weights
    print({split: (len(part), len(set(part.groups))) for split, part in boxed.items()}, "images, patients")
else:
    print("No boxed radiographs in this profile.")

# %% [markdown]
# Leaks between their parts: a patient in two of them would stop this notebook here, and an image in two is named.

# %%
shared = {}
for name, (splits, _) in to_train.items():
    checksums = {split: dataset_checksums(part)[1] for split, part in splits.items()}
    shared[name] = leaks.between(splits, checksums)
pd.concat(shared, names=["data"]).droplevel(1) if shared else "Nothing is trained here."

# %% [markdown]
# Both networks have a ReLU head, as the paper's, and keep the epoch that is best on the validation images. A training
# that was stopped goes on where it was.

# %%
histories = []
for name, (splits, (backbone, weights, epochs, learning_rate, recipe)) in to_train.items():
    networks.make_deterministic(seed)
    recipe = training.recipe(recipe)
    class_names = splits["train"].class_names
    models[name] = networks.build(backbone, size, class_names, "relu", weights or None, recipe["dropout"])
    history = training.fit(
        models[name],
        splits["train"],
        splits["validation"],
        *(epochs, batch_size, learning_rate, seed),
        augment=augmentation.radiograph if recipe["augmented"] else None,
        balanced=recipe["balanced"],
        patience=recipe["patience"],
        checkpoint=build / f"trust_{name.split()[0].lower()}.checkpoint.npz",
    )
    test = splits["test"]
    known = test.subset(test.labels == 1)
    dataset[name], normal[name] = known.subset(known.regions().any(axis=(1, 2))), test.subset(test.labels == 0)
    histories.append(history.assign(data=name))
pd.concat(histories, ignore_index=True) if histories else "Nothing is trained here."

# %% [markdown]
# How well they do on the test images. The view leaks the class: patients in bed are radiographed from the front (AP)
# and are more often ill, so the AUC within each view is the one to look at.

# %%
assessed = []
for name, (splits, _) in to_train.items():
    test, scores = splits["test"], training.predict(models[name], splits["test"], batch_size)
    parts = {"all": np.full(len(test), True)}
    if name == "NIH boxes":
        parts |= {view: (views.loc[test.ids, "view"] == view).to_numpy() for view in ("AP", "PA")}
    for part, chosen in parts.items():
        resampling = Resampling(test.groups[chosen], assessment.RESAMPLES, seed)
        of_part = test.labels[chosen], (scores[:, 1] - scores[:, 0])[chosen]
        row = assessment.assess(*of_part, resampling)[1].iloc[0]
        assessed.append({"data": name, "views": part, "images": chosen.sum(), "findings": of_part[0].sum()} | dict(row))
assessed = pd.DataFrame(assessed, columns=["data", "views", "images", "findings", "measure", "value", "low", "high"])
assessed.round(3)

# %% [markdown]
# ## What the networks use
#
# Where a map points is not yet what the network uses. Phantoms settle that: each is drawn again without its lesion, or
# without its marker, and the share of the score that is lost is what the network drew from it.

# %%
gone = {}
if phantom:
    gone["Lesion phantoms", "lesion"] = catalogue.load("phantom radiographs", "test", size, *origin, lesions=False)
if marked_images:
    drawn = "marked phantom radiographs", "test", size, None, counts["test"], seed
    gone["Marker phantoms", "marker"] = catalogue.load(*drawn, markers=False)
    gone["Marker phantoms", "lesion"] = catalogue.load(*drawn, lesions=False)
    lesion_of_marked = catalogue.load(*drawn, region="lesion")
network = {name: networks.CamNetwork.from_model(model, activation="relu") for name, model in models.items()}
falls, used = [], {name: np.full(len(images), True) for name, images in dataset.items()}
for (name, what), without in gone.items():
    images = dataset[name]
    without = without.subset(np.isin(without.ids, images.ids))
    fall = faithfulness.counterfactual_drops(network[name], images, without, images.labels, batch_size)
    row = {"data": name, "taken away": what, "images": len(images), "mean fall": np.nanmean(fall)}
    falls.append(row | {"falls at all": (fall > 0).mean(), "falls enough": (fall >= least_fall).mean()})
    used[name] &= fall >= least_fall if what == name.split()[0].lower() else fall <= least_fall
falls = pd.DataFrame(falls, columns=["data", "taken away", "images", "mean fall", "falls at all", "falls enough"])
falls.round(3)

# %% [markdown]
# On phantoms only the images count whose score falls by at least `least_fall` without what the network should look at,
# and on marker phantoms by no more than that without the lesion: there the mask is the truth.

# %%
for name, images in dataset.items():
    chosen = np.flatnonzero(used[name])
    chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:most_images])
    print(f"{name}: {len(chosen)} of {len(images)} images")
    if not len(chosen):
        raise ValueError(f"{name}: the network uses none of the lesions or markers; train longer or lower least_fall.")
    dataset[name] = images.subset(chosen)

# %% [markdown]
# ## The maps
#
# The methods in one forward pass, and seven control maps that know nothing of the finding. Methods that draw the same
# map are counted once. Alpha is chosen from the paper's three.

# %%
further = [name for name in methods or cams.METHODS if name not in cams.PAPER_METHODS]
chosen_methods = cams.chosen([*cams.PAPER_METHODS, *further])
found, maps, alphas, distinct = {}, {}, {}, {}
for name, images in dataset.items():
    found[name] = evaluation.explain_all(
        network[name], images.batches(batch_size), chosen_methods, batch_size, images.labels, scheduler
    )
    alphas[name] = masks.select_alpha(found[name].curve)
    distinct[name] = [method for method in chosen_methods if method not in found[name].same_as]
    maps[name] = {method: found[name].maps[method] for method in distinct[name]}
    reference = np.maximum(found[name].maps["Grad-CAM"], 0)
    for control, draw in controls.CONTROLS.items():
        maps[name][control] = draw(reference, images.groups, images.size, seed)
pd.DataFrame({name: {"images": len(dataset[name]), "alpha": alphas[name]} for name in dataset}).T

# %% [markdown]
# Which of them coincide: the largest difference between the maps of two methods, each clipped and scaled to the same
# peak. Behind global average pooling and one dense layer the gradient of a logit is the same at every position, w / z.
# So Grad-CAM, XGrad-CAM and HiRes-CAM, which weigh or multiply by it, are all CAM without its negative part; positive
# gradients, Layer-CAM and Grad-CAM++ with normalised alpha are CAM without its negative weights. Ablation-CAM weighs by
# w F instead, Eigen-CAM does not know the class.

# %%
same = []
for name in dataset:
    for method, drawn in found[name].maps.items():
        first = found[name].same_as.get(method, method)
        apart = np.abs(masks.opacity(drawn) - masks.opacity(found[name].maps[first])).max()
        blank = localization.blank(np.maximum(drawn, 0)).mean()
        same.append({"data": name, "method": method, "same map as": first, "difference": apart, "blank": blank})
same = pd.DataFrame(same)
same.pivot(index="method", columns="data", values=["same map as", "difference"]).loc[list(chosen_methods)]

# %% [markdown]
# What they look like: of each data set one image, with what is known of it outlined.

# %%
shown = ["CAM", "Grad-CAM++", "Eigen-CAM", "inverted Grad-CAM", "another image's map"]
shown = [method for method in shown if all(method in maps[name] for name in dataset)]
rows = []
for name, images in dataset.items():
    one = images.subset([0])
    panels = {method: evaluation.upsampled(np.asarray(maps[name][method][:1]), images.size)[0] for method in shown}
    region = one.regions()[0]
    rows.append({"title": name, "image": one.images()[0], "maps": panels, "mask": region})
gallery = figures.figure1(rows, shown, banner)
display(gallery)

# %% [markdown]
# ## Where the maps point
#
# A hit: the maximum of the map lies on the lesion or object, without tolerance; beside it the usual 15 pixels in 500.
# Then the share of the map's mass inside, and the share of as many top pixels as the lesion has. Chance is what the
# same map would score if it were shifted anywhere.

# %%
pointed = {name: localization.score_maps(maps[name], images) for name, images in dataset.items()}
subsets = {}
for name, images in dataset.items():
    right = (found[name].scores["predicted"] == images.labels).to_numpy()
    subsets[name] = {"all positives": np.full(len(images), True), "true positives": right}
    if name == "NIH boxes":
        subsets[name]["without unboxed findings"] = views.loc[images.ids, "fully_boxed"].to_numpy()
localized = []
for name, parts in subsets.items():
    for part, chosen in parts.items():
        images = dataset[name].subset(chosen)
        if not len(images):
            continue
        for map_name, scores in pointed[name].groupby("map", sort=False):
            ordered = scores.set_index("id").loc[images.ids]
            summary = localization.mean_scores(ordered, Resampling(images.groups, **sampling))
            localized.append(summary.assign(data=name, images=part, map=map_name, n=len(images)))
localized = pd.concat(localized, ignore_index=True)
of_hits = localized[(localized["score"] == "hit") & (localized["images"] == "all positives")]
of_hits.pivot(index="map", columns="data", values=["value", "chance"]).round(3).loc[list(maps[general])]

# %% [markdown]
# ## Small lesions
#
# The paper's point are small lesions. A lesion counts as seen if at least a quarter of it lies in the 5, 10 or 20 % of
# the image that the map ranks highest; small are those of the smallest third of their own finding, rare findings taken
# together.

# %%
sights = {name: localization.see_lesions(maps[name], images) for name, images in dataset.items()}
recall = []
for name, parts in subsets.items():
    for part, chosen in parts.items():
        those = sights[name][sights[name]["id"].isin(dataset[name].ids[chosen])]
        resampling = Resampling(those["group"], **sampling)
        recall.append(localization.recall(those, resampling).assign(data=name, images=part))
recall = pd.concat(recall, ignore_index=True)
small = recall[(recall["size_class"] == "small") & (recall["area"] == 0.1) & (recall["images"] == "all positives")]
small.pivot(index="map", columns="data", values=["seen", "chance", "lesions"]).round(3).loc[list(maps[general])]

# %% [markdown]
# In words, at 10 % of the image: every pair of methods on the same lesions, tested by flipping whole patients, with
# Holm's correction for the pairs; not tested where too few lesions tell the two apart (`statistics.enough_differ`). The
# pair that the paper speaks of comes out of each data set.

# %%
differences, sentences, things = [], [], {general: "small objects", "Marker phantoms": "small markers"}
for name, part in sights.items():
    part = part[(part["size_class"] == "small") & (part["area"] == 0.1) & part["map"].isin(distinct[name])]
    wide = part.pivot(index=["lesion", "group"], columns="map", values="seen")[distinct[name]].astype(float)
    resampling = Resampling(wide.index.get_level_values("group"), **sampling)
    pairs = statistics.differences(wide.to_numpy(), distinct[name], resampling)
    differences.append(pairs.assign(data=name, quantity="small lesions seen"))
    pair = pairs.query("first == 'CAM' and second == 'Grad-CAM++'")
    if len(pair):
        sentences.append(
            agreement.difference_sentence(name, wide.mean(), pair.iloc[0], things.get(name, "small lesions"))
        )
Markdown("\n".join(f"- {sentence}" for sentence in sentences) or "CAM and Grad-CAM++ are not both among the methods.")

# %% [markdown]
# ## What the metrics say of the same maps
#
# Beside AD and BAD: Average Increase and Average Gain, ADCC, insertion and deletion, ROAD, BAD's area over alpha, and
# BAD on other backgrounds than black. Those that need many masked images take a fixed part of each data set. What was
# measured is kept in the build folder, and measured again only if networks, images, maps or the measuring code changed.

# %%
measured, redraw, kept = {}, chosen_methods | controls.REDRAWN, []
for name, images in dataset.items():
    few = np.sort(np.random.default_rng(seed).permutation(len(images))[:curve_images])
    settings = [name in normal, alphas[name], batch_size, seed, few.tolist(), list(maps[name])]
    depends = [*models[name].get_weights(), *map(np.ascontiguousarray, maps[name].values())]
    key = measurement_key("trust.faithfulness", settings, dataset_checksum(images), depends)
    kept.append(build / f"trust_{name.split()[0].lower()}.csv")
    measured[name] = kept_table(kept[-1], key)
    if measured[name] is None:
        backgrounds = faithfulness.fills(images, normal.get(name), seed)
        singles = faithfulness.single_masks(
            network[name], images, images.labels, maps[name], redraw, alphas[name], backgrounds, batch_size
        )
        part = images.subset(few), images.labels[few], {method: drawn[few] for method, drawn in maps[name].items()}
        many = faithfulness.curves(network[name], *part, faithfulness.fills(images), batch_size, seed)
        measured[name] = pd.concat([singles, many], ignore_index=True)
        keep_table(measured[name], kept[-1], key)
averages = pd.concat([part.assign(data=name) for name, part in measured.items()], ignore_index=True)
averages = averages.groupby(["data", "metric", "map"], sort=False)["value"].agg(["mean", "count"]).reset_index()
averages.pivot(index=["data", "metric"], columns="map", values="mean").round(3)

# %% [markdown]
# Theory knows some of these numbers: a map of ones fades nothing, so its AD is 0, and eq. (11) keeps none of its
# pixels, since none is above the others: its BAD is the drop of a black image. Fake-CAM lacks one corner pixel.

# %%
theory = []
for name, images in dataset.items():
    values = measured[name].pivot(index="id", columns=["metric", "map"], values="value").loc[images.ids]
    black = network[name].scores(evaluation.black_logits(network[name]))[images.labels]
    of_black = np.nanmean(metrics.drops(found[name].scores["score"], black))
    row = {"data": name, "AD of all ones": values["AD", "all ones"].mean()}
    row |= {"AD of Fake-CAM": values["AD", "Fake-CAM"].mean(), "BAD of all ones": values["BAD", "all ones"].mean()}
    theory.append(row | {"drop of a black image": of_black})
theory = pd.DataFrame(theory)
theory.set_index("data").round(6)

# %% [markdown]
# ## The verdict
#
# For each metric: Kendall's tau-b between its ranking of the maps and the truth's, turned so that more is better. The
# truth is the hits, or, where no method hits better than chance, the next score by which one does: a maximum beside a
# thin marker is a miss, whatever the rest of the map shows. The last row ranks the truth itself like a metric, over the
# images of the data set: what the others are to be read against. On marker phantoms there is a second column with
# another truth, the lesion, which the network does not use: a metric that agrees with it more than with the marker is
# misled. A metric counts the images that it has a value for: those whose score is above 0, or the fixed part.

# %%
truths = {name: (name, scores) for name, scores in pointed.items()}
if marked_images:
    images = dataset["Marker phantoms"]
    ill = lesion_of_marked.subset(lesion_of_marked.regions().any(axis=(1, 2)))
    ill = ill.subset(np.isin(ill.ids, images.ids))
    there = {method: drawn[np.isin(images.ids, ill.ids)] for method, drawn in maps["Marker phantoms"].items()}
    if len(ill):
        truths["Marker phantoms: the lesion, wrong"] = ("Marker phantoms", localization.score_maps(there, ill))
of_all = localized[localized["images"] == "all positives"]
telling = {name: localization.telling_score(part, distinct[name]) for name, part in of_all.groupby("data")}
pd.Series(telling, name="truth")

# %% [markdown]
# Every metric against every score of the truth.

# %%
verdict, directions = [], faithfulness.METRICS | {agreement.TRUTH: 1}
for title, (name, scores) in truths.items():
    groups = pd.Series(dataset[name].groups, dataset[name].ids)
    itself = pointed[name].assign(value=pointed[name][telling[name]], metric=agreement.TRUTH)
    values = pd.concat([measured[name], itself[["id", "map", "metric", "value"]]], ignore_index=True)
    for truth in localization.SCORES:
        wanted = scores.pivot(index="id", columns="map", values=truth)[list(maps[name])]
        resampling = Resampling(groups.loc[wanted.index], **sampling)
        table = agreement.judge_metrics(values, wanted, distinct[name], resampling, directions, controls.FLAT)
        verdict.append(table.assign(data=title, truth=truth, telling=truth == telling[name]))
verdict = pd.concat(verdict, ignore_index=True)
told = verdict[verdict["telling"]]
told = told.assign(data=told["data"] + told["truth"].map(localization.SCORES))
told[["metric", "maps", "data", "set", "set_low", "set_high"]].round(2)

# %% [markdown]
# The same for single images: the mean of each image's own tau-b, over those whose maps are not all alike.

# %%
told.pivot(index="metric", columns=["data", "maps"], values="image").loc[list(directions)].round(2)

# %% [markdown]
# In one figure: colour is the agreement with the truth over the set, with its 95 % interval over patients.

# %%
drawn = figures.verdict(told, agreement.MAPS, banner)
pictures = figures.save(gallery, results / "trust_maps") + figures.save(drawn, results / "trust")
display(drawn)

# %% [markdown]
# Which metrics are fooled: they prefer a control to every real map. Where the last row names a control too, that one
# really points better than every method. Beside it the share of the resamples of patients in which that is so.

# %%
fooled = told[told["maps"] == agreement.MAPS[0]]
fooled.pivot(index="metric", columns="data", values=["fooled_by", "fooled_share"]).loc[list(directions)]

# %% [markdown]
# Every pair of methods under every metric and every score of the truth, with Holm's correction for the pairs.

# %%
for name, images in dataset.items():
    groups = pd.Series(images.groups, images.ids)
    tables = {
        metric: part.pivot(index="id", columns="map", values="value")
        for metric, part in measured[name].groupby("metric", sort=False)
    }
    tables |= {score: pointed[name].pivot(index="id", columns="map", values=score) for score in localization.SCORES}
    for quantity, wide in tables.items():
        resampling = Resampling(groups.loc[wide.index], **sampling)
        pairs = statistics.differences(wide[distinct[name]].to_numpy(), distinct[name], resampling)
        differences.append(pairs.assign(data=name, quantity=quantity))
differences = pd.concat(differences, ignore_index=True)
paper_pair = differences.query("first == 'CAM' and second == 'Grad-CAM++'")
paper_pair.set_index(["data", "quantity"])[["difference", "low", "high", "p_holm"]].round(4)

# %% [markdown]
# ## Sanity: do the maps hang on what was learned?
#
# A map that explains a network must change when its weights are shuffled, those of the head or those of the backbone
# (Adebayo et al. 2018). Similarity to the trained network's map, as structural similarity and as rank correlation of
# the pixels; grey: how like each other the maps of two images of the trained network are.

# %%
trained, others, parts = {}, {}, {}
for name, images in dataset.items():
    few = np.sort(np.random.default_rng(seed).permutation(len(images))[:curve_images])
    part = parts[name] = images.subset(few)
    drawn = {method: chosen_methods[method] for method in distinct[name]}
    for which in randomization.PARTS:
        shuffled = randomization.randomised(models[name], which, seed)
        shuffled = networks.CamNetwork.from_model(shuffled, activation="relu")
        redrawn = evaluation.explain_all(shuffled, part.batches(batch_size), drawn, batch_size, part.labels)
        others[name, f"{which} randomised"] = redrawn.maps
    trained[name] = {method: maps[name][method][few] for method in drawn}
    others[name, "another image's map"] = {
        method: controls.another_images_map(values, part.groups, part.size, seed)
        for method, values in trained[name].items()
    }

# %% [markdown]
# The first two should be no more alike than the third.

# %%
sanity = []
for (name, kind), redrawn in others.items():
    for method, drawn in trained[name].items():
        pair = [evaluation.upsampled(one, parts[name].size) for one in (drawn, redrawn[method])]
        summary = randomization.mean_similarity(*pair, Resampling(parts[name].groups, **sampling))
        sanity.append(summary.assign(data=name, maps=kind, method=method))
sanity = pd.concat(sanity, ignore_index=True)
drawn = figures.sanity(sanity, banner)
display(drawn)

# %% [markdown]
# ## In a sentence
#
# What the numbers come to.

# %%
main = told[(told["maps"] == agreement.MAPS[0]) & ~told["data"].str.contains("wrong")]
for title, part in main.groupby("data", sort=False):
    part = part.set_index("metric")
    really, part = part.loc[agreement.TRUTH, "fooled_by"], part.drop(agreement.TRUTH)
    honest = part["fooled_by"].isin(["", really])
    best, sure = part["set"].idxmax(), part[(part["set_low"] > 0) & honest]
    print(
        f"{title}: agreement of AD {part.loc['AD', 'set']:+.2f}, of BAD {part.loc['BAD', 'set']:+.2f}, of the best, "
        f"{best}, {part.loc[best, 'set']:+.2f}; surely above 0 and not fooled: {', '.join(sure.index) or 'none'}; "
        f"fooled: {', '.join(part.index[~honest]) or 'none'}; points best: {really or 'a method'}."
    )

# %% [markdown]
# The verdict, the hits and the small lesions as one page.

# %%
text = agreement.trust_page(told, of_hits, sentences)
with replacing(results / "trust.md") as partial:
    partial.write_text(
        f"# Which metric should you believe?\n\n{banner and f'**{banner}**'}\n\n{text}", encoding="utf-8"
    )
Markdown((results / "trust.md").read_text())

# %% [markdown]
# The figures, the numbers behind them, and where they come from.

# %%
tables = {"trust": verdict, "trust_localization": localized, "trust_recall": recall, "trust_metrics": averages}
tables |= {"trust_differences": differences, "trust_sanity": sanity, "trust_same_maps": same, "trust_falls": falls}
tables |= {"trust_theory": theory, "trust_networks": assessed}
outputs = [results / "trust.md"] + pictures + figures.save(drawn, results / "trust_sanity")
outputs += [write_csv(table, results / f"{name}.csv", profile) for name, table in tables.items()]
inputs |= {name: dataset_checksum(images) for name, images in dataset.items()}
record = provenance.write_record("07_trust", outputs, inputs, globals(), results, started)
record["outputs"]
