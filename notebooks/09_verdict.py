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
margin = 0.02  # of the score: methods whose AD or BAD differ by less are practically as good as each other
margin_of_hits = 0.05  # the same for the primary truth: of hits, 5 of 100 images
curve_images = 100  # of each network, drawn at random, for the metrics that need many masked images

# %% [markdown]
# Everything that computes is in the package; a notebook names what to compute.

# %%
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from black_average_drop import cams, controls, networks, rows
from black_average_drop.artifact import provenance
from black_average_drop.artifact.code_hashes import measurement_key
from black_average_drop.datasets.checksums import dataset_checksum
from black_average_drop.files import keep_table, kept_table
from black_average_drop.trust import faithfulness, wide
from black_average_drop.trust.bench import COUNTED, maps_file, read_counted, read_maps

started = datetime.datetime.now()
networks.make_deterministic(seed)
build_folder, results_folder = Path(build), Path(results)

# %% [markdown]
# ## The maps
#
# The benches come from `07_what_networks_use`, and their maps from `08_maps_against_truth`.

# %%
benches = [read_maps(bench, build_folder) for bench in read_counted(build_folder, data_root)]
pd.DataFrame({bench.file: {"images": len(bench.images), "maps": len(bench.maps)} for bench in benches}).T

# %% [markdown]
# ## What the metrics say of the same maps
#
# Next to AD and BAD we measure Average Increase and Average Gain, insertion and deletion, the two curves of ROAD, and
# BAD's area over alpha. BAD is also measured on other backgrounds than black. Opacity, coherency and the AD of softmax
# scores are parts of ADCC and ARCC, and are not judged by themselves. Metrics that need many masked images take a fixed
# part of the images of each network. What was measured is kept in the build folder. It is measured again only if
# networks, images, maps or the measuring code changed.

# %%
measured = []
redraw = cams.chosen(list(benches[0].first_pass.maps)) | controls.REDRAWN
for bench in benches:
    dataset, few = bench.images, bench.few(curve_images, seed)
    settings = [bench.normal is not None, bench.alpha, batch_size, seed, few.tolist(), list(bench.maps)]
    arrays = [*bench.model.get_weights(), *map(np.ascontiguousarray, bench.maps.values())]
    key = measurement_key("trust.faithfulness", settings, dataset_checksum(dataset), arrays)
    path = build_folder / f"{Path(bench.file).stem}_metrics.csv"
    kept = kept_table(path, key)
    if kept is None:
        backgrounds = faithfulness.fills(dataset, bench.normal, seed)
        singles = faithfulness.single_masks(
            bench.network, dataset, dataset.labels, bench.maps, redraw, bench.alpha, backgrounds, batch_size
        )
        fixed, of_few = dataset.subset(few), {name: drawn[few] for name, drawn in bench.maps.items()}
        plain = faithfulness.fills(dataset)
        many = faithfulness.curves(bench.network, fixed, fixed.labels, of_few, plain, batch_size, seed)
        keep_table(pd.concat([singles, many], ignore_index=True), path, key)
    measured.append(bench.named(kept_table(path, key)))

# %% [markdown]
# The rows, and where they come from.

# %%
every_row = wide.spread(pd.concat(measured, ignore_index=True))
outputs = [rows.write_rows(every_row, "trust_metrics", results_folder, profile, digits=4)]
read = [COUNTED, *(bench.file for bench in benches), *(maps_file(bench, build_folder).name for bench in benches)]
inputs = {file: build_folder / file for file in read}
inputs |= {f"{bench.title} {bench.fold}".strip(): dataset_checksum(bench.images) for bench in benches}
record = provenance.write_record("09_verdict", outputs, inputs, globals(), results_folder, started)
record["outputs"]

# %% [markdown] tags=["analysis"]
# ## What the metrics say on average
#
# From here on everything follows from the rows in `results/rows/`. `make tables` makes it again.
#
# ADCC, ARCC and the combined ROAD follow from what was measured. Their authors take softmax scores for Average Increase
# and ADCC. Both are printed with ReLU scores, too.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib_inline.backend_inline import set_matplotlib_formats

from black_average_drop import charts, figure_files, metrics, wording
from black_average_drop.artifact import provenance
from black_average_drop.files import read_csv, replacing, write_csv
from black_average_drop.rows import row_file
from black_average_drop.statistics import which_best
from black_average_drop.trust import agreement, composites, judging, summaries, trust_page, truth_charts, truths, wide

set_matplotlib_formats("png")  # figures made without pyplot are shown too
results_folder, banner = Path(results), wording.banner(profile)
known = wide.read_named("trust_images", results_folder)
images = summaries.images_by_data(known, resamples, seed)
points = wide.read_maps_rows("trust_points", results_folder, ["id", "score"])
every = composites.with_composites(wide.read_maps_rows("trust_metrics", results_folder, ["id", "metric"]))

# %% [markdown]
# The mean of each metric for each map.

# %%
averages = every.groupby(["data", "metric", "map"], sort=False)["value"].agg(["mean", "count"]).reset_index()
averages.pivot(index=["data", "metric"], columns="map", values="mean").round(3)

# %% [markdown]
# Theory knows some of these numbers. A map of ones fades nothing, so its AD is 0. Eq. (11) keeps none of its pixels,
# since none is above the others. So its BAD is the drop of a black image. Fake-CAM is a map of ones without one corner
# pixel.

# %%
by_theory = []
for data, of_data in images.items():
    mean = averages[averages["data"] == data].set_index(["metric", "map"])["mean"]
    row = {"data": data, "AD of all ones": mean["AD", "all ones"], "AD of Fake-CAM": mean["AD", "Fake-CAM"]}
    black = np.nanmean(metrics.drops(of_data.known["score"], of_data.known["black_score"]))
    by_theory.append(row | {"BAD of all ones": mean["BAD", "all ones"], "drop of a black image": black})
theory = pd.DataFrame(by_theory)
theory.set_index("data").round(4)

# %% [markdown]
# ## The verdict
#
# The verdict is Kendall's tau-b between a metric's ranking of the maps and the truth's. More is better. There are four
# truths. One of them is the primary truth, which the verdict rests on, and it is named in the package with its reason.

# %%
Markdown(f"{truths.REASON}\n\n" + "\n".join(f"- {data}: {truths.primary_truth(data)}" for data in images))

# %% [markdown]
# Every metric against every truth, on all images and on each fold. The row "the truth itself" ranks the primary truth
# like a metric: read the others against it. On marker phantoms a second data set has another truth, the lesion, which
# the network does not use. A metric that agrees with the lesion more than with the marker is misled. A metric counts
# the images that it has a value for: those whose score is above 0, or the fixed part.

# %%
methods = summaries.methods_by_data(read_csv(results_folder / "trust_same_maps.csv"))
judged = judging.judge_by_truths(every, points, images, methods)
by_fold = judged[judged["fold"] != ""]
verdict = judged[judged["fold"] == ""].drop(columns="fold")
told = verdict[verdict["telling"]]
told = told.assign(data=told["data"] + told["truth"].map(truths.SCORES))
told[["metric", "maps", "data", "set", "set_low", "set_high"]].round(2)

# %% [markdown]
# The same for single images: the mean of each image's own tau-b, over the images whose maps are not all alike.

# %%
told.pivot(index="metric", columns=["data", "maps"], values="image").round(2)

# %% [markdown]
# Two figures have the verdict. In the first one colour is the agreement with the primary truth over the set, with its
# 95 % interval over patients. The second one has all truths next to each other.

# %%
verdict_figure = charts.verdict(told, agreement.MAPS, banner)
truths_figure = truth_charts.draw_truths(verdict, banner)
display(verdict_figure, truths_figure)

# %% [markdown]
# A metric is fooled if it prefers a control to every real map. If the last row also names a control, that control
# really points better than every method. Next to it is the share of resamples of patients in which this is so.

# %%
fooled = told[told["maps"] == agreement.MAPS[0]]
fooled.pivot(index="metric", columns="data", values=["fooled_by", "fooled_share"])

# %% [markdown]
# Every pair of methods is compared under every metric and every truth, with Holm's correction for the pairs. Next to a
# difference stands whether unseen patients could turn it.

# %%
small_lesions = read_csv(results_folder / "trust_small_lesions.csv")
differences = pd.concat([small_lesions, judging.compare_methods(every, points, images, methods)], ignore_index=True)
paper_pair = differences.query("first == 'CAM' and second == 'Grad-CAM++'")
paper_pair.set_index(["data", "quantity"])[["difference", "low", "high", "p_holm", "unseen"]].round(4)

# %% [markdown]
# Which methods may be taken is another question than which differ. A method is *practically as good as the best* if it
# is worse by at most the margin. `least` and `most` say how much worse than the best of the others it is.

# %%
answers = judging.which_maps(every, points, images, methods, margin, margin_of_hits)
sets = which_best.tables(answers, ("data", "quantity"))["set"]
sets.set_index(["data", "quantity", "map"])[["mean", "least", "most", "word"]].round(4)

# %% [markdown]
# ## In a sentence
#
# The numbers come to this. First, methods and controls by the primary truth.

# %%
main = told[(told["maps"] == agreement.MAPS[0]) & ~told["data"].str.contains("wrong")]
for title, part in main.groupby("data", sort=False):
    of_metric = part.set_index("metric")
    really, ranked = of_metric.loc[agreement.TRUTH, "fooled_by"], of_metric.drop(agreement.TRUTH)
    honest = ranked["fooled_by"].isin(["", really])
    best, sure = ranked["set"].idxmax(), ranked[(ranked["set_low"] > 0) & honest]
    print(
        f"{title}: agreement of AD {ranked.loc['AD', 'set']:+.2f}, of BAD {ranked.loc['BAD', 'set']:+.2f}, the largest "
        f"that of {best}, {ranked.loc[best, 'set']:+.2f}; above 0 and not fooled: {', '.join(sure.index) or 'none'}; "
        f"fooled: {', '.join(ranked.index[~honest]) or 'none'}; the map that points most often: {really or 'a method'}."
    )

# %% [markdown]
# Then methods alone, by each truth for itself. No interval is corrected for the number of metrics and truths.

# %%
of_fold = known["training"].nunique()
limits = trust_page.caveats(methods, read_csv(results_folder / "trust_networks.csv"), of_fold)
Markdown("\n".join(f"- {sentence}" for sentence in [*trust_page.alone_sentences(verdict), *limits]))

# %% [markdown]
# The verdict, the hits, all truths, the folds, and the small lesions as one page.

# %%
localized = read_csv(results_folder / "trust_localization.csv")
of_hits = localized[(localized["score"] == "hit") & (localized["images"] == "all positives")]
sentences = trust_page.small_lesion_sentences(read_csv(results_folder / "trust_recall.csv"), small_lesions)
page = results_folder / "trust.md"
with replacing(page) as unfinished:
    head = f"# Which metric should you believe?\n\n{banner and f'**{banner}**'}\n\n"
    text = trust_page.verdict_page(verdict, of_hits, by_fold, answers, sentences, limits, of_fold)
    unfinished.write_text(head + text, encoding="utf-8")
Markdown(page.read_text())

# %% [markdown]
# The figures, the numbers behind them, and where they come from.

# %%
tables = {"trust": verdict, "trust_metrics": averages, "trust_differences": differences, "trust_theory": theory}
tables |= {"trust_folds": by_fold, "trust_set": sets}
outputs = [page, *figure_files.save_figure(verdict_figure, results_folder / "trust")]
outputs += figure_files.save_figure(truths_figure, results_folder / "trust_truths")
outputs += [write_csv(table, results_folder / f"{name}.csv", profile) for name, table in tables.items()]
names = ("trust_images", "trust_points", "trust_metrics")
inputs = {f"{name}.csv.xz": row_file(name, results_folder) for name in names}
names = ("trust_networks", "trust_same_maps", "trust_small_lesions", "trust_localization", "trust_recall")
inputs |= {f"{name}.csv": results_folder / f"{name}.csv" for name in names}
concluded = provenance.write_analysis("09_verdict", outputs, inputs, globals(), results_folder)
concluded["outputs"]
