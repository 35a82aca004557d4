import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from black_average_drop.datasets.lesions import run_length


def runs_by_hand(mask):
    """The lengths of runs of 0 and 1 in turn, counted pixel by pixel, column after column."""
    runs, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


def text_by_hand(runs):
    """COCO's compressed text of the lengths: changes to the last but one, 5 bits a character."""
    text = ""
    for number, run in enumerate(runs):
        value = run - runs[number - 2] if number > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            done = value == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if done else 32))
            if done:
                break
    return text


def some_masks():
    generator = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 9), (9, 1), (7, 5), (60, 41)):
        for share in (0, 0.1, 0.5, 1):
            yield generator.random((height, width)) < share
    large = np.zeros((900, 1300), bool)  # its runs take several characters
    large[100:700, 200:1100] = True
    yield large


def test_lists_and_texts_give_the_mask_back():
    for mask in some_masks():
        runs = runs_by_hand(mask)
        for counts in (runs, text_by_hand(runs), text_by_hand(runs).encode()):
            np.testing.assert_array_equal(run_length.decode(mask.shape, counts), mask)


def test_a_mask_of_two_rows_runs_down_the_columns():
    expected = [[False, True, False], [True, True, False]]
    np.testing.assert_array_equal(run_length.decode((2, 3), [1, 3, 2]), expected)


def test_pycocotools_writes_what_is_read():
    for mask in some_masks():
        encoded = coco.encode(np.asfortranarray(mask, "uint8"))
        assert encoded["counts"].decode() == text_by_hand(runs_by_hand(mask))
        np.testing.assert_array_equal(run_length.decode(encoded["size"], encoded["counts"]), mask)


def test_a_size_beyond_pillow_s_bound_is_refused_before_anything_is_decoded():
    pixels = Image.MAX_IMAGE_PIXELS + 1
    with pytest.raises(ValueError, match="its size is 1 x 89478486"):
        run_length.decode((1, pixels), [pixels])


@pytest.mark.parametrize(
    "size", [(0, 5), (-4, -5), (4,), (4, 5, 1), (4.0, 5), ("4", "5"), (True, 5), None, 20, (2**40, 2**40)]
)
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="its size is"):
        run_length.decode(size, [20])


@pytest.mark.parametrize(
    "counts",
    [[], [19], [21], [9, 2], [-1, 21], [25, -5], [2**70], [10.0, 10], ["20"], [None], [True] * 20, None, 20, {}]
    + ["", "1", "d", "zzzz", "92203~", "9220", "922035", "¥", "P" * 40 + "0", b"\xff", b"\x00"],
)
def test_damaged_runs_are_refused(counts):
    with pytest.raises(ValueError, match=r"^its "):
        run_length.decode((4, 5), counts)


def test_runs_without_end_are_refused():
    for counts in ([0] * 1000, "0" * 1000):
        with pytest.raises(ValueError, match="more runs than its 4 x 5 pixels need"):
            run_length.decode((4, 5), counts)


def test_a_number_of_more_digits_than_any_mask_needs_is_refused():
    zero = "P" * 6 + "0"  # written with 7 characters
    assert run_length.decode((4, 5), f"{zero}d0").all()
    with pytest.raises(ValueError, match="a number that is too large"):
        run_length.decode((4, 5), f"P{zero}d0")


def test_damaged_texts_are_a_mask_of_that_size_or_a_refusal():
    generator = np.random.default_rng(1)
    mask = np.zeros((30, 40), bool)
    mask[5:20, 8:33] = True
    text = text_by_hand(runs_by_hand(mask))
    refused = 0
    for _ in range(3000):
        damaged = list(text.encode())
        for _ in range(generator.integers(1, 4)):
            damaged[generator.integers(len(damaged))] = int(generator.integers(256))
        damaged = bytes(damaged[: generator.integers(1, len(damaged) + 1)])
        try:
            assert run_length.decode((30, 40), damaged).shape == (30, 40)
        except ValueError as problem:
            refused += 1
            assert json.dumps(str(problem)).isascii()
    assert refused > 2500
