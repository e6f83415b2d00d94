"""Answers with all that is known of them: what the model says, and what the corpus says."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import params
from answers import confidence, selective
from answers.answer import About, Answer, Evidence, write_run
from answers.confidence_signals import answers_with_signals
from answers.predict import ANSWER_LENGTH, answer_length
from answers.provenance import Corpus, invented_people
from base.errors import UserError
from base.questions import load_rows, person, places_of, question_about
from dataset import CharCorruptionDataset
from model import COURSE_SIZES, GPT
from params import load_model

INVENTED = 500  # people at most, for the control


class Answers:
    """Answers with details, from one model and one corpus.

    `finetuning` are the places of the finetuning set, where known; `calibration` is what
    confidence.fit made. `pretrained`, where given, is the model before its finetuning, which is
    then the one that is asked for its recall. `length` is the most characters of an answer. The
    confidence never sees the corpus.
    """

    def __init__(
        self,
        model: GPT,
        dataset: CharCorruptionDataset,
        corpus: Corpus,
        calibration: dict | None = None,
        finetuning: Sequence[str] | None = None,
        pretrained: GPT | None = None,
        length: int = ANSWER_LENGTH,
    ):
        self.model = model
        self.dataset = dataset
        self.corpus = corpus
        self.calibration = calibration
        self.pretrained = pretrained
        self.length = length
        self.finetuning = None if finetuning is None else Counter(finetuning)

    def details(
        self, questions: Sequence[str], golds: Sequence[str] | None = None
    ) -> list[Answer]:
        """The answers to the questions, in their order.

        Raises UserError where the model gives no finite probability.
        """
        judged = answers_with_signals(
            self.model, self.dataset, questions, self.pretrained, self.length
        )
        known = [None] * len(judged) if golds is None else golds
        answers = []
        for question, (answer, signals), gold in zip(questions, judged, known, strict=True):
            probability = confidence.confidence(signals, self.calibration)
            if not math.isfinite(signals.logprob + probability):
                raise UserError(
                    f"{question!r}: the model's probabilities are not finite numbers, so its "
                    "training has failed; train it again with a lower learning rate"
                )
            answers.append(
                Answer(
                    question=question,
                    answer=answer,
                    gold=gold,
                    correct=None if gold is None else answer == gold,
                    signals=signals,
                    confidence=probability,
                    calibrated=self.calibration is not None,
                    accepted=selective.accepted(signals, self.calibration),
                    evidence=self.evidence(question, answer, gold),
                )
            )
        return answers

    def evidence(self, question: str, answer: str, gold: str | None) -> Evidence:
        """What the corpus and the finetuning set say of an answer."""
        name, known = person(question), self.finetuning
        of_gold = None if gold is None else self.corpus.look_up(name, gold).answer_in_document
        return replace(
            self.corpus.look_up(name, answer),
            gold_in_document=of_gold,
            gold_documents=None if gold is None else self.corpus.count(gold),
            in_finetuning_answers=None if known is None else answer in known,
        )

    def invented(self, names: Sequence[str], count: int) -> list[Answer]:
        """Answers about people who do not exist: nothing can be known of them."""
        people = invented_people(names, self.corpus, count)
        return self.details([question_about(name) for name in people])


def load_pretrained(path: str, dataset: CharCorruptionDataset, model: GPT) -> GPT:
    """The model that `model` was finetuned from, on its device.

    Raises UserError where that cannot be: the params were finetuned themselves, or are of another
    architecture.
    """
    if params.read_description(path).get("function") == "finetune":
        raise UserError(f"{path}: holds finetuned params; give those before the finetuning")
    pretrained = load_model(path, dataset, model.variant)
    sizes, own = (
        [m.positions, *(getattr(m.config, name) for name in COURSE_SIZES)]
        for m in (pretrained, model)
    )
    if sizes != own:
        raise UserError(
            f"{path}: holds a model of other sizes or positions than the finetuned one, which was "
            "not made from it; give the params that it was finetuned from"
        )
    return pretrained.to(next(model.parameters()).device)


def open_answers(
    model: GPT,
    dataset: CharCorruptionDataset,
    params_path: str,
    finetuning_path: str | None = None,
    pretrained_path: str | None = None,
) -> Answers:
    """Answers of the model in `params_path`, with the calibration that stands beside it, and with
    the recall of the params that it was finetuned from, where given."""
    calibration = confidence.read_calibration(params_path, pretrained_path is not None)
    if calibration is None:
        path = confidence.calibration_path(params_path)
        print(f"{path} is missing: the confidence is uncalibrated (src/calibrate.py makes one)")
    finetuning = None
    if finetuning_path:
        finetuning = places_of(load_rows(finetuning_path))
        if finetuning is None:
            raise UserError(f"{finetuning_path}: has no places; give rows of question, tab, place")
    pretrained = load_pretrained(pretrained_path, dataset, model) if pretrained_path else None
    corpus = Corpus("\n".join(dataset.data))
    length = answer_length(params_path)
    return Answers(model, dataset, corpus, calibration, finetuning, pretrained, length)


def write_report_files(
    answers: Answers,
    questions: Sequence[str],
    golds: Sequence[str] | None,
    path: str,
    about: About,
) -> list[str]:
    """Write what a report needs: the answers to the questions, and facts about the run with the
    control group of invented people. Returns the answers' texts."""
    rows = answers.details(questions, golds)
    names = [person(question) for question in questions]
    known = answers.finetuning
    about = replace(
        about,
        calibration=answers.calibration,
        finetuning_answers=None if known is None else dict(known.most_common()),
        invented=answers.invented(names, min(len(names), INVENTED)),
    )
    write_run(rows, about, path)
    return [row.answer for row in rows]
