"""Networks of benches that no other notebook trains."""

from black_average_drop import networks
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


def test_tasks_of_folds_have_files_and_seeds_of_their_own(tmp_path):
    splits = {split: catalogue.load("phantom radiographs", split, (64, 64), None, 8, 0) for split in catalogue.SPLITS}
    common = {"source": "chestxray14", "splits": splits, "backbone": "small_cnn", "weights": "", "epochs": 1}
    common |= {"learning_rate": 1e-3, "recipe": "plain"}
    tasks = [bench_training.Task(**common, fold=fold, training=number) for fold in benches.FOLDS for number in range(2)]
    assert len({task.file for task in tasks}) == 4
    bench_training.train(tasks[3], tmp_path, 8, 5)
    _, facts = networks.load(tmp_path / tasks[3].file)
    assert (facts.fold, facts.seed, facts.training_seed) == ("B", 5, 6)
