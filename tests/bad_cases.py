"""What is given -> the exact outcome: the sentence of a refusal, or what is read, left out, counted and listed.

Sentences are whole; "..." stands for a list of choices or for the words of another library, {root} for the folder of
the case. `test_bad_sentences` holds every row of every table.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Case(NamedTuple):
    given: str
    make: Callable  # called by the family's test
    outcome: Any  # text: the sentence that refuses it; otherwise as the family's test says


def refused(call, outcome, root=""):
    """Whether the call is refused with exactly that sentence."""
    with pytest.raises((ValueError, FileNotFoundError)) as problem:
        call()
    assert_says(str(problem.value), outcome, root)


def assert_says(said, outcome, root=""):
    pattern = re.escape(outcome.replace("{root}", str(root))).replace(re.escape("..."), ".+")
    assert re.fullmatch(pattern, said), said


def table_of(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.given for case in cases])
