"""Answers to the questions of a file, and their score."""

import torch
from tqdm import tqdm

import utils
from dataset import MASK, MASK_CHAR, PAD, CharCorruptionDataset, check_question
from files import UserError, read_text, write_whole

ANSWER_LENGTH = 32  # characters generated for an answer (the course's number)
BATCH = 256


def load_questions(path: str, dataset: CharCorruptionDataset, max_length: int) -> list[str]:
    """The questions in the first column of a TSV file with one or two columns.

    Raises UserError naming the row that has more columns, a character that the model never saw, or
    more characters than leave room for an answer.
    """
    rows = [(n, line) for n, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    questions, columns = [], rows[0][1].count("\t")
    for number, line in rows:
        fields = line.rstrip("\r").split("\t")
        where = f"{path}, row {number}"
        if len(fields) != columns + 1 or len(fields) > 2:
            wanted = "a question, a tab and a place" if columns else "a question without a tab"
            raise UserError(f"{where}: not {wanted}: {line!r}; mend it")
        question = fields[0]
        check_question(question, dataset.stoi, where)
        if len(question) + 2 > max_length:
            raise UserError(
                f"{where}: the question is {len(question)} characters long and the model reads at "
                f"most {max_length - 2}; shorten it"
            )
        questions.append(question)
    return questions


def answer_text(generated: list[int], itos: dict[int, str]) -> str:
    """The answer in what the model wrote after the question's MASK: up to MASK, PAD or newline."""
    text = []
    for index in generated:
        if index in (MASK, PAD) or itos[index] == "\n":
            break
        text.append(itos[index])
    return "".join(text)


def predict(
    model: torch.nn.Module, dataset: CharCorruptionDataset, questions: list[str]
) -> list[str]:
    """The greedy answer to each question, one line of text each."""
    device = next(model.parameters()).device
    by_length: dict[int, list[int]] = {}
    for i, question in enumerate(questions):
        by_length.setdefault(len(question), []).append(i)
    answers = [""] * len(questions)
    with tqdm(total=len(questions), disable=None, desc="answering") as bar:
        for length, members in sorted(by_length.items()):
            for start in range(0, len(members), BATCH):
                chosen = members[start : start + BATCH]
                rows = [[dataset.stoi[c] for c in questions[i] + MASK_CHAR] for i in chosen]
                x = torch.tensor(rows, device=device)
                out = utils.sample(model, x, ANSWER_LENGTH, sample=False)[:, length + 1 :].tolist()
                for i, row in zip(chosen, out, strict=True):
                    answers[i] = answer_text(row, dataset.itos)
                bar.update(len(chosen))
    return answers


def write_predictions(answers: list[str], path: str) -> None:
    """One answer a line."""
    with write_whole(path) as file:
        file.writelines(answer + "\n" for answer in answers)
