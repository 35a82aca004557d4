"""The images of a user, from folders that the tests write: which are taken, what they are called, what is left."""

import stat

import numpy as np
import pandas as pd
import pytest

from black_average_drop.choice import user_images
from pictures import RAMP, write_grey

SIZE = (4, 4)
GIVEN = {"most_images": 100, "seed": 0, "names": "hidden", "unreadable": "stop", "fit": "stretch", "window": "full"}


def ward(root, count=12):
    """Images of Meier and of Abel, each of its own grey values, the second one blank."""
    for one in range(count):
        place = root / "images" / ("Meier" if one % 2 else "Abel") / f"{one:02d}.png"
        write_grey(place, RAMP * 0 + 7 if one == 2 else np.roll(RAMP * 4, one))
    return root / "images"


def read(root, **given):
    return user_images.read_images(root, SIZE, root.parent / "results", **GIVEN | {"layout": "patient"} | given)


def test_images_are_read_under_numbers_and_blank_ones_are_left_out(tmp_path):
    found = read(ward(tmp_path))
    assert len(found.dataset) == len(found.named) == 11 and len(found.appearances) == 12
    assert list(found.named.ids[:2]) == ["Abel/00.png", "Abel/04.png"]  # Abel/02.png is blank
    assert list(found.dataset.ids[:2]) == ["image 001", "image 003"]
    assert set(found.dataset.groups) == {"patient 001", "patient 002"}
    assert (found.dataset.images() == found.named.images()).all()
    blank = found.appearances.set_index("id").loc["image 002"]
    assert blank["filled"] == 0 and (blank["width"], blank["height"]) == (8, 8)


def test_an_image_of_twice_the_size_is_resized_by_the_means_of_its_blocks(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), "uint8")
    root = tmp_path / "images"
    for name, shown in (("a", RAMP * 4), ("b", pixels), ("c", pixels.T)):
        write_grey(root / f"patient {name}" / "1.png", shown)
    found = read(root)
    assert found.dataset.size == SIZE
    resized = found.resized(found.dataset.subset([2, 1]).positions)
    for one, given in zip(resized, (pixels.T, pixels), strict=True):
        means = [
            [given[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean() for column in range(4)]
            for row in range(4)
        ]
        assert (one == np.round(means)[..., None]).all() and one.dtype == "uint8"
    assert (resized != found.dataset.images([2, 1])).any()


def test_no_name_is_in_what_a_report_takes(tmp_path):
    found = read(ward(tmp_path))
    for table in (found.appearances, found.listing.levels, found.listing.passed_over, pd.DataFrame(found.notes)):
        assert not [name for name in ("Meier", "Abel") if name in table.to_csv()]
    assert not {"Meier", "Abel"} & set(found.dataset.groups)


def test_the_key_tells_which_number_is_which_file_and_nobody_else_may_read_it(tmp_path):
    found, path = read(ward(tmp_path)), tmp_path / "results" / user_images.KEY
    key = pd.read_csv(path, comment="#").set_index("image")["file"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(key) == 12
    assert list(key[found.dataset.ids]) == list(found.named.ids)
    path.unlink()
    shown = read(tmp_path / "images", names="shown")
    assert list(shown.dataset.ids) == list(shown.named.ids) and not path.exists()


def test_images_with_lesions_are_taken_first_and_this_is_said(tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("image,x0,y0,x1,y1,finding\nMeier/11.png,0,0,4,4,x\nAbel/08.png,0,0,4,4,x\nAbel/06.png,,,,,\n")
    taken = "Images with lesions were taken first, and others drawn at random."
    for seed in range(3):
        found = read(ward(tmp_path), most_images=4, seed=seed, lesions=boxes)
        assert {"Meier/11.png", "Abel/08.png"} < set(found.named.ids) and taken in found.notes
    assert taken not in read(tmp_path / "images", lesions=boxes).notes
    assert taken not in read(tmp_path / "images", most_images=4, seed=1).notes


def test_lesions_of_no_image_are_refused_before_an_image_is_decoded(tmp_path):
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1,finding\nelsewhere.png,0,0,4,4,x\n")
    with pytest.raises(ValueError, match=r"boxes\.csv names elsewhere\.png, which is no image"):
        read(ward(tmp_path), lesions=tmp_path / "boxes.csv")
    assert not (tmp_path / "results").exists()


def test_a_file_that_cannot_be_read_stops_the_run_or_is_left_out_and_counted(tmp_path):
    (ward(tmp_path) / "Abel" / "10.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    listed = tmp_path / "results" / user_images.UNREADABLE
    with pytest.raises(ValueError, match="unreadable"):
        read(tmp_path / "images")
    assert pd.read_csv(listed, comment="#")["image"].tolist() == ["Abel/10.png"]
    found = read(tmp_path / "images", unreadable="leave out")
    assert len(found.dataset) == 10 and "Abel/10.png" not in found.named.ids
    assert [note for note in found.notes if "1 of 12" in note] and not [note for note in found.notes if "Abel" in note]


def test_images_of_one_patient_alone_are_refused_once_blank_ones_are_gone(tmp_path):
    root = tmp_path / "images"
    write_grey(root / "Abel" / "0.png", RAMP * 0)
    write_grey(root / "Meier" / "1.png")
    write_grey(root / "Meier" / "2.png", RAMP * 2)
    with pytest.raises(ValueError, match="All images are of one patient, and two are needed at least"):
        read(root)


def test_pixels_come_from_the_disk_until_they_are_forgotten(tmp_path):
    found = read(ward(tmp_path))
    expected = found.dataset.images()
    for path in (tmp_path / "images").rglob("*.png"):
        path.unlink()
    assert (found.dataset.images() == expected).all()
    user_images.forget(tmp_path / "results")
    assert not (tmp_path / "results" / user_images.DECODED).exists()
    user_images.forget(tmp_path / "results")  # nothing is left to remove
