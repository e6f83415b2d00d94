"""A promise with a proof: with 90 % confidence, at most 5 % of the accepted answers are wrong.

Fixed-sequence Learn-then-Test (Angelopoulos et al., arXiv 2110.01052, section 2.2, the sequence
learnt on a part of its own). The people held out from training are split at random. The first part
chooses a score's thresholds and where to begin among them; then it is done with. The second part
tests one threshold after another, from the first to ever lower ones: of n answers accepted there k
are wrong, and "more than 5 % are wrong" is rejected where P(Binomial(n, 0.05) <= k) <= 10 %. The
first threshold that fails ends the sequence and the one before it is kept. To promise too much, the
first threshold that is too low must pass its test, which happens in one case in ten at most.

The promise is about people drawn like those held out, and about the model that answered them.
"""

import math
import random
from collections.abc import Sequence

import numpy as np

from answers import confidence
from answers.answer import ConfidenceSignals

RISK, LEVEL = 0.05, 0.9  # at most this share of accepted answers wrong, with this confidence
LEARN = 1 / 3  # of the people held out: those that choose the thresholds


def score(signals: ConfidenceSignals) -> float:
    """What answers are accepted by: the uncalibrated confidence, which was fitted to nobody."""
    return confidence.confidence(signals, None)


def accepted(signals: ConfidenceSignals, calibration: dict | None) -> bool | None:
    """Whether the promise covers this answer; None where no promise was made."""
    made = (calibration or {}).get("promise")
    if made is None:
        return None
    threshold = made["threshold"]
    return threshold is not None and score(signals) >= threshold


def promise(answers: Sequence[ConfidenceSignals], right: Sequence[bool]) -> dict:
    """The promise that answers to held-out questions allow: see choose_threshold."""
    return choose_threshold([score(answer) for answer in answers], right)


def in_words(made: dict | None) -> str:
    """A promise as a sentence."""
    if made is None:
        return "no promise: it would be about the params that were asked here, and these are others"
    if made["threshold"] is None:
        return (
            f"no promise: {made['tested']} answers are too few, or too many of the surest are "
            f"wrong, to show that at most {made['risk']:.0%} are; hold out more people"
        )
    return (
        f"promise: with {made['level']:.0%} confidence at most {made['risk']:.0%} of the accepted "
        f"answers are wrong ({made['wrong']} of {made['accepted']} accepted among "
        f"{made['tested']} were)"
    )


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(at most k of n), each with probability p (0 < p < 1)."""
    if k >= n:
        return 1.0
    log_odds, log_none = math.log(p) - math.log1p(-p), n * math.log1p(-p)
    terms = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_odds + log_none
        for i in range(k + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))


def choose_threshold(
    scores: Sequence[float],
    right: Sequence[bool],
    risk: float = RISK,
    level: float = LEVEL,
    seed: int = 0,
) -> dict:
    """The promise for answers with these scores (higher: surer), JSON-ready.

    `threshold`: answers with this score or a higher one are accepted; None where nothing can be
    promised, and then none is. `tested`, `accepted` and `wrong` count people of the second part.
    """
    order = random.Random(seed).sample(range(len(scores)), len(scores))
    cut = round(LEARN * len(order))
    scores, right = np.array(scores, dtype=float), np.array(right, dtype=bool)
    learn, test = order[:cut], order[cut:]
    made = {"risk": risk, "level": level, "tested": len(test), "threshold": None}
    made |= {"accepted": 0, "wrong": 0}
    for threshold in sequence(scores[learn], right[learn], len(test), risk):
        above = scores[test] >= threshold
        n, wrong = int(above.sum()), int((above & ~right[test]).sum())
        if binomial_cdf(wrong, n, risk) > 1 - level:
            break
        made |= {"threshold": float(threshold), "accepted": n, "wrong": wrong}
    return made


def sequence(scores: np.ndarray, right: np.ndarray, tested: int, risk: float) -> list[float]:
    """Thresholds in the order of their tests: the scores of the first part, from the one that
    promises most to pass down to the lowest.

    Which one that is, the first part's own errors say: the share of wrong answers above each,
    with one more counted as wrong, times as many people as will be tested.
    """
    falling = np.argsort(-scores, kind="stable")
    if not len(falling):
        return []
    above = np.arange(1, len(falling) + 1)
    wrong = np.cumsum(~right[falling]) + 0.5
    n = np.round(tested * above / len(falling)).astype(int)
    expected = np.round(n * wrong / above).astype(int)
    chances = [binomial_cdf(int(k), int(m), risk) for k, m in zip(expected, n, strict=True)]
    return scores[falling][int(np.argmin(chances)) :].tolist()
