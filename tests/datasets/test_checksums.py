from dataclasses import replace

import numpy as np

from black_average_drop.datasets import checksums, phantoms
from black_average_drop.datasets.findings import Findings


def test_dataset_checksum_sees_pixels_labels_and_ids():
    data = phantoms.radiographs(5, size=64)
    whole = checksums.dataset_checksum(data)
    assert whole == checksums.dataset_checksum(data, batch_size=2)
    assert whole != checksums.dataset_checksum(phantoms.radiographs(5, seed=1, size=64))
    assert whole != checksums.dataset_checksum(data.subset(slice(0, 4)))


def test_dataset_checksum_sees_findings_and_their_names():
    states = np.float32([[1, 0], [np.nan, -1]])
    data = phantoms.radiographs(2, size=64)
    known = replace(data, findings=Findings(("Edema", "Mass"), states), labels=np.full(2, -1))
    filled = [
        Findings(known.findings.names, np.where(np.isnan(states), np.float32(state), states)) for state in (0, 1, -1)
    ]
    others = [
        replace(known, findings=None),
        replace(known, findings=Findings(("Mass", "Edema"), states)),
        *(replace(known, findings=findings) for findings in filled),
    ]
    sums = [checksums.dataset_checksum(one) for one in (known, *others)]
    same = replace(known, findings=Findings(("Edema", "Mass"), states.copy()))
    assert len(set(sums)) == len(sums) and sums[0] == checksums.dataset_checksum(same)
