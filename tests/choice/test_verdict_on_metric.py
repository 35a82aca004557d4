"""Three sets that were counted by hand: the metric is right, it is wrong, and the lesions are too few."""

import numpy as np
import pytest

from black_average_drop.choice import verdict_on_metric
from black_average_drop.trust import agreement
from lesion_sets import first_hit, judged

HITS = {"CAM": first_hit(36, 40), "Layer-CAM": first_hit(20, 40), "RISE": first_hit(4, 40)}  # 16 differ, 16, 32
RIGHT = {name: 0.5 - 0.3 * hit for name, hit in HITS.items()}  # a hit loses less: mean drops 0.23, 0.35, 0.47
WRONG = {name: 0.2 + 0.3 * hit for name, hit in HITS.items()}  # a map off the lesion loses less


def row_of(judgement, metric="BAD"):
    rows = judgement.agreements
    return rows[(rows["metric"] == metric) & (rows["maps"] == agreement.MAPS[-1])].iloc[0]


def test_a_metric_that_prefers_what_hits_is_believed():
    judgement = judged(HITS, RIGHT)
    row = row_of(judgement)
    assert row[["agreement", "low", "high"]].tolist() == [1, 1, 1]
    assert row[["pairs", "decided", "right", "wrong", "tied"]].tolist() == [3, 3, 3, 0, 0]
    assert row["by_chance"] == pytest.approx(1 / 6)  # one of the orders of three methods
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "Layer-CAM", "RISE"])
    assert verdict.outcome == verdict_on_metric.BELIEVED and np.isnan(verdict.needed)
    assert verdict.sentences == (
        "BAD is believed here, by 40 lesions of 40 patients: it orders 3 of 3 decided pairs of methods as hits do.",
        "A random order of these methods would do as well in 17 % of cases: this may be luck.",
        "BAD ranks CAM before Layer-CAM, and hits say the same.",
    )


def test_a_metric_that_prefers_maps_off_the_lesion_is_contradicted():
    judgement = judged(HITS, WRONG)
    assert row_of(judgement)[["agreement", "low", "high", "wrong"]].tolist() == [-1, -1, -1, 3]
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["RISE", "Layer-CAM", "CAM"])
    assert verdict.outcome == verdict_on_metric.CONTRADICTED
    assert verdict.sentences == (
        "BAD is contradicted here, by 40 lesions of 40 patients: it orders 3 of 3 decided pairs of methods against the "
        "hits.",
        "A random order of these methods would do as badly in 17 % of cases: this may be luck.",
        "BAD ranks RISE before Layer-CAM, and hits say the opposite.",
    )


def test_few_lesions_are_too_few_and_the_number_is_that_by_hand():
    """CAM hits 7 of 12 and Layer-CAM 4, so 3 differ: z is 1.91, which asks for 34.3, but 10 that differ for 40."""
    hits = {"CAM": first_hit(7, 12), "Layer-CAM": first_hit(4, 12), "RISE": first_hit(3, 12)}
    noise = np.random.default_rng(0).normal(0.5, 0.1, (3, 12))
    judgement = judged(hits, dict(zip(hits, noise, strict=True)))
    assert row_of(judgement)["decided"] == 0
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["Layer-CAM", "CAM", "RISE"])
    assert verdict.outcome == verdict_on_metric.TOO_FEW and verdict.needed == 40
    assert verdict.sentences == (
        "12 lesions of 12 patients are too few to say whether BAD may be believed here: about 40 would decide this "
        "pair.",
        "The pair is Layer-CAM and CAM, which BAD ranks first and second, and they differ on 3 lesions.",
    )


def test_what_a_number_rests_on_is_said():
    """Two forms of one map differ on one lesion of 54: the number is a guess."""
    hits = {"CAM": first_hit(2, 54), "Layer-CAM": first_hit(1, 54), "RISE": first_hit(3, 54)}
    verdict = verdict_on_metric.verdict_on(
        judged(hits, dict.fromkeys(hits, np.linspace(0, 1, 54))), "BAD", ["CAM", "Layer-CAM", "RISE"]
    )
    assert verdict.sentences[1].endswith("which BAD ranks first and second, and they differ on 1 lesion.")


def test_the_second_of_the_pair_is_no_form_of_the_first():
    """CAM and Layer-CAM hit the same two of twenty, and RISE five others: the pair is CAM and RISE."""
    hits = {"CAM": first_hit(2, 20), "Layer-CAM": first_hit(2, 20), "RISE": first_hit(7, 20) & ~first_hit(2, 20)}
    judgement = judged(hits, dict.fromkeys(hits, np.linspace(0, 1, 20)))
    assert judgement.families == {"CAM": 0, "Layer-CAM": 0, "RISE": 1}
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "Layer-CAM", "RISE"])
    assert verdict.sentences[1] == (
        "The pair is CAM and RISE, which BAD ranks first and second of those that hit other lesions, and they differ "
        "on 7 lesions."
    )


def test_a_believed_metric_may_leave_its_first_two_open():
    """CAM hits five lesions that Layer-CAM does not, too few to decide, and RISE hits few."""
    hits = {"CAM": first_hit(38, 40), "Layer-CAM": first_hit(33, 40), "RISE": first_hit(4, 40)}
    judgement = judged(hits, {name: 0.5 - 0.3 * hit for name, hit in hits.items()})
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "Layer-CAM", "RISE"])
    assert verdict.outcome == verdict_on_metric.BELIEVED
    assert verdict.sentences[2] == (
        "BAD ranks CAM before Layer-CAM, which hits leave open, and they differ on 5 lesions: about "
        f"{verdict.needed:.0f} would decide this pair."
    )


def test_the_number_takes_all_pairs_of_methods_into_account():
    """CAM alone hits 12 of 30 and Layer-CAM 9: mean 0.1, variance 0.714, and three pairs, so 30 x (3.236 / 0.648)^2."""
    hits = {"CAM": first_hit(12, 30), "Layer-CAM": first_hit(9, 30)[::-1], "RISE": first_hit(12, 30)}
    judgement = judged(hits, dict.fromkeys(hits, np.linspace(0, 1, 30)))
    assert verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "Layer-CAM", "RISE"]).needed == 750


def test_methods_that_hit_alike_have_no_number():
    hits = {"CAM": first_hit(7, 20), "Layer-CAM": first_hit(7, 20)}
    verdict = verdict_on_metric.verdict_on(
        judged(hits, {"CAM": 0.1 * hits["CAM"], "Layer-CAM": np.ones(20)}), "BAD", list(hits)
    )
    assert verdict.outcome == verdict_on_metric.TOO_FEW and np.isnan(verdict.needed)
    assert verdict.sentences == (
        "20 lesions of 20 patients are too few to say whether BAD may be believed here.",
        "BAD ranks CAM before Layer-CAM, which hit equally often: no number of lesions that would decide this pair can "
        "be estimated.",
    )


def test_one_pair_is_singular_and_patients_are_counted_apart_from_lesions():
    hits = {name: HITS[name] for name in ("CAM", "RISE")}  # 32 lesions of 16 patients differ
    judgement = judged(hits, {name: RIGHT[name] for name in hits}, np.arange(40) // 2)
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "RISE"])
    assert verdict.sentences[0] == (
        "BAD is believed here, by 40 lesions of 20 patients: it orders the one decided pair of methods as hits do."
    )
    assert "50 % of cases: this may be luck" in verdict.sentences[1]


def test_a_metric_that_is_unsure_of_a_decided_pair_needs_lesions_of_its_own():
    """Drops differ by 0.1, in 11 patients of 20 one way and in 9 the other: the mean is 0.01, its error 0.0228."""
    hits = {"CAM": first_hit(18, 20), "RISE": first_hit(2, 20)}
    drops = {"CAM": np.full(20, 0.4), "RISE": 0.4 + 0.1 * np.where(first_hit(11, 20), 1, -1)}
    verdict = verdict_on_metric.verdict_on(judged(hits, drops), "BAD", ["CAM", "RISE"])
    deviation = np.sqrt((11 * 0.09**2 + 9 * 0.11**2) / 19 / 20)
    assert verdict.outcome == verdict_on_metric.TOO_FEW
    assert verdict.needed == np.ceil(20 * ((1.95996 + 0.84162) * deviation / 0.01) ** 2 / 10) * 10
    assert verdict.sentences[1].endswith("which BAD ranks first and second: hits decide it, and BAD does not.")


def test_a_metric_right_on_one_decided_pair_and_wrong_on_another_is_divided():
    """CAM and Layer-CAM both hit more than RISE: BAD puts RISE between them, and is sure of everything."""
    hits = {"CAM": first_hit(38, 40), "RISE": first_hit(2, 40), "Layer-CAM": first_hit(38, 40)}
    drops = {"CAM": np.full(40, 0.1), "RISE": np.full(40, 0.4), "Layer-CAM": np.full(40, 0.7)}
    verdict = verdict_on_metric.verdict_on(judged(hits, drops), "BAD", ["CAM", "RISE", "Layer-CAM"])
    assert verdict.outcome == verdict_on_metric.DIVIDED
    assert verdict.sentences == (
        "BAD is neither believed nor contradicted here, by 40 lesions of 40 patients: it orders 1 of 2 decided pairs "
        "of methods as hits do, and 1 against.",
        "BAD ranks CAM before RISE, and hits say the same.",
    )


def test_a_metric_that_is_surely_wrong_on_one_of_many_pairs_is_not_believed():
    """Of the five decided pairs BAD orders four as hits do, so that its agreement is 3/5: it is sure of all."""
    often, seldom, never = first_hit(38, 40), first_hit(20, 40), first_hit(0, 40)
    hits = {"CAM": often, "Layer-CAM": seldom, "RISE": never, "Eigen-CAM": never}
    drops = {"CAM": np.full(40, 0.1), "RISE": np.full(40, 0.4), "Layer-CAM": np.full(40, 0.7)}
    judgement = judged(hits, drops | {"Eigen-CAM": np.full(40, 1.0)})
    row = row_of(judgement)
    assert row[["decided", "right", "wrong", "surely_right", "surely_wrong"]].tolist() == [5, 4, 1, 4, 1]
    assert row["low"] == 3 / 5
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM", "RISE", "Layer-CAM", "Eigen-CAM"])
    assert verdict.outcome == verdict_on_metric.DIVIDED


def test_forms_of_one_map_are_no_further_evidence():
    """Layer-CAM hits all that CAM hits, and one more."""
    hits = {"CAM": first_hit(36, 40), "Layer-CAM": first_hit(37, 40), "RISE": first_hit(4, 40)}
    judgement = judged(hits, {name: 0.5 - 0.3 * hit for name, hit in hits.items()})
    assert row_of(judgement)[["decided", "right", "families"]].tolist() == [2, 2, 2]
    assert verdict_on_metric.verdict_on(judgement, "BAD", ["Layer-CAM", "CAM", "RISE"]).sentences[1] == (
        "A random order, methods that hit the same lesions kept together, would do as well in 50 % of cases: this may "
        "be luck."
    )


@pytest.mark.parametrize(
    ("hits", "sentence"),
    [
        ({"CAM": first_hit(9, 9), "RISE": first_hit(0, 9)}, "9 lesions of 9 patients are too few"),
        ({"CAM": first_hit(1, 1), "RISE": first_hit(0, 1)}, "1 lesion of 1 patient is too few"),
    ],
)
def test_below_ten_patients_there_is_no_interval(hits, sentence):
    """However clear the few are."""
    judgement = judged(hits, {name: 0.5 - 0.3 * hit for name, hit in hits.items()})
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", list(hits))
    assert verdict.outcome == verdict_on_metric.TOO_FEW
    end = " to say whether BAD may be believed here: 10 patients are the fewest that give an interval."
    assert verdict.sentences == (sentence + end,)


def test_one_method_has_no_order():
    judgement = judged({"CAM": first_hit(9, 20)}, {"CAM": np.linspace(0, 1, 20)})
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", ["CAM"])
    assert verdict.sentences == ("One method alone draws a map of its own: BAD has no order to judge.",)


def test_without_a_score_above_0_nothing_is_judged():
    judgement = judged(HITS, {name: np.full(40, np.nan) for name in HITS})
    verdict = verdict_on_metric.verdict_on(judgement, "BAD", list(HITS))
    assert verdict.sentences == ("No lesion is known of what was explained: BAD is not judged.",)


def test_sentences_are_short():
    sentences = []
    for drops in (RIGHT, WRONG):
        judgement = judged(HITS, drops)
        for order in (["CAM", "Layer-CAM", "RISE"], ["RISE", "CAM", "Layer-CAM"]):
            sentences += verdict_on_metric.verdict_on(judgement, "BAD", order).sentences
    assert max(len(sentence.split()) for sentence in sentences) <= 25
