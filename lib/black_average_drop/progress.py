"""A bar for what takes long: it moves where somebody watches, and is one line when it is done where nobody does."""

import os
import sys
from types import SimpleNamespace

from tqdm import tqdm

LINES = "BLACK_AVERAGE_DROP_BARS"  # the environment variable that a kernel is told by; "lines": nobody watches


def bar(iterable=None, **settings):
    """Tqdm's bar over an iterable, or to be updated by hand, with its settings; it vanishes when it is done.

    Where standard error is no terminal, such as a file, one line stays of it instead.
    """
    if is_watched():
        return tqdm(iterable, leave=False, **settings)
    shown = []

    def write(text):
        if text == "\n":  # comes at the end alone
            print(shown[-1], file=sys.stderr, flush=True)
        elif text.strip():
            shown[:] = [text.strip()]

    file = SimpleNamespace(write=write, flush=lambda: None)
    return tqdm(iterable, file=file, leave=True, position=0, **settings)


def note(text):
    """Write a line to standard error, where bars go, for whoever waits for a notebook."""
    print(f"\r{text}", file=sys.stderr, flush=True)


def is_watched():
    """Whether standard error is a terminal, or the page of a notebook that is not run for a file."""
    if os.environ.get(LINES) == "lines":
        return False
    return sys.stderr.isatty() or "ipykernel" in type(sys.stderr).__module__


def is_bar(text):
    """Whether a notebook's output to standard error is a bar or a note, rather than a warning."""
    return "\r" in text or "%|" in text
