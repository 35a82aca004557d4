import numpy as np
import pandas as pd
import pytest

from black_average_drop import metrics
from black_average_drop.datasets import Dataset
from black_average_drop.paper import table_text, tables
from black_average_drop.statistics.patients import Resampling

BLACK = np.array([-0.5, 1.5])


@pytest.fixture
def dataset():
    labels = np.array([0, 1, 1, 1, 1, 0])
    ids = np.array([f"image {i}" for i in range(6)])
    groups = np.array(["a", "b", "b", "c", "d", "e"])
    return Dataset(ids, labels, groups, ("normal", "pneumonia"), (8, 8), np.arange(6), None)


@pytest.fixture
def rows(dataset, generator):
    parts = []
    for method in ("CAM", "Grad-CAM", "Grad-CAM++", "another image's map"):
        for metric in ("AD", "BAD"):
            part = pd.DataFrame({"id": dataset.ids, "class": [0, 1, 1, 0, 1, 1], "method": method, "metric": metric})
            part["full_logit"] = [2.0, 4.0, 5.0, -1.0, 8.0, 3.0]
            part["masked_logit"] = generator.uniform(0, 4, 6).round(2)
            part["full_softmax"], part["masked_softmax"] = 0.9, generator.uniform(0, 1, 6)
            part["masked_class"] = generator.integers(0, 2, 6)
            part["alpha"], part["kept"], part["kept_unsupported"] = 0.4, 0.39, 0.1
            part["same_map_as"] = "CAM" if method == "Grad-CAM" else ""
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def built(rows, dataset, kind="radiographs", **subsets):
    subsets = subsets or {"label pneumonia": dataset.labels == 1, "all": dataset.labels >= 0}
    return tables.table1(rows, dataset, kind, BLACK, subsets, Resampling(dataset.groups, 300))


def test_estimates_by_hand(rows, dataset):
    table = built(rows, dataset)
    row = table.query("images == 'label pneumonia' and score == 'relu' and method == 'Grad-CAM++'").iloc[0]
    part = rows.query("method == 'Grad-CAM++' and metric == 'BAD'").iloc[1:5]
    drops = [max(0, y - o) / y for y, o in zip(part["full_logit"], part["masked_logit"], strict=True) if y > 0]
    assert len(drops) == 3 and row["left_out"] == 1 and (row["n"], row["patients"]) == (4, 3)
    assert row["BAD"] == pytest.approx(np.mean(drops))
    assert row["incorrect_BAD"] == pytest.approx(100 * np.mean(part["masked_class"] != part["class"]))
    assert row["incorrect_label_BAD"] == pytest.approx(100 * np.mean(part["masked_class"] != 1))
    dark = np.maximum(BLACK, 0)[part["class"]]
    assert row["not_above_black_BAD"] == pytest.approx(100 * np.mean(part["masked_logit"] <= dark))
    assert row["black_class"] == "pneumonia" and row["black_score"] == pytest.approx(dark.mean())
    assert row["alpha"] == 0.4 and row["kept_area"] == pytest.approx(0.39)
    softmax = table.query("images == 'all' and score == 'softmax' and method == 'CAM'").iloc[0]
    part = rows.query("method == 'CAM' and metric == 'AD'")
    assert softmax["AD"] == pytest.approx(metrics.average_drop(part["full_softmax"], part["masked_softmax"]))
    assert softmax["left_out"] == 0
    black = (np.exp(BLACK) / np.exp(BLACK).sum())[part["class"]]
    assert softmax["black_score"] == pytest.approx(black.mean())
    assert softmax["not_above_black_AD"] == pytest.approx(100 * np.mean(part["masked_softmax"] <= black))


def test_intervals_resample_patients(rows, dataset):
    """The 95 % interval against a loop over patients drawn with replacement; patients have 1, 2 and 3 images."""
    data = dataset.subset(slice(None))
    data.groups[:] = ["a", "b", "b", "c", "c", "c"]
    few = rows.assign(full_logit=4.0)
    every, often = {"all": data.labels >= 0}, Resampling(data.groups, 4000)
    table = tables.table1(few, data, "radiographs", BLACK, every, often)
    row = table.query("score == 'relu' and method == 'CAM'").iloc[0]
    part = few.query("method == 'CAM' and metric == 'AD'")
    drops = metrics.drops(part["full_logit"], part["masked_logit"])
    generator = np.random.default_rng(1)
    means = []
    for _ in range(4000):
        drawn = generator.choice(["a", "b", "c"], 3)
        means.append(np.concatenate([drops[data.groups == name] for name in drawn]).mean())
    np.testing.assert_allclose([row["AD_low"], row["AD_high"]], np.percentile(means, [2.5, 97.5]), atol=1e-9)
    again = tables.table1(few, data, "radiographs", BLACK, every, often)
    assert again.equals(table)
    other = tables.table1(few, data, "radiographs", BLACK, every, Resampling(data.groups, 50, 1))
    assert (other["incorrect_AD_high"] != table["incorrect_AD_high"]).any() or (
        other["AD_high"] != table["AD_high"]
    ).any()


def test_what_another_training_changes_stands_next_to_the_interval(rows, dataset):
    ill = dataset.labels == 1
    again = rows.assign(drop=metrics.drops(rows["full_logit"], 0.5 * rows["masked_logit"]))
    first = rows.assign(drop=metrics.drops(rows["full_logit"], rows["masked_logit"]))
    resampling = Resampling(dataset.groups[ill], 300)
    spread = tables.spread_over_trainings([first, again, again], dataset.ids[ill], resampling)
    table = built(rows, dataset).query("images == 'label pneumonia' and score == 'relu'").set_index("method")
    assert spread.loc[spread["minus"] == "CAM", ["low", "high"]].isna().all(axis=None)  # of three patients
    assert len(spread) == 2 * (3 + 2) and set(spread["trainings"]) == {3}
    for _, row in spread.iterrows():
        name = f"{row['metric']}_minus_CAM" if row["minus"] else row["metric"]
        for column, ours in ((name, "value"), (f"{name}_low", "low"), (f"{name}_high", "high")):
            assert row[ours] == pytest.approx(table.loc[row["method"], column], abs=1e-12, nan_ok=True)
        means = []
        for part in (first, again, again):
            drops = part[part["metric"] == row["metric"]].pivot(index="id", columns="method", values="drop")
            drops = drops.loc[dataset.ids[ill]]
            means.append((drops[row["method"]] - (drops["CAM"] if row["minus"] else 0)).mean())
        assert row["mean"] == pytest.approx(np.mean(means)) and row["deviation"] == pytest.approx(np.std(means, ddof=1))
        assert (row["least"], row["most"]) == pytest.approx((min(means), max(means)))
    assert (spread.query("minus == ''")["deviation"] > 0).all()
    AD, BAD = table_text.verdict_sentences(built(rows, dataset), {"radiographs": spread})
    plain, _ = table_text.verdict_sentences(built(rows, dataset), {})
    for row, sentence in zip(spread.query("method == 'Grad-CAM++' and minus == 'CAM'").iloc, (AD, BAD), strict=True):
        assert (
            f" Over 3 trainings, each at its alpha, the mean is {row['mean']:+.4f}, the standard deviation "
            f"{row['deviation']:.4f}, least and most {row['least']:+.4f} and {row['most']:+.4f}." in sentence
        )
    assert "trainings" not in plain
    alone = tables.spread_over_trainings([first], dataset.ids[ill], resampling)
    assert alone["deviation"].isna().all() and alone["value"].equals(spread["value"])


def of_many(rows, dataset, times=3):
    """The rows and the images so many times over, each time of other patients."""
    names = [np.array([f"{name} {i}" for i in range(times) for name in part]) for part in (dataset.ids, dataset.groups)]
    labels, many = np.tile(dataset.labels, times), range(times)
    data = Dataset(names[0], labels, names[1], dataset.class_names, (8, 8), np.arange(len(labels)), None)
    return pd.concat([rows.assign(id=rows["id"] + f" {i}") for i in many], ignore_index=True), data


def shifted(rows, by):
    """Grad-CAM++ worse than CAM by a quarter on every image, `by` being 1."""
    part = rows.copy()
    cam = rows.query("method == 'CAM'")
    chosen = part["method"] == "Grad-CAM++"
    part.loc[chosen, "full_logit"] = 4.0
    part.loc[part["method"] == "CAM", "full_logit"] = 4.0
    part.loc[part["method"] == "CAM", "masked_logit"] = cam["masked_logit"].clip(1, 3).to_numpy()
    part.loc[chosen, "masked_logit"] = cam["masked_logit"].clip(1, 3).to_numpy() - by
    return part


def test_differences_are_paired(rows, dataset):
    """A method that is worse by the same amount on every image has a difference without spread."""
    many, data = of_many(shifted(rows, 1.0), dataset, 4)
    row = tables.paper_rows(built(many, data)).query("method == 'Grad-CAM++'").iloc[0]
    assert row["patients"] == 12
    dropped = many.assign(drop=metrics.drops(many["full_logit"], many["masked_logit"]))
    spread = tables.spread_over_trainings([dropped], data.ids, Resampling(data.groups, 50))
    spread = spread.set_index(["metric", "method", "minus"])
    assert spread.loc[("AD", "Grad-CAM++", "CAM"), "low"] == pytest.approx(0.25)
    for name in ("AD_minus_CAM", "AD_minus_CAM_low", "AD_minus_CAM_high", "BAD_minus_CAM_low"):
        assert row[name] == pytest.approx(0.25)
    assert row["AD_high"] - row["AD_low"] > 0.01
    sentences = table_text.verdict_sentences(built(many, data), {})
    assert len(sentences) == 2 and all("CAM is ahead" in text and "0.0016" in sentences[0] for text in sentences)


def test_where_too_few_images_differ_tables_say_so(rows, dataset, tmp_path):
    """Nine patients differ alike: a value without an interval, and no method is ahead."""
    many, data = of_many(shifted(rows, 1.0), dataset, 3)
    table = built(many, data)
    row = tables.paper_rows(table).query("method == 'Grad-CAM++'").iloc[0]
    assert row["patients"] == 9 and row["AD_minus_CAM"] == pytest.approx(0.25)
    assert np.isnan([row[f"{metric}_minus_CAM_{end}"] for metric in ("AD", "BAD") for end in ("low", "high")]).all()
    assert np.isfinite([row[f"{name}_low"] for name in ("AD", "BAD", "incorrect_AD")]).all()
    for text in table_text.verdict_sentences(table, {}):
        assert "Grad-CAM++ − CAM = +0.2500: **undecided**, too few images differ (the paper: " in text
        assert "CAM itself is not ahead of the control *another image's map*" in text
    written = table_text.write_table1(table, {"radiographs": []}, {}, tmp_path / "table1")
    markdown, latex = (path.read_text() for path in written[1:])
    assert "| 0.2500 [–] |" in markdown and "- [–]: too few images differ for an interval, fewer than 10" in markdown
    assert "& 0.2500 [--] &" in latex and "nan" not in markdown + latex


def test_identical_methods_are_undecided(rows, dataset):
    same = rows.copy()
    same.loc[same["method"] == "Grad-CAM++", "masked_logit"] = same.query("method == 'CAM'")["masked_logit"].to_numpy()
    assert all("undecided" in sentence for sentence in table_text.verdict_sentences(built(same, dataset), {}))


def test_a_control_that_does_as_well_is_named(rows, dataset):
    table = built(rows, dataset)
    control = table["method"] == "another image's map"
    for low, named in ((-0.1, True), (0.1, False)):
        table.loc[control, ["AD_minus_CAM_low", "BAD_minus_CAM_low"]] = low
        sentences = table_text.verdict_sentences(table, {})
        assert [("not ahead of the control *another image's map*" in text) for text in sentences] == [named] * 2


def test_a_class_without_any_score_is_undecided_and_counted(rows, dataset, tmp_path):
    silent = rows.assign(full_logit=-1.0)
    table = built(silent, dataset)
    assert list(tables.paper_rows(table)["left_out"]) == [4, 4, 4] and tables.paper_rows(table)["BAD"].isna().all()
    sentences = table_text.verdict_sentences(table, {})
    assert all("undecided" in sentence and "nan" not in sentence for sentence in sentences)
    written = table_text.write_table1(table, {"radiographs": []}, {}, tmp_path / "table1")
    assert "nan" not in written[1].read_text() and "nan" not in written[2].read_text()


def test_paper_values_stand_next_to_the_primary_rows_alone(rows, dataset):
    table = built(rows, dataset)
    printed = table[table["AD_paper"].notna()]
    assert set(printed["images"]) == {"label pneumonia"} and set(printed["score"]) == {"relu"}
    assert list(printed["method"]) == ["CAM", "Grad-CAM", "Grad-CAM++"]
    assert list(printed["BAD_paper"]) == [0.7548, 0.7548, 0.7416]
    assert list(tables.paper_rows(table)["incorrect_BAD_paper"]) == [99.4] * 3


def test_files_lead_with_the_papers_shape(rows, dataset, tmp_path):
    table = pd.concat(
        [built(rows, dataset, "general", all=dataset.labels >= 0), built(rows, dataset)], ignore_index=True
    )
    facts = {"general": ["Data: photos."], "radiographs": ["Data: X-rays."]}
    written = table_text.write_table1(table, facts, {}, tmp_path / "table1")
    assert [path.name for path in written] == ["table1.csv", "table1.md", "table1.tex"]
    assert len(list(tmp_path.iterdir())) == 3
    again = pd.read_csv(written[0])
    assert list(again.columns) == list(table.columns) and len(again) == len(table) == 8 + 16
    np.testing.assert_allclose(again["BAD"], table["BAD"], rtol=1e-5)
    markdown = written[1].read_text().splitlines()
    lead = [line for line in markdown[:15] if line.startswith("| ") and "CAM |" in line or "CAM++ |" in line]
    assert len(lead) == 6 and "paper 0.1197" in lead[0] and "paper 99.4" in lead[5]
    assert {line.count("|") for line in lead} == {7}
    assert any("Grad-CAM (= CAM)" in line for line in markdown) and "- Data: X-rays." in markdown
    latex = written[2].read_text()
    shape, *others = latex.split(r"\paragraph")
    assert shape.count(r"\\") == 2 + 12 and "& 0.7548 &" in shape and "smoke" not in latex
    assert len(others) == 3 and all(part.count(r"\\") == 1 + 8 for part in others)  # every subset, score and method
    assert "6 images, alpha 0.400" in others[0] and "4 images of 3 patients, alpha 0.400" in others[1]
    assert "another image's map" in others[0]


def test_smoke_tables_carry_a_banner(rows, dataset, tmp_path):
    facts = {"radiographs": []}
    banner = "smoke run: not a result"
    for path in table_text.write_table1(built(rows, dataset), facts, {}, tmp_path / "table1", banner):
        assert "smoke run: not a result" in path.read_text().splitlines()[0]
    assert len(pd.read_csv(tmp_path / "table1.csv", comment="#")) == 16


def test_refusals(rows, dataset):
    with pytest.raises(ValueError, match="different images"):
        built(rows, dataset.subset(dataset.labels == 1))
    with pytest.raises(ValueError, match="No image is in the subset 'none'"):
        built(rows, dataset, none=dataset.labels > 5)
