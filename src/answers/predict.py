"""The questions of a file, and a model's answers to them."""

import torch

import params
from answers import decode
from base.errors import UserError
from base.files import read_text, write_whole
from base.questions import Row, read_rows
from dataset import MASK, MASK_CHAR, PAD, CharCorruptionDataset, check_question, check_row

ANSWER_LENGTH = 32  # characters generated for an answer (the course's number)


def answer_length(params_path: str) -> int:
    """The most characters that a model writes as an answer: what stands in the params' JSON, where
    the longest training place decided it, or else the course's 32."""
    return params.read_description(params_path).get("answer_length", ANSWER_LENGTH)


def check_readable(question: str, where: str, stoi: dict[str, int], max_length: int) -> None:
    """Raise UserError for a question with characters that the model never saw, or one that leaves
    no room for an answer."""
    check_question(question, stoi, where)
    if len(question) + 2 > max_length:
        raise UserError(
            f"{where}: the question is {len(question)} characters long and the model reads at most "
            f"{max_length - 2}; shorten it"
        )


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
        check_readable(row.question, row.where, dataset.stoi, max_length)
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
    model: torch.nn.Module,
    dataset: CharCorruptionDataset,
    questions: list[str],
    length: int = ANSWER_LENGTH,
) -> list[str]:
    """The greedy answer to each question, one line of at most `length` characters each."""
    written = decode.generate(model, prompts(dataset, questions), length, stops(dataset))
    return [answer_text(row.characters, dataset.itos) for (row,) in written]


def write_predictions(answers: list[str], path: str) -> None:
    """One answer a line."""
    with write_whole(path) as file:
        file.writelines(answer + "\n" for answer in answers)
