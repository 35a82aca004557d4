"""The row files of 04_alpha: what was measured comes back from them, rounded as files are."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from black_average_drop import evaluation, masks, rows
from black_average_drop.paper import alpha_rows, sensitivity
from evaluated_rows import METHODS


def read_again(table, folder):
    rows.write_rows(table, "some", folder, "demo")
    return rows.read_rows("some", folder)


def test_curves_come_back_and_choose_the_alpha_of_the_exact_curve_within_a_step(subject, tmp_path):
    batches = subject.dataset.batches(4)
    first_pass = evaluation.explain_all(subject.network, batches, METHODS, 4)
    curves = sensitivity.image_curves(batches, first_pass)
    table = read_again(alpha_rows.curve_rows(subject, curves, np.linspace(0, 0.11, 12)), tmp_path)
    again, shares = alpha_rows.curves_of_rows(table)
    assert again.shape == curves.shape == (12, 101)
    np.testing.assert_allclose(shares, np.linspace(0, 1, 101))
    np.testing.assert_allclose(again / 1000, curves / curves.mean(axis=0).max(), atol=0.5001 / 1000)
    assert abs(shares[again.sum(axis=0).argmax()] - masks.select_alpha(first_pass.curve)) < 0.01
    assert list(table["id"]) == list(subject.dataset.ids) and list(table["counted"]) == list(subject.dataset.labels)
    np.testing.assert_allclose(table["size"], np.linspace(0, 0.11, 12))
    assert set(table["data"]) == {"Radiographs"} and set(table["training"]) == {2}


def test_curves_of_methods_that_draw_the_same_maps_are_flat(subject):
    table = alpha_rows.curve_rows(subject, np.zeros((12, 5)))
    assert (alpha_rows.curves_of_rows(table)[0] == 0).all() and table["size"].isna().all()


def test_drops_come_back_by_method_with_that_of_table_1(subject, generator, tmp_path):
    sampled = subject.sampled(5, 0, 4)
    drops = {"CAM": generator.random((5, 20)), "Grad-CAM++": generator.random((5, 20))}
    table = read_again(alpha_rows.rows_along_alpha(sampled, drops), tmp_path)
    assert set(table["alpha_table1"]) == {0.333}
    again = alpha_rows.by_method(table)
    assert list(again) == ["CAM", "Grad-CAM++"]
    place = list(sampled.alphas).index(0.333)
    for method, values in drops.items():
        assert list(again[method].index) == list(sampled.few.ids)
        assert list(again[method].columns) == [f"{alpha:g}" for alpha in alpha_rows.STEPS] + ["table1"]
        np.testing.assert_allclose(again[method]["table1"], values[:, place], rtol=1e-4)
        np.testing.assert_allclose(again[method].drop(columns="table1"), np.delete(values, place, axis=1), rtol=1e-4)
    assert list(alpha_rows.patients_of_rows(table)) == list(sampled.few.groups)
    powers = alpha_rows.rows_of_contrasts(sampled, {"CAM": drops["CAM"][:, :3]}, [0.25, 1.0, 4.0])
    assert list(alpha_rows.by_method(powers)["CAM"].columns) == ["0.25", "1", "4"]


def test_an_alpha_of_table_1_that_is_a_step_is_there_twice(subject, generator):
    at_step = replace(subject.sampled(5, 0, 4), alpha=0.35)
    drops = {"CAM": generator.random((5, 19))}
    table = alpha_rows.by_method(alpha_rows.rows_along_alpha(at_step, drops))["CAM"]
    np.testing.assert_array_equal(table["table1"], table["0.35"])


def test_choices_have_a_row_for_each_image_and_method(subject, generator):
    sampled = subject.sampled(3, 0, 4)
    values = {(metric, method): generator.random(3) for metric in ("AD", "BAD") for method in alpha_rows.PAIR}
    by_choice = {
        (choice, metric): (alpha, {method: values[metric, method] + alpha for method in alpha_rows.PAIR})
        for choice, alpha in (("ties exact", 0.2), ("alpha by I^2", 0.7))
        for metric in ("AD", "BAD")
    }
    table = alpha_rows.rows_of_choices(sampled, by_choice)
    assert len(table) == 2 * 2 * 3
    for (method, choice, alpha), part in table.groupby(["method", "choice", "alpha"]):
        assert by_choice[choice, "AD"][0] == alpha
        for metric in ("AD", "BAD"):
            np.testing.assert_array_equal(part[metric], values[metric, method] + alpha)


def test_preparations_have_a_row_for_each_image_and_method(subject, generator):
    sampled = subject.sampled(3, 0, 4)
    measured, keys = {}, list(product(("AD", "BAD"), alpha_rows.PAIR))
    for preparation, alpha in {"as in Table 1": 0.2, "JPEG": 0.7}.items():
        measured[preparation] = alpha, np.arange(3) * alpha, {key: generator.random(3) for key in keys}
    table = alpha_rows.rows_of_preparations(sampled, measured)
    assert len(table) == 2 * 2 * 3 and list(table["id"].unique()) == list(sampled.few.ids)
    for (preparation, method), part in table.groupby(["preparation", "method"]):
        alpha, change, drops = measured[preparation]
        assert set(part["alpha"]) == {alpha} and list(part["change"]) == list(change)
        for metric in ("AD", "BAD"):
            np.testing.assert_array_equal(part[metric], drops[metric, method])


@pytest.fixture
def evaluated(subject):
    return evaluation.evaluate(subject.network, subject.dataset.batches(4), METHODS, 0.333, 4, ids=subject.dataset.ids)


def by_id(rows_of_evaluation, method, metric, column="drop"):
    """A column of one method and metric, by the id of the image."""
    chosen = (rows_of_evaluation["method"] == method) & (rows_of_evaluation["metric"] == metric)
    return rows_of_evaluation[chosen].set_index("id")[column]


def test_lesions_have_touches_of_every_map_and_drops_of_the_methods(subject, evaluated):
    lesions = subject.dataset.subset(subject.counted)
    touched = {"CAM": np.arange(6) < 2, "Grad-CAM++": np.arange(6) < 3, "centre prior": np.full(6, True)}
    table = alpha_rows.rows_of_lesions(subject, lesions, np.arange(6) / 10, evaluated, touched)
    assert table.groupby("map")["touched"].sum().to_dict() == {"CAM": 2, "Grad-CAM++": 3, "centre prior": 6}
    part = table[table["map"] == "Grad-CAM++"].set_index("id")
    for metric in ("AD", "BAD"):
        np.testing.assert_array_equal(part[metric], by_id(evaluated, "Grad-CAM++", metric)[lesions.ids])
    np.testing.assert_array_equal(part["opacity"], by_id(evaluated, "Grad-CAM++", "AD", "opacity")[lesions.ids])
    assert table.loc[table["map"] == "centre prior", ["opacity", "AD", "BAD"]].isna().all(axis=None)
    assert set(table["training"]) == {2}


def test_opacity_and_drops_are_those_of_the_images_that_table_1_puts_first(subject, evaluated):
    curves = alpha_rows.curve_rows(subject, np.zeros((12, 5)), np.arange(12.0))
    other = evaluated.assign(data="radiographs", training=1, drop=9.0)
    whole = pd.concat(
        [other, evaluated.assign(data="radiographs", training=2), other.assign(data="small_cnn", training=2)]
    )
    table = alpha_rows.opacity_and_drops(whole, alpha_rows.subject_rows([subject], "elsewhere"), curves)
    assert list(table["map"].unique()) == ["CAM", "Grad-CAM++"] and len(table) == 12
    assert set(table["data"]) == {"Radiographs"} and set(table["training"]) == {2}
    images = curves[curves["counted"] == 1]
    for name, part in table.groupby("map"):
        assert list(part["id"]) == list(images["id"]) and list(part["size"]) == list(images["size"])
        np.testing.assert_array_equal(part["BAD"], by_id(evaluated, name, "BAD")[images["id"]])
        np.testing.assert_array_equal(part["opacity"], by_id(evaluated, name, "AD", "opacity")[images["id"]])


def test_subjects_say_what_table_1_calls_them(subject):
    table = alpha_rows.subject_rows([subject], "another hospital")
    row, lesions = table.to_dict("records")
    assert (row["data"], row["table1"], row["counted"]) == ("Radiographs", "radiographs", "label pneumonia")
    assert (row["training"], row["alpha"], row["source"]) == (2, 0.333, "phantom radiographs")
    assert (lesions["data"], lesions["source"]) == ("Lesions", "another hospital")


def test_a_table_of_all_data_has_them_in_front_in_their_order():
    table = pd.DataFrame({"data": ["b", "a", "b"], "value": [1, 2, 3]})
    sums = alpha_rows.of_each_data(table, lambda part, given: part[["value"]].sum().to_frame(given).T, "sum")
    assert sums.to_dict("list") == {"data": ["b", "a"], "value": [4, 2]}


def test_the_gain_is_0_where_both_draw_the_same_maps():
    assert alpha_rows.gains({"CAM": 0.3}) == 0
    assert alpha_rows.gains({"CAM": 0.25, "Grad-CAM++": 0.5}) == 0.25
