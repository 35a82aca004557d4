"""Exploring by hand: the same numbers as evaluation, and widgets that move together."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from black_average_drop import cams, evaluation, figures, masks, networks
from black_average_drop.choice import explore, explore_html, views
from black_average_drop.datasets import Dataset
from closeness import assert_close


@pytest.fixture
def network(small_model):
    return networks.CamNetwork.from_model(small_model)


@pytest.fixture
def dataset(pixels):
    ids = np.array([f"<b>{i}</b>" for i in range(3)])
    return Dataset(ids, np.zeros(3, int), ids, ("a", "<script>", "c"), (32, 32), np.arange(3), lambda i: pixels[i])


@pytest.mark.parametrize("method", ["CAM", "Grad-CAM++", "Eigen-CAM"])
def test_a_look_gives_the_scores_of_evaluation(network, pixels, method):
    chosen = {method: cams.METHODS[method]}
    rows = evaluation.evaluate(network, pixels[:1], chosen, alpha=0.3, classes=[2]).set_index("metric")
    features, logits, _ = network.explain(pixels[:1])
    view = views.look(network, pixels[0], features, logits, 2, method, 0.3)
    for metric in ("AD", "BAD"):
        assert_close(view.scores.loc[metric, "score"], rows.loc[metric, "masked_score"], of=logits)
        assert_close(view.scores.loc["image", "score"], rows.loc[metric, "full_score"], of=logits)
    assert view.kept == pytest.approx(rows.loc["BAD", "kept"])
    assert view.blackened.shape == (32, 32, 3) and (view.blackened.any(axis=-1)).mean() <= 0.3


def pictures_on(page):
    """The pictures of a page, in their order, as pixels."""
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in sources]


def looked(network, page, row):
    """The views of both methods of a page, made once more."""
    image = page._dataset.images([row])[0]
    features, logits, _ = network.explain(image[None])
    names = dict.fromkeys((page.first.value, page.second.value))
    given = network, image, features, logits, page.label.value
    return image, {name: views.look(*given, name, page.share.value) for name in names}


def test_the_page_shows_what_the_report_draws(network, dataset):
    """The maps with their outline and the scale by `figures`; the difference, and the masked images as they are."""
    page = explore.Explorer(network, dataset, alpha=0.3)
    page.opacity.value, page.colours.value = 0.35, "jet"
    image, both = looked(network, page, 0)
    drawn = pictures_on(page.page.value)
    side, look = explore_html.SIDE, ("jet", 0.35)
    expected = [figures.picture(image, view.heat_map, 0.3, side, *look) for view in both.values()]
    difference = views.in_colour(views.map_difference(*both.values()))
    expected += [np.asarray(Image.fromarray(difference).resize((side, side))), figures.scale(*look)]
    for view in both.values():
        for masked in (view.faded, view.blackened):
            expected.append(np.asarray(Image.fromarray(masked.astype("uint8")).resize((side, side))))
    for one, other in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    share = f"{100 * both['CAM'].kept:.0f} %"
    for words in (f"outline: the {share} of pixels that BAD keeps", "1: the map's peak", "0: the image itself"):
        assert words in page.page.value
    page.opacity.value = 0
    bar = pictures_on(page.page.value)[3]
    assert (bar == bar[-1]).all()  # no colour at all


def test_widgets_move_together(network, dataset):
    page = explore.Explorer(network, dataset)
    assert len(page.box.children[0].children) == 3 and page.first.options[:2] == ("CAM", "Grad-CAM")
    assert "jet" in page.colours.options and page.colours.value == "heat" and page.second.value == "Eigen-CAM"
    seen = [page.page.value]
    changes = ((page.share, 0.6), (page.opacity, 0.9), (page.colours, "jet"), (page.first, "Eigen-CAM"))
    for control, value in (*changes, (page.second, "Grad-CAM++")):
        control.value = value
        seen.append(page.page.value)
    page.label.value = (page.label.value + 1) % 3
    seen.append(page.page.value)
    page.box.children[0].children[1].children[1].click()
    seen.append(page.page.value)
    assert len(set(seen)) == len(seen) and page.image.value == 1
    assert "60 % of the pixels left" in seen[1] and "20 % of the pixels left" in seen[0]
    assert "&lt;b&gt;1&lt;/b&gt;" in seen[-1] and "<script>" not in "".join(seen) and "<b>1</b>" not in seen[-1]
    _, logits, _ = network.explain(dataset.images([1]))
    assert page.label.value == logits[0].argmax()  # the class follows the image
    _, both = looked(network, page, 1)
    shown = [float(value) for value in re.findall(r"[YO] = <b>([\d.]+)", seen[-1])]
    one, other = (view.scores["score"] for view in both.values())
    order = [one["image"], other["image"], one["AD"], one["BAD"], other["AD"], other["BAD"]]
    np.testing.assert_allclose(shown, order, atol=5e-5)


def test_a_map_at_another_alpha_is_what_a_new_look_gives(network, dataset):
    image = dataset.images([0])[0]
    features, logits, _ = network.explain(image[None])
    given = network, image, features, logits, 1, "Grad-CAM++"
    moved, new = views.at_alpha(network, image, views.look(*given, 0.2), 1, 0.7), views.look(*given, 0.7)
    np.testing.assert_array_equal(moved.blackened, new.blackened)
    assert_close(moved.scores["score"], new.scores["score"], of=logits)
    assert (moved.alpha, moved.kept) == (0.7, new.kept) and (moved.scores["predicted"] == new.scores["predicted"]).all()


def test_the_score_along_alpha_is_that_of_a_look_at_each(network, dataset):
    image = dataset.images([0])[0]
    features, logits, _ = network.explain(image[None])
    given = network, image, features, logits, 2, "CAM"
    along = views.scores_along_alpha(network, image, views.look(*given, 0.5).heat_map, 2)
    looks = [views.look(*given, share).scores.loc["BAD", "score"] for share in views.SHARES]
    assert_close(along, looks, of=logits)


def test_the_curve_has_a_line_for_each_method_and_the_sliders_place():
    along = {"CAM": np.linspace(0, 1, len(views.SHARES)), "<x>": np.zeros(len(views.SHARES))}
    drawn = explore_html.curve(along, 0.5, 0.8)
    lines = re.findall(r'points="([^"]+)"[^>]*stroke="([^"]+)"', drawn)
    places = {colour: [tuple(map(float, point.split(","))) for point in points.split()] for points, colour in lines}
    rising, flat = (places[colour] for colour in views.COLOURS)
    assert len(rising) == len(views.SHARES) and [down for _, down in rising] == sorted(
        (d for _, d in rising), reverse=True
    )
    assert len({down for _, down in flat}) == 1 and "&lt;x&gt;" in drawn and "<x>" not in drawn
    middle = rising[len(rising) // 2][0]
    assert [across for across, _ in places["#ff3b30"]] == [middle, middle]  # alpha 0.5 is the middle of SHARES


def test_the_difference_of_maps_and_how_far_masked_images_are_apart(network, dataset):
    page = explore.Explorer(network, dataset, alpha=0.3)
    image, both = looked(network, page, 0)
    one, other = both.values()
    by_hand = np.maximum(one.heat_map, 0) / one.heat_map.max() - np.maximum(other.heat_map, 0) / other.heat_map.max()
    np.testing.assert_allclose(views.map_difference(one, other), by_hand, atol=1e-6)
    kept = [masks.kept_pixels(view.heat_map[None], 0.3)[0] for view in (one, other)]
    light = image.astype(float).sum(axis=-1)
    assert views.light_apart(one, other, image) == pytest.approx(light[kept[0] ^ kept[1]].sum() / light.sum())
    coloured = views.in_colour(np.array([[0.2, -0.1, 0.0]])).astype(int)
    (strong, weak, none) = coloured[0]
    assert strong[0] > strong[2] + 50 and weak[2] > weak[0] and np.ptp(none) < 10


def test_images_are_taken_by_how_far_their_masked_images_are_apart(network, dataset):
    page = explore.Explorer(network, dataset, alpha=0.3)
    apart = []
    for row in range(3):
        page.image.value = row
        image, both = looked(network, page, row)
        apart.append(views.light_apart(*both.values(), image))
    expected, seen = np.argsort(-np.array(apart)).tolist(), []
    for _ in range(4):
        page.further.click()
        seen.append(page.image.value)
    assert seen == [*expected, expected[0]]


def test_what_is_shown_is_saved_with_its_numbers(network, dataset, tmp_path):
    page = explore.Explorer(network, dataset, alpha=0.3, folder=tmp_path / "new")
    for second in ("Eigen-CAM", "CAM"):  # two methods, and one
        page.second.value = second
        page.save.click()
    number = page.label.options[page.label.value][0]
    files = sorted(path.name for path in (tmp_path / "new").glob("*.png"))
    stem = re.sub(r"[^\w+.-]+", "-", f"image-1_{number}_CAM")
    assert files == [f"{stem}_Eigen-CAM_alpha-0.30.png", f"{stem}_alpha-0.30.png"]
    assert str(tmp_path / "new" / files[1]) in page.saved.value
    image, both = looked(network, page, 0)
    figure = views.view_sheet(image, both, {"CAM": np.ones(len(views.SHARES))}, "title", 0.5, "heat")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == f"CAM\nY = {both['CAM'].scores.loc['image', 'score']:.4f}"
    assert titles[2].endswith(f"O = {both['CAM'].scores.loc['BAD', 'score']:.4f}")


def test_a_blank_map_and_what_lies_behind_the_maps_are_said(network, dataset):
    assert "blank" not in explore.Explorer(network, dataset).page.value
    network.notice = "Behind the feature maps lies <LSTM>."
    network.head_weights = -np.abs(network.head_weights)
    page = explore.Explorer(network, dataset).page.value
    assert "Behind the feature maps lies &lt;LSTM&gt;." in page
    assert "For this class CAM is blank: it points nowhere, and both masked images are black" in page
    assert "CAM over the image<br>" in page and "CAM: B, 0 % of the pixels left" in page


def test_methods_that_a_head_does_not_allow_are_not_offered(network, dataset):
    network.head_weights = None
    page = explore.Explorer(network, dataset)
    assert "CAM" not in page.first.options and "Grad-CAM" in page.first.options
