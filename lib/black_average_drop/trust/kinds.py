"""The kinds of benches: what each is called, and what its network is expected to use."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a bench is called, and what its network is expected to use."""

    slug: str  # names its files
    title: str  # names its rows and panels
    small: str  # what its smallest lesions or objects are called in a sentence
    uses: str = ""  # what the network should use: "lesion" or "marker", where that can be taken away
    ignores: str = ""  # what the network should not use, where that can be taken away
    finding: bool = True  # whether class 1 has the finding and class 0 is normal; otherwise every class has an object


# By the source of the images.
KINDS = {
    "imagenet": Kind(slug="objects", title="ImageNet boxes", small="small objects", finding=False),
    "phantom objects": Kind(slug="objects", title="Object phantoms", small="small objects", finding=False),
    "phantom radiographs": Kind(slug="lesions", title="Lesion phantoms", small="small lesions", uses="lesion"),
    "marked phantom radiographs": Kind(
        slug="markers", title="Marker phantoms", small="small markers", uses="marker", ignores="lesion"
    ),
    "chestxray14": Kind(slug="boxes", title="NIH boxes", small="small lesions"),
    "rsna": Kind(slug="rsna", title="RSNA boxes", small="small lesions"),
    "chexlocalize": Kind(slug="chexlocalize", title="CheXlocalize masks", small="small lesions"),
}
SMALL = {kind.title: kind.small for kind in KINDS.values()}
