import numpy as np
from PIL import Image

from black_average_drop import figures


def example(generator, **more):
    maps = {"CAM": generator.random((40, 40)), "Grad-CAM": np.zeros((40, 40))}
    return {"title": "pneumonia", "image": generator.integers(0, 256, (40, 40, 3)), "maps": maps, **more}


def test_figure1_shows_each_image_and_each_map_with_its_outline(generator):
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    rows = [example(generator, mask=mask), example(generator, boxes=[("lesion", 5, 5, 20, 30)])]
    figure = figures.figure1(rows, ("CAM", "Grad-CAM"), banner="smoke run")
    panels, bar = figure.axes[:-1], figure.axes[-1]
    assert len(panels) == 6 and [panel.get_title() for panel in panels[:3]] == ["input", "CAM", "Grad-CAM"]
    assert [len(panel.images) for panel in panels] == [1, 2, 2, 1, 2, 2]
    assert {image.get_clim() for panel in panels for image in panel.images[1:]} == {(0.0, 1.0)}  # one scale
    assert all(len(panel.patches) == 1 for panel in panels[3:]) and panels[0].collections
    assert [text.get_text() for text in panels[2].texts] == ["empty map"]
    assert "peak" in bar.get_ylabel() and figure.get_suptitle() == "smoke run"


def test_saved_files_are_readable_and_repeatable(generator, tmp_path):
    row = example(generator)
    contents = []
    for _ in range(2):
        written = figures.save(figures.figure1([row], ("CAM", "Grad-CAM")), tmp_path / "figure1")
        contents.append([path.read_bytes() for path in written])
    assert contents[0] == contents[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure1.pdf", "figure1.png"]
    with Image.open(tmp_path / "figure1.png") as image:
        assert image.width > 800 and np.asarray(image.convert("L")).std() > 10
    assert contents[0][1].startswith(b"%PDF")
