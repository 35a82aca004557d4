from black_average_drop.datasets import checksums, phantoms


def test_dataset_checksum_sees_pixels_labels_and_ids():
    data = phantoms.radiographs(5, size=64)
    whole = checksums.dataset_checksum(data)
    assert whole == checksums.dataset_checksum(data, batch_size=2)
    assert whole != checksums.dataset_checksum(phantoms.radiographs(5, seed=1, size=64))
    assert whole != checksums.dataset_checksum(data.subset(slice(0, 4)))
