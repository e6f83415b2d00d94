"""The confidence in an answer, from what the model alone says of it; fitted, and stored as JSON.

The model scores its answer twice: after the question, and as a fact in the form in which it was
pretrained, its recall (`confidence_signals.recall`). Uncalibrated, the confidence is the sigmoid
of the mean of the two log-odds. Calibrated (Platt 1999), it has a bias and two weights, fitted to
people whom training did not ask about, and kept near (0, 1/2, 1/2) by a Gaussian prior, since two
hundred answers say little. Margin, entropy and agreement are left out: they rise and fall with the
probability of the answer, and a weight for each fits the noise of two hundred questions.
"""

import json
import math
import os
from collections.abc import Sequence

import numpy as np

from answers.answer import ConfidenceSignals
from base.errors import UserError
from base.files import digest, read_text, write_whole

WEIGHTS = ("bias", "answer_weight", "recall_weight")
START = np.array([0.0, 0.5, 0.5])  # the mean of both log-odds
PRIOR = np.array([0.3, 0.2, 0.2])  # standard deviations about it
FOLDS = 10


def log_odds(logprob: float) -> float:
    """log(p / (1 - p)) of a log-probability in nats, kept within +-12: what is made up is no more
    made up at -30 than at -15."""
    logprob = min(logprob, -1e-9)
    return max(-12.0, min(12.0, logprob - math.log(-math.expm1(logprob))))


def features(signals: ConfidenceSignals) -> list[float]:
    """1, the log-odds of the answer, and those of its recall. An answer without a recall is taken
    to be recalled as well as it is given."""
    answer, recalled = signals.logprob, signals.recall_logprob
    return [1.0, log_odds(answer), log_odds(answer if recalled is None else recalled)]


def fit(answers: Sequence[ConfidenceSignals], right: Sequence[bool]) -> dict:
    """The calibration under which it is likeliest, with the prior, that just these answers are
    `right`.

    It keeps what it was fitted to: the features, and which answers were right. Raises UserError
    where no answer, or every answer, is right: nothing can be learnt from that.
    """
    if not 0 < sum(right) < len(right):
        raise UserError(
            f"{sum(right)} of {len(right)} held-out answers are right, and a calibration "
            "needs both right and wrong ones; train the model longer, or give more questions"
        )
    x = [features(answer) for answer in answers]
    calibration = dict(zip(WEIGHTS, solve(x, right), strict=True))
    calibration |= {"questions": len(answers), "right": sum(right)}
    return calibration | {"features": x, "correct": list(right)}


def solve(rows: list[list[float]], right: list[bool]) -> list[float]:
    """The weights: Newton's method on the penalised log-likelihood (convex)."""
    x, weights, y = np.array(rows), START.copy(), np.array(right, dtype=float)
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - y) + (weights - START) / PRIOR**2
        hessian = (x.T * (p * (1 - p))) @ x + np.diag(1 / PRIOR**2)
        change = np.linalg.solve(hessian, gradient)
        weights = weights - change / max(1.0, np.abs(change).max())  # by 1 at most
        if np.abs(change).max() < 1e-10:
            break
    return weights.tolist()


def cross_fitted(answers: Sequence[ConfidenceSignals], right: Sequence[bool]) -> list[float]:
    """The confidence in each answer by a fit on the other tenths of the answers: what a calibration
    is worth on people that it was not fitted to."""
    x = [features(answer) for answer in answers]
    confidences = [0.0] * len(answers)
    for fold in range(min(FOLDS, len(answers))):
        others = [i for i in range(len(answers)) if i % FOLDS != fold]
        weights = solve([x[i] for i in others], [right[i] for i in others])
        for i in range(fold, len(answers), FOLDS):
            confidences[i] = confidence(answers[i], dict(zip(WEIGHTS, weights, strict=True)))
    return confidences


def confidence(signals: ConfidenceSignals, calibration: dict | None) -> float:
    """The probability that an answer is right: calibrated, or, without a calibration, by the mean
    of the log-odds of the answer and of its recall."""
    weights = [calibration[name] for name in WEIGHTS] if calibration else START
    return float(1 / (1 + np.exp(-np.dot(weights, features(signals)))))


def calibration_path(params_path: str) -> str:
    return f"{params_path}.calibration.json"


def write_calibration(calibration: dict, params_path: str, pretrained: bool = False) -> None:
    """Write it beside the params that it is for, whose sha256 it keeps; `pretrained` says whether
    pretrained params recalled, rather than the model that answered."""
    belongs_to = {"params": digest(params_path), "pretrained": pretrained}
    with write_whole(calibration_path(params_path)) as file:
        json.dump(calibration | belongs_to, file)
        file.write("\n")


def read_calibration(params_path: str, pretrained: bool = False) -> dict | None:
    """What stands beside the params; None where nothing does. Raises UserError for what is no
    calibration, one of other params, or one fitted with pretrained params where now there are none,
    or the reverse."""
    path = calibration_path(params_path)
    if not os.path.exists(path):
        return None
    try:
        calibration = json.loads(read_text(path))
        numbers = [calibration[name] for name in (*WEIGHTS, "questions")]
        promise = calibration.get("promise")
        numbers += [promise["threshold"]] if promise and promise["threshold"] is not None else []
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
    if calibration.get("pretrained", False) != pretrained:
        fitted, cure = ("without", "leave it out") if pretrained else ("with", "give it too")
        raise UserError(
            f"{path}: fitted {fitted} --pretrained_params_path; {cure}, or delete that file"
        )
    return calibration
