"""The report of a study, as Markdown: the answer and its figures first, then what stands behind it."""

from black_average_drop.choice.markdown import as_code
from black_average_drop.figure_files import save_figure
from black_average_drop.files import replacing, write_csv

TEXT = "recommendation.md"

HEADING = "## "  # before each section; what stands above the first is the answer
ALTERNATIVES = {
    "ranking": "The mean drop of each map with its 95 % interval, the smallest first, a panel for each metric. The "
    "margin around the smallest is shaded.",
    "examples": "Six images as they are, and below each the same image with the map over it. A white line encloses "
    "the pixels that BAD keeps.",
    "findings": "The mean drop of each map with its 95 % interval, a panel for each finding.",
    "lesions": "How often each map hits known lesions, and how far each metric orders maps as hits do.",
}


def put_together(model, doubts, recommendations, counted, left_out, alpha, sections):
    """Put together what is said of a study.

    Args:
        model: the name of its file.
        doubts: sentences that speak against preprocessing or images.
        recommendations: metric -> a `recommendation.Recommendation`, in their order.
        counted: how many images, patients and findings were measured, in words.
        left_out: how many were left out, since their score is 0.
        alpha: the share of pixels that BAD keeps.
        sections: title -> texts in their order, each a sentence or more, a table, or of `figure`; "" is nothing to say.

    Returns:
        Markdown. Sections of which nothing is to be said are left out.
    """
    warning = " ".join(["**Doubtful:**", *doubts]) if doubts else ""
    answers = [f"**{one.which}**" for one in recommendations.values()]
    terms = (
        f"BAD (Black Average Drop) is the share of the class score that is lost when only the {100 * alpha:.0f} % of "
        "pixels that a map marks most are left, and all others are black. AD (Average Drop) is the share that is lost "
        "when the image is multiplied by the map. Smaller is better."
    )
    head = [
        f"# Which heat map for {as_code(model)}?",
        warning,
        *answers,
        f"{counted}, {left_out} left out for a score of 0. This is no clinical evidence.",
    ]
    parts = [*head, figure("ranking"), terms]
    for title, texts in sections.items():
        said = [text for text in texts if text]
        parts += [HEADING + title, *said] if said else []
    return "\n\n".join(part for part in parts if part) + "\n"


def figure(name, there=True):
    """A figure of the report by its name, one of ALTERNATIVES, as Markdown, or "" where it is not there."""
    return f"![{ALTERNATIVES[name]}]({name}.png)" if there else ""


def answer_of(text):
    """What stands above the first section of a report, without its figure: what a terminal shows."""
    parts = text.split(f"\n{HEADING}")[0].strip().split("\n\n")
    return "\n\n".join(part for part in parts if not part.startswith("!["))


def parts_of(recommendations, *names):
    """The sentences of these names, a paragraph for each metric that has any.

    Args:
        recommendations: as for `put_together`.
        names: fields of `recommendation.Recommendation`.
    """
    paragraphs = []
    for metric, one in recommendations.items():
        said = " ".join(filter(None, (getattr(one, name) for name in names)))
        paragraphs += [f"*By {metric}.* {said}"] if said else []
    return "\n\n".join(paragraphs)


def write_all(folder, text, pictures, tables, profile):
    """Write the report's text, and its figures and tables next to it.

    Args:
        folder: a path.
        text: of `put_together`.
        pictures: name -> matplotlib Figure.
        tables: name -> DataFrame.
        profile: as for `files.write_csv`.

    Returns:
        The paths that were written, a list.
    """
    with replacing(folder / TEXT) as partial:
        partial.write_text(text, encoding="utf-8")
    made = [path for name, picture in pictures.items() for path in save_figure(picture, folder / name)]
    return [
        folder / TEXT,
        *made,
        *(write_csv(table, folder / f"{name}.csv", profile) for name, table in tables.items()),
    ]
