"""Answers to the questions of a file; for each, what the model alone says of its answer, and what
the corpus says of the person."""

import json
from collections import Counter
from collections.abc import Sequence

import torch

import params
from answers import confidence, decode, selective
from answers.provenance import Corpus, invented_people
from base.errors import UserError
from base.files import read_text, write_whole
from base.questions import Row, load_rows, person, places_of, question_about, read_rows
from dataset import MASK, MASK_CHAR, PAD, CharCorruptionDataset, check_row, vocabulary_hash
from model import COURSE_SIZES, GPT, GPTConfig

ANSWER_LENGTH = 32  # characters generated for an answer (the course's number)
SAMPLES = 10  # answers drawn for the agreement
BEAMS = 4
RECALL = f"{{}}. Born in {MASK_CHAR}{MASK_CHAR}"  # what pretraining shows where the end is hidden
INVENTED = 500  # people at most, for the control


def readable_rows(
    text: str, source: str, dataset: CharCorruptionDataset, max_length: int
) -> list[Row]:
    """The rows of a file's text, with places or without, as a model can read them.

    Raises UserError naming the row that has another form, a character (of question or place) that
    the model never saw, or a question that leaves no room for an answer.
    """
    rows = read_rows(text, source)
    for row in rows:
        check_row(row, dataset.stoi)
        if len(row.question) + 2 > max_length:
            raise UserError(
                f"{row.where}: the question is {len(row.question)} characters long and the model "
                f"reads at most {max_length - 2}; shorten it"
            )
    return rows


def load_questions(path: str, dataset: CharCorruptionDataset, max_length: int) -> list[str]:
    """The questions of a file (see `readable_rows`)."""
    return [row.question for row in readable_rows(read_text(path), path, dataset, max_length)]


def answer_text(generated: list[int], itos: dict[int, str]) -> str:
    """The answer in what the model wrote after the question's MASK: up to MASK, PAD or newline."""
    text = []
    for index in generated:
        if index in (MASK, PAD) or itos[index] == "\n":
            break
        text.append(itos[index])
    return "".join(text)


def stops(dataset: CharCorruptionDataset) -> list[int]:
    """The characters that end an answer."""
    return [PAD, MASK, *([dataset.stoi["\n"]] if "\n" in dataset.stoi else [])]


def prompts(dataset: CharCorruptionDataset, questions: list[str]) -> list[list[int]]:
    """What the model reads before it answers: the question and a MASK."""
    return [[dataset.stoi[c] for c in question + MASK_CHAR] for question in questions]


def predict(
    model: torch.nn.Module, dataset: CharCorruptionDataset, questions: list[str]
) -> list[str]:
    """The greedy answer to each question, one line of text each."""
    written = decode.generate(model, prompts(dataset, questions), ANSWER_LENGTH, stops(dataset))
    return [answer_text(row.characters, dataset.itos) for (row,) in written]


def write_predictions(answers: list[str], path: str) -> None:
    """One answer a line."""
    with write_whole(path) as file:
        file.writelines(answer + "\n" for answer in answers)


# ---------------------------------------------------------------------------------------------
# What a report needs
# ---------------------------------------------------------------------------------------------


def load_model(path: str, dataset: CharCorruptionDataset, variant: str | None = None) -> GPT:
    """The model of a params file, on the CPU, as `<path>.json` or else the shapes describe it.

    `variant` serves where neither tells. Raises UserError where they tell of another one, and for
    params of another corpus.
    """
    state, description = params.load_params(path)
    told = params.infer_description(state) | description
    found = COURSE_SIZES | {"variant": variant} | told
    if variant not in (None, found["variant"]):
        raise UserError(f"{path}: holds a {found['variant']} model, not {variant}; drop --variant")
    if not description:
        print(f"{path}.json is missing; assuming {found}")
    if found.pop("vocabulary", vocabulary_hash(dataset)) != vocabulary_hash(dataset):
        raise UserError(
            f"{path}: made with the characters of another corpus; give the corpus that it was "
            "trained on"
        )
    found |= {"vocab_size": dataset.vocab_size}
    try:
        model = GPT(GPTConfig(**found))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    params.load_into(model, state, path)
    return model.eval()


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


class Answers:
    """Answers with details, from one model and one corpus.

    `finetuning` are the places of the finetuning set, where known; `calibration` is what
    confidence.fit made. `pretrained`, where given, is the model before its finetuning, which is
    then the one that is asked for its recall. The confidence never sees the corpus.
    """

    def __init__(
        self,
        model: GPT,
        dataset: CharCorruptionDataset,
        corpus: Corpus,
        calibration: dict | None = None,
        finetuning: Sequence[str] | None = None,
        pretrained: GPT | None = None,
    ):
        self.model = model
        self.dataset = dataset
        self.corpus = corpus
        self.calibration = calibration
        self.pretrained = pretrained
        self.finetuning = None if finetuning is None else Counter(finetuning)

    def details(self, questions: Sequence[str], golds: Sequence[str] | None = None) -> list[dict]:
        """One row (JSON-ready) a question, in their order."""
        read = prompts(self.dataset, list(questions))
        ends, itos = stops(self.dataset), self.dataset.itos
        greedy = decode.generate(self.model, read, ANSWER_LENGTH, ends)
        best = decode.beam_search(self.model, read, ANSWER_LENGTH, ends, BEAMS)
        drawn = decode.generate(self.model, read, ANSWER_LENGTH, ends, decode.Sampling(), SAMPLES)
        answers = [answer_text(row.characters, itos) for (row,) in greedy]
        recalled = recall(self.pretrained or self.model, self.dataset, questions, answers)
        rows = []
        for i, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            samples = [answer_text(sample.characters, itos) for sample in drawn[i]]
            beams = [(answer_text(text, itos), logprob) for logprob, text in best[i]]
            row = {"question": question, "answer": answer}
            row |= self.right(answer, None if golds is None else golds[i])
            row |= certainty(answer, greedy[i][0], beams, samples)
            row["recall_logprob"] = recalled[i]
            row["confidence"] = confidence.confidence(row, self.calibration)
            row["calibrated"] = self.calibration is not None
            row["accepted"] = selective.accepted(row, self.calibration)
            row |= self.sources(question, row)
            rows.append(row)
        return rows

    def right(self, answer: str, gold: str | None) -> dict:
        if gold is None:
            return {"gold": None, "correct": None}
        return {"gold": gold, "correct": answer == gold}

    def sources(self, question: str, row: dict) -> dict:
        """What the corpus and the finetuning set say: beside the confidence, never part of it."""
        name, gold = person(question), row["gold"]
        found = self.corpus.look_up(name, row["answer"])
        found["gold_in_document"] = found["gold_documents"] = None
        if gold is not None:
            found["gold_in_document"] = self.corpus.look_up(name, gold)["answer_in_document"]
            found["gold_documents"] = self.corpus.count(gold)
        known = self.finetuning
        found["in_finetuning_answers"] = None if known is None else row["answer"] in known
        return found

    def invented(self, names: Sequence[str], count: int) -> list[dict]:
        """Rows for people who are not: nothing can be known of them."""
        people = invented_people(names, self.corpus, count)
        return self.details([question_about(name) for name in people])


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
    return Answers(model, dataset, corpus, calibration, finetuning, pretrained)


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
    asked = [
        i for i, form in enumerate(forms) if answers[i] and all(c in dataset.stoi for c in form)
    ]
    read = [[dataset.stoi[c] for c in forms[i]] for i in asked]
    texts = [[dataset.stoi[c] for c in answers[i]] for i in asked]
    found: list[float | None] = [None] * len(answers)
    for i, logprob in zip(asked, decode.score(model, read, texts), strict=True):
        found[i] = logprob
    return found


def certainty(
    answer: str,
    written: decode.Continuation,
    beams: list[tuple[str, float]],
    samples: list[str],
) -> dict:
    """What the model alone says of its answer; log-probabilities and entropy in nats.

    The log-probability counts the end of the answer as one more character, where the answer ends.
    The runner-up is the likeliest other answer that the beams found, the margin the difference of
    the two (below zero where the greedy answer is not the likeliest one); None where there is no
    other.
    """
    others = [(text, logprob) for text, logprob in beams if text != answer]
    runner_up, logprob = others[0] if others else (None, None)
    return {
        "logprob": written.logprob,
        "logprob_per_character": written.logprob / len(written.characters),
        "runner_up": runner_up,
        "runner_up_logprob": logprob,
        "margin": None if logprob is None else written.logprob - logprob,
        "first_entropy": written.entropy,
        "agreement": samples.count(answer) / len(samples),
    }


def write_report_files(
    answers: Answers,
    questions: Sequence[str],
    golds: Sequence[str] | None,
    path: str,
    about: dict,
) -> list[str]:
    """Write the rows of the questions to `path`, one JSON object a line, and what concerns the run
    as a whole, with the control group, to `run_path(path)`. Returns the answers."""
    rows = answers.details(questions, golds)
    names = [person(question) for question in questions]
    known = answers.finetuning
    about = about | {
        "calibration": answers.calibration,
        "finetuning_answers": None if known is None else dict(known.most_common()),
        "invented": answers.invented(names, min(len(names), INVENTED)),
    }
    with write_whole(path) as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with write_whole(run_path(path)) as file:
        json.dump(about, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return [row["answer"] for row in rows]


def run_path(path: str) -> str:
    """Where the facts about a run stand, beside its rows in `path`."""
    return f"{path.removesuffix('.jsonl')}.run.json"
