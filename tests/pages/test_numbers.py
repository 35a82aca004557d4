"""Every number in a sentence of a page is a field of its template, or is named here as something else."""

import json
import re

import pytest

import markdown_files
from black_average_drop import perturbation
from black_average_drop.artifact import pages, profiles
from black_average_drop.choice import robustness, selection
from black_average_drop.datasets import fits
from black_average_drop.datasets.sources import SOURCES
from black_average_drop.files import ROOT
from black_average_drop.statistics import patients

# Numbers that no file in paper_figures/ holds, each with words around it, by page.
ELSEWHERE = {
    "README.md": [
        "Python 3.11 to 3.13",
        "It takes 10 minutes on two cores",  # wall time, the environment included
    ],
    "MODEL_CARD.md": [
        # held by test_cards.py
        "1,001 ImageNet classes",
        "| MobileNetV2, 224 pixels | MobileNetV2, 224 pixels | MobileNetV2, 224 pixels |",
        "epochs, rate 0.0001",
        "8 epochs at most, rate 0.0001",
        "1,860 of ChestX-ray14",
        "Pixels 0 to 255",
        "Intervals are 95 %, over patients",
        "relu head, seed 0 | pneumonia",
        "relu head, seed 0 | normal",
    ],
    "docs/results.md": [
        "95 % interval",
        "their score is 0",
        "radiographs of the paper's reference [13] |",
        "A difference below 0 means",
        "above or below 0 |",
        "p is below 0.05, with the claimed sign",
        "p is below 0.05, with the other sign",
        "*Intervals* are 95 %",
        # what the paper prints, and what follows from it
        "both 0.7416, to four digits",
        "Incorrect is 99.4 %",
        "possible for the 624 test images",
        "of the paper's reference [13]: 620 of them",
        "No count of the 390 pneumonia images or of the 234 normal ones",
        "Section 5.3 seems",
        "a logit of 3,215 and the probability 0",
        "In 95 of 100 repetitions",
        "differ by at most about 0.03.",
        "maps are 3 x 3",
        "The margin of drops, ±0.02, was chosen",
        "the paper has about 0.93",
    ],
    "docs/trust.md": [
        "hits: 1 is the same ranking, -1 the opposite",
        "the 95 % interval over patients",
        "its 95 % interval over patients",
        "does not hold 0.",
        "pneumonia on 120 images",
        "boxes on 6,012 images",
        "clipped at 0 before",
        "That of hits, 5 of 100 images,",  # the default of the notebook
        "| 2024 |",  # the years of papers
        "| 2025 |",
        "| 2026 |",
        "coherency and 1 − opacity",
        "A ROAD below 0 counts as 0, so chance alone gives a random map an ARCC above 0.",
        "map of ones get 1, the most",  # held by tests/trust/test_metrics_left_out.py
    ],
    "docs/reproducing.md": [
        "Python 3.11 to 3.13",
        "at their 299 x 299;",
        # wall time, the environment included
        "| 2 | |",
        "| 10 | 1 makes",
        "| 92 |",
        "took 11 minutes of processor time, 8 % of it",
        "A loop of 10,000 products of matrices 60 x 60, run 15,228 times",
        "images are 45 GB",
        "its 14,863 radiographs",
    ],
    "docs/performance.md": [
        "glibc 2.35",
        "has 112,120 images",
        "are 5 forward passes",
        "makes 560,600 passes",
        "takes 560,600 /",
        "/ 3,600 hours",
    ],
    "docs/other-libraries.md": [
        "from -1 to 1, what",
        "is the pixel 0, before",
        "Clip it at 0, then",
        "counts from 0 upwards",
    ],
    "docs/your-model.md": [
        "of Keras 3, Keras 2 or",
        "PyTorch 2.9 or",
        "often has 14 or 18 outputs",
        "may be taken (0.02 of the score, unless",  # the default of the notebook
        "difference of mean drops than 0.02 of the score matters",
        "1 is present and 0 is absent. Neither −1, uncertain",
        "Values below 0 count as 0, as in ours",
        "is Algorithm 1 of its paper",
        "where 0 is the mean colour",
        "sigmoid lie between 0 and 1.",
        "a corrected p below 0.05",
        # held below
        "whose score is above 0.5.",
        "counts as there, 0.5 if you",
        "finding of 10 patients",
        "The ranking with 95 % intervals",
        "On up to 200 images",
        "draw 40, 200 and 600 X-rays",
        "alpha 0.1 smaller",
        "and 0.1 larger",
        "feature maps: 1,280 for MobileNetV2",
        "| 4,000 |",
        # measured by hand, as the page says
        "| 15 ms |",
        "| 55 ms |",
    ],
    "docs/your-images.md": [
        "a number from 0.",
        "| one finding: 1, 0, -1 or blank |",
        "the centre 40 over a width of 400,",
        "more than 8 bits are shown",
        "no image of 8 bits",
        "x1 and y1 are the first",
        "High-Throughput JPEG 2000.",
        "two kinds need an extra: 12-bit",
        "interval of the agreement is above 0,",
        "The interval is below 0,",
        "agreement may be 0.",
        # held below
        "up to 200 once more",
        "keeps 87.5 % of each side",
        "10 patients are the fewest",
    ],
    "docs/cluster.md": [],
    "docs/architecture.md": [],
    "docs/rows.md": [
        # what a column of the row files holds
        "at the start; 0 for a kernel of 0 |",
        "end the training, 0 for no such end |",
        "of every test image is 0 |",
        "of class 1 minus that of class 0;",
        "and 1 or 0 in",
        "whose float32 softmax is exactly 1 |",
        "ReLU scores, from 0 to 1, and empty where the whole image scores 0.",
        "| 1 for the images that Table 1 puts first, else 0 |",
        "has its peak at 1,000.",
        "to a peak of 1,",
        "| 1 if a quarter of the lesion is in the tenth of the image that the map ranks highest, else 0 |",
    ],
    "docs/words.md": [
        "shares of 1 |",
        "sum to 1 |",
        "between 0 and 1.",
        "and 0 where",
        "score is 0 has",
        "whose ReLU score is 0 for every image",
        "tau-b: 1 is the same ranking, 0 is chance, -1 is the opposite",
        "healthy one. 1 is always, 0.5 is chance",
        "95 of 100 repetitions",
        "whether a difference could be 0.",
        "p is below 0.05 where the interval leaves 0 out",
        "a kind that makes up 3 / n",
        "counts as there, 0.5 unless",
        "at most 25 words",
        "so Incorrect % is 0.",
        "Incorrect % is 0 because",
    ],
}
# Names that hold a digit.
NAMES = re.compile(
    r"(?:Table|Figure) 1\b|eq\. \(8\)|b?float(?:16|32)|(?:MobileNet|InceptionResNet)V2|ChestX-ray14|table1\.md"
)


def prose(page):
    """A page or its template, without fields, code, comments, the targets of links and the numbers of a list."""
    path = ROOT / pages.TEMPLATES / page.split("/")[-1] if page in pages.PAGES else ROOT / page
    text = re.sub(r"^\d+\. ", "", markdown_files.without_code(path.read_text("utf-8")), flags=re.MULTILINE)
    return " ".join(re.sub(r"`[^`\n]*`|\]\([^)]*\)|\{\{.*?\}\}|<img [^>]*>", "", text).split())


def unexplained(text, elsewhere):
    """The numbers of a text, each with the words next to it, that no line of `elsewhere` explains."""
    for words in elsewhere:
        assert words in text, words
        text = text.replace(words, " … ")
    return re.findall(r"\S* \S*\d\S* \S*", f" {NAMES.sub('', text)} ")


@pytest.mark.parametrize("page", ELSEWHERE)
def test_a_number_is_a_field_or_named_as_something_else(page):
    assert unexplained(prose(page), ELSEWHERE[page]) == []


def test_every_page_is_read():
    docs = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert docs | set(pages.PAGES) == set(ELSEWHERE)


def test_a_number_that_was_typed_is_named():
    assert unexplained("it takes 12 minutes, or 7 hours.", ["or 7 hours"]) == ["takes 12 minutes,"]
    with pytest.raises(AssertionError, match="gone"):
        unexplained("it takes long", ["gone"])


def test_the_numbers_named_as_something_else_are_those_of_their_sources():
    whole = profiles.read_profile("paper")["01_train"]["image_size"]
    assert f"at their {whole} x {whole};" in prose("docs/reproducing.md")
    notes = (ROOT / "data/README.md").read_text("utf-8")
    boxed = re.search(r"in ([\d,]+) files", notes.split("### NIH ChestX-ray14, counted")[1])[1]
    assert f"{boxed} of" in prose("MODEL_CARD.md")
    pneumonia = re.search(r"on [\d,]+ images, (\d+) of them for pneumonia", notes)[1]
    assert f"pneumonia on {pneumonia} images" in prose("docs/trust.md")
    assert f"boxes on {SOURCES['rsna'].expected['boxed images']:,} images" in prose("docs/trust.md")
    classes = re.search(r"([\d,]+) are \*Lung Opacity\*, ([\d,]+) \*Normal\*", notes).groups()
    ill, normal = (int(number.replace(",", "")) for number in classes)
    assert f"its {ill + normal:,} radiographs" in prose("docs/reproducing.md")
    costs = (ROOT / "paper_figures/benchmark/costs.md").read_text("utf-8")
    for number in ("112,120", "560,600"):
        assert number in costs and number in prose("docs/performance.md")
    assert 5 * 112_120 == 560_600
    page = prose("docs/your-images.md")
    assert f"{patients.ENOUGH} patients are the fewest" in page
    assert "keeps 87.5 % of each side" in page and fits.part_seen((1000, 1000), (7, 7), "imagenet")[2:] == (875, 875)
    assert f"up to {robustness.MOST} once more" in page
    page = prose("docs/your-model.md")
    assert f"up to {robustness.MOST} images" in page
    assert f"alpha {robustness.STEP} smaller and {robustness.STEP} larger" in page
    assert f"finding of {patients.ENOUGH} patients" in page and f"| {perturbation.MASKS:,} |" in page
    assert f"score is above {selection.THRESHOLD}." in page and f"there, {selection.THRESHOLD} if" in page
    assert f"there, {selection.THRESHOLD} unless" in prose("docs/words.md")
    parameters = json.loads((ROOT / "paper_figures/laptop/01_train.json").read_text())["parameters"]
    assert f"MobileNetV2, {parameters['image_size']} pixels" in (ROOT / "MODEL_CARD.md").read_text("utf-8")
