"""A saved figure: both files are readable, and equal figures are equal files."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from black_average_drop import figure_files


def example():
    figure = Figure(figsize=(8, 3))
    figure.add_subplot().plot([1, 3, 2])
    return figure


def test_saved_files_are_readable_and_repeatable(tmp_path):
    contents = []
    for _ in range(2):
        written = figure_files.save_figure(example(), tmp_path / "figure1")
        contents.append([path.read_bytes() for path in written])
    assert contents[0] == contents[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure1.pdf", "figure1.png"]
    with Image.open(tmp_path / "figure1.png") as image:
        assert image.width == 8 * 150 and np.asarray(image.convert("L")).std() > 10
    assert contents[0][1].startswith(b"%PDF")


def test_fewer_dots_make_a_smaller_picture(tmp_path):
    picture, _ = figure_files.save_figure(example(), tmp_path / "figure1", dots=50)
    with Image.open(picture) as image:
        assert image.size == (400, 150)
