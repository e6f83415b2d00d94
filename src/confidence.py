"""How sure to be of an answer, from what the model alone says of it; fitted, and stored as JSON.

A logistic regression on the log-odds of the answer's own probability and a few more features. It
starts from "the model's probability is right" and departs from there only as far as held-out
questions demand (a Gaussian prior), so that few of them do no harm.
"""

import json
import math
import os

import numpy as np

from files import UserError, read_text, write_whole

FEATURES = ("log_odds", "margin", "first_entropy", "agreement")
START = np.array([0.0, 1.0, 0.0, 0.0, 0.0])  # bias, then the features: the model's own probability
PRIOR = 1.0  # standard deviation of each weight about START
CENTRE = {"margin": 2.0, "first_entropy": 1.0, "agreement": 0.5}
SCALE = {"margin": 3.0, "first_entropy": 1.0, "agreement": 0.3}


def log_odds(logprob: float) -> float:
    """log(p / (1 - p)) of a log-probability in nats, kept within +-12."""
    p = min(max(math.exp(logprob), 1e-6), 1 - 1e-6)
    return max(-12.0, min(12.0, math.log(p / (1 - p))))


def features(row: dict) -> list[float]:
    """1, then FEATURES of an answer's row (evaluation.details); a margin counts up to 10 nats."""
    values = [1.0, log_odds(row["logprob"])]
    margin = min(10.0, max(-10.0, 10.0 if row["margin"] is None else row["margin"]))
    for name, value in (("margin", margin), *((n, row[n]) for n in FEATURES[2:])):
        values.append((value - CENTRE[name]) / SCALE[name])
    return values


def fit(rows: list[dict]) -> dict:
    """The calibration that makes the `correct` of these rows likeliest, under the prior.

    Newton's method on the penalised log-likelihood (convex). Raises UserError where no row, or
    every row, is right: nothing can be learnt from that.
    """
    right = np.array([bool(row["correct"]) for row in rows], dtype=float)
    if not 0 < right.sum() < len(right):
        raise UserError(
            f"{int(right.sum())} of {len(right)} held-out answers are right, and a calibration "
            "needs both right and wrong ones; train the model longer, or give more questions"
        )
    x = np.array([features(row) for row in rows])
    weights = START.copy()
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - right) + (weights - START) / PRIOR**2
        hessian = (x.T * (p * (1 - p))) @ x + np.eye(len(weights)) / PRIOR**2
        change = np.linalg.solve(hessian, gradient)
        weights = weights - change / max(1.0, np.abs(change).max())
        if np.abs(change).max() < 1e-10:
            break
    return {
        "features": list(FEATURES),
        "weights": weights.tolist(),
        "questions": len(rows),
        "right": int(right.sum()),
    }


def confidence(row: dict, calibration: dict | None) -> float:
    """The probability that the row's answer is right: calibrated, or, without a calibration, the
    model's own probability of it."""
    if calibration is None:
        return math.exp(row["logprob"])
    z = float(np.dot(features(row), calibration["weights"]))
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def calibration_path(params_path: str) -> str:
    return f"{params_path}.calibration.json"


def write_calibration(calibration: dict, path: str) -> None:
    with write_whole(path) as file:
        json.dump(calibration, file, indent=2)
        file.write("\n")


def read_calibration(path: str) -> dict | None:
    """What `fit` found, from its file; None where there is no file. Raises UserError for another
    file's content."""
    if not os.path.exists(path):
        return None
    try:
        calibration = json.loads(read_text(path))
        weights = [float(weight) for weight in calibration["weights"]]
        fitting = calibration["features"] == list(FEATURES) and len(weights) == len(START)
    except (ValueError, KeyError, TypeError):
        fitting = False
    if not fitting:
        raise UserError(f"{path}: not a calibration; make it anew with calibrate.py, or delete it")
    return calibration
