"""What was measured for Table 1, written as rows and read again."""

import numpy as np
import pandas as pd
import pytest

from black_average_drop import cams, controls, evaluation, networks
from black_average_drop.datasets import phantoms
from black_average_drop.paper.rows_of_table1 import read_table1_rows, write_table1_rows

KIND = "radiographs"


@pytest.fixture(scope="module")
def measured():
    """Two trainings, the second without the variant of Grad-CAM++, and another network on the same images."""
    networks.make_deterministic(1)
    dataset, parts = phantoms.radiographs(9, seed=3, size=64), {}
    methods = cams.chosen([*cams.PAPER_METHODS, "Grad-CAM++ (normalised alpha)"])
    for key in ((KIND, 0), (KIND, 1), ("another", 0)):
        model = networks.build("small_cnn", (64, 64), dataset.class_names, "relu", head_start=2.0)
        network = networks.CamNetwork.from_model(model)
        chosen = methods if key == (KIND, 0) else cams.chosen(cams.PAPER_METHODS)
        given = {"ids": dataset.ids, "groups": dataset.groups, "controls": controls.IN_TABLE_1, "alpha": 0.4123456}
        evaluated = evaluation.evaluate(network, dataset.images(), chosen, **given)
        parts[key] = evaluated, dataset, evaluation.black_logits(network)
    return parts


def test_rows_come_back_as_they_were_measured(measured, tmp_path):
    write_table1_rows(measured, tmp_path, "demo")
    again = read_table1_rows(tmp_path)
    assert list(again["data"].unique()) == [KIND, "another"]
    for (data, training), (evaluated, dataset, black) in measured.items():
        part = again[(again["data"] == data) & (again["training"] == training)].reset_index(drop=True)
        names = list(evaluated.columns)
        pd.testing.assert_frame_equal(part[names], evaluated, rtol=6e-6, atol=1e-5, check_dtype=False)
        by_id = part.drop_duplicates("id").set_index("id").loc[dataset.ids]
        assert list(by_id["group"]) == list(dataset.groups) and list(by_id["label"]) == list(dataset.labels)
        dark = np.exp(black) / np.exp(black).sum()
        np.testing.assert_allclose(by_id["black_logit"], black[by_id["class"]], rtol=1e-5)
        np.testing.assert_allclose(by_id["black_softmax"], dark[by_id["class"]], rtol=1e-5)


def test_each_number_is_kept_once(measured, tmp_path):
    """No row of a map that another method draws, and the same bytes for the same rows."""
    files = write_table1_rows(measured, tmp_path, "demo")
    assert [path.name for path in files] == [f"table1_{name}.csv.xz" for name in ("images", "methods", "maps")]
    images, methods, maps = (pd.read_csv(path) for path in files)
    assert len(images) == 3 * 9 and len(maps) == 9 * methods["same_map_as"].isna().sum()
    assert set(methods.query("method == 'Grad-CAM'")["same_map_as"]) == {"CAM"}
    assert list(methods.groupby(["data", "training"]).size()) == [5, 6, 5]
    before = [path.read_bytes() for path in files]
    assert [path.read_bytes() for path in write_table1_rows(measured, tmp_path, "demo")] == before


def test_rows_of_other_images_and_of_several_labels_are_refused(measured, tmp_path):
    evaluated, dataset, black = measured[KIND, 0]
    with pytest.raises(ValueError, match="rows and dataset hold different images"):
        write_table1_rows({(KIND, 0): (evaluated, dataset.subset(slice(0, 5)), black)}, tmp_path, "demo")
    with pytest.raises(ValueError, match="several labels at once"):
        write_table1_rows({(KIND, 0): (evaluated.assign(masked_class=-1), dataset, black)}, tmp_path, "demo")
    assert not list(tmp_path.iterdir())
