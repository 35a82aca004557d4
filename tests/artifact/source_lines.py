"""The sources of the project, and the lines in them that hold a pattern."""

import re

from black_average_drop.files import ROOT

LIB = sorted((ROOT / "lib").rglob("*.py"))
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))


def lines_with(pattern, paths):
    """The lines that a regular expression is found in, with their files."""
    lines = [
        (path.relative_to(ROOT), line) for path in paths if path.is_file() for line in path.read_text().splitlines()
    ]
    return [f"{path}: {line.strip()}" for path, line in lines if re.search(pattern, line)]
