"""One HTML page from what `run.py evaluate --report` wrote: how right, how sure, and from where.

python src/report.py FILE.jsonl ... -o report.html [--numbers numbers.json]

Several files (no pretraining, pretrained, each variant) are compared in one table. The page needs
no network; --numbers writes its figures alone (no names, no sentences) as JSON.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import argparse
import json
import math
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from answers import metrics
from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import check_writable, read_text, write_whole
from base.questions import person
from page import charts


def finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


NEEDED = {  # what the report reads of every row, and what it can be
    "question": lambda value: isinstance(value, str),
    "answer": lambda value: isinstance(value, str),
    "gold": lambda value: value is None or isinstance(value, str),
    "correct": lambda value: value is None or isinstance(value, bool),
    "logprob": finite,
    "confidence": lambda value: finite(value) and 0 <= value <= 1,
    "answer_in_document": lambda value: isinstance(value, bool),
}
BASELINE = "London"
COMPARED = (
    "right", "95 % interval", "“London” every time", "supported by the person’s document",
    "area under ROC", "calibration error", "Brier score", "right against invented: area",
    "confidence",
)  # fmt: skip
TOP = 10  # most frequent answers shown
NAME_LENGTHS = (11, 13, 15, 18)  # upper ends of the groups, in characters
PLACE_COUNTS = (0, 1, 3, 10, 30)
DOCUMENTS = (0, 1)


@dataclass
class Run:
    """The answers of one model: rows, what concerns all of them, and the control group."""

    label: str
    rows: list[dict]
    about: dict = field(default_factory=dict)

    @property
    def judged(self) -> list[dict]:
        """The rows whose place is known."""
        return [row for row in self.rows if row["correct"] is not None]

    @property
    def invented(self) -> list[dict]:
        return self.about.get("invented") or []

    @property
    def calibrated(self) -> bool:
        known = self.about.get("calibration") is not None  # rows of earlier versions do not tell
        return all(row.get("calibrated", known) is True for row in self.rows)


def load_run(path: str) -> Run:
    """The run whose rows are in `path`; `<path without .jsonl>.run.json` is read where it is there.

    Raises UserError for a line that is no row of a report, or other facts than those of a run.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            rows.append(read_row(line, f"{path}, row {number}"))
    about_path = f"{path.removesuffix('.jsonl')}.run.json"
    about = {}
    if os.path.exists(about_path):
        try:
            about = json.loads(read_text(about_path))
        except json.JSONDecodeError as error:
            raise UserError(
                f"{about_path}: not JSON (line {error.lineno}); run evaluate --report anew"
            ) from None
        if not concerns_a_run(about):
            raise UserError(f"{about_path}: not what evaluate --report writes; run it anew")
    name = os.path.basename(path).removesuffix(".jsonl").removesuffix(".predictions")
    return Run(name, rows, about)


def read_row(line: str, where: str) -> dict:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{where}: no JSON object; give a file of run.py evaluate --report")
    for name, fits in NEEDED.items():
        if name not in row:
            raise UserError(f"{where}: has no {name}; give a file of run.py evaluate --report")
        if not fits(row[name]):
            raise UserError(f"{where}: {name} cannot be {row[name]!r}; run evaluate --report anew")
    return row


def concerns_a_run(about: object) -> bool:
    """Whether this is what `.run.json` holds, as far as the report reads it."""
    if not isinstance(about, dict):
        return False
    invented, calibration = about.get("invented") or [], about.get("calibration") or {}
    counts = about.get("finetuning_answers") or {}
    return (
        isinstance(invented, list)
        and all(isinstance(row, dict) and finite(row.get("confidence")) for row in invented)
        and all(isinstance(row.get("answer"), str) for row in invented)
        and isinstance(calibration, dict)
        and (not calibration or "questions" in calibration)
        and isinstance(counts, dict)
        and all(map(finite, counts.values()))
    )


# ---------------------------------------------------------------------------------------------
# Figures
# ---------------------------------------------------------------------------------------------


def column(rows: list[dict], name: str) -> list:
    return [row[name] for row in rows]


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def numbers(run: Run) -> dict:
    """The figures of a run: plain numbers, fit to be published without the data."""
    rows = run.judged
    right, sure = column(rows, "correct"), column(rows, "confidence")
    result = {"label": run.label, "variant": run.about.get("variant"), "questions": len(run.rows)}
    result |= {"judged": len(rows), "right": sum(right), "calibrated": run.calibrated}
    result["supported"] = mean(column(run.rows, "answer_in_document"))
    result["mean_confidence"] = mean(column(run.rows, "confidence"))
    if rows:
        low, high = metrics.wilson(sum(right), len(rows))
        surest = metrics.risk_coverage(right, sure)
        result |= {
            "accuracy": sum(right) / len(rows),
            "accuracy_low": low,
            "accuracy_high": high,
            "london": sum(row["gold"] == BASELINE for row in rows) / len(rows),
            "accuracy_of_surer_half": float(surest[max(1, len(rows) // 2) - 1]),
        }
        result |= sureness(right, sure)
        plain = [math.exp(row["logprob"]) for row in rows]
        result["of_plain_probability"] = sureness(right, plain)
    return result | {"invented": control(run)}


def sureness(right: list[bool], sure: list[float]) -> dict:
    """How well confidences tell right from wrong, and how honest they are."""
    return {
        "auroc": metrics.auroc(
            [s for s, r in zip(sure, right, strict=True) if r],
            [s for s, r in zip(sure, right, strict=True) if not r],
        ),
        "calibration_error": metrics.calibration_error(right, sure),
        "calibration_error_of_a_perfect_model_95": metrics.calibration_band(sure),
        "brier": metrics.brier(right, sure),
    }


def control(run: Run) -> dict | None:
    """Confidence in answers about invented people, against the right answers about real ones."""
    if not run.invented:
        return None
    sure = column(run.invented, "confidence")
    known = [row["confidence"] for row in run.judged if row["correct"]]
    return {
        "people": len(sure),
        "mean_confidence": mean(sure),
        "auroc_right_against_invented": metrics.auroc(known, sure),
    }


def grouped(rows: list[dict], value: Callable[[dict], int], ends: tuple[int, ...]) -> list[dict]:
    """Counts and right answers of the groups "up to ends[0]", ..., "more"; empty ones left out."""
    groups = []
    for low, high in zip((None, *ends), (*ends, None), strict=True):
        inside = [
            row for row in rows
            if (low is None or value(row) > low) and (high is None or value(row) <= high)
        ]  # fmt: skip
        if inside:
            right = sum(column(inside, "correct"))
            groups.append({"label": group_label(low, high), "count": len(inside), "right": right})
    return groups


def group_label(low: int | None, high: int | None) -> str:
    if low is None:
        return f"≤ {high}" if high else "0"
    if high is None:
        return f"> {low}"
    return str(high) if high == low + 1 else f"{low + 1}–{high}"


# ---------------------------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------------------------


def figure(title: str, svg: str, caption: str) -> dict:
    return {"title": title, "svg": svg, "caption": caption}


def tell(run: Run, found: dict) -> list[dict]:
    """The charts that say whether right and wrong answers can be told apart."""
    rows = run.judged
    if not rows:
        return []
    right, sure = column(rows, "correct"), column(rows, "confidence")
    figures = [
        figure(
            "Reliability",
            charts.reliability(metrics.bins(right, sure)),
            f"Expected calibration error {found['calibration_error']:.3f} (ten equal bins); a "
            "perfectly calibrated model of the same confidences stays below "
            f"{found['calibration_error_of_a_perfect_model_95']:.3f} in 95 % of simulations. "
            f"Brier score {found['brier']:.3f}. Larger points hold more answers.",
        ),
        figure(
            "Confidence of right and wrong answers",
            charts.confidences(by_verdict(rows)),
            "The further the two stand apart, the better a reader can tell them apart.",
        ),
        figure(
            "Accuracy if only the surest are answered",
            charts.coverage(metrics.risk_coverage(right, sure)),
            f"{percent(found['accuracy_of_surer_half'])} right among the surer half; "
            f"{percent(found['accuracy'])} if every question is answered.",
        ),
    ]
    if found["auroc"] is not None:
        roc = figure(
            "ROC of “right” by confidence",
            charts.roc_curve(*metrics.roc(right, sure)),
            f"Area {found['auroc']:.3f}: so often is a right answer given with more confidence "
            "than a wrong one. 0.5 would be chance.",
        )
        figures.insert(2, roc)
    return figures


def by_verdict(rows: list[dict]) -> dict[str, list[float]]:
    """The confidences of right and of wrong answers."""
    return {
        word: [row["confidence"] for row in rows if row["correct"] == verdict]
        for word, verdict in (("right", True), ("wrong", False))
    }


def fall(run: Run, found: dict) -> list[dict]:
    """The charts that say what the model answers when it does not know."""
    figures = [frequent_answers(run)]
    if run.invented:
        figures.append(invented_figure(run, found["invented"]))
    for title, rows, xlabel, caption in group_figures(run.judged):
        if rows:
            figures.append(figure(title, charts.by_group(rows, xlabel), caption))
    return figures


def frequent_answers(run: Run) -> dict:
    """The places that the model, and the finetuning set, say most."""
    said = Counter(column(run.rows, "answer"))
    finetuning = Counter(run.about.get("finetuning_answers") or {})
    places = [place for place, _ in said.most_common(TOP) + finetuning.most_common(TOP // 2)]
    places = sorted(dict.fromkeys(places), key=lambda place: (-said[place], place))
    counts = {"answers": said}
    if finetuning:
        counts["finetuning set"] = finetuning
    if run.invented:
        counts["for invented people"] = Counter(column(run.invented, "answer"))
    groups = {
        name: [(place, count[place] / count.total()) for place in places]
        for name, count in counts.items()
    }
    caption = "The model’s most frequent answers, and the finetuning set’s."
    if not finetuning:
        caption = "The finetuning set was not given (--finetune_corpus_path), so it is not shown."
    return figure("The most frequent answers", charts.shares(groups, height=4.6), caption)


def invented_figure(run: Run, found: dict) -> dict:
    """The confidences of answers about people who do not exist, beside the real ones."""
    if run.judged:
        groups = {f"real, {word}": sure for word, sure in by_verdict(run.judged).items()}
    else:
        groups = {"real": column(run.rows, "confidence")}
    groups["invented"] = column(run.invented, "confidence")
    caption = (
        f"{found['people']} people with recombined first and last names; the full name is nowhere "
        "in the corpus, so nothing can be known of them. Mean confidence "
        f"{found['mean_confidence']:.3f}."
    )
    if found["auroc_right_against_invented"] is not None:
        caption += (
            " Right answers about real people against these: area "
            f"{found['auroc_right_against_invented']:.3f}."
        )
    return figure("People who do not exist", charts.confidences(groups), caption)


def group_figures(rows: list[dict]) -> list[tuple[str, list[dict], str, str]]:
    """Accuracy by how often the place occurs, by name, by documents that have the name."""
    placed = [row for row in rows if row.get("gold_documents") is not None]
    counted = [row for row in rows if row.get("documents") is not None]
    return [
        (
            "By how often the place occurs",
            grouped(placed, lambda row: row["gold_documents"], PLACE_COUNTS),
            "documents with the right place (questions)",
            "Accuracy with its 95 % interval. A rare place cannot be guessed.",
        ),
        (
            "By length of the name",
            grouped(rows, lambda row: len(person(row["question"])), NAME_LENGTHS),
            "characters in the name (questions)",
            "Accuracy with its 95 % interval.",
        ),
        (
            "By how often the name occurs",
            grouped(counted, lambda row: row["documents"], DOCUMENTS),
            "documents with the full name (questions)",
            "Accuracy with its 95 % interval.",
        ),
    ]


def page(runs: list[Run]) -> str:
    """The report of the runs as HTML. Everything from the data is escaped.

    Raises UserError where jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise UserError("the report needs jinja2; pip install -r requirements-dev.txt") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent / "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = percent
    environment.filters["svg"] = jinja2.utils.markupsafe.Markup
    sections = []
    for run in runs:
        found = numbers(run)
        charts_of_run = {"tell": tell(run, found), "fall": fall(run, found)}
        rows = {"rows": shown(run.rows), "cells": compare(found)}
        sections.append({"run": run, "found": found} | rows | charts_of_run)
    return environment.get_template("template.html").render(sections=sections, compared=COMPARED)


def compare(found: dict) -> list[str]:
    """A run's row in the first table, in the order of COMPARED."""
    cells = ["–", "–", "–", percent(found["supported"]), "–", "–", "–"]
    if found["judged"]:
        interval = f"{percent(found['accuracy_low'])} to {percent(found['accuracy_high'])}"
        cells[0] = f"{percent(found['accuracy'])} ({found['right']} of {found['judged']})"
        cells[1:3] = interval, percent(found["london"])
        cells[4:] = [three_digits(found[n]) for n in ("auroc", "calibration_error", "brier")]
    control = found["invented"]
    cells.append(three_digits(control and control["auroc_right_against_invented"]))
    return [*cells, "calibrated" if found["calibrated"] else "uncalibrated"]


def three_digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\u00a0%"


def shown(rows: list[dict]) -> list[dict]:
    """Rows as the table shows them."""
    result = []
    for row in rows:
        source, parts = row.get("provenance"), None
        if source:
            text, start, end = source["sentence"], source["start"], source["end"]
            parts = (text[:start], text[start:end], text[end:])
        marks = [{True: "right", False: "wrong", None: "unjudged"}[row["correct"]]]
        marks.append("supported" if row["answer_in_document"] else "unsupported")
        extra = {"name": person(row["question"]), "parts": parts, "marks": marks}
        extra |= {"notes": notes(row), "unsupported": unsupported(row), "provenance": source}
        result.append({"gold": None, "runner_up": None} | row | extra)
    return result


def notes(row: dict) -> str:
    """The model's other figures for an answer, in few words."""
    words = [f"log p {row['logprob']:.2f}"]
    for name, text in (("margin", "margin {:.1f}"), ("first_entropy", "entropy {:.2f}")):
        if row.get(name) is not None:
            words.append(text.format(row[name]))
    if row.get("recall_logprob") is not None:
        words.append(f"recall log p {row['recall_logprob']:.2f}")
    if row.get("agreement") is not None:
        words.append(f"{row['agreement']:.0%} of samples agree")
    return ", ".join(words)


def unsupported(row: dict) -> str:
    """Why no sentence stands beside an answer."""
    line = row.get("document_line")
    where = f"not in the person’s document (line {line})" if line else "no document of this person"
    if row.get("gold_in_document") is False:
        where += "; neither is the right place"
    if row.get("in_finetuning_answers"):
        where += "; an answer of the finetuning set"
    return f"{where[0].upper()}{where[1:]}."


def labels_apart(runs: list[Run]) -> None:
    """Give runs of one label numbers."""
    for label, count in Counter(run.label for run in runs).items():
        if count > 1:
            same = [run for run in runs if run.label == label]
            for number, run in enumerate(same, start=1):
                run.label = f"{label} ({number})"


def main(argv: list[str] | None = None) -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.jsonl")
    parser.add_argument("-o", "--output", help="the page; report.html unless --numbers is given")
    parser.add_argument("--numbers", help="where the figures go, as JSON")
    args = parser.parse_args(argv)
    output = args.output or (None if args.numbers else "report.html")
    for path in (output, args.numbers):
        if path:
            check_writable(path)
    runs = [load_run(path) for path in args.files]
    labels_apart(runs)
    if output:
        text = page(runs)
        with write_whole(output) as file:
            file.write(text)
        print(f"{output}: {len(text.encode()) / 1e6:.2f} MB")
    if args.numbers:
        with write_whole(args.numbers) as file:
            json.dump([numbers(run) for run in runs], file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
