"""Table 1 from rows made by hand, against loops and sums over the same rows."""

import re

import numpy as np
import pandas as pd
import pytest

from black_average_drop import controls, metrics
from black_average_drop.paper import table_claims, table_text, tables
from black_average_drop.paper.table_sentences import verdict_sentences
from black_average_drop.statistics.means import estimate_means
from black_average_drop.statistics.patients import Resampling

BLACK = np.array([-0.5, 1.5])
LABELS, GROUPS = np.array([0, 1, 1, 1, 1, 0]), np.array(["a", "b", "b", "c", "d", "e"])
MORE_OR_LESS = 0.02 * np.array([1, 1, 1, -1, -1, -1])  # of an image: 0 on average in every subset
METHODS = ("CAM", "Grad-CAM", "Grad-CAM++", "another image's map")


@pytest.fixture
def rows(generator):
    """The rows of six images of five patients, as `rows_of_table1.read_table1_rows` gives them."""
    parts, classes = [], np.array([0, 1, 1, 0, 1, 1])
    for method in METHODS:
        for metric in ("AD", "BAD"):
            part = pd.DataFrame({"id": [f"image {i}" for i in range(6)], "group": GROUPS, "label": LABELS})
            part = part.assign(**{"class": classes}, method=method, metric=metric)
            part["full_logit"] = [2.0, 4.0, 5.0, -1.0, 8.0, 3.0]
            part["masked_logit"] = generator.uniform(0, 4, 6).round(2)
            part["full_softmax"], part["masked_softmax"] = 0.9, generator.uniform(0, 1, 6)
            part["black_logit"] = BLACK[classes]
            part["black_softmax"] = (np.exp(BLACK) / np.exp(BLACK).sum())[classes]
            part["masked_class"] = generator.integers(0, 2, 6)
            part["alpha"], part["kept"], part["kept_unsupported"], part["lit"] = 0.4, 0.39, 0.1, 0.2
            part["same_map_as"] = "CAM" if method == "Grad-CAM" else ""
            parts.append(part)
    return measured(pd.concat(parts, ignore_index=True))


def measured(rows):
    """The same rows with the scores and drops that follow from their logits."""
    rows = rows.assign(**{f"{part}_score": rows[f"{part}_logit"].clip(lower=0) for part in ("full", "masked")})
    return rows.assign(drop=metrics.drops(rows["full_score"].to_numpy(), rows["masked_score"].to_numpy()))


def part_of(trainings, data="radiographs", resamples=300, seed=0):
    """A part of Table 1 from the rows of its trainings, a list."""
    groups = trainings[0].drop_duplicates("id")["group"].to_numpy()
    about = pd.DataFrame({"black_class": "pneumonia", "source": "images of a test"}, index=range(len(trainings)))
    resampling = Resampling(groups, resamples, seed)
    by_number = dict(enumerate(map(measured, trainings)))
    return tables.PartOfTable1(data=data, trainings=by_number, about=about, resampling=resampling)


def built(rows, data="radiographs"):
    return tables.table1(part_of([rows], data))


def sentences_of(table, spread=None):
    return verdict_sentences(tables.paper_rows(table), table, spread or {})


def test_estimates_by_hand(rows):
    table = built(rows)
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


def test_intervals_are_over_patients(rows):
    """Patients of one to three images: intervals of levels and of the difference are those of their values."""
    groups = np.repeat([f"patient {i}" for i in range(18)], np.tile([1, 2, 3], 6))
    many = of_many(measured(rows.assign(full_logit=4.0)), 6)
    many = measured(many.assign(group=np.tile(groups, len(many) // 36)))
    row = tables.table1(part_of([many], "general")).query("score == 'relu' and method == 'Grad-CAM++'").iloc[0]
    drops = many.query("metric == 'AD'").pivot(index="id", columns="method", values="drop").loc[many["id"][:36]]
    apart = drops["Grad-CAM++"] - drops["CAM"]
    for name, values, bounds in (("AD", drops["Grad-CAM++"], (0, 1)), ("AD_minus_CAM", apart, None)):
        expected = estimate_means(values.to_numpy()[:, None], Resampling(groups), bounds)
        found = row[name], row[f"{name}_low"], row[f"{name}_high"]
        np.testing.assert_allclose(found, [expected.value[0], expected.low[0], expected.high[0]], err_msg=name)


def test_a_share_of_no_image_has_the_exact_end(rows):
    """0 of 15 patients: Clopper and Pearson give 21.8 %."""
    table = built(of_many(rows.assign(masked_class=rows["class"])), "general")
    assert (table[["incorrect_AD", "incorrect_AD_low"]] == 0).all(axis=None)
    np.testing.assert_allclose(table["incorrect_AD_high"], 100 * (1 - 0.025 ** (1 / 15)))


def test_subsets_are_those_of_label_and_of_the_first_trainings_prediction(rows):
    part = part_of([rows, rows.assign(**{"class": 0})])
    expected = {"label pneumonia": [0, 1, 1, 1, 1, 0], "predicted pneumonia": [0, 1, 1, 0, 1, 1]}
    expected |= {"predicted normal": [1, 0, 0, 1, 0, 0], "all": [1] * 6}
    assert {name: chosen.astype(int).tolist() for name, chosen in part.subsets.items()} == expected
    assert list(part_of([rows.assign(**{"class": 1})]).subsets) == ["label pneumonia", "predicted pneumonia", "all"]
    assert list(part_of([rows], "general").subsets) == ["all"]
    table = built(rows)
    assert list(table.groupby("images", sort=False)["n"].first()) == [4, 4, 2, 6]


def test_what_another_training_changes_stands_next_to_the_interval(rows):
    again = measured(rows.assign(masked_logit=0.5 * rows["masked_logit"]))
    part = part_of([rows, again, again])
    spread, table = tables.spread_over_trainings(part), built(rows)
    primary = table.query("images == 'label pneumonia' and score == 'relu'").set_index("method")
    assert spread.loc[spread["minus"] == "CAM", ["low", "high"]].isna().all(axis=None)  # of three patients
    assert len(spread) == 2 * (3 + 2) and set(spread["trainings"]) == {3}
    ill = [f"image {i}" for i in np.flatnonzero(LABELS == 1)]
    for _, row in spread.iterrows():
        name = f"{row['metric']}_minus_CAM" if row["minus"] else row["metric"]
        for column, ours in ((name, "value"), (f"{name}_low", "low"), (f"{name}_high", "high")):
            assert row[ours] == pytest.approx(primary.loc[row["method"], column], abs=1e-12, nan_ok=True)
        means = []
        for those in (rows, again, again):
            drops = those[those["metric"] == row["metric"]].pivot(index="id", columns="method", values="drop").loc[ill]
            means.append((drops[row["method"]] - (drops["CAM"] if row["minus"] else 0)).mean())
        assert row["mean"] == pytest.approx(np.mean(means)) and row["deviation"] == pytest.approx(np.std(means, ddof=1))
        assert (row["least"], row["most"]) == pytest.approx((min(means), max(means)))
        assert row["same_sign"] == sum(np.sign(one) == np.sign(np.mean(means)) for one in means)
    assert (spread.query("minus == ''")["deviation"] > 0).all()
    texts = sentences_of(table, {"radiographs": spread})
    for row, text in zip(spread.query("method == 'Grad-CAM++' and minus == 'CAM'").iloc, texts, strict=True):
        assert (
            f" Over 3 trainings, each at its alpha, the mean is {row['mean']:+.4f}, the standard deviation "
            f"{row['deviation']:.4f}, least and most {row['least']:+.4f} and {row['most']:+.4f}; "
            f"{row['same_sign']} of 3 have the sign of the mean." in text
        )
    assert not any("trainings" in text for text in sentences_of(table))
    alone = tables.spread_over_trainings(part_of([rows]))
    assert alone["deviation"].isna().all() and alone["value"].equals(spread["value"])


def test_a_dead_training_is_counted_and_enters_no_mean(rows):
    dead = rows.assign(full_logit=-1.0)
    part = part_of([rows, dead, rows])
    assert list(part.alive) == [0, 2] and len(part.trainings) == 3
    assert set(tables.spread_over_trainings(part)["trainings"]) == {2}
    claimed = table_claims.measure_claims({"radiographs": part}, 0.02)
    assert claimed["radiographs_BAD"].estimate.trainings == 2
    assert table_claims.measure_claims({"radiographs": part_of([dead])}, 0.02) == {}
    assert not part_of([dead]).alive


def test_claims_are_over_the_images_that_count_and_another_backbone_is_a_row_of_its_own(rows):
    again = measured(rows.assign(masked_logit=0.5 * rows["masked_logit"]))
    parts = {"general": part_of([rows], "general"), "radiographs": part_of([rows, again])}
    parts["small_cnn"] = part_of([again], "small_cnn")
    claimed = table_claims.measure_claims(parts, 0.02)
    ill = rows["label"] == 1

    def gain(those, metric, column="drop"):
        wide = those[those["metric"] == metric].pivot(index="id", columns="method", values=column)
        return (wide["Grad-CAM++"] - wide["CAM"]).mean()

    for metric in ("AD", "BAD"):
        assert claimed[f"general_{metric}"].estimate.value == pytest.approx(gain(rows, metric))
        both = [gain(those[ill], metric) for those in (rows, again)]
        assert claimed[f"radiographs_{metric}"].estimate.value == pytest.approx(np.mean(both))
        assert claimed[f"small_cnn_{metric}"].estimate.value == pytest.approx(both[1])
        softened = rows.assign(drop=metrics.drops(rows["full_softmax"], rows["masked_softmax"]))[ill]
        assert claimed[f"radiographs_{metric}_softmax"].estimate.value == pytest.approx(gain(softened, metric))
        chosen = rows[ill].query("method == 'Grad-CAM++' and metric == @metric")
        incorrect = 100 * (chosen["masked_class"] != chosen["class"]).mean()
        assert claimed[f"incorrect_{metric}"].estimate.value == pytest.approx(incorrect)
    assert {"general_lit", "radiographs_lit"} <= set(claimed) and "small_cnn_lit" not in claimed
    named = [one.data for one in table_claims.differences_of_table(parts)]
    assert len(named) == 2 * (1 + 4) and not any("small_cnn" in name for name in named)


def of_many(rows, times=3):
    """The rows so many times over, each time of other images of other patients."""
    parts = [rows.assign(id=rows["id"] + f" {i}", group=rows["group"] + f" {i}") for i in range(times)]
    return pd.concat(parts, ignore_index=True).sort_values(["method", "metric"], kind="stable", ignore_index=True)


def shifted(rows, by):
    """Grad-CAM++ worse than CAM by a quarter on every image, but for 0.005 more or less, `by` being 1."""
    part = rows.copy()
    cam = rows.query("method == 'CAM'")
    chosen = part["method"] == "Grad-CAM++"
    part.loc[chosen, "full_logit"] = 4.0
    part.loc[part["method"] == "CAM", "full_logit"] = 4.0
    part.loc[part["method"] == "CAM", "masked_logit"] = cam["masked_logit"].clip(1.5, 3).to_numpy()
    part.loc[chosen, "masked_logit"] = cam["masked_logit"].clip(1.5, 3).to_numpy() - by
    part.loc[chosen, "masked_logit"] += np.tile(MORE_OR_LESS, chosen.sum() // 6)
    return measured(part)


def test_differences_are_paired(rows):
    """A method that is worse by nearly the same amount on every image has a difference with little spread."""
    many = of_many(shifted(rows, 1.0), 4)
    row = tables.paper_rows(built(many)).query("method == 'Grad-CAM++'").iloc[0]
    assert row["patients"] == 12
    spread = tables.spread_over_trainings(part_of([many])).set_index(["metric", "method", "minus"])
    assert spread.loc[("AD", "Grad-CAM++", "CAM"), "low"] == pytest.approx(0.25, abs=0.01)
    for name in ("AD_minus_CAM", "AD_minus_CAM_low", "AD_minus_CAM_high", "BAD_minus_CAM_low"):
        assert row[name] == pytest.approx(0.25, abs=0.01)
    assert row["AD_high"] - row["AD_low"] > 0.1
    sentences = sentences_of(built(many))
    assert len(sentences) == 2 and all("CAM is ahead" in text and "0.0016" in sentences[0] for text in sentences)
    # 9/12 of +0.25 and 3/12 of -1 are below 0: three unseen patients in twelve could turn it.
    assert all("Unseen patients, 3 in 12, could turn this sign." in text for text in sentences)
    larger = [text for text in sentences_of(built(of_many(shifted(rows, 1.0), 20)))]
    assert all("Unseen patients, 3 in 60, could not turn this sign." in text for text in larger)


def test_where_too_few_images_differ_tables_say_so(rows, tmp_path):
    """Of twelve patients three differ: a value without an interval, and no method is ahead."""
    many = of_many(shifted(rows, 1.0), 4)
    others = ~many["id"].str.endswith(" 0")
    alike, of_cam = (others & (many["method"] == name) for name in ("Grad-CAM++", "CAM"))
    many.loc[alike, "masked_logit"] = many.loc[of_cam, "masked_logit"].to_numpy()
    table = built(measured(many))
    row = tables.paper_rows(table).query("method == 'Grad-CAM++'").iloc[0]
    assert row["patients"] == 12 and row["AD_minus_CAM"] == pytest.approx(0.0625)
    assert np.isnan([row[f"{metric}_minus_CAM_{end}"] for metric in ("AD", "BAD") for end in ("low", "high")]).all()
    assert np.isfinite([row[f"{name}_low"] for name in ("AD", "BAD", "incorrect_AD")]).all()
    for text in sentences_of(table):
        assert "Grad-CAM++ − CAM = +0.0625 [–]: **undecided**, too few images differ (the paper: " in text
        assert "Unseen" not in text
        assert "CAM itself is not ahead of the control *another image's map*" in text
    written = table_text.write_table1(table, {"radiographs": []}, {}, tmp_path / "table1")
    markdown, latex = (path.read_text() for path in written[1:])
    assert (
        "| 0.0625 [–] |" in markdown
        and "- [–]: too few images differ for an interval. There are fewer than 10" in markdown
    )
    assert "& 0.0625 [--] &" in latex and "nan" not in markdown + latex


def test_identical_methods_are_undecided(rows):
    same = rows.copy()
    same.loc[same["method"] == "Grad-CAM++", "masked_logit"] = same.query("method == 'CAM'")["masked_logit"].to_numpy()
    assert all("undecided" in sentence for sentence in sentences_of(built(same)))


def test_a_control_that_does_as_well_is_named(rows):
    table = built(rows)
    control = table["method"] == "another image's map"
    for low, named in ((-0.1, True), (0.1, False)):
        table.loc[control, ["AD_minus_CAM_low", "BAD_minus_CAM_low"]] = low
        sentences = sentences_of(table)
        assert all("Controls − CAM: *another image's map* " in text for text in sentences)
        assert [("not ahead of the control *another image's map*" in text) for text in sentences] == [named] * 2


def test_a_class_without_any_score_is_undecided_and_counted(rows, tmp_path):
    silent = rows.assign(full_logit=-1.0)
    table = built(silent)
    assert list(tables.paper_rows(table)["left_out"]) == [4, 4, 4] and tables.paper_rows(table)["BAD"].isna().all()
    sentences = sentences_of(table)
    assert all("undecided" in sentence and "nan" not in sentence for sentence in sentences)
    written = table_text.write_table1(table, {"radiographs": []}, {}, tmp_path / "table1")
    assert "nan" not in written[1].read_text() and "nan" not in written[2].read_text()


def test_paper_values_stand_next_to_the_primary_rows_alone(rows):
    table = built(rows)
    printed = table[table["AD_paper"].notna()]
    assert set(printed["images"]) == {"label pneumonia"} and set(printed["score"]) == {"relu"}
    assert list(printed["method"]) == ["CAM", "Grad-CAM", "Grad-CAM++"]
    assert list(printed["BAD_paper"]) == [0.7548, 0.7548, 0.7416]
    assert list(tables.paper_rows(table)["incorrect_BAD_paper"]) == [99.4] * 3


def test_files_lead_with_the_papers_shape(rows, tmp_path):
    table = pd.concat([built(rows, "general"), built(rows), built(rows, "small_cnn")], ignore_index=True)
    facts = {"general": ["Data: photos."], "radiographs": ["Data: X-rays."], "small_cnn": ["Network: small_cnn."]}
    written = table_text.write_table1(table, facts, {}, tmp_path / "table1")
    assert [path.name for path in written] == ["table1.csv", "table1.md", "table1.tex"]
    assert len(list(tmp_path.iterdir())) == 3
    again = pd.read_csv(written[0])
    assert list(again.columns) == list(table.columns) and len(again) == len(table) == 8 + 32 + 32
    np.testing.assert_allclose(again["BAD"], table["BAD"], rtol=1e-5)
    markdown = written[1].read_text().splitlines()
    lead = [line for line in markdown[:15] if line.startswith("| ") and "CAM |" in line or "CAM++ |" in line]
    assert len(lead) == 6 and "paper 0.1197" in lead[0] and "paper 99.4" in lead[5]
    assert {line.count("|") for line in lead} == {7}
    assert "## Radiographs, small_cnn from random weights" in markdown and "small_cnn" not in "".join(markdown[:20])
    own = markdown[markdown.index("- Network: small_cnn.") + 1 :][:2]
    assert all(line.startswith("- Radiographs, small_cnn from random weights, label pneumonia, ") for line in own)
    assert all("the paper" not in line and "With softmax scores it is " in line for line in own)
    assert any("Grad-CAM (= CAM)" in line for line in markdown) and "- Data: X-rays." in markdown
    latex = written[2].read_text()
    shape, *others = latex.split(r"\paragraph")
    assert shape.count(r"\\") == 2 + 12 and "& 0.7548 &" in shape and "smoke" not in latex
    assert len(others) == 1 + 4 + 4 and all(
        part.count(r"\\") == 1 + 8 for part in others
    )  # every subset, score and method
    assert "6 images, alpha 0.400" in others[0] and "4 images of 3 patients, alpha 0.400" in others[1]
    assert "another image's map" in others[0]


def test_smoke_tables_carry_a_banner(rows, tmp_path):
    facts = {"radiographs": []}
    banner = "smoke run: not a result"
    for path in table_text.write_table1(built(rows), facts, {}, tmp_path / "table1", banner):
        assert "smoke run: not a result" in path.read_text().splitlines()[0]
    assert len(pd.read_csv(tmp_path / "table1.csv", comment="#")) == 32


def test_sentences_say_what_softmax_scores_and_other_images_give(rows):
    """Ahead with ReLU scores, behind with softmax scores, and the other rows of images with their intervals."""
    many = of_many(shifted(rows, 1.0), 20)
    later = many["method"].map({"CAM": 0.2, "Grad-CAM": 0.2, "Grad-CAM++": 0.5}).fillna(0.1)
    later += np.where(many["method"] == "Grad-CAM++", np.tile(MORE_OR_LESS, len(many) // 6), 0)
    table = built(many.assign(masked_softmax=later))
    for text in sentences_of(table):
        assert text.startswith("Radiographs, label pneumonia, ") and "ReLU scores: Grad-CAM++ − CAM = +0.2500" in text
        assert re.search(r"With softmax scores it is -0.3333 \[-0.3\d+, -0.3\d+\]: \*\*Grad-CAM\+\+ is ahead", text)
        assert "For the other rows of images, ReLU scores: predicted pneumonia +0.2500 [" in text
        assert "; predicted normal +0.2500 [" in text and "; all +0.2500 [" in text


def test_facts_next_to_the_table():
    one = {"source": "photos", "images": 9, "image_size": 64, "backbone": "small_cnn", "weights": "random", "epochs": 0}
    one |= {"trained_epochs": 3, "chosen_epoch": 2, "measure": "AUC", "test_quality": 0.8126, "alpha": 0.41239}
    one |= {"alpha_given": False, "black_class": "normal", "black_score": 1.25}
    assert table_text.fact_lines(one, ("A", "B")) == [
        "Data: photos, 9 test images at 64 pixels.",
        "Network: small_cnn from random weights, as it is.",
        "On the test images: AUC 0.813.",
        "Alpha 0.4124, where the masked images of A, B differ most.",
        "A black image is called normal, ReLU score 1.250.",
    ]
    other = table_text.fact_lines(one | {"epochs": 4, "alpha_given": True}, ())
    assert other[1].endswith("trained for 3 epochs, epoch 2 kept.") and other[3] == "Alpha 0.4124, given."


def test_the_controls_of_the_table_are_those_that_are_measured():
    assert tuple(controls.IN_TABLE_1) == tables.CONTROLS
