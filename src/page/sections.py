"""The report as HTML: what each run's section holds, and the template around it."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from answers import metrics
from answers.answer import Answer
from base.errors import UserError
from base.questions import person
from page import charts, style
from page.numbers import Run, confidences, grouped, numbers

COMPARED = (
    "right", "95 % interval", "“London” every time", "mentioned in the person’s document",
    "area under ROC", "calibration error", "Brier score", "right against invented: area",
    "confidence",
)  # fmt: skip
TOP = 10  # most frequent answers shown
NAME_LENGTHS = (11, 13, 15, 18)  # upper ends of the groups, in characters
PLACE_COUNTS = (0, 1, 3, 10, 30)
DOCUMENTS = (0, 1)


def page(runs: list[Run], models: Sequence[str | None] | None = None) -> str:
    """The report of the runs as HTML, the best one first. Everything from the data is escaped.

    `models`: for each run, the page that holds its model, or None.

    Raises UserError where jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise UserError("the report needs jinja2; pip install -r requirements-dev.txt") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = percent
    environment.filters["svg"] = jinja2.utils.markupsafe.Markup
    both = zip(runs, models or [None] * len(runs), strict=True)
    ordered = sorted(both, key=lambda pair: -pair[0].accuracy)
    best = ordered[0][0].accuracy if sum(bool(run.judged) for run in runs) > 1 else None
    sections = [
        section(run, best is not None and run.accuracy == best > 0) | {"model": held(model)}
        for run, model in ordered
    ]
    return environment.get_template("template.html").render(
        sections=sections, compared=COMPARED, light=style.css(False), dark=style.css(True)
    )


def held(model: str | None) -> str | None:
    """A page as JSON that cannot end the element it stands in."""
    return None if model is None else json.dumps(model, ensure_ascii=False).replace("<", "\\u003c")


def section(run: Run, best: bool) -> dict:
    """What the template shows of a run."""
    figures = numbers(run)
    return {
        "run": run,
        "numbers": figures,
        "best": best,
        "origin": origin(run),
        "knowing": knowing(run, figures),
        "guessing": guessing(run, figures),
        "rows": [shown(row) for row in run.rows],
        "cells": compare(figures),
    }


def origin(run: Run) -> list[tuple[str, str]]:
    """When the answers were given, from which files, and how the model was trained."""
    about, trained = run.about, run.about.trained
    steps = trained.get("steps")
    length = f"{steps} steps" if steps is not None else None
    if length and trained.get("of_steps") not in (None, steps):
        length += f" of {trained['of_steps']}"
    if length and isinstance(trained.get("epochs"), (int, float)):
        length += f" ({trained['epochs']:.4g} epochs)"
    facts = (
        ("answered", about.date),
        ("by the code of commit", about.commit),
        ("questions", about.questions),
        ("corpus", about.corpus),
        ("params", about.params),
        ("trained by", " ".join(str(trained[n]) for n in ("function", "recipe") if trained.get(n))),
        ("for", length),
        ("seed", trained.get("seed")),
        ("by the code of commit", trained.get("commit")),
    )
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


# ---------------------------------------------------------------------------------------------
# Words for figures
# ---------------------------------------------------------------------------------------------


def three_digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def area(figures: dict | None, name: str) -> str:
    """An area under the ROC curve with its 95 % interval."""
    if not figures or figures[name] is None:
        return "–"
    return f"{figures[name]:.3f} ({figures[f'{name}_low']:.2f} to {figures[f'{name}_high']:.2f})"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\u00a0%"


def compare(figures: dict) -> list[str]:
    """A run's row in the first table, in the order of COMPARED."""
    cells = ["–", "–", "–", percent(figures["mentioned"]), "–", "–", "–"]
    if figures["judged"]:
        interval = f"{percent(figures['accuracy_low'])} to {percent(figures['accuracy_high'])}"
        cells[0] = f"{percent(figures['accuracy'])} ({figures['right']} of {figures['judged']})"
        cells[1:3] = interval, percent(figures["london"])
        cells[4] = area(figures, "auroc")
        cells[5:] = three_digits(figures["calibration_error"]), three_digits(figures["brier"])
    cells.append(area(figures["invented"], "auroc_right_against_invented"))
    return [*cells, "calibrated" if figures["calibrated"] else "uncalibrated"]


# ---------------------------------------------------------------------------------------------
# Figures
# ---------------------------------------------------------------------------------------------


def figure(title: str, svg: str, caption: str) -> dict:
    return {"title": title, "svg": svg, "caption": caption}


def knowing(run: Run, figures: dict) -> list[dict]:
    """The charts that say whether right and wrong answers can be told apart."""
    if not run.judged:
        return []
    right, confidence = run.right, confidences(run.judged)
    drawn = [
        figure(
            "Confidence of right and wrong answers",
            charts.confidences(by_verdict(run.judged)),
            "The further the two are apart, the better a reader can tell them apart.",
        ),
    ]
    if not any(right):
        return drawn
    drawn.insert(0, figure(
        "Reliability",
        charts.reliability(metrics.bins(right, confidence)),
        f"Expected calibration error {figures['calibration_error']:.3f} (ten equal bins). A "
        "perfectly calibrated model with the same confidences stays below "
        f"{figures['calibration_error_of_a_perfect_model_95']:.3f} in 95 % of simulations. "
        f"Brier score {figures['brier']:.3f}. Larger points hold more answers.",
    ))  # fmt: skip
    if figures["auroc"] is not None:
        drawn.append(figure(
            "ROC of “right” by confidence",
            charts.roc_curve(*metrics.roc(right, confidence)),
            f"Area {area(figures, 'auroc')}: the share of pairs of a right and a wrong answer in "
            "which the right one has more confidence. Chance would give 0.5. In brackets: the "
            f"95 % interval, from {sum(right)} right answers.",
        ))  # fmt: skip
    drawn.append(figure(
        "Accuracy if only the surest are answered",
        charts.coverage(metrics.risk_coverage(right, confidence)),
        f"{percent(figures['accuracy_of_surer_half'])} of the surer half are right; "
        f"{percent(figures['accuracy'])} of all.",
    ))  # fmt: skip
    return drawn


def by_verdict(rows: Sequence[Answer]) -> dict[str, list[float]]:
    """The confidences of right and of wrong answers."""
    return {
        word: [row.confidence for row in rows if row.correct == verdict]
        for word, verdict in (("right", True), ("wrong", False))
    }


def guessing(run: Run, figures: dict) -> list[dict]:
    """The charts that say what the model answers when it does not know."""
    drawn = [frequent_answers(run)]
    if run.about.invented:
        drawn.append(invented_figure(run, figures["invented"]))
    for title, rows, xlabel, caption in group_figures(run.judged):
        if rows:
            drawn.append(figure(title, charts.by_group(rows, xlabel), caption))
    return drawn


def frequent_answers(run: Run) -> dict:
    """The places that the model, and the finetuning set, give most often."""
    answered = Counter(row.answer for row in run.rows)
    finetuning = Counter(run.about.finetuning_answers or {})
    places = [place for place, _ in answered.most_common(TOP) + finetuning.most_common(TOP // 2)]
    places = sorted(dict.fromkeys(places), key=lambda place: (-answered[place], place))
    counts = {"model": ("the model’s answers", answered)}
    if finetuning.total():
        counts["training"] = ("the finetuning set", finetuning)
    if run.about.invented:
        invented = Counter(row.answer for row in run.about.invented)
        counts["invented"] = ("answers about invented people", invented)
    groups = {
        meaning: (name, [(place, count[place] / count.total()) for place in places])
        for meaning, (name, count) in counts.items()
    }
    caption = "The most frequent answers of the model, and places of the finetuning set."
    if not finetuning:
        caption = "The finetuning set was not given (--finetune_corpus_path), so it is not shown."
    return figure("The most frequent answers", charts.shares(groups, height=4.8), caption)


def invented_figure(run: Run, figures: dict) -> dict:
    """The confidences of answers about people who do not exist, beside the real ones."""
    groups = by_verdict(run.judged) if run.judged else {"model": confidences(run.rows)}
    groups["invented"] = confidences(run.about.invented)
    caption = (
        f"{figures['people']} people with recombined first and last names. The full name is "
        "nowhere in the corpus, so nothing can be known of them. Mean confidence "
        f"{figures['mean_confidence']:.3f}."
    )
    if figures["auroc_right_against_invented"] is not None:
        caption += (
            " Right answers about real people against these: area "
            f"{area(figures, 'auroc_right_against_invented')}."
        )
    return figure("People who do not exist", charts.confidences(groups), caption)


def group_figures(rows: Sequence[Answer]) -> list[tuple[str, list[dict], str, str]]:
    """Accuracy by how often the place occurs, by name, by documents that have the name."""
    placed = [row for row in rows if row.evidence.gold_documents is not None]
    counted = [row for row in rows if row.evidence.documents is not None]
    return [
        (
            "By how often the place occurs",
            grouped(placed, lambda row: row.evidence.gold_documents, PLACE_COUNTS),
            "documents with the right place (questions)",
            "Accuracy with its 95 % interval. A rare place cannot be guessed.",
        ),
        (
            "By length of the name",
            grouped(rows, lambda row: len(person(row.question)), NAME_LENGTHS),
            "characters in the name (questions)",
            "Accuracy with its 95 % interval.",
        ),
        (
            "By how often the name occurs",
            grouped(counted, lambda row: row.evidence.documents, DOCUMENTS),
            "documents with the full name (questions)",
            "Accuracy with its 95 % interval.",
        ),
    ]


# ---------------------------------------------------------------------------------------------
# The table of answers
# ---------------------------------------------------------------------------------------------


def shown(row: Answer) -> dict:
    """An answer as the table shows it."""
    source, parts = row.evidence.provenance, None
    if source:
        text, start, end = source.sentence, source.start, source.end
        parts = (text[:start], text[start:end], text[end:])
    marks = [{True: "right", False: "wrong", None: "unjudged"}[row.correct]]
    marks.append("mentioned" if row.evidence.answer_in_document else "unmentioned")
    return {
        "name": person(row.question),
        "answer": row.answer,
        "gold": row.gold,
        "correct": row.correct,
        "confidence": row.confidence,
        "runner_up": row.signals.runner_up,
        "line": source.line if source else None,
        "parts": parts,
        "marks": marks,
        "notes": notes(row),
        "unmentioned": unmentioned(row),
    }


def notes(row: Answer) -> str:
    """The model's other figures for an answer, in few words."""
    signals = row.signals
    words = [f"log p {signals.logprob:.2f}"]
    for value, text in (
        (signals.margin, "margin {:.1f}"),
        (signals.first_entropy, "entropy {:.2f}"),
        (signals.recall_logprob, "recall log p {:.2f}"),
        (signals.agreement, "{:.0%} of samples agree"),
    ):
        if value is not None:
            words.append(text.format(value))
    return ", ".join(words)


def unmentioned(row: Answer) -> str:
    """Why no sentence stands beside an answer."""
    evidence = row.evidence
    where = "No document about this person"
    if evidence.document_line:
        where = f"Not mentioned in the person’s document (line {evidence.document_line})"
    if evidence.gold_in_document is False:
        where += "; neither is the right place"
    if evidence.in_finetuning_answers:
        where += "; an answer of the finetuning set"
    return f"{where}."
