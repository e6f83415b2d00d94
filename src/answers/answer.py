"""What is known of an answer, and the two files of a run: the one place that writes and reads them.

`FILE.jsonl` has one answer a line, as a JSON object; `FILE.run.json` has what concerns the run as a
whole (`About`), with the answers about invented people.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar, get_args

from base.errors import UserError
from base.files import read_text, write_whole

AGAIN = "run `evaluate --report` again"


@dataclass(frozen=True)
class ConfidenceSignals:
    """What the model alone says of its answer. Log-probabilities and entropy are in nats.

    The log-probability counts the end of the answer as one more character. The runner-up is the
    likeliest other answer that the beam search met, and the margin the difference between the two
    (negative where greedy decoding missed the likeliest answer). `agreement` is the share of drawn
    answers that are the same. `recall_logprob`: see confidence_signals.recall.
    """

    logprob: float
    logprob_per_character: float | None = None
    runner_up: str | None = None
    runner_up_logprob: float | None = None
    margin: float | None = None
    first_entropy: float | None = None
    agreement: float | None = None
    recall_logprob: float | None = None


@dataclass(frozen=True)
class Sentence:
    """A sentence of the corpus; the answer is sentence[start:end]. Lines count from 1."""

    line: int
    sentence: str
    start: int
    end: int


@dataclass(frozen=True)
class Evidence:
    """What the corpus and the finetuning set say. The confidence never sees it."""

    answer_in_document: bool  # the document about the person mentions the answer
    name_in_corpus: bool | None = None
    documents: int | None = None  # that have the full name
    document_line: int | None = None  # of the document about the person
    provenance: Sentence | None = None  # the first sentence that mentions the answer
    gold_in_document: bool | None = None
    gold_documents: int | None = None  # that have the right place
    in_finetuning_answers: bool | None = None


@dataclass(frozen=True)
class Answer:
    """An answer, whether it is right (None where the place is not known), and all that is known
    of it. `accepted`: whether the promise of selective.py covers it; None without one.
    `calibrated` and `accepted` are None in files of earlier versions."""

    question: str
    answer: str
    gold: str | None
    correct: bool | None
    signals: ConfidenceSignals
    confidence: float  # the probability that the answer is right, from the model alone
    evidence: Evidence
    calibrated: bool | None = None
    accepted: bool | None = None

    def to_json(self) -> str:
        """One line of FILE.jsonl."""
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def as_dict(self) -> dict:
        """The names and values of that line."""
        first = {name: getattr(self, name) for name in ("question", "answer", "gold", "correct")}
        judged = {n: getattr(self, n) for n in ("confidence", "calibrated", "accepted")}
        return first | asdict(self.signals) | judged | asdict(self.evidence)


@dataclass(frozen=True)
class About:
    """What concerns a run as a whole. `trained` is what the params' JSON says."""

    variant: str | None = None
    params: str | None = None
    pretrained_params: str | None = None
    corpus: str | None = None
    questions: str | None = None
    date: str | None = None
    commit: str | None = None
    trained: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] | None = None
    finetuning_answers: dict[str, Any] | None = None
    invented: Sequence[Answer] = ()


# ---------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------


def run_path(path: str) -> str:
    """Where the facts about a run stand, beside its answers in `path`."""
    return f"{path.removesuffix('.jsonl')}.run.json"


def write_run(answers: Iterable[Answer], about: About, path: str) -> None:
    """Write the answers to `path` and the facts about the run to `run_path(path)`."""
    with write_whole(path) as file:
        file.writelines(answer.to_json() + "\n" for answer in answers)
    facts = {f.name: getattr(about, f.name) for f in fields(About)}
    facts["invented"] = [answer.as_dict() for answer in about.invented]
    with write_whole(run_path(path)) as file:
        json.dump(facts, file, ensure_ascii=False, indent=1)
        file.write("\n")


# ---------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------


def read_answers(path: str) -> list[Answer]:
    """The answers in `path`. Raises UserError naming the row and the field that is none of ours."""
    return [
        read_answer(parsed(line, f"{path}, row {number}"), f"{path}, row {number}")
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]


def read_about(path: str) -> About:
    """The facts beside the answers in `path`; empty ones where there is no such file.

    Raises UserError naming the field that is none of ours.
    """
    path = run_path(path)
    if not os.path.exists(path):
        return About()
    record = parsed(read_text(path), path)
    rows = record.get("invented") or []
    if not isinstance(rows, list):
        raise UserError(f"{path}: invented cannot be {brief(rows)}; {AGAIN}")
    invented = [
        read_answer(row, f"{path}, invented person {number}")
        for number, row in enumerate(rows, start=1)
    ]
    about = read(About, record, path, invented=invented, trained=record.get("trained") or {})
    for name in ("trained", "calibration", "finetuning_answers"):
        if not isinstance(getattr(about, name) or {}, dict):
            raise UserError(f"{path}: {name} cannot be {brief(record[name])}; {AGAIN}")
    check_counts(about, path)
    return about


def check_counts(about: About, path: str) -> None:
    """Raise UserError for counts in a run's facts that are no numbers."""
    for place, count in (about.finetuning_answers or {}).items():
        if not (fits(count, int) and count >= 0):
            raise UserError(
                f"{path}: finetuning_answers: the count of {place!r} cannot be {brief(count)}; "
                f"{AGAIN}"
            )
    if about.calibration and not fits(about.calibration.get("questions"), int):
        raise UserError(f"{path}: calibration: has no number of questions; {AGAIN}")


def parsed(text: str, where: str) -> dict:
    """The JSON object in `text`."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise UserError(f"{where}: not a JSON object; {AGAIN}")
    return record


def read_answer(record: object, where: str) -> Answer:
    """The answer in one JSON object. Raises UserError naming the field that does not fit."""
    if not isinstance(record, dict):
        raise UserError(f"{where}: not a JSON object; {AGAIN}")
    source = record.get("provenance")
    if source is not None:
        if not isinstance(source, dict):
            raise UserError(f"{where}: provenance cannot be {brief(source)}; {AGAIN}")
        source = read(Sentence, source, f"{where}: provenance")
        if not 0 <= source.start <= source.end <= len(source.sentence):
            raise UserError(f"{where}: provenance: start and end are not in the sentence; {AGAIN}")
    signals = read(ConfidenceSignals, record, where)
    evidence = read(Evidence, record, where, provenance=source)
    return read(Answer, record, where, signals=signals, evidence=evidence)


LIMITS = {  # numbers that have them: the lowest and the highest value
    "confidence": (0, 1), "agreement": (0, 1), "logprob": (-math.inf, 1e-3),
    "documents": (0, math.inf), "gold_documents": (0, math.inf), "document_line": (1, math.inf),
}  # fmt: skip
Kind = TypeVar("Kind")


def read(kind: type[Kind], record: dict, where: str, **known) -> Kind:
    """A dataclass of what `record` says, its fields checked by their types; `known` are values that
    have been checked already. Raises UserError naming the field that is missing or does not fit."""
    values = dict(known)
    for each in fields(kind):
        name = each.name
        if name in known:
            continue
        if name not in record:
            if each.default is each.default_factory:  # both missing: the field is needed
                raise UserError(f"{where}: has no {name}; {AGAIN}")
            continue
        value = record[name]
        low, high = LIMITS.get(name, (-math.inf, math.inf))
        if not fits(value, each.type) or (
            isinstance(value, (int, float)) and not low <= value <= high
        ):
            raise UserError(f"{where}: {name} cannot be {brief(value)}; {AGAIN}")
        values[name] = value
    return kind(**values)


def fits(value: object, kind: Any) -> bool:
    """Whether a value from JSON is of a type: bool, int, float, str, a dict, or one of several.

    Numbers are finite, and texts can be written as UTF-8.
    """
    kinds = [getattr(one, "__origin__", one) for one in get_args(kind) or (kind,)]
    if getattr(kind, "__origin__", None) is dict:
        kinds = [dict]
    if isinstance(value, bool) or value is None:
        return type(value) in kinds
    if isinstance(value, (int, float)):
        whole = int in kinds and isinstance(value, int)
        return (whole or float in kinds) and abs(value) < 2**63 and math.isfinite(value)
    if isinstance(value, str):
        return str in kinds and encodes(value)
    return type(value) in kinds


def encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def brief(value: object) -> str:
    """A value from a file, short enough for a sentence."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
