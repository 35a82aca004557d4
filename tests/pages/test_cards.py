"""Every number in MODEL_CARD.md and DATA_CARD.md is one that is committed elsewhere."""

import json
import re

import pandas as pd
import pytest

from black_average_drop.files import ROOT

LAPTOP = ROOT / "paper_figures/laptop"
MODELS, DATA = (ROOT / "MODEL_CARD.md").read_text(), (ROOT / "DATA_CARD.md").read_text()
NOTES = (ROOT / "data/README.md").read_text()
TABLE_1 = (LAPTOP / "table1.md").read_text()


def link(name):
    return f"[{name}](paper_figures/laptop/{name})"


def interval(row):
    return f"{row.value:.3f} " + ("[–]" if pd.isna(row.low) else f"[{row.low:.3f}, {row.high:.3f}]")


def intervals(rows):
    return ", ".join(interval(row) for row in rows.itertuples())


def called(name):
    """How many test radiographs the first classifier calls so, all of them rightly if none of the others is."""
    return int(re.search(rf"^### predicted {name}: (\d+) images", TABLE_1, re.MULTILINE)[1])


def performance():
    """The rows of the table, from the files that they name."""
    tests = pd.read_csv(LAPTOP / "test.csv")
    photos = tests.query("data == 'general' and measure == 'accuracy'").iloc[0]
    rows = [("Photos", photos["images"], "accuracy", interval(photos), link("test.csv"))]
    for head in ("relu", "softmax"):
        part = tests.query("data == 'radiographs' and measure == 'AUC' and head == @head")
        title = f"Radiographs, {head} head, seeds {', '.join(map(str, part['training_seed']))}"
        rows.append((title, part["images"].iloc[0], "AUC", intervals(part), link("test.csv")))
    claim = pd.read_csv(LAPTOP / "claims.csv").query("claim == 'AUC'").iloc[0]
    title = "Radiographs, relu head, mean of the trainings"
    rows.append((title, claim["images"], "AUC", interval(claim), link("claims.csv")))
    normal, ill = map(int, re.search(r"test (\d+) and (\d+)\.", NOTES).groups())
    assert normal + ill == called("normal") + called("pneumonia")
    # All that were labelled pneumonia are called so: none is incorrect, and masking turned none of them.
    section = TABLE_1.split("### label pneumonia")[1].split("###")[0]
    assert f": {ill} images" in section
    incorrect = re.search(r"\| relu \| CAM \|(.*)", section)[1].split("|")
    assert incorrect[4].split() == incorrect[5].split() == ["0.0", "/", "0.0"]
    for head in ("relu", "softmax"):
        for measure, images in (("sensitivity", f"{ill} pneumonia"), ("specificity", f"{normal} normal")):
            part = tests.query("data == 'radiographs' and measure == @measure and head == @head")
            title = f"Radiographs, {head} head, seeds {', '.join(map(str, part['training_seed']))}"
            rows.append((title, images, measure, intervals(part), link("test.csv")))
    first = "Radiographs, relu head, seed 0"
    rows.append((first, f"{ill} pneumonia", "called pneumonia", ill, link("table1.md")))
    rows.append((first, f"{normal} normal", "called normal", called("normal"), link("table1.md")))
    for row in pd.read_csv(LAPTOP / "trust_networks.csv").itertuples():
        title = f"Radiographs with boxes, {'all views' if row.views == 'all' else row.views}"
        rows.append((title, row.images, row.measure, interval(row), link("trust_networks.csv")))
    return ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def test_performance_is_what_the_results_say():
    section = MODELS.split("## How well they do")[1].split("## Limits")[0].splitlines()
    assert [line for line in section if line.startswith("|")][2:] == performance()


def least_to_most(values, digits):
    return " to ".join(dict.fromkeys((f"{values.min():.{digits}f}", f"{values.max():.{digits}f}")))


def test_limits_quote_the_results():
    chosen = pd.read_csv(LAPTOP / "training.csv").query("chosen and data == 'radiographs'")["validation_quality"]
    tests = pd.read_csv(LAPTOP / "test.csv").query("data == 'radiographs'")
    relu = tests[tests["head"] == "relu"].groupby("measure")["value"].agg(lambda part: least_to_most(part, 2))
    normal, ill = re.search(r"test (\d+) and (\d+)\.", NOTES).groups()
    black = re.search(r"A black image is called pneumonia, ReLU score ([\d.]+)\.\n", TABLE_1)[1]
    text = " ".join(MODELS.split("## Limits")[1].split())
    sentences = (
        f"calls {ill} of {ill} radiographs of pneumonia pneumonia, "
        f"and {int(normal) - called('normal')} of {normal} normal ones too",
        f"a specificity of {relu['specificity']} at a sensitivity of {relu['sensitivity']}.",
        f"AUC on validation patients is {least_to_most(chosen, 3)} ",
        f"On the test split of the same hospital it is {least_to_most(tests[tests['measure'] == 'AUC']['value'], 3)}",
        f"calls a black image pneumonia, with a ReLU score of {black}",
    )
    assert all(sentence in text for sentence in sentences)
    numbers = re.findall(r"\d\.\d{3}", text)  # of these sentences, and no number without a source
    assert numbers and set(numbers) <= set(re.findall(r"\d\.\d{3}", " ".join(sentences)))


def test_recipe_is_that_of_the_committed_run():
    records = [json.loads(path.read_text())["parameters"] for path in sorted(LAPTOP.glob("[0-9][0-9]_*.json"))]
    trained, trusted = (next(one for one in records if name in one) for name in ("training_seeds", "boxed_epochs"))
    assert trained["general_epochs"] == 0 and trained["seed"] == 0
    size = f"{trained['image_size']} pixels"
    backbones = [trained["general_backbone"], trained["radiograph_backbone"], trusted["boxed_backbone"]]
    assert "| Network | " + " | ".join(f"{name}, {size}" for name in backbones) + " |" in MODELS
    rates = trained["radiograph_learning_rate"], trusted["boxed_learning_rate"]
    drawn = pd.read_csv(LAPTOP / "trainings.csv").query("data == 'radiographs'")
    assert set(drawn["augmentation"]) > {"none"}
    epochs = least_to_most(drawn["trained_epochs"], 0)
    recipe = next(
        line for line in MODELS.splitlines() if f"whole network, {epochs} epochs, rate {rates[0]:g}, " in line
    )
    for kind, rows in drawn.groupby(drawn["augmentation"].map({"none": "not augmented"}).fillna("augmented")):
        of_head = rows.groupby(rows["head"].replace("relu", "ReLU"))["training_seed"]
        named = [f"{head} {', '.join(map(str, seeds))}" for head, seeds in of_head]
        assert f"{kind}: {', '.join(named)}" in recipe
    assert f"{trusted['boxed_epochs']} epochs at most, rate {rates[1]:g}" in MODELS


def test_counts_of_the_data_are_those_in_its_notes():
    known = set(re.findall(r"\d[\d,]*\d", NOTES))
    train = [re.search(r"train ([\d,]+) normal and ([\d,]+)", NOTES)[i].replace(",", "") for i in (1, 2)]
    tested = [int(number) for number in re.search(r"test (\d+) and (\d+)\.", NOTES).groups()]
    known |= {f"{sum(map(int, train)):,}", str(sum(tested))}
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|ChestX-ray14", "", DATA)
    numbers = set(re.findall(r"\d[\d,]*\d", text))
    assert len(numbers) > 15 and numbers <= known, numbers - known


@pytest.mark.parametrize("page", [MODELS, DATA], ids=["models", "data"])
def test_cards_fit_a_page(page):
    assert len(page.splitlines()) <= 70
