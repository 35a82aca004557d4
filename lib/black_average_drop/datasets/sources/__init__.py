"""The data sets that lie below the data root, by the names of profiles: one file each, and one entry here."""

from black_average_drop.datasets.sources import chest_xray, chestxray14, chexlocalize, imagenet, rsna

SOURCES = {module.SOURCE.name: module.SOURCE for module in (chest_xray, chestxray14, imagenet, rsna, chexlocalize)}
