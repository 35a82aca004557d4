"""The data sets that lie below the data root, by the names of profiles: one file each, and one entry here."""

from black_average_drop.datasets.sources import chest_xray, chestxray14, imagenet

SOURCES = {source.name: source for source in (chest_xray.SOURCE, chestxray14.SOURCE, imagenet.SOURCE)}
