"""A sentence about an archive is short and moves no cursor, whatever stands in the archive."""

import pytest

from black_average_drop.model_files.pt2_refusal import AGAIN, Refusal, why_not_read
from black_average_drop.model_files.zip_checks import name_shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("fc.weight", "fc.weight"),
        ("Größe", "Größe"),
        ("a" * 100, "a" * 100),
        ("a" * 101, "a" * 97 + "..."),
        ("a\x1b[2J\n", r"'a\x1b[2J\n'"),
        ("\u202eabc", r"'\u202eabc'"),
    ],
)
def test_names_are_shown_short_and_without_what_moves_the_cursor(name, shown):
    assert name_shown(name) == shown


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Refusal("is other: export it."), "net.pt2 is other: export it."),
        (ValueError("net.pt2 is other: export it."), "net.pt2 is other: export it."),
        (ValueError("two values"), f"net.pt2 cannot be read as a PyTorch model (two values): {AGAIN}."),
        (ValueError("a\x1b\nb"), f"net.pt2 cannot be read as a PyTorch model (a??b): {AGAIN}."),
        (ValueError("a" * 500), f"net.pt2 cannot be read as a PyTorch model ({'a' * 200}): {AGAIN}."),
        (KeyError("graph"), f"net.pt2 cannot be read as a PyTorch model (it lacks 'graph'): {AGAIN}."),
        (TypeError("x"), f"net.pt2 cannot be read as a PyTorch model (its program is damaged, TypeError): {AGAIN}."),
        (
            FileNotFoundError(2, "No such file or directory"),
            f"net.pt2 cannot be read as a PyTorch model (No such file or directory): {AGAIN}.",
        ),
    ],
)
def test_every_problem_is_one_sentence(problem, said):
    assert why_not_read("net.pt2", problem) == said
