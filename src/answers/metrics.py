"""Figures of answers and their confidence.

`right` holds 0 or 1 for each answer, `confidence` a number from 0 to 1.
"""

import math
from collections.abc import Sequence

import numpy as np

BINS = 10  # equal in width


def wilson(correct: float, total: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share `correct` / `total` (Wilson, 1927)."""
    if total == 0:
        return 0.0, 1.0
    p = correct / total
    middle = p + z * z / (2 * total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The probability that a positive's score is above a negative's, ties counting half: the area
    under the ROC curve. None where there are none of one kind."""
    if not len(positive) or not len(negative):
        return None
    negative = np.sort(np.asarray(negative, dtype=float))
    below = np.searchsorted(negative, positive, side="left")
    upto = np.searchsorted(negative, positive, side="right")
    return float((below + upto).mean() / 2 / len(negative))


def auroc_interval(
    area: float, positives: int, negatives: int, z: float = 1.959964
) -> tuple[float, float]:
    """The 95 % interval of an area under the ROC curve from so many positives and negatives.

    Newcombe (2006), method 5. The interval holds every area that differs from the observed one by
    at most z standard errors; the standard error is Hanley and McNeil's (1982), at that area. At 0
    and at 1 the interval has a width too.
    """
    scale, more = positives * negatives, (positives + negatives) / 2 - 1

    def outside(area_assumed: float) -> bool:
        a = area_assumed
        spread = 1 + more * ((1 - a) / (2 - a) + a / (1 + a))
        return (area - a) ** 2 > z * z * a * (1 - a) / scale * spread

    def edge(inside: float, end: float) -> float:
        for _ in range(60):
            middle = (inside + end) / 2
            inside, end = (inside, middle) if outside(middle) else (middle, end)
        return inside

    return edge(area, 0.0), edge(area, 1.0)


def roc(right: Sequence[float], confidence: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of "right" as the threshold of confidence falls, from (0, 0).

    Equal confidences are one step.
    """
    order = np.argsort(-np.asarray(confidence, dtype=float), kind="stable")
    right, sorted_confidence = np.asarray(right, float)[order], np.asarray(confidence)[order]
    last = np.append(np.diff(sorted_confidence) != 0, True)
    true, false = np.cumsum(right)[last], np.cumsum(1 - right)[last]
    return (
        np.concatenate(([0.0], false / max(1.0, false[-1]))),
        np.concatenate(([0.0], true / max(1.0, true[-1]))),
    )


def brier(right: Sequence[float], confidence: Sequence[float]) -> float:
    """The mean of (confidence - right)^2 (Brier, 1950)."""
    return float(np.mean((np.asarray(confidence, float) - np.asarray(right, float)) ** 2))


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The number of the bin that each confidence falls into; 1 falls into the last."""
    return np.minimum((confidence * BINS).astype(int), BINS - 1)


def bins(right: Sequence[float], confidence: Sequence[float]) -> list[dict]:
    """The reliability diagram: count, mean confidence and accuracy of ten bins of equal width."""
    right, confidence = np.asarray(right, float), np.asarray(confidence, float)
    which = bin_of(confidence)
    rows = []
    for number in range(BINS):
        inside = which == number
        rows.append({
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "count": int(inside.sum()),
            "confidence": float(confidence[inside].mean()) if inside.any() else None,
            "accuracy": float(right[inside].mean()) if inside.any() else None,
        })  # fmt: skip
    return rows


def calibration_error(right: Sequence[float], confidence: Sequence[float]) -> float:
    """The expected calibration error (Naeini et al., 2015): |accuracy - mean confidence|
    averaged over ten bins of equal width, each weighted by its count."""
    filled = [row for row in bins(right, confidence) if row["count"]]
    gaps = [row["count"] * abs(row["accuracy"] - row["confidence"]) for row in filled]
    return float(sum(gaps) / len(confidence))


def calibration_band(
    confidence: Sequence[float], simulations: int = 2000, seed: int = 0, share: float = 0.95
) -> float:
    """How large the calibration error of a perfectly calibrated model may be by chance.

    In each simulation, every answer is right with a probability equal to its confidence. 95 % of
    the simulations have a smaller error than the one returned.
    """
    confidence = np.asarray(confidence, float)
    draws = np.random.default_rng(seed).random((simulations, len(confidence))) < confidence
    member = np.eye(BINS)[bin_of(confidence)]  # (n, bins)
    gaps = np.abs((draws - confidence) @ member).sum(1) / len(confidence)
    return float(np.quantile(gaps, share))


def risk_coverage(right: Sequence[float], confidence: Sequence[float]) -> np.ndarray:
    """Accuracy if only the k most confident questions are answered, for k = 1 .. n."""
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    right = np.asarray(right, float)[order]
    return np.cumsum(right) / np.arange(1, len(right) + 1)
