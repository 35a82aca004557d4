"""Every number and every sentence of rows that a page may name.

Each function of the modules next to this one reads a few files of paper_figures/ and returns a dict, field name ->
text. The first part of a name says what the number is about, the last part which number it is: `table1.size`,
`trust.NIH boxes.BAD`. Names that begin with `say.` have sentences, of `sentences.saying`.
"""

from black_average_drop.artifact.numbers import classifiers, peers, table1, times, trust
from black_average_drop.artifact.sentences import saying
from black_average_drop.files import ROOT

PARTS = {
    "claims": table1.counted_claims,
    "table1": table1.below_table1,
    "differences": table1.paired_differences,
    "trust": trust.against_boxes,
    "phantoms": trust.on_phantoms,
    "shuffled": trust.after_shuffling,
    "paper network": classifiers.smaller_paper_network,
    "times": times.notebook_minutes,
    "speed": times.training_speed,
    "models": classifiers.tested_models,
    "libraries": peers.other_libraries,
    "say": saying.said,
}


def named(results=ROOT / "paper_figures"):
    """Compute every number that a page may name.

    Args:
        results: Path, the folder of committed results.

    Returns:
        Dict, field name -> text.
    """
    return {f"{about}.{name}": text for about, part in PARTS.items() for name, text in part(results).items()}
