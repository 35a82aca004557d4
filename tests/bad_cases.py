"""What is given -> the exact outcome: the sentence of a refusal, or what is read, left out, counted and listed.

Sentences are whole; "..." stands for a list of choices or for the words of another library, {root} for the folder of
the case. `test_bad_sentences` holds every row of every table.
"""

import re
import tracemalloc
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


def refused_or_read(case, read, tmp_path):
    """Whether read(root) of the folder that a case makes is refused with its sentence, or else gives its outcome.

    In either case it takes little memory, whatever a header claims, and leaves no file behind.
    """
    root = tmp_path / "root"
    root.mkdir()
    case.make(root)
    there = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    try:
        if isinstance(case.outcome, str):
            refused(lambda: read(root), case.outcome, root)
        else:
            assert read(root) == case.outcome
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert sorted(tmp_path.rglob("*")) == there


def assert_says(said, outcome, root=""):
    pattern = re.escape(outcome.replace("{root}", str(root))).replace(re.escape("..."), ".+")
    assert re.fullmatch(pattern, said), said


def table_of(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.given for case in cases])
