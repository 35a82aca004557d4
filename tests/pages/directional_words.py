"""Words that say a direction, and the sentences of pages and notebooks that hold one without a row behind it.

A sentence that rows made has its words in a field of a template. So whatever a template itself says is typed by hand.
"""

import re

import markdown_files
from black_average_drop.artifact import pages
from black_average_drop.files import ROOT

# These say a direction wherever they are.
STRONG = re.compile(
    r"""\b(?:ahead | (?:falls?|is|are|was|were|far)\ behind | better | best | worse | worst | prefer(?:s|red|able)?
    | favou?r(?:s|ed|able|ites?)? | outperform\w* | superior\w* | inferior\w* | beat(?:s|en)? | win | wins | won
    | winners? | los(?:es?|t)\ (?:to|against) | strong(?:er|est) | weak(?:er|est|ly) | than\ chance | disagree[sd]?
    | (?:almost|just)\ as | (?:as|so)\ (?:well|good|much|often|bad)\ as | agree[sd]? | contradict\w* | fooled
    | mislead(?:s|ing)? | misled | survives? | says?\ nothing | (?:do\ not|never|don't|not\ to)\ (?:trust|believe)
    | told\ (?:apart|from) | undecided | (?:not\ )?reproduced | refuted | confirmed | opposite | significan(?:t|tly)
    | ranks?\ [^.]*\b(?:right|wrong) | cannot\ (?:choose|decide|tell) | (?:grows?|falls?|rises?)\ with | improv\w*
    | sharper | reliabl[ey] )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# These do where the sentence is about what was measured.
WEAK = re.compile(
    r"""\b(?:most | least | larger | smaller | higher | highest | lower | lowest | fewer | exceeds?
    | (?:more|less)\ than | by\ chance | hardly | too\ (?:close|small|large)
    | helps? | harms? | hits?\ more | suits? )\b""",
    re.IGNORECASE | re.VERBOSE,
)
MEASURED = re.compile(
    r"""\b(?:B?AD | ADCC | ARCC | AUC | ROAD | C-Score | insertion | deletion | Average\ (?:Increase|Gain) | CAM
    | Grad-CAM(?:\+\+)? | \w+-CAM | RISE | methods? | metrics? | maps? | controls? | lesions? | networks? | classifiers?
    | trainings? | alpha | scores? | drops? | X-rays? | radiographs? | photos? | claims? | verdicts? | hits? | heads?
    | softmax | ReLU | Incorrect | differences? | intervals? | specificity | sensitivity | doctors? )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_DIRECTION = re.compile(r"\b[Aa]t (?:most|least)\b|`[^`]*`|\]\([^)]*\)|<img [^>]*>")
_PROSE = re.compile(r"^# %% \[markdown\].*\n((?:#.*\n?)*)", re.MULTILINE)


def found(text):
    """The sentences of a Markdown text that say a direction: those of paragraphs, lists, headings and cells of tables.

    A question says none. Neither does what stands in code, in the target of a link or in a field.
    """
    text = re.sub(r"\{\{.*?\}\}", "0", re.sub(r"\{\{say\..*?\}\}", "Said.", text, flags=re.DOTALL))
    lines = markdown_files.without_code(text).splitlines()
    parts = markdown_files.sentences(text)
    parts += [line.lstrip("# ") for line in lines if line.startswith("#")]
    cells = [cell.strip() for line in lines if line.startswith("|") for cell in line.strip("| ").split("|")]
    parts += [sentence for cell in cells for sentence in markdown_files.sentences(cell)]
    pictures = re.findall(r"!\[([^\]]*)\]", text)
    return [part for part in map(_plain, [*parts, *pictures]) if _says_a_direction(part)]


def _says_a_direction(sentence):
    words = _NO_DIRECTION.sub(" ", sentence)
    question = sentence.rstrip("*").endswith("?")
    return not question and bool(STRONG.search(words) or (WEAK.search(words) and MEASURED.search(words)))


def _plain(sentence):
    """A sentence on one line."""
    return " ".join(sentence.split())


def texts():
    """Name -> what was typed of every page and of the prose of every notebook: of a filled page its template."""
    typed = {}
    for path in markdown_files.written_paths():
        source = ROOT / pages.TEMPLATES / path.name if str(path) in pages.PAGES else ROOT / path
        typed[source.relative_to(ROOT).as_posix()] = source.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        cells = _PROSE.findall(path.read_text(encoding="utf-8"))
        typed[path.relative_to(ROOT).as_posix()] = "\n\n".join(re.sub(r"^# ?", "", cell, flags=re.M) for cell in cells)
    return typed
