"""Networks of benches that no other notebook trains."""

from black_average_drop.datasets import catalogue
from black_average_drop.trust import bench as benches
from black_average_drop.trust import bench_training


def test_a_task_trains_a_network_that_makes_a_bench(tmp_path):
    source = "marked phantom radiographs"
    splits = {split: catalogue.load(source, split, (64, 64), None, 16, 0) for split in catalogue.SPLITS}
    task = bench_training.Task(
        source=source, splits=splits, backbone="small_cnn", weights="", epochs=1, learning_rate=1e-3, recipe="plain"
    )
    history = bench_training.train(task, tmp_path, 8, 0)
    assert len(history) == 1 and task.file == "trust_markers.keras" and task.title == "Marker phantoms"
    assert (tmp_path / "trust_markers.checkpoint.npz").is_file()
    bench = benches.load_bench(tmp_path / task.file, "nowhere")
    assert list(bench.images.ids) == list(splits["test"].ids[splits["test"].labels == 1])
    assert bench.facts.weights == "random" and bench.facts.trained_epochs == 1
