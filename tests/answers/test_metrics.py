"""Figures about confidence, against hand arithmetic and brute force."""

import itertools
import math
import random

import numpy as np
import pytest

from answers import metrics


def test_wilson_interval_by_hand():
    low, high = metrics.wilson(5, 10)  # (5 + z^2/2 -+ z sqrt(10/4 + z^2/4)) / (10 + z^2)
    z = 1.959964
    half = z * (10 / 4 + z * z / 4) ** 0.5
    assert low == pytest.approx((5 + z * z / 2 - half) / (10 + z * z))
    assert high == pytest.approx((5 + z * z / 2 + half) / (10 + z * z))
    assert metrics.wilson(0, 7)[0] == 0 and metrics.wilson(7, 7)[1] == pytest.approx(1)


def test_area_counts_pairs_and_ties_half():
    draw = random.Random(3)
    positive = [draw.randrange(7) for _ in range(23)]
    negative = [draw.randrange(5) for _ in range(17)]
    pairs = list(itertools.product(positive, negative))
    expected = sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs)
    assert metrics.auroc(positive, negative) == pytest.approx(expected)
    assert metrics.auroc([], [1.0]) is None


def test_area_under_the_drawn_curve_is_the_area():
    draw = random.Random(5)
    sure = [draw.randrange(11) / 10 for _ in range(61)]
    right = [draw.random() < s for s in sure]
    false, true = metrics.roc(right, sure)
    area = np.trapezoid(true, false)
    groups = [[s for s, r in zip(sure, right, strict=True) if r == kind] for kind in (True, False)]
    assert area == pytest.approx(metrics.auroc(*groups))


def test_calibration_error_and_brier_by_hand():
    right, sure = [1, 0, 1, 1], [0.95, 0.85, 0.85, 1.0]
    # bins [0.8, 0.9): accuracy 1/2, confidence 0.85; [0.9, 1]: accuracy 1, confidence 0.975
    assert metrics.calibration_error(right, sure) == pytest.approx((2 * 0.35 + 2 * 0.025) / 4)
    assert metrics.brier(right, sure) == pytest.approx((0.05**2 + 0.85**2 + 0.15**2 + 0) / 4)
    assert [row["count"] for row in metrics.bins(right, sure)] == [0] * 8 + [2, 2]


def test_a_calibrated_model_stays_in_the_band_nineteen_times_in_twenty():
    draws = np.random.default_rng(7)
    sure = draws.beta(1, 2, 300)
    band = metrics.calibration_band(sure)
    errors = [metrics.calibration_error(draws.random(300) < sure, sure) for _ in range(400)]
    share = np.mean(np.array(errors) <= band)
    assert 0.90 < share < 0.99
    boastful = np.minimum(1, sure + 0.2)
    assert metrics.calibration_error(draws.random(300) < sure, boastful) > band


def test_risk_coverage_by_hand():
    curve = metrics.risk_coverage([0, 1, 1, 0], [0.1, 0.9, 0.5, 0.7])
    assert curve.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4])


def test_the_interval_of_an_area_covers_the_true_one():
    """Scores of two normal distributions, one apart: the area is Phi(1 / sqrt(2))."""
    truth, covered = 0.5 * (1 + math.erf(0.5)), 0
    draws = np.random.default_rng(7)
    for _ in range(400):
        positive, negative = draws.normal(1, 1, 7), draws.normal(0, 1, 53)
        low, high = metrics.auroc_interval(metrics.auroc(positive, negative), 7, 53)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_the_interval_of_an_area_at_its_ends():
    low, high = metrics.auroc_interval(1.0, 3, 497)
    assert high == 1.0 and 0.3 < low < 0.8
    low, high = metrics.auroc_interval(0.0, 3, 497)
    assert low == 0.0 and 0.2 < high < 0.7
    wide, narrow = (metrics.auroc_interval(0.8, n, 499) for n in (5, 250))
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]
