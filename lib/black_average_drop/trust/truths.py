"""The truths about maps, and the one that verdicts rest on.

Each truth is a number for a map of an image whose lesion or object is known. All of them are shown. One is named here,
with its reason, so that nobody chooses it after a look at the numbers.
"""

# In words, which follow the name of a data set whose truth is not the hits.
SCORES = {
    "hit": "",
    "hit_tolerant": " (hits with tolerance)",
    "mass_inside": " (mass inside)",
    "top_inside": " (top pixels inside)",
}
# A reader follows the brightest place of a map, and a hit says whether the lesion is there. A hit looks at the order of
# pixels alone: it changes with no scale of grey values, and it rewards neither narrow maps nor wide ones. The other
# truths do one of both. Mass inside is larger for a concentrated map by construction, wherever the network looks. Top
# pixels inside keeps as many pixels as the lesion has, which a reader does not know, and masks as BAD does. The price:
# a hit is a yes or no of one pixel, so that it decides between few methods.
PRIMARY = "hit"
# Where a hit cannot rank maps by construction: a marker is thinner than a position of the feature maps, so that the
# maximum of every map lies next to it.
PRIMARY_ELSEWHERE = {"Marker phantoms": "mass_inside"}
REASON = (
    "The verdict rests on hits: whether the brightest place of a map lies on the lesion is what its reader asks, and a "
    "hit rewards neither narrow maps nor wide ones. Mass inside rewards narrow maps by construction. Top pixels inside "
    "looks at an area as BAD does."
)


def primary_truth(data):
    """The one of SCORES that the verdict on a data set rests on, by its name, with or without what follows a colon."""
    return PRIMARY_ELSEWHERE.get(data.split(":")[0], PRIMARY)
