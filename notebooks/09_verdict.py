# %% [markdown]
# # 9. Which metric should you believe?
#
# `08_maps_against_truth` says where maps point, without any metric. So the metrics can be judged in turn. Does a metric
# rank the maps as the lesions do? Does it see through maps that say nothing?

# %% tags=["parameters"]
profile = "demo"
data_root = "../data"
build = "../build/demo"
results = "../paper_figures/demo"
seed = 0
batch_size = 32
resamples = 2000  # of the bootstrap over patients
curve_images = 100  # of each data set, drawn at random, for the metrics that need many masked images

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import cams, charts, controls, evaluation, figures, metrics, networks, wording
from black_average_drop.artifact import provenance
from black_average_drop.artifact.code_hashes import measurement_key
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import keep_table, kept_table, replacing, write_csv
from black_average_drop.statistics import comparisons
from black_average_drop.statistics.patients import Resampling
from black_average_drop.trust import agreement, composites, faithfulness, localization, trust_page
from black_average_drop.trust.bench import COUNTED, read_counted, read_exact_table, read_maps

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
# ## Maps, and the truth about them
#
# The benches come from `07_what_networks_use`. Their maps, and what was measured of each map, come from
# `08_maps_against_truth`.

# %%
counted = read_counted(build_folder, data_root)
benches = [read_maps(bench, build_folder / f"trust_maps_{bench.slug}.npz") for bench in counted]
written = [f"trust_{name}.npz" for name in ("truths", "localization", "small_lesions", "sentences")]
truths, localized, small_lesions, sentences = (read_exact_table(build_folder / file) for file in written)
points = {slug: part for slug, part in truths[truths["used"]].groupby("bench")}
pd.DataFrame({bench.title: {"images": len(bench.images), "maps": len(bench.maps)} for bench in benches}).T

# %% [markdown]
# ## What the metrics say of the same maps
#
# Next to AD and BAD we measure Average Increase and Average Gain, ADCC, insertion and deletion, ROAD, ARCC, and BAD's
# area over alpha. BAD is also measured on other backgrounds than black. Opacity and coherency are parts of ADCC and
# ARCC, and are not judged by themselves. Metrics that need many masked images take a fixed part of each data set. What
# was measured is kept in the build folder. It is measured again only if networks, images, maps or the measuring code
# changed.

# %%
measured = {}
redraw = cams.chosen(list(benches[0].first_pass.maps)) | controls.REDRAWN
for bench in benches:
    images, few = bench.images, bench.few(curve_images, seed)
    settings = [bench.normal is not None, bench.alpha, batch_size, seed, few.tolist(), list(bench.maps)]
    arrays = [*bench.model.get_weights(), *map(np.ascontiguousarray, bench.maps.values())]
    key = measurement_key("trust.faithfulness", settings, dataset_checksum(images), arrays)
    path = build_folder / f"trust_metrics_{bench.slug}.csv"
    measured[bench.slug] = kept_table(path, key)
    if measured[bench.slug] is None:
        backgrounds = faithfulness.fills(images, bench.normal, seed)
        singles = faithfulness.single_masks(
            bench.network, images, images.labels, bench.maps, redraw, bench.alpha, backgrounds, batch_size
        )
        fixed, of_few = images.subset(few), {name: drawn[few] for name, drawn in bench.maps.items()}
        plain = faithfulness.fills(images)
        many = faithfulness.curves(bench.network, fixed, fixed.labels, of_few, plain, batch_size, seed)
        measured[bench.slug] = composites.with_arcc(pd.concat([singles, many], ignore_index=True))
        keep_table(measured[bench.slug], path, key)

# %% [markdown]
# The mean of each metric for each map.

# %%
every = pd.concat([measured[bench.slug].assign(data=bench.title) for bench in benches], ignore_index=True)
averages = every.groupby(["data", "metric", "map"], sort=False)["value"].agg(["mean", "count"]).reset_index()
averages.pivot(index=["data", "metric"], columns="map", values="mean").round(3)

# %% [markdown]
# Theory knows some of these numbers. A map of ones fades nothing, so its AD is 0. Eq. (11) keeps none of its pixels,
# since none is above the others. So its BAD is the drop of a black image. Fake-CAM is a map of ones without one corner
# pixel.

# %%
by_theory = []
for bench in benches:
    labels, ids = bench.images.labels, bench.images.ids
    values = measured[bench.slug].pivot(index="id", columns=["metric", "map"], values="value").loc[ids]
    black = bench.network.scores(evaluation.black_logits(bench.network))[labels]
    of_black = np.nanmean(metrics.drops(bench.first_pass.scores["score"], black))
    row = {"data": bench.title, "AD of all ones": values["AD", "all ones"].mean()}
    row |= {"AD of Fake-CAM": values["AD", "Fake-CAM"].mean(), "BAD of all ones": values["BAD", "all ones"].mean()}
    by_theory.append(row | {"drop of a black image": of_black})
theory = pd.DataFrame(by_theory)
theory.set_index("data").round(6)

# %% [markdown]
# ## The verdict
#
# The verdict is Kendall's tau-b between a metric's ranking of the maps and the truth's. More is better. The truth is
# the hits. Where no method hits better than chance, the next score is used. A maximum next to a thin marker is a miss,
# whatever the rest of the map shows. The last row ranks the truth itself: read the others against it. On marker
# phantoms a second column has another truth, the lesion, which the network does not use. A metric that agrees with the
# lesion more than with the marker is misled. A metric counts the images that it has a value for: those whose score is
# above 0, or the fixed part.

# %%
telling = {}
for bench in benches:
    of_all = localized[(localized["images"] == "all positives") & (localized["data"] == bench.title)]
    telling[bench.slug] = localization.telling_score(of_all, bench.methods)
pd.Series({bench.title: telling[bench.slug] for bench in benches}, name="truth")

# %% [markdown]
# Every metric against every score of the truth.

# %%
judged, directions = [], faithfulness.DIRECTIONS | {agreement.TRUTH: 1}
bench_by_slug = {bench.slug: bench for bench in benches}
for (slug, title), scores in truths.groupby(["bench", "data"], sort=False):
    told_by, methods = telling[slug], bench_by_slug[slug].methods
    groups = pd.Series(bench_by_slug[slug].images.groups, bench_by_slug[slug].images.ids)
    itself = points[slug].assign(value=points[slug][told_by], metric=agreement.TRUTH)
    both = pd.concat([measured[slug], itself[["id", "map", "metric", "value"]]], ignore_index=True)
    for truth in localization.SCORES:
        expected = scores.pivot(index="id", columns="map", values=truth)[list(bench_by_slug[slug].maps)]
        resampling = Resampling(groups.loc[expected.index], **sampling)
        table = agreement.judge_metrics(both, expected, methods, resampling, directions, controls.FLAT)
        judged.append(table.assign(data=title, truth=truth, telling=truth == told_by))
verdict = pd.concat(judged, ignore_index=True)
is_own_truth = verdict["telling"] & verdict["data"].isin([bench.title for bench in benches])
told = verdict[verdict["telling"]]
told = told.assign(data=told["data"] + told["truth"].map(localization.SCORES))
told[["metric", "maps", "data", "set", "set_low", "set_high"]].round(2)

# %% [markdown]
# The same for single images: the mean of each image's own tau-b, over the images whose maps are not all alike.

# %%
told.pivot(index="metric", columns=["data", "maps"], values="image").loc[list(directions)].round(2)

# %% [markdown]
# One figure has the verdict. Colour is the agreement with the truth over the set, with its 95 % interval over patients.

# %%
verdict_figure = charts.verdict(told, agreement.MAPS, banner)
pictures = figures.save_figure(verdict_figure, results_folder / "trust")
display(verdict_figure)

# %% [markdown]
# A metric is fooled if it prefers a control to every real map. If the last row also names a control, that control
# really points better than every method. Next to it is the share of resamples of patients in which this is so.

# %%
fooled = told[told["maps"] == agreement.MAPS[0]]
fooled.pivot(index="metric", columns="data", values=["fooled_by", "fooled_share"]).loc[list(directions)]

# %% [markdown]
# Every pair of methods is compared under every metric and every score of the truth, with Holm's correction for the
# pairs.

# %%
compared = [small_lesions]
for bench in benches:
    groups = pd.Series(bench.images.groups, bench.images.ids)
    of_metric = measured[bench.slug].groupby("metric", sort=False)
    wide = {metric: part.pivot(index="id", columns="map", values="value") for metric, part in of_metric}
    for score in localization.SCORES:
        wide[score] = points[bench.slug].pivot(index="id", columns="map", values=score)
    for quantity, of_quantity in wide.items():
        resampling = Resampling(groups.loc[of_quantity.index], **sampling)
        pairs = comparisons.differences(of_quantity[bench.methods].to_numpy(), bench.methods, resampling)
        compared.append(pairs.assign(data=bench.title, quantity=quantity))
differences = pd.concat(compared, ignore_index=True)
paper_pair = differences.query("first == 'CAM' and second == 'Grad-CAM++'")
paper_pair.set_index(["data", "quantity"])[["difference", "low", "high", "p_holm"]].round(4)

# %% [markdown]
# ## In a sentence
#
# The numbers come to this.

# %%
main = told[(told["maps"] == agreement.MAPS[0]) & is_own_truth[told.index]]
for title, part in main.groupby("data", sort=False):
    rows = part.set_index("metric")
    really, ranked = rows.loc[agreement.TRUTH, "fooled_by"], rows.drop(agreement.TRUTH)
    honest = ranked["fooled_by"].isin(["", really])
    best, sure = ranked["set"].idxmax(), ranked[(ranked["set_low"] > 0) & honest]
    print(
        f"{title}: agreement of AD {ranked.loc['AD', 'set']:+.2f}, of BAD {ranked.loc['BAD', 'set']:+.2f}, of the "
        f"best, {best}, {ranked.loc[best, 'set']:+.2f}; surely above 0 and not fooled: "
        f"{', '.join(sure.index) or 'none'}; fooled: {', '.join(ranked.index[~honest]) or 'none'}; points best: "
        f"{really or 'a method'}."
    )

# %% [markdown]
# The verdict, the hits and the small lesions as one page.

# %%
of_hits = localized[(localized["score"] == "hit") & (localized["images"] == "all positives")]
text = trust_page.verdict_page(told, of_hits, list(sentences["sentence"]))
page = results_folder / "trust.md"
with replacing(page) as unfinished:
    head = f"# Which metric should you believe?\n\n{banner and f'**{banner}**'}\n\n"
    unfinished.write_text(head + text, encoding="utf-8")
Markdown(page.read_text())

# %% [markdown]
# The figure, the numbers behind it, and where they come from.

# %%
tables = {"trust": verdict, "trust_metrics": averages, "trust_differences": differences, "trust_theory": theory}
outputs = [page, *pictures]
outputs += [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
read = [COUNTED, *(bench.file for bench in benches), *(f"trust_maps_{bench.slug}.npz" for bench in benches)]
read += written
inputs = {file: build_folder / file for file in read}
inputs |= {bench.title: dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("09_verdict", outputs, inputs, globals(), results_folder, started)
record["outputs"]
