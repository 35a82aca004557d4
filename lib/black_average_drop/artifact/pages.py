"""Pages that quote results, filled from the committed results.

A template in docs/templates/ is a page with fields in double braces. `{{name}}` is a number or a short text of
`numbers.naming.named`. `{{say.name}}` is one sentence or several, whose words the rows chose: `sentences.saying`.
`{{table laptop/trust.md 2}}` is the second table of that file in paper_figures/; without the number it is the first.
`make pages` fills every template. A test names each page that differs from its template.
"""

import re
import textwrap

from black_average_drop.artifact.numbers import naming
from black_average_drop.files import ROOT, replacing

TEMPLATES = "docs/templates"
PAGES = (
    "README.md",
    "MODEL_CARD.md",
    *(f"docs/{name}.md" for name in ("results", "trust", "reproducing", "performance", "other-libraries")),
)
WIDTH = 120  # of a line in which a sentence was filled in

_FIELD = re.compile(r"\{\{(.+?)\}\}")
_TABLE = re.compile(r"table (\S+\.md)(?: (\d+))?")


def fill(template, named, results):
    """Fill the fields of one template.

    Args:
        template: text of a page with fields.
        named: dict, name of a number or sentence -> text.
        results: Path, the folder in which tables are looked up.

    Returns:
        The text of the page. A paragraph or item with a `say` field has lines of at most `WIDTH` characters.

    Raises:
        ValueError: a field names no number, no sentence, or no table.
    """

    def value(field):
        if table := _TABLE.fullmatch(field[1]):
            return _table(results / table[1], int(table[2] or 1))
        if field[1] not in named:
            raise ValueError(f"{{{{{field[1]}}}}} is no number or sentence of artifact/numbers and no table.")
        return named[field[1]]

    return "\n".join(
        _wrapped(block, value) if "{{say." in block else _FIELD.sub(value, block) for block in _blocks(template)
    )


def filled_pages(root=ROOT):
    """Fill every template.

    Args:
        root: Path, the checkout.

    Returns:
        Dict, path of a page within the checkout -> its text.

    Raises:
        ValueError: a template names no number, no sentence, or no table.
    """
    results = root / "paper_figures"
    named = naming.named(results)
    templates = {page: (root / TEMPLATES / page.split("/")[-1]).read_text(encoding="utf-8") for page in PAGES}
    return {page: fill(template, named, results) for page, template in templates.items()}


def main(root=ROOT):
    """Write every page whose text has changed, and print which."""
    for page, text in filled_pages(root).items():
        path = root / page
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with replacing(path) as partial:
                partial.write_text(text, encoding="utf-8")
            print(f"wrote {page}")


def _blocks(template):
    """The lines of a template, where those of one paragraph or of one item of a list are one text."""
    blocks = []
    for line in template.split("\n"):
        goes_on = line and blocks and blocks[-1] and not line.startswith(("- ", "#", "|"))
        if goes_on and not blocks[-1].startswith(("#", "|")):
            blocks[-1] += f"\n{line}"
        else:
            blocks.append(line)
    return blocks


def _wrapped(block, value):
    """A filled paragraph or item with its lines broken again; a table stays as it is."""
    text = _FIELD.sub(value, " ".join(line.strip() for line in block.splitlines()))
    if text.startswith("|"):
        return text
    indent = "  " if block.startswith("- ") else ""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table(path, number):
    """The Markdown table of a file that has this number, counted from 1, without the line break at its end."""
    lines = path.read_text(encoding="utf-8") if path.is_file() else ""
    tables = re.findall(r"(?:^\|.*\n)+", lines, re.MULTILINE)
    if not 1 <= number <= len(tables):
        raise ValueError(f"{path.parent.name}/{path.name} has no table {number}.")
    return tables[number - 1].rstrip("\n")


if __name__ == "__main__":
    main()
