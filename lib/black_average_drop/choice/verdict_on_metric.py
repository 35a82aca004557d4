"""The verdict on a metric in words: believed here, contradicted here, or too few lesions, and how many would do."""

from dataclasses import dataclass

import numpy as np

from black_average_drop.choice import believed
from black_average_drop.choice.lesions_needed import lesions_needed
from black_average_drop.statistics import comparisons, means, patients
from black_average_drop.trust import agreement

BELIEVED, CONTRADICTED, DIVIDED, TOO_FEW = "believed here", "contradicted here", "divided here", "too few"
MOST = 1_000_000  # lesions; beyond that no number is named


@dataclass(frozen=True)
class Verdict:
    """What is said of a metric.

    Attributes:
        outcome: BELIEVED where the interval of the agreement of methods alone is above 0, and the metric surely orders
            no decided pair against the hits. CONTRADICTED where it is below 0, and the metric surely orders none as
            hits do. DIVIDED where it surely does both, or where hits and metric are sure of the two methods that it
            ranks first, but the agreement may be 0. TOO_FEW otherwise.
        sentences: each of at most 25 words, where names of methods are one word.
        needed: about how many lesions would decide those two methods. NaN where they are decided, or where no number
            can be estimated.
    """

    outcome: str
    sentences: tuple[str, ...]
    needed: float = np.nan


@dataclass(frozen=True)
class _FirstTwo:
    """The method that a metric ranks first, and the next: their names, what hits and metric say, and what is missing.

    The next one is of another family (`believed.ALIKE`), if there is any: of two forms of one map either will do.
    """

    names: tuple[str, str]
    nearest: bool  # whether no method stands between them in the metric's order
    lead: float  # of the hits, of the first over the second
    decided: bool  # whether hits decide which is better
    sure: bool  # whether the metric is sure of its own order
    needed: float
    differ: int  # the number of lesions that the two hit differently


def verdict_on(judgement, metric, order):
    """Say whether a metric may be believed on these images.

    Args:
        judgement: of `believed.agreement_of_metrics`.
        metric: one of `believed.CHEAP`, such as "BAD".
        order: the methods as the metric ranks them on the images that were explained, the best first.

    Returns:
        A `Verdict`. Where hits or the metric see no difference between methods, believed and contradicted are each as
        rare as the level of the intervals says, or rarer: tests/choice/test_believed_level.py. A metric that is sure of
        an order which has nothing to do with hits is another matter. It agrees by luck, about as often as not, and
        then the sentence on random orders says so.
    """
    rows = judgement.agreements
    row = rows[(rows["metric"] == metric) & (rows["maps"] == agreement.MAPS[-1])].iloc[0]
    by = f"{_counted(row['lesions'], 'lesion')} of {_counted(row['patients'], 'patient')}"
    too_few = f"{by} {'is' if row['lesions'] == 1 else 'are'} too few to say whether {metric} may be believed here"
    if not row["lesions"]:
        return Verdict(TOO_FEW, (f"No lesion is known of what was explained: {metric} is not judged.",))
    if len(order) < 2:
        return Verdict(TOO_FEW, (f"One method alone draws a map of its own: {metric} has no order to judge.",))
    if row["patients"] < patients.ENOUGH:
        return Verdict(TOO_FEW, (f"{too_few}: {patients.ENOUGH} patients are the fewest that give an interval.",))
    two = _first_two(judgement, metric, order)
    believed_here = row["low"] > 0 and not row["surely_wrong"]
    if believed_here or (row["high"] < 0 and not row["surely_right"]):
        outcome = BELIEVED if believed_here else CONTRADICTED
        sentences = _judged(metric, row, by, outcome), _chance(row, len(order)), _of_first_two(metric, two)
        return Verdict(outcome, sentences, two.needed)
    if (row["surely_right"] and row["surely_wrong"]) or (two.decided and two.sure):
        first = f"{metric} is neither believed nor contradicted here, by {by}: {_ordered(row, 'right')} as hits do"
        first += f", and {row['wrong']} against." if row["wrong"] else "."
        return Verdict(DIVIDED, (first, _of_first_two(metric, two)))
    if np.isnan(two.needed):
        return Verdict(TOO_FEW, (f"{too_few}.", _of_first_two(metric, two)))
    pair = f"The pair is {two.names[0]} and {two.names[1]}, which {metric} ranks first and second"
    pair += "" if two.nearest else " of those that hit other lesions"
    pair += f": hits decide it, and {metric} does not." if two.decided else f", and {_resting_on(two)}."
    return Verdict(TOO_FEW, (f"{too_few}: {_number(two.needed)} would decide this pair.", pair), two.needed)


def _first_two(judgement, metric, order):
    """What is known of the method that the metric ranks first, and of the next one."""
    first, families = order[0], judgement.families
    second = next((name for name in order[1:] if families[name] != families[first]), order[1])
    pairs, groups = judgement.pairs, judgement.resampling.groups
    pair = pairs[pairs["first"].isin((first, second)) & pairs["second"].isin((first, second))].iloc[0]
    hits = (judgement.hits[first] - judgement.hits[second]).to_numpy()
    values = (judgement.values[metric][first] - judgement.values[metric][second]).to_numpy()
    sure = believed.is_sure(judgement, metric, first, second)
    needed = np.nan
    if not pair["decided"]:
        needed = lesions_needed(hits, groups, len(pairs))
    elif not sure:
        needed = lesions_needed(values, groups)
    differ = np.count_nonzero(np.abs(hits) > means.NOISE)
    nearest = second == order[1]
    return _FirstTwo((first, second), nearest, hits.mean(), bool(pair["decided"]), sure, needed, differ)


def _judged(metric, row, by, outcome):
    """The sentence of a metric that is believed or contradicted."""
    kind, how = ("right", "as hits do") if outcome == BELIEVED else ("wrong", "against the hits")
    return f"{metric} is {outcome}, by {by}: {_ordered(row, kind)} {how}."


def _ordered(row, kind):
    """How many decided pairs are ordered as the hits do or against them."""
    if row["decided"] == 1:
        return "it orders the one decided pair of methods"
    return f"it orders {row[kind]} of {row['decided']} decided pairs of methods"


def _chance(row, methods):
    """How often a random order does as well, or as badly."""
    how = "well" if row["agreement"] > 0 else "badly"
    luck = ": this may be luck" if row["by_chance"] >= comparisons.LEVEL else ""
    order = "A random order of these methods"
    if row["families"] < methods:
        order = "A random order, methods that hit the same lesions kept together,"
    return f"{order} would do as {how} in {100 * row['by_chance']:.2g} % of cases{luck}."


def _of_first_two(metric, two):
    """One sentence on the two methods that the metric ranks first."""
    first, second = two.names
    ranked = f"{metric} ranks {first} before {second}"
    if two.decided and two.sure:
        return f"{ranked}, and hits say {'the same' if two.lead > 0 else 'the opposite'}."
    if two.decided:
        missing = "" if np.isnan(two.needed) else f" without {_number(two.needed)} lesions"
        return f"{ranked}, but is not sure of it{missing}: hits decide for {first if two.lead > 0 else second}."
    if np.isnan(two.needed):
        return f"{ranked}, which hit equally often: no number of lesions that would decide this pair can be estimated."
    return f"{ranked}, which hits leave open, and {_resting_on(two)}: {_number(two.needed)} would decide this pair."


def _resting_on(two):
    """What a number of lesions is estimated from: it is a guess where few lesions tell the two methods apart."""
    return f"they differ on {_counted(two.differ, 'lesion')}"


def _number(needed):
    return f"about {needed:,.0f}" if needed <= MOST else "more than a million"


def _counted(count, noun):
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
