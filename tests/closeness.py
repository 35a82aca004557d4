"""How far two results in float32 may be apart: as a share of what was summed, not of a value that may lie near 0."""

import numpy as np

DEEP = 1e-3  # share through 50 layers, whose rounding differs by 3e-5 to 4e-4 between processors


def assert_close(result, expected, share=1e-5, of=None):
    """Both are the same but for at most `share` of the largest absolute value of `of`, by default of what is expected.

    NaN stands in the same places. A sum of large terms may come out near 0, and its rounding is that of the terms. A
    processor that adds in another order gets another rounding.
    """
    size = np.nanmax(np.abs(np.asarray(expected if of is None else of, "float64")), initial=0.0)
    assert np.isfinite(size)
    np.testing.assert_allclose(np.asarray(result), np.asarray(expected), rtol=0, atol=share * size)


def assert_same_drops(result, expected, full, share=1e-5):
    """Drops (Y - O) / Y of images whose scores Y are full (N,): their rounding is that of scores, divided by Y."""
    full = np.asarray(full)
    scale = np.where(full > 0, full, 1)
    assert_close(np.asarray(result) * scale, np.asarray(expected) * scale, share, of=full)


def assert_same_rows(rows, expected, share=1e-5):
    """Tables of `evaluation.evaluate` that differ by rounding alone: scores by a share of the largest logit."""
    assert list(rows.columns) == list(expected.columns)
    logits = expected[["full_logit", "masked_logit"]]
    for name in expected.columns:
        if name == "drop":
            assert_same_drops(rows[name], expected[name], expected["full_score"], share)
        elif expected[name].dtype.kind == "f":
            assert_close(rows[name], expected[name], share, of=logits if name.endswith(("score", "logit")) else None)
        else:
            np.testing.assert_array_equal(rows[name], expected[name])
