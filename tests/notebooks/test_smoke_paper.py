"""The notebooks on the paper after a smoke run: figure, table, claims, alpha, identity and softmax."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from black_average_drop.paper import claims, rows_of_table1, sensitivity


def test_figure_is_drawn_with_its_banner(results):
    with Image.open(results / "figure1.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] > 1000
    top = pixels[:50]
    assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner
    assert (results / "figure1.pdf").read_bytes().startswith(b"%PDF")


def test_table_agrees_with_the_rows_it_was_made_from(results):
    table = pd.read_csv(results / "table1.csv", comment="#")
    assert (results / "table1.csv").read_text().startswith("# smoke run: not a result")
    assert set(table["data"]) == {"general", "radiographs", "small_cnn"}
    assert set(table["score"]) == {"relu", "softmax"}
    assert {"label pneumonia", "all"} <= set(table.query("data == 'radiographs'")["images"])
    assert len(table["method"].unique()) == 6
    evaluated = rows_of_table1.read_table1_rows(results)
    assert list(evaluated.groupby("data")["training"].nunique()) == [1, 3, 1]
    for kind in ("general", "radiographs", "small_cnn"):
        rows = evaluated.query("data == @kind and training == 0")
        assert len(rows) == 20 * (5 if kind == "small_cnn" else 6) * 2
        whole = table.query("data == @kind and images == 'all' and score == 'relu'").set_index("method")
        for method, part in rows.groupby("method"):
            for metric in ("AD", "BAD"):
                chosen = part[part["metric"] == metric]
                assert whole.loc[method, metric] == pytest.approx(chosen["drop"].mean(), rel=1e-4, nan_ok=True)
                incorrect = 100 * (chosen["masked_class"] != chosen["class"]).mean()
                assert whole.loc[method, f"incorrect_{metric}"] == pytest.approx(incorrect)
                low, high = whole.loc[method, [f"{metric}_low", f"{metric}_high"]]
                assert np.isnan(whole.loc[method, metric]) or low <= whole.loc[method, metric] <= high
        assert whole.loc["Grad-CAM", "AD"] == whole.loc["CAM", "AD"] and whole.loc["Grad-CAM", "same_map_as"] == "CAM"
    assert r"\begin{tabular}" in (results / "table1.tex").read_text()


def test_claims_are_put_together_from_every_notebook(results):
    parts = pd.concat(pd.read_csv(path, comment="#") for path in results.glob("claims_*.csv"))
    assert set(parts["measured_in"]) == {"03_table1", "04_alpha", "05_identity", "06_softmax"}
    assert sorted(parts["claim"]) == sorted(claims.CLAIMS)  # each measured once
    table = pd.read_csv(results / "claims.csv", comment="#").set_index("claim")
    radiographs = [name for name in claims.CLAIMS if name.startswith(("radiographs", "incorrect", "softmax", "AUC"))]
    assert (table.loc[radiographs, "trainings"] == 3).all() and table.loc["identity", "verdict"] == "reproduced"
    text = (results / "claims.md").read_text()
    assert re.findall(r"\| \*\*([a-z ]+)\*\*[^|]*\|$", text, re.MULTILINE) == list(table["verdict"])
    assert "smoke run: not a result" in text
    table1 = pd.read_csv(results / "table1.csv", comment="#").query("images == 'all' and score == 'relu'")
    difference = table1.query("data == 'general' and method == 'Grad-CAM++'")["BAD_minus_CAM"].iloc[0]
    assert table.loc["general_BAD", "value"] == pytest.approx(difference, abs=1e-5)


def test_alpha_notebook_agrees_with_table_1(project, results):
    band = pd.read_csv(results / "alpha_curve.csv", comment="#")
    again = pd.read_csv(results / "alpha_anew.csv", comment="#").set_index("data")
    bad = pd.read_csv(results / "alpha_bad.csv", comment="#")
    alphas = rows_of_table1.read_table1_rows(results).query("training == 0").groupby("data")["alpha"].first()
    for data, name in (("General images", "general"), ("Radiographs", "radiographs")):
        curve = band[band["data"] == data]
        # Read off at every hundredth: of a few small images the exact curve has steps in between.
        assert np.interp(alphas[name], curve["alpha"], curve["difference"]) == pytest.approx(1, abs=1e-2)
        assert curve["difference"].max() == 1 and len(curve) == 101
        assert not (curve["low"] > curve["difference"]).any() and not (curve["difference"] > curve["high"]).any()
        assert curve["low"].notna().sum() > 50  # where too few images differ there is no interval
        assert again.loc[data, "alpha_table1"] == pytest.approx(alphas[name], rel=1e-4)
        assert again.loc[data, "alpha_low"] <= again.loc[data, "alpha_median"] <= again.loc[data, "alpha_high"]
        steps = bad[(bad["data"] == data) & (bad["quantity"] == "CAM")]
        assert len(steps) == 20  # 5 % to 95 % in steps of 5, and Table 1's
        assert steps.loc[steps["of_table1"], "alpha"].item() == pytest.approx(alphas[name], rel=1e-4)
    choices = pd.read_csv(results / "alpha_choices.csv", comment="#")
    assert len(choices) == 2 * 2 * len(sensitivity.CHOICES)
    prepared = pd.read_csv(results / "alpha_preparations.csv", comment="#")
    assert len(prepared) == 2 * 2 * 3  # phantoms are drawn, so that there is no other crop or filter
    assert (prepared["moved"][prepared["preparation"] == "as in Table 1"] == 0).all()
    contrast = pd.read_csv(results / "alpha_contrast.csv", comment="#")
    assert list(contrast["exponent"].unique()) == [0.25, 0.5, 1, 2, 4]
    touched = pd.read_csv(results / "alpha_small_lesions.csv", comment="#")
    assert {"centre prior", "another image's map", "Eigen-CAM"} < set(touched["map"])
    page = (project / "build/smoke/04_alpha.ipynb").read_text()
    assert "Pixels that BAD masks differently for any of the powers: 0" in page
    assert "Small lesions (3 of test radiographs, mean of 3 trainings): Grad-CAM++ touches" in page


def test_identity_holds_for_a_pooled_head_and_fails_for_others(results):
    identity = pd.read_csv(results / "identity.csv", comment="#").set_index("network").drop(columns="images")
    assert len(identity) == 4 and (identity.to_numpy() < 1e-5).all()
    heads = pd.read_csv(results / "identity_heads.csv", comment="#").set_index("head")
    assert heads.loc["pooling, dense", "CAM and Grad-CAM, clipped"] < 1e-5
    for head in ("flatten, dense", "pooling, hidden, dense"):
        assert heads.loc[head, "CAM and Grad-CAM, clipped"] > 0.05
        assert heads.loc[head, "Grad-CAM++ normalised and CAM without negative weights"] > 0.05
    weights = pd.read_csv(results / "identity_weights.csv", comment="#")
    assert len(weights) == 10 + 3 * 2 and weights[["channels", "weight"]].to_numpy().max() <= 1


def test_softmax_notebook_reaches_the_papers_logits(results):
    steps = pd.read_csv(results / "softmax.csv", comment="#")
    last = steps.groupby("training").last()
    np.testing.assert_allclose(np.maximum(last["highest_logit"], -last["lowest_logit"]), 3215, rtol=1e-5)
    assert (last["blank"] == 100).all() and (last["negative_weights"] > 50).all()
    for name in ("alpha", "alpha_objections", "identity", "softmax"):
        assert (results / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(results / f"{name}.png") as image:
            top = np.asarray(image.convert("RGB")).astype(int)[:50]
        assert ((top[..., 0] > 200) & (top[..., 1] < 100)).sum() > 200  # the red banner
