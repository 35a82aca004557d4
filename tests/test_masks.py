import keras
import numpy as np
import pytest

from black_average_drop import masks

IMAGE = np.array([[[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 120]]]], "uint8")
MAP = np.array([[[4.0, 2.0], [-1.0, 0.0]]], "float32")


def test_fade_by_hand():
    masked = masks.fade(IMAGE, MAP)
    np.testing.assert_allclose(masked[0], [[[10, 20, 30], [20, 25, 30]], [[0, 0, 0], [0, 0, 0]]])
    assert masked.dtype == np.float32


@pytest.mark.parametrize("ties", ["strict", "exact"])
def test_tensors_give_tensors_with_the_same_values(generator, ties):
    """Plateaus among them, which are ranked by position."""
    images = generator.integers(0, 256, (2, 6, 6, 3)).astype("float32")
    maps, other = generator.integers(-2, 5, (2, 2, 6, 6)).astype("float32")
    tensors = [keras.ops.convert_to_tensor(array) for array in (images, maps, other)]
    ranking = (other, tensors[2]) if ties == "exact" else (None, None)
    for tensor, expected in (
        (masks.scaled_to_peak(tensors[1]), masks.scaled_to_peak(maps)),
        (masks.fade(*tensors[:2], 9), masks.fade(images, maps, 9)),
        (masks.blend(tensors[0], maps > 1, other[..., None]), masks.blend(images, maps > 1, other[..., None])),
        (masks.kept_pixels(tensors[1], 0.3, ties), masks.kept_pixels(maps, 0.3, ties)),
        (masks.kept_pixels(tensors[1], 0.99, ties), masks.kept_pixels(maps, 0.99, ties)),
        (
            masks.blacken(*tensors[:2], 0.3, ties, ranking[1], fill=images),
            masks.blacken(images, maps, 0.3, ties, ranking[0], fill=images),
        ),
    ):
        assert keras.ops.is_tensor(tensor) and isinstance(expected, np.ndarray)
        np.testing.assert_array_equal(tensor, expected)
    curve = masks.alpha_curve(tensors[0], {"a": tensors[1], "b": tensors[2], "c": -tensors[1]})
    assert isinstance(curve, np.ndarray) and curve.dtype == "float64"
    np.testing.assert_array_equal(curve, masks.alpha_curve(images, {"a": maps, "b": other, "c": -maps}))


def test_a_tensor_among_arrays_makes_it_tensors(generator):
    images, maps = generator.uniform(0, 255, (2, 5, 5, 3)), generator.normal(size=(2, 5, 5))
    for ours in ((keras.ops.convert_to_tensor(images), maps), (images, keras.ops.convert_to_tensor(maps))):
        for tensor, expected in (
            (masks.fade(*ours), masks.fade(images, maps)),
            (masks.blacken(*ours, 0.3), masks.blacken(images, maps, 0.3)),
        ):
            assert keras.ops.is_tensor(tensor)
            np.testing.assert_allclose(tensor, expected, rtol=1e-6)


def test_tensors_of_tiny_values_are_ranked_as_arrays_are(generator):
    """Differences that vanish next to 1 are still differences."""
    maps = generator.permutation(36).reshape(1, 6, 6).astype("float32") * 1e-10
    kept = masks.kept_pixels(keras.ops.convert_to_tensor(maps), 0.3, "exact")
    np.testing.assert_array_equal(kept, masks.kept_pixels(maps, 0.3, "exact"))
    np.testing.assert_array_equal(np.asarray(kept), maps >= 25e-10 - 1e-12)


def test_blend_by_hand():
    shares = np.array([[[1, 0.5], [0, 0.25]]])
    np.testing.assert_array_equal(masks.blend(IMAGE, shares)[0, :, :, 0], [[10, 20], [0, 25]])
    for images, part, fill in ((IMAGE.astype("float64"), shares > 0, 0), (IMAGE, shares, IMAGE.astype("int64"))):
        assert masks.blend(images, part, fill).dtype == np.float32


def test_another_fill_takes_the_place_of_black():
    faded = masks.fade(IMAGE, MAP, fill=100)
    np.testing.assert_allclose(faded[0], [[[10, 20, 30], [70, 75, 80]], [[100] * 3, [100] * 3]])
    masked = masks.blacken(IMAGE, MAP, 0.5, fill=100)
    np.testing.assert_array_equal(masked[0], [[[10, 20, 30], [40, 50, 60]], [[100] * 3, [100] * 3]])
    every_pixel = np.full(IMAGE.shape, 7)
    np.testing.assert_array_equal(masks.blacken(IMAGE, MAP, 0.5, fill=every_pixel)[0, 1], [[7] * 3, [7] * 3])


def test_opacity_by_hand():
    np.testing.assert_allclose(masks.scaled_to_peak(MAP), [[[1, 0.5], [0, 0]]])
    assert not masks.scaled_to_peak(-np.abs(MAP)).any()


def test_an_image_is_masked_the_same_whatever_others_are_in_the_batch(generator):
    images, maps = generator.random((4, 5, 6, 3)), generator.normal(size=(4, 5, 6))
    maps *= np.array([1, 100, 0.01, -1])[:, None, None]
    for n in range(4):
        one = slice(n, n + 1)
        np.testing.assert_array_equal(masks.fade(images, maps)[one], masks.fade(images[one], maps[one]))
        for ties in ("strict", "exact"):
            alone = masks.blacken(images[one], maps[one], 0.3, ties)
            np.testing.assert_array_equal(masks.blacken(images, maps, 0.3, ties)[one], alone)


def test_fade_ignores_the_maps_scale_and_blackens_without_evidence():
    np.testing.assert_allclose(masks.fade(IMAGE, 7 * MAP), masks.fade(IMAGE, MAP))
    assert not masks.fade(IMAGE, -np.abs(MAP)).any()


def test_blacken_by_hand():
    masked = masks.blacken(IMAGE, MAP, 0.5)
    np.testing.assert_array_equal(masked[0], [[[10, 20, 30], [40, 50, 60]], [[0, 0, 0], [0, 0, 0]]])
    assert masked.dtype == np.float32


@pytest.mark.parametrize("alpha", [0.001, 0.3, 0.5, 0.999])
def test_kept_area_is_exactly_k_without_ties(generator, alpha):
    maps = generator.permutation(100).reshape(1, 10, 10).astype("float32")
    for ties in ("strict", "exact"):
        kept = masks.kept_pixels(maps, alpha, ties)
        assert kept.sum() == round(100 * alpha)
        if 0 < kept.sum() < 100:
            assert maps[kept].min() > maps[~kept].max()


def test_strict_masks_of_large_maps_against_a_sort(generator):
    """At every k, since next to the place asked for a partition is in order all but some times in a thousand."""
    maps = generator.normal(size=(3, 32, 32))
    falling = np.sort(maps.reshape(3, -1), axis=1)[:, ::-1]
    for k in range(1, 1024):
        np.testing.assert_array_equal(masks.kept_pixels(maps, k / 1024), maps > falling[:, k, None, None])


def test_ties_strict_keeps_fewer_and_exact_keeps_k():
    plateau = np.array([[[5.0, 1.0], [1.0, 1.0]]])
    assert masks.kept_pixels(plateau, 0.5).sum() == 1  # eta is 1, and only one value is above it
    exact = masks.kept_pixels(plateau, 0.5, ties="exact")
    np.testing.assert_array_equal(exact[0], [[True, True], [False, False]])  # equal values in order of position


def test_exact_ties_follow_another_ranking():
    plateau = np.array([[[5.0, 0.0], [0.0, 0.0]]])
    unclipped = np.array([[[5.0, -3.0], [-2.0, -1.0]]])
    exact = masks.kept_pixels(plateau, 0.5, ties="exact", ranking=unclipped)
    np.testing.assert_array_equal(exact[0], [[True, False], [False, True]])


def test_black_average_drop_sees_only_the_ranking(generator):
    maps = generator.random((2, 9, 8)) + 0.1
    images = generator.random((2, 9, 8, 3))
    for power in (0.25, 4):
        np.testing.assert_array_equal(masks.blacken(images, maps**power, 0.3), masks.blacken(images, maps, 0.3))


def brute_force_curve(images, maps):
    pixels = images.shape[1] * images.shape[2]
    names = list(maps)
    curve = np.zeros(pixels + 1)
    for k in range(1, pixels):
        shown = [masks.blacken(images, maps[name], k / pixels, ties="exact").astype("float64") for name in names]
        for i in range(len(names)):
            for j in range(i):
                curve[k] += np.abs(shown[i] - shown[j]).sum()
    return curve


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("plateau", [False, True])
def test_alpha_curve_against_brute_force_over_all_alphas(generator, count, plateau):
    images = generator.integers(0, 256, (3, 6, 7, 3)).astype("float32")
    maps = {f"m{i}": generator.normal(size=(3, 6, 7)) for i in range(count)}
    if plateau:
        maps["m0"] = np.maximum(maps["m0"], 0)
    curve = masks.alpha_curve(images, maps)
    assert curve.shape == (43,) and curve.dtype == np.float64
    expected = brute_force_curve(images, maps)
    np.testing.assert_allclose(curve, expected, atol=1e-6)
    assert masks.select_alpha(curve) == np.argmax(expected) / 42


def test_alpha_curve_of_batches_adds_up_and_does_not_mind_the_order_of_methods(generator):
    images = generator.random((4, 5, 5, 3))
    maps = {name: generator.random((4, 5, 5)) for name in "abc"}
    whole = masks.alpha_curve(images, maps)
    parts = sum(masks.alpha_curve(images[i : i + 1], {n: m[i : i + 1] for n, m in maps.items()}) for i in range(4))
    np.testing.assert_allclose(parts, whole, atol=1e-9)
    np.testing.assert_allclose(masks.alpha_curve(images, dict(reversed(maps.items()))), whole, atol=1e-9)


def test_select_alpha_by_hand():
    assert masks.select_alpha([0, 0.1, 0.3, 0.2, 0]) == 0.5
    assert masks.select_alpha([0, 0.3, 0.1, 0.3, 0]) == 0.25  # the smaller of two


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 23), ("float64", 52)])
def test_ranks_see_every_binary_digit(dtype, digits):
    values = np.array([[1, *(1 + 2.0**-digit for digit in range(digits, 0, -1))]], dtype)
    np.testing.assert_array_equal(masks._ranks(masks._order(values))[0], np.arange(digits + 1, 0, -1))


def test_select_alpha_refuses_a_flat_curve(generator):
    same = generator.random((1, 4, 4))
    with pytest.raises(ValueError, match="^The methods' masked images .* at any alpha: pass alpha explicitly"):
        masks.select_alpha(masks.alpha_curve(np.ones((1, 4, 4, 3)), {"a": same, "b": same.copy()}))
    with pytest.raises(ValueError, match="^The methods' masked images"):
        masks.select_alpha([0, np.nan, 3, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "^alpha is 0.0: it is the share of pixels to keep, between 0 and 1, both"),
        ({"alpha": 1.0}, "^alpha is 1.0"),
        ({"alpha": 0.5, "ties": "loose"}, '^ties is \'loose\': choose "strict" or "exact"'),
        ({"alpha": 0.5, "ties": "exact", "ranking": MAP[:, :1]}, "^ranking needs"),
        ({"alpha": 0.5, "ranking": MAP}, '^ranking needs ties="exact" and the shape of maps'),
        (
            {"alpha": 0.5, "maps": MAP[:, :1]},
            r"^images \(1, 2, 2, 3\) and maps \(1, 1, 2\) do not fit: \(N, H, W, C\)",
        ),
        ({"alpha": 0.5, "images": IMAGE[..., 0]}, r"^images \(1, 2, 2\) and maps"),
        ({"alpha": 0.5, "maps": MAP * np.nan}, "^A map holds NaN or infinite values: check the network"),
    ],
)
def test_blacken_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        masks.blacken(**{"images": IMAGE, "maps": MAP, **arguments})
