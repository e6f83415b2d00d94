"""How sure to be of an answer, from what the model alone says of it; fitted, and stored as JSON.

Platt's logistic regression (1999) on the log-odds of the answer's own probability: a bias and a
slope. A Gaussian prior holds it near "the model's probability is right", since few held-out
questions say little. Margin, entropy and agreement are left out: they rise and fall with the
probability, and a weight for each fits the noise of two hundred questions.
"""

import json
import math
import os

import numpy as np

from files import UserError, digest, read_text, write_whole

START = np.array([0.0, 1.0])  # bias and slope of the model's own probability
PRIOR = np.array([0.3, 0.2])  # standard deviations about it
FOLDS = 10


def log_odds(logprob: float) -> float:
    """log(p / (1 - p)) of a log-probability in nats, kept within +-12."""
    logprob = min(logprob, -1e-9)
    return max(-12.0, min(12.0, logprob - math.log(-math.expm1(logprob))))


def fit(rows: list[dict]) -> dict:
    """The calibration that makes the `correct` of these rows likeliest, under the prior.

    It keeps what it was fitted to: the log-probabilities, and which were right. Raises UserError
    where no row, or every row, is right: nothing can be learnt from that.
    """
    right = [bool(row["correct"]) for row in rows]
    if not 0 < sum(right) < len(right):
        raise UserError(
            f"{sum(right)} of {len(right)} held-out answers are right, and a calibration "
            "needs both right and wrong ones; train the model longer, or give more questions"
        )
    logprobs = [row["logprob"] for row in rows]
    bias, slope = solve(logprobs, right)
    found = {"bias": bias, "slope": slope, "questions": len(rows), "right": sum(right)}
    return found | {"logprobs": logprobs, "correct": right}


def solve(logprobs: list[float], right: list[bool]) -> tuple[float, float]:
    """Bias and slope: Newton's method on the penalised log-likelihood (convex)."""
    x = np.array([[1.0, log_odds(logprob)] for logprob in logprobs])
    weights, y = START.copy(), np.array(right, dtype=float)
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - y) + (weights - START) / PRIOR**2
        hessian = (x.T * (p * (1 - p))) @ x + np.diag(1 / PRIOR**2)
        change = np.linalg.solve(hessian, gradient)
        weights = weights - change / max(1.0, np.abs(change).max())
        if np.abs(change).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])


def cross_fitted(rows: list[dict]) -> list[float]:
    """The confidence in each row by a fit on the other tenths of the rows: what a calibration is
    worth on people that it was not fitted to."""
    logprobs, right = [row["logprob"] for row in rows], [bool(row["correct"]) for row in rows]
    found = [0.0] * len(rows)
    for fold in range(min(FOLDS, len(rows))):
        others = [i for i in range(len(rows)) if i % FOLDS != fold]
        bias, slope = solve([logprobs[i] for i in others], [right[i] for i in others])
        for i in range(fold, len(rows), FOLDS):
            found[i] = confidence(rows[i], {"bias": bias, "slope": slope})
    return found


def confidence(row: dict, calibration: dict | None) -> float:
    """The probability that the row's answer is right: calibrated, or, without a calibration, the
    model's own probability of it."""
    if calibration is None:
        return math.exp(row["logprob"])
    z = calibration["bias"] + calibration["slope"] * log_odds(row["logprob"])
    return 1 / (1 + math.exp(-z))


def calibration_path(params_path: str) -> str:
    return f"{params_path}.calibration.json"


def write_calibration(calibration: dict, params_path: str) -> None:
    """Write it beside the params that it is for, whose content it names."""
    with write_whole(calibration_path(params_path)) as file:
        json.dump(calibration | {"params": digest(params_path)}, file)
        file.write("\n")


def read_calibration(params_path: str) -> dict | None:
    """What stands beside the params; None where nothing does. Raises UserError for what is no
    calibration, or one of other params."""
    path = calibration_path(params_path)
    if not os.path.exists(path):
        return None
    try:
        calibration = json.loads(read_text(path))
        numbers = [calibration[name] for name in ("bias", "slope", "questions")]
        fitting = all(isinstance(n, (int, float)) and math.isfinite(n) for n in numbers)
    except (ValueError, KeyError, TypeError):
        fitting = False
    if not fitting:
        raise UserError(f"{path}: not a calibration; make it anew with calibrate.py, or delete it")
    if calibration.get("params") != digest(params_path):
        raise UserError(
            f"{path}: made for other params than {params_path} holds now; make it anew with "
            "calibrate.py, or delete it"
        )
    return calibration
