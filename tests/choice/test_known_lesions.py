"""Lesions of what is explained, in files that the tests write, and what is said of BAD by them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from black_average_drop import controls
from black_average_drop.choice import believed, hidden_names, known_lesions, pointing, ranking, selection
from black_average_drop.datasets import from_files
from black_average_drop.statistics.patients import Resampling
from lesion_sets import SIZE, first_hit, maps_that_hit, mask, rows_of

NAMES = ["normal", "Lung_Mass"]
HEADER = "image,x0,y0,x1,y1,finding\n"


def images(ids, sizes=None):
    """`user_images.UserImages` of files that nobody opens, of 16 x 16 pixels unless sizes say otherwise."""
    named = from_files(ids, ids, [0] * len(ids), ids, ("x",), SIZE)
    hidden = hidden_names.as_numbers(named)
    appearances = pd.DataFrame({"id": hidden.ids, "width": 16, "height": 16})
    blank = pd.DataFrame({"id": ["image 999"], "width": 5, "height": 5})
    if sizes:
        appearances[["width", "height"]] = sizes
    listing = SimpleNamespace(table=pd.DataFrame({"image": [*ids, "blank.png"]}))
    return SimpleNamespace(named=named, dataset=hidden, listing=listing, appearances=pd.concat([blank, appearances]))


def find(tmp_path, rows, ids, explained, fit="stretch", sizes=None):
    (tmp_path / "boxes.csv").write_text(HEADER + rows)
    pairs = selection.Pairs(*map(np.array, zip(*explained, strict=True)))
    return known_lesions.find(tmp_path / "boxes.csv", images(ids, sizes), pairs, NAMES, fit)


def test_without_a_place_nothing_is_found_and_the_remedy_is_said():
    assert known_lesions.find("", None, None, NAMES, "stretch") is None
    assert known_lesions.judge(None, {}, None, None, None).said == known_lesions.NONE


def test_lesions_go_to_the_findings_that_are_explained(tmp_path):
    """Of a, two boxes of one finding; of b a finding that is not explained; of c no output; one image was blank."""
    rows = "a.png,0,0,4,4,lung mass\na.png,12,12,16,16,Lung Mass\nb.png,0,0,8,8,lung mass\nc.png,0,0,8,8,Hernia\n"
    rows += "blank.png,0,0,4,4,Lung Mass\n"
    found = find(tmp_path, rows, ["a.png", "b.png", "c.png"], [(0, 0), (0, 1), (1, 0), (2, 1)])
    assert found.places.tolist() == [1] and found.size == SIZE
    (first, one), (second, other) = found.of_lesion(0)
    assert first == second == "Lung_Mass"
    assert (one == mask(0, 0, 2, 2)).all() and (other == mask(6, 6, 2, 2)).all()
    assert found.notes == [
        "1 lesion is of an image that is not explained.",
        "Lesions of these findings do not count, which are no outputs of the model: Hernia.",
        "1 of 4 lesions are of findings that are not explained in their image.",
        "2 boxes or masks are 1 lesions: one for each finding of an image.",
    ]


def test_a_lesion_without_a_finding_counts_for_all_that_is_explained_and_this_is_said(tmp_path):
    """An image that a model calls normal may have a lesion: then its map of what is normal is judged."""
    rows = "a.png,0,0,4,4,\nb.png,0,0,8,8,\n"
    found = find(tmp_path, rows, ["a.png", "b.png"], [(0, 0), (1, 1)])
    assert found.places.tolist() == [0, 1] and [found.of_lesion(number)[0][0] for number in (0, 1)] == NAMES
    assert found.notes == [
        "Lesions without a finding count for whatever is explained (normal 1, Lung_Mass 1): name findings if this is "
        "wrong."
    ]
    assert find(tmp_path, rows, ["a.png", "b.png"], [(0, 1), (1, 1)]).notes == []


def test_boxes_are_in_pixels_of_the_original_and_fit_as_the_images_do(tmp_path):
    """A file of 32 x 16 pixels: its upper left quarter is half as wide where the whole is seen, and gone by a crop."""
    given = tmp_path, "a.png,0,0,8,8,Lung_Mass\n", ["a.png"], [(0, 1)]
    assert (find(*given, sizes=[32, 16]).of_lesion(0)[0][1] == mask(0, 0, 4, 2)).all()
    cropped = find(*given, fit="crop", sizes=[32, 16])
    assert not len(cropped.places)
    assert cropped.notes == ["1 lesion is in a part of its image that fit=crop cuts away."]
    judged = known_lesions.judge(cropped, {}, None, None, None)
    assert judged.said == f"{cropped.notes[0]} {known_lesions.NOTHING}" and judged.points.empty


def test_masks_are_found_by_finding_and_the_checksum_is_that_of_their_bytes(tmp_path):
    for finding, part in (("lung mass", (0, 0, 8, 8)), ("normal", (8, 8, 8, 8))):
        drawn = np.zeros((16, 16), bool)
        drawn[part[0] : part[0] + part[2], part[1] : part[1] + part[3]] = True
        (tmp_path / "masks" / finding).mkdir(parents=True)
        Image.fromarray(drawn).save(tmp_path / "masks" / finding / "a.png")
    explained = selection.Pairs(np.array([0, 0]), np.array([0, 1]))
    found = known_lesions.find(tmp_path / "masks", images(["a.png"]), explained, NAMES, "stretch")
    assert found.places.tolist() == [0, 1]
    for number, expected in enumerate((mask(4, 4, 4, 4), mask(0, 0, 4, 4))):
        assert (found.of_lesion(number)[0][1] == expected).all()
    Image.fromarray(~drawn).save(tmp_path / "masks" / "normal" / "a.png")
    other = known_lesions.find(tmp_path / "masks", images(["a.png"]), explained, NAMES, "stretch")
    assert other.checksum != found.checksum and not other.of_lesion(0)[0][1][5, 5]


def judge(hits, drops, places=None, batch_size=32):
    """`Judged` of lesions in the upper left corner of those of 40 findings that have one."""
    places = np.arange(40) if places is None else places
    known = known_lesions.KnownLesions(places, lambda number: [("mass", mask(0, 0, 2, 2))], SIZE, "", ["A note."])
    resampling = Resampling(np.array([f"patient {one}" for one in range(40)]), 200)
    maps = maps_that_hit(hits)
    rows = rows_of(drops | {name: np.full(40, 0.9) for name in controls.CONTROLS})
    ranked, _ = ranking.rank_by_metric(rows, controls.CONTROLS, resampling)
    return known_lesions.judge(known, maps, rows, ranked, resampling, batch_size)


HITS = {"CAM": first_hit(4, 40), "Layer-CAM": first_hit(20, 40), "RISE": first_hit(36, 40)}


def test_the_report_has_the_notes_then_the_verdict_on_bad_then_that_on_ad():
    judged = judge(HITS, {name: 0.5 - 0.3 * hit for name, hit in HITS.items()})
    assert judged.said.startswith("A note. BAD is believed here, by 40 lesions of 40 patients: it orders 3 of 3")
    assert " BAD ranks RISE before Layer-CAM, and hits say the same. AD is believed here" in judged.said
    assert "map of the centre" not in judged.said  # RISE is shown to be above it
    assert set(judged.points["map"]) == {*HITS, *controls.CONTROLS}
    assert judged.points.set_index("map")["hit"][list(HITS)].tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert set(judged.agreements["metric"]) == set(believed.CHEAP)


def test_batches_change_nothing():
    drops = {name: 0.5 - 0.3 * hit for name, hit in HITS.items()}
    one, other = judge(HITS, drops), judge(HITS, drops, batch_size=7)
    pd.testing.assert_frame_equal(one.points, other.points)
    assert one.said == other.said


def test_only_the_findings_with_a_lesion_judge():
    """The last 20 findings have a lesion, of which CAM hits none, and drops of the first 20 say the opposite."""
    drops = {name: np.where(np.arange(40) < 20, 0.1 + 0.7 * hit, 0.5 - 0.3 * hit) for name, hit in HITS.items()}
    judged = judge(HITS, drops, np.arange(20, 40))
    assert judged.points.set_index("map")["hit"][list(HITS)].tolist() == pytest.approx([0, 0, 0.8])
    row = judged.agreements.query("metric == 'BAD' and maps == 'methods alone'").iloc[0]
    assert row[["lesions", "decided", "right", "wrong"]].tolist() == [20, 2, 2, 0]


def test_lesions_whose_finding_has_no_score_are_counted():
    drops = {name: np.where(np.arange(40) < 3, np.nan, 0.5 - 0.3 * hit) for name, hit in HITS.items()}
    assert (
        "A note. 3 of 40 lesions do not count for metrics: the score of their finding is 0. BAD "
        in judge(HITS, drops).said
    )


def test_a_method_that_is_first_but_not_above_the_centre_prior_is_named():
    """A metric may be believed on maps that all point badly: CAM hits 3 of 40, and the centre prior none."""
    hits = {"CAM": first_hit(3, 40), "RISE": first_hit(0, 40)}
    judged = judge(hits, {"CAM": np.linspace(0.1, 0.2, 40), "RISE": np.linspace(0.3, 0.5, 40)})
    assert "CAM, which BAD ranks first, hits 8 % of lesions, and a map of the centre 0 %: it is not shown to do" in (
        judged.said
    )
    assert pointing.CENTRE in set(judged.points["map"])
