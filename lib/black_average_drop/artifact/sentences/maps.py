"""What known lesions say of the maps, in sentences: small lesions touched, and maps after weights are shuffled."""

from black_average_drop.artifact.sentences.directions import capitalised, who_is_ahead
from black_average_drop.statistics.answer_text import enumerated

CONTROLS = ("Eigen-CAM", "centre prior", "another image's map")  # Eigen-CAM does not know the class
TOUCHED_AREA = 0.1


def small_lesions_touched(recall, differences, data, things):
    """How many of 100 small lesions Grad-CAM++, CAM and what knows no finding touch, and which method is ahead.

    Args:
        recall: trust_recall.csv.
        differences: trust_differences.csv.
        data: the data set.
        things: what is touched: "lesions" or "objects".
    """
    rows = recall[(recall["data"] == data) & (recall["size_class"] == "small") & (recall["images"] == "all positives")]
    seen = 100 * rows[rows["area"] == TOUCHED_AREA].set_index("map")["seen"]
    pairs = differences[(differences["data"] == data) & (differences["quantity"] == "small lesions seen")]
    pair = pairs[(pairs["first"] == "CAM") & (pairs["second"] == "Grad-CAM++")].iloc[0]
    difference = tuple(100 * pair[["difference", "low", "high"]])
    verdict = who_is_ahead("CAM", "Grad-CAM++", difference, 1, more_is_better=True)
    sure = "" if pair["p_holm"] != pair["p_holm"] else f", p = {pair['p_holm']:.2g} after Holm"
    turned = " Patients that nobody saw could turn that." if pair.get("unseen") == "overturned" else ""
    return (
        f"Of 100 small {things} in {data} Grad-CAM++ touches {seen['Grad-CAM++']:.0f}, CAM {seen['CAM']:.0f}. "
        f"Maps that know no finding touch {enumerated(f'{seen[name]:.0f} ({name})' for name in CONTROLS)}. "
        f"{capitalised(verdict + sure)}{turned}"
    )


def after_shuffled_head(sanity):
    """Whether more is left of Grad-CAM++ than of CAM after the head is shuffled, for each data set.

    Args:
        sanity: rows of trust_sanity.csv of several profiles.
    """
    rows = sanity[(sanity["measure"] == "rank correlation") & (sanity["maps"] == "head randomised")]
    more, less, open_ = [], [], []
    for data, part in rows.groupby("data", sort=False):
        part = part.set_index("method")
        first, second = part.loc["Grad-CAM++"], part.loc["CAM"]
        kind = more if first["low"] > second["high"] else less if first["high"] < second["low"] else open_
        kind.append(data)
    said = [("more is left of Grad-CAM++ than of CAM", more), ("less is left of Grad-CAM++ than of CAM", less)]
    said += [("the two intervals overlap, which decides nothing", open_)]
    return " ".join(f"On {enumerated(where)} {what}." for what, where in said if where)


def after_shuffled_backbone(sanity):
    """Whose maps are shown to stay more alike after the backbone is shuffled than the maps of two images are."""
    rows = sanity[sanity["measure"] == "rank correlation"].set_index(["data", "method", "maps"]).sort_index()
    kept, total = [], 0
    for data, method in rows.index.droplevel("maps").unique():
        one = rows.loc[(data, method)]
        total += 1
        if one.loc["backbone randomised", "low"] > one.loc["another image's map", "high"]:
            kept.append(f"{method} on {data}")
    shown = f"{len(kept) or 'none'} of {total} methods and data sets{f', {enumerated(kept)}' if kept else ''}"
    return (
        "After the backbone is shuffled, a map should be no more like the old one than another image's map is. "
        f"That it is more alike is shown for {shown}."
    )
