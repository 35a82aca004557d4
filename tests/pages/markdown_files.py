"""The Markdown files of the repository, and what the tests of pages read from one: links, anchors, sentences."""

import os
import re
from pathlib import Path

from black_average_drop.files import ROOT

_NOT_OURS = {"build", "dist", "node_modules", "templates"}  # templates are read as the pages that they fill
_ABBREVIATION = re.compile(r"(?:\b[A-Z]|\bal|\beq|\be\.g|\bi\.e|\bvs)\.$")
_END = re.compile(r"""[.?!][*"')\]]*\s+(?=[A-Z0-9`*("\[†])""")


def paths():
    """Every Markdown file of the checkout that was written or made here, relative to it, sorted."""
    files = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _NOT_OURS and not name.startswith(".")]
        files += [Path(folder, name).relative_to(ROOT) for name in names if name.endswith(".md")]
    return sorted(files)


def written_paths():
    """The files with sentences of ours: all but those in paper_figures/, which runs write."""
    return [path for path in paths() if path.parts[0] != "paper_figures"]


def without_code(text):
    """The text without comments and blocks of code."""
    return re.sub(r"<!--.*?-->|^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text):
    """The targets of all links and images."""
    return re.findall(r"""(?:\]\(|src=")([^)"\s]+)[)"]""", re.sub(r"`[^`\n]*`", "", without_code(text)))


def anchors(text):
    """The anchors that GitHub gives the headings, in their order."""
    slugs = []
    for title in re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", title).lower()).strip().replace(" ", "-")
        slugs.append(f"{slug}-{slugs.count(slug)}" if slug in slugs else slug)
    return slugs


def sentences(text):
    """The sentences of paragraphs and lists; headings, tables, pictures and code have none."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|<img [^>]*>", "", without_code(text))
    blocks = [""]
    for line in text.splitlines():
        item = re.match(r"\s*(?:[-*]|\d+\.)\s+", line)
        if not line.strip() or line.startswith(("#", "|")) or item:
            blocks.append("")
        if not line.startswith(("#", "|")):
            blocks[-1] += f" {line[item.end() if item else 0 :].strip()}"
    return [sentence for block in blocks for sentence in _split(block.strip()) if sentence]


def _split(block):
    start, parts = 0, []
    for end in _END.finditer(block):
        if not _ABBREVIATION.search(block[start : end.start() + 1]):
            parts.append(block[start : end.end()].strip())
            start = end.end()
    return [*parts, block[start:].strip()]


def words(sentence):
    """The words that count: code and titles of papers are one word each, a list of values after a colon is none."""
    sentence = re.sub(r"`[^`]*`(?:(?:,| and| or|, and|, or) `[^`]*`)*", "code", sentence)
    sentence = re.sub(r"\[([^\]]*)\]\([^)]*\)|<http[^>]*>", r"\1", sentence)
    sentence = re.sub(r", \*[^*]+\*", ", title", sentence)
    sentence = re.sub(r":[^:]*(?:[,;].*[,;]|[,;].*\b(?:and|or)\b)[^:]*$", ":", sentence)
    return re.findall(r"[^\W_][\w'’.,/%-]*", sentence)
