"""Names of classes and files stay text; test_choose.py has those in the report of make choose."""

from html.parser import HTMLParser

import nbformat
import numpy as np
import pandas as pd
from nbformat import v4
from PIL import Image

from black_average_drop import networks
from black_average_drop.artifact import site
from black_average_drop.choice import explore
from black_average_drop.datasets import Dataset, folder

NASTY = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """The start tags of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def test_names_of_classes_and_files_stay_text_in_a_report(tmp_path):
    """As your_data shows them: as a table, as text, in Markdown, in the words next to a picture."""
    frame = pd.DataFrame({"image": [f"{NASTY}.png"], "class": [NASTY]})
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    outputs = [
        v4.new_output("display_data", {"text/html": frame.to_html(), "text/plain": str(frame)}),
        v4.new_output("display_data", {"text/html": f"<b onclick='alert(1)'>{NASTY}</b>", "text/plain": ""}),
        v4.new_output("display_data", {"text/markdown": f"**{NASTY}** is ahead", "text/plain": ""}),
        v4.new_output("display_data", {"image/png": pixel, "text/plain": "<Figure>"}),
        v4.new_output("stream", name="stdout", text=f"class {NASTY}: 3 images"),
    ]
    cells = [v4.new_markdown_cell(f"# Report of {NASTY}"), v4.new_code_cell("", outputs=outputs)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "report.ipynb")
    page = site.write_notebook(tmp_path / "report.ipynb", tmp_path / "report.html").read_text()
    shown = Tags(page)
    assert "script" not in shown.tags and NASTY not in page and shown.text.count(NASTY) >= 5


def test_names_of_classes_and_files_stay_text_under_the_sliders(small_model, pixels):
    names = np.array([NASTY, "b", "c"])
    data = Dataset(names, np.zeros(3, int), names, (NASTY,) * 3, (32, 32), np.arange(3), lambda i: pixels[i])
    page = explore.Explorer(networks.CamNetwork.from_model(small_model), data).page.value
    shown = Tags(page)
    assert "script" not in shown.tags and shown.text.count(NASTY) == 1 + 2 * 3  # the image, and the class of each panel


def test_a_folder_named_like_a_script_is_a_class_like_any_other(tmp_path, generator):
    for name in ("<script>alert(1)<", "other"):  # a slash cannot be in the name of a folder
        (tmp_path / name).mkdir()
        Image.fromarray(generator.integers(0, 256, (8, 8, 3)).astype("uint8")).save(tmp_path / name / "<img src=x>.png")
    assert folder.load(tmp_path, (8, 8)).class_names == ("<script>alert(1)<", "other")
