"""Evaluate many images that are drawn as they are read, and print seconds and memory at each thousand as JSON.

python reliability/many_images.py model.keras count
"""

import json
import sys
import time

import psutil

from black_average_drop import cams, evaluation, networks
from black_average_drop.benchmark import footprint
from black_average_drop.datasets import phantoms

THOUSAND, BATCH = 1000, 32


class Watched:
    """A re-iterable of batches that notes what `mark` gives at the start and whenever a thousand are read."""

    def __init__(self, dataset):
        self.dataset, self.marks = dataset, []

    def __iter__(self):
        read, marks = 0, [mark()]
        self.marks.append(marks)
        for batch in self.dataset.batches(BATCH):
            yield batch
            read += len(batch)
            if read // THOUSAND >= len(marks):
                marks.append(mark())


def mark():
    """Seconds, seconds of the processor, MiB in memory now, and MiB at the peak so far."""
    memory = psutil.Process().memory_info().rss / 2**20
    return time.monotonic(), time.process_time(), memory, footprint.peak_so_far()


def main():
    model, count = sys.argv[1], int(sys.argv[2])
    networks.make_deterministic(0)
    network = networks.CamNetwork.from_model(networks.load(model)[0], activation="relu")
    size = network.image_size[0]
    methods = cams.chosen(cams.PAPER_METHODS)
    evaluation.evaluate(network, phantoms.radiographs(2 * BATCH, seed=1, size=size).batches(BATCH), methods)  # compiles
    images = Watched(phantoms.radiographs(count, seed=2, size=size))
    rows = evaluation.evaluate(network, images, methods, batch_size=BATCH)
    print(json.dumps({"rows": len(rows), "size": size, "passes": images.marks, "end": mark()}))


if __name__ == "__main__":
    main()
