"""Images with their labels and, where there are any, boxes or masks.

`catalogue.load` gives a data set that a profile names, `folder.load` any folder of images. Images are pixels 0..255,
RGB, of one size, read only when asked for.
"""

from black_average_drop.datasets.dataset import Dataset, split_by_group
from black_average_drop.datasets.images import from_files

__all__ = ["Dataset", "from_files", "split_by_group"]
