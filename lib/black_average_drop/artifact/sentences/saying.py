"""Every sentence that a page may have in a field `{{say.…}}`: which rows it is made of."""

import pandas as pd

from black_average_drop.artifact.numbers.committed import agreements
from black_average_drop.artifact.sentences import alpha, drops, maps, metrics
from black_average_drop.files import ROOT
from black_average_drop.trust import truths

NAMED = ("BAD", "AD", "ROAD", "insertion")  # metrics that the pages name


def said(results=ROOT / "paper_figures"):
    """Make every directional sentence of the pages from the committed rows.

    Args:
        results: Path, the folder of committed results.

    Returns:
        Dict, name -> one sentence or several.
    """
    return _of_the_paper(results) | _of_the_smaller_network(results) | _of_trust(results) | _of_phantoms(results)


def _of_the_paper(results):
    read = _reader(results / "laptop")
    claims, table, trainings = read("claims").set_index("claim"), read("table1"), read("table1_trainings")
    chosen = read("alpha_anew").set_index("data")
    texts = {
        "claims": drops.claims_counted(claims),
        "trainings of BAD": drops.range_of_trainings(trainings[trainings["metric"] == "BAD"]),
        "largest differences": drops.largest_differences(table),
        "incorrect": drops.black_and_incorrect(claims, table),
        "growing drops": alpha.growing_drops(claims),
        "contrast": alpha.contrast_next_to_differences(read("alpha_contrast"), table),
        "softmax": alpha.grad_cam_plus_plus_behind_softmax(claims.loc["softmax_kills"], read("softmax")),
    }
    for data, metric in (("general", "BAD"), ("radiographs", "AD"), ("radiographs", "BAD")):
        name = f"{drops.IMAGES[data]} {metric}"
        texts[name] = drops.drop_ranking(claims, table, data, metric)
    for data, images in (("General images", "photos"), ("Radiographs", "X-rays")):
        texts[f"preparations {data}"] = alpha.prepared_in_other_ways(read("alpha_preparations"), data, images)
    for data, rows in read("alpha_bad").groupby("data"):
        networks = int(trainings["trainings"].max()) if data == "Radiographs" else 1
        texts[f"alpha {data}"] = alpha.ranking_along_alpha(
            rows, chosen.loc[data, "alpha_table1"], chosen.loc[data, "images"], networks
        )
    return texts


def _of_the_smaller_network(results):
    read = _reader(results / "paper")
    claims = read("claims").set_index("claim")
    return {"smaller network": drops.drop_ranking(claims, read("table1"), "radiographs", "BAD")}


def _of_trust(results):
    read, phantoms = _reader(results / "laptop"), _reader(results / "demo")
    rows, recall, differences = agreements(results, "laptop"), read("trust_recall"), read("trust_differences")
    sanity, of_phantoms = read("trust_sanity"), agreements(results, "demo")
    every = pd.concat([rows, of_phantoms[~of_phantoms["data"].str.contains("wrong")]])
    return {
        "primary truth": truths.REASON,
        "best agreements": metrics.best_agreements(rows),
        "AD fooled": metrics.fooled(every, "AD"),
        "BAD fooled": metrics.fooled(every, "BAD"),
        "hits": metrics.best_hits(read("trust_localization"), set(read("trust_same_maps")["method"])),
        "methods alone": metrics.among_methods(rows),
        "methods alone in short": metrics.counts_among_methods(rows),
        "scores of metrics": metrics.scores_of_metrics(rows),
        "table of methods alone": metrics.table_among_methods(rows, NAMED),
        "small lesions": maps.small_lesions_touched(recall, differences, "NIH boxes", "lesions"),
        "small objects": maps.small_lesions_touched(recall, differences, "ImageNet boxes", "objects"),
        "shuffled head": maps.after_shuffled_head(pd.concat([sanity, phantoms("trust_sanity")])),
        "shuffled backbone": maps.after_shuffled_backbone(sanity),
    }


def _of_phantoms(results):
    rows = agreements(results, "demo")
    shown = ("insertion", "ROAD", "BAD", "BAD, blurred", "AD")
    return {
        "marker phantoms": metrics.on_a_bench(rows, "Marker phantoms", shown),
        "lesion phantoms": metrics.on_a_bench(rows, "Lesion phantoms", shown),
        "misled": metrics.misled(rows, "Marker phantoms: the lesion, wrong"),
    }


def _reader(folder):
    return lambda name: pd.read_csv(folder / f"{name}.csv")
