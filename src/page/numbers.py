"""The figures of a run: plain numbers, fit to be published without the data."""

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from answers import metrics
from answers.answer import About, Answer, read_about, read_answers

BASELINE = "London"


@dataclass
class Run:
    """The answers of one model: rows, what concerns all of them, and the control group."""

    label: str
    rows: list[Answer]
    about: About = field(default_factory=About)

    @property
    def judged(self) -> list[Answer]:
        """The answers whose place is known."""
        return [row for row in self.rows if row.correct is not None]

    @property
    def right(self) -> list[bool]:
        """For each judged answer, whether it is right."""
        return [bool(row.correct) for row in self.judged]

    @property
    def accuracy(self) -> float:
        """The share of right answers; -1 where nothing is judged, below every share."""
        return sum(self.right) / len(self.right) if self.right else -1.0

    @property
    def calibrated(self) -> bool:
        known = self.about.calibration is not None  # rows of earlier versions do not say
        return all((known if row.calibrated is None else row.calibrated) for row in self.rows)


def load_run(path: str) -> Run:
    """The run whose answers are in `path`, with the facts beside them where they are there.

    Raises UserError naming the row and field that is none of ours.
    """
    name = os.path.basename(path).removesuffix(".jsonl").removesuffix(".predictions")
    return Run(name, read_answers(path), read_about(path))


def labels_apart(runs: list[Run]) -> None:
    """Give runs of one label numbers."""
    for label, count in Counter(run.label for run in runs).items():
        if count > 1:
            same = [run for run in runs if run.label == label]
            for number, run in enumerate(same, start=1):
                run.label = f"{label} ({number})"


def confidences(rows: Sequence[Answer]) -> list[float]:
    return [row.confidence for row in rows]


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def numbers(run: Run) -> dict:
    """All figures of a run. None stands for what cannot be said."""
    rows, right, confidence = run.judged, run.right, confidences(run.judged)
    result = {"label": run.label, "variant": run.about.variant, "questions": len(run.rows)}
    result |= {"judged": len(rows), "right": sum(right), "calibrated": run.calibrated}
    result["mentioned"] = mean([row.evidence.answer_in_document for row in run.rows])
    result["mean_confidence"] = mean(confidences(run.rows))
    if rows:
        low, high = metrics.wilson(sum(right), len(rows))
        by_confidence = metrics.risk_coverage(right, confidence)
        result |= {
            "accuracy": run.accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            "london": sum(row.gold == BASELINE for row in rows) / len(rows),
            "accuracy_of_surer_half": float(by_confidence[max(1, len(rows) // 2) - 1]),
        }
        result |= confidence_figures(right, confidence)
        plain = [math.exp(min(0.0, row.signals.logprob)) for row in rows]
        result["of_plain_probability"] = confidence_figures(right, plain)
    return result | {"invented": control(run)}


def confidence_figures(right: list[bool], confidence: list[float]) -> dict:
    """How well confidences tell right from wrong, and how honest they are.

    Where nothing is right, being sure of nothing would be perfect: no figure says anything then.
    """
    of_right = [c for c, r in zip(confidence, right, strict=True) if r]
    of_wrong = [c for c, r in zip(confidence, right, strict=True) if not r]
    area = metrics.auroc(of_right, of_wrong)
    interval = None, None
    if area is not None:
        interval = metrics.auroc_interval(area, len(of_right), len(of_wrong))
    some = any(right)
    band = metrics.calibration_band(confidence) if some else None
    return {
        "auroc": area,
        "auroc_low": interval[0],
        "auroc_high": interval[1],
        "calibration_error": metrics.calibration_error(right, confidence) if some else None,
        "calibration_error_of_a_perfect_model_95": band,
        "brier": metrics.brier(right, confidence) if some else None,
    }


def control(run: Run) -> dict | None:
    """Confidence in answers about invented people, against the right answers about real ones."""
    if not run.about.invented:
        return None
    confidence = confidences(run.about.invented)
    known = [row.confidence for row in run.judged if row.correct]
    area = metrics.auroc(known, confidence)
    low, high = (
        (None, None) if area is None else metrics.auroc_interval(area, len(known), len(confidence))
    )
    return {
        "people": len(confidence),
        "mean_confidence": mean(confidence),
        "auroc_right_against_invented": area,
        "auroc_right_against_invented_low": low,
        "auroc_right_against_invented_high": high,
    }


def grouped(
    rows: Sequence[Answer], value: Callable[[Answer], int], ends: tuple[int, ...]
) -> list[dict]:
    """Counts and right answers of the groups "up to ends[0]", ..., "more"; empty ones left out."""
    groups = []
    for low, high in zip((None, *ends), (*ends, None), strict=True):
        inside = [
            row for row in rows
            if (low is None or value(row) > low) and (high is None or value(row) <= high)
        ]  # fmt: skip
        if inside:
            right = sum(bool(row.correct) for row in inside)
            groups.append({"label": group_label(low, high), "count": len(inside), "right": right})
    return groups


def group_label(low: int | None, high: int | None) -> str:
    if low is None:
        return f"≤ {high}" if high else "0"
    if high is None:
        return f"> {low}"
    return str(high) if high == low + 1 else f"{low + 1}–{high}"
