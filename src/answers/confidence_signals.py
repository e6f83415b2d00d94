"""What a model alone says of its answers."""

from collections.abc import Sequence

import torch

from answers import decode
from answers.answer import ConfidenceSignals
from answers.predict import ANSWER_LENGTH, answer_text, prompts, stops
from base.questions import person
from dataset import MASK_CHAR, CharCorruptionDataset

SAMPLES = 10  # answers drawn for the agreement
BEAMS = 4
RECALL = f"{{}}. Born in {MASK_CHAR}{MASK_CHAR}"  # what pretraining shows where the end is hidden


def answers_with_signals(
    model: torch.nn.Module,
    dataset: CharCorruptionDataset,
    questions: Sequence[str],
    recalling: torch.nn.Module | None = None,
    length: int = ANSWER_LENGTH,
) -> list[tuple[str, ConfidenceSignals]]:
    """The greedy answer to each question (at most `length` characters), and the
    signals of the model's confidence in it.

    `recalling` is the model that is asked for the recall; None: the same one.
    """
    read = prompts(dataset, list(questions))
    ends, itos = stops(dataset), dataset.itos
    greedy = decode.generate(model, read, length, ends)
    best = decode.beam_search(model, read, length, ends, BEAMS)
    drawn = decode.generate(model, read, length, ends, decode.Sampling(), SAMPLES)
    answers = [answer_text(row.characters, itos) for (row,) in greedy]
    recalled = recall(recalling or model, dataset, questions, answers)
    judged = []
    for i, answer in enumerate(answers):
        samples = [answer_text(sample.characters, itos) for sample in drawn[i]]
        beams = [(answer_text(text, itos), logprob) for logprob, text in best[i]]
        judged.append((answer, signals_of(answer, greedy[i][0], beams, samples, recalled[i])))
    return judged


def signals_of(
    answer: str,
    written: decode.Continuation,
    beams: list[tuple[str, float]],
    samples: list[str],
    recalled: float | None,
) -> ConfidenceSignals:
    """The signals of the model's confidence in an answer that it has `written`."""
    others = [(text, logprob) for text, logprob in beams if text != answer]
    runner_up, logprob = others[0] if others else (None, None)
    return ConfidenceSignals(
        logprob=written.logprob,
        logprob_per_character=written.logprob / len(written.characters),
        runner_up=runner_up,
        runner_up_logprob=logprob,
        margin=None if logprob is None else written.logprob - logprob,
        first_entropy=written.entropy,
        agreement=samples.count(answer) / len(samples),
        recall_logprob=recalled,
    )


def recall(
    model: torch.nn.Module,
    dataset: CharCorruptionDataset,
    questions: Sequence[str],
    answers: Sequence[str],
) -> list[float | None]:
    """How well the model recalls each answer in the form of its pretraining: the log-probability,
    in nats, of the answer (its end not counted) as what is hidden at the end of "[name]. Born in ".

    None for an empty answer, and where a character of that form is not in the vocabulary. An answer
    made up for the question is usually improbable here, most clearly to the model before its
    finetuning, which teaches it to answer whatever is asked.
    """
    forms = [RECALL.format(person(question)) for question in questions]
    scored = [
        i for i, form in enumerate(forms) if answers[i] and all(c in dataset.stoi for c in form)
    ]
    read = [[dataset.stoi[c] for c in forms[i]] for i in scored]
    texts = [[dataset.stoi[c] for c in answers[i]] for i in scored]
    recalled: list[float | None] = [None] * len(answers)
    for i, logprob in zip(scored, decode.score(model, read, texts), strict=True):
        recalled[i] = logprob
    return recalled
