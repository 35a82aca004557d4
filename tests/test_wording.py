"""Words and numbers that figures, tables and pages share."""

import pytest

from black_average_drop.wording import rounded_up


@pytest.mark.parametrize(
    ("limit", "digits", "written"),
    [(17.49, 0, "18"), (0.018, 4, "0.0180"), (0.01801, 4, "0.0181"), (0.07, 2, "0.07"), (0.1 + 0.2, 1, "0.3")],
)
def test_an_upper_limit_is_never_written_too_small(limit, digits, written):
    assert rounded_up(limit, digits) == written
