"""What is surely wrong with a folder of maps, said before a model is opened or a map is decoded."""

from pathlib import Path

from black_average_drop.datasets.maps import formats, layout

MOST_HEADERS = 300  # of maps whose beginning is read: well below a second


def check_maps(root, ids):
    """Refuse a folder of maps by the names of its files and some of their headers.

    What the findings are called is not known yet. So a folder that passes may still lack maps.

    Args:
        root: the folder.
        ids: (N,) text, of the images that a run takes, as in `layout.image_stems`.

    Raises:
        ValueError: if there is no map of any of the images, or as `formats.size_of_map`.
    """
    stems = layout.image_stems(ids)
    images, found = set(stems), []
    for name, paths in layout.list_maps(root).files.items():
        parts = name.split("/")
        if any("/".join(parts[above:]) in images for above in range(3)):  # below a set, a finding, both or none
            found += paths
    if not found:
        raise ValueError(
            f"{root} holds no map of any image: name maps like the images, {Path(root) / 'maps' / stems[0]}.npy for "
            "one."
        )
    for path in found[:MOST_HEADERS]:
        formats.size_of_map(path)
