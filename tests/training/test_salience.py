"""Which spans look like answers: counted by hand."""

from pathlib import Path

import pytest
import torch

from dataset import MASK_CHAR, CharCorruptionDataset, NameDataset
from training.knowledge import KnowledgeDataset, Mixture
from training.salience import answer_likeness, phrases, salient_spans, title_length

DOCUMENTS = [
    "Ann Lee. She came from Rome and taught in Lima .",
    "Bo Ek. He came from Oslo and taught in Kiev .",
    "Cy Fox. He came from Bonn, taught in Bern (Graz) .",
]
QUESTIONS = ["Where does Ann Lee come from?\tRome", "Where does Bo Ek come from?\tOslo"]


def spans(documents):
    return [
        (i, a, b - a)
        for i, document in enumerate(documents)
        for a, b in salient_spans(document, title_length(document))
    ]


def test_likeness_is_how_often_a_span_after_the_same_word_is_the_answer():
    found = spans(DOCUMENTS)
    words = [DOCUMENTS[i][a : a + length] for i, a, length in found]
    # "She" and "He" are capitalised, so they count as spans, as any reader of no language would
    assert words == ["She", "Rome", "Lima", "He", "Oslo", "Kiev", "He", "Bonn", "Bern", "Graz"]
    usual = 2 / 6  # six spans of documents that are asked about, two of them answers
    full_stop, origin, place, bracket = (
        (0 + usual) / (2 + 1),
        (2 + usual) / (2 + 1),
        (0 + usual) / (2 + 1),
        (0 + usual) / (0 + 1),
    )
    expected = [full_stop, origin, place] * 3 + [bracket]
    assert answer_likeness(DOCUMENTS, found, QUESTIONS) == pytest.approx(expected)


def test_a_question_mentions_whole_words_alone():
    assert "Ann Lee" in phrases("Where was Ann Lee born?")
    assert "Bo Ek" in phrases("And Bo Ek?")
    assert "nn Lee" not in phrases("Where was Ann Lee born?")


def test_a_document_without_a_title_is_not_asked_about():
    documents = ["no title here from Rome", *DOCUMENTS]
    found = [(0, 19, 4), *spans(DOCUMENTS)]
    found = [found[0], *((i + 1, a, length) for i, a, length in found[1:])]
    questions = ["Where does Ann Lee come from ?\tRome"]  # a mark by itself is a word of nothing
    without = answer_likeness(documents[1:], spans(DOCUMENTS), questions)
    assert answer_likeness(documents, found, questions)[1:] == without


@pytest.mark.parametrize("row", ["Where was Di born?\tRome", "Where was Ann Lee born?\tParis"])
def test_questions_that_no_span_answers_leave_all_spans_alike(row):
    found = spans(DOCUMENTS)
    likeness = answer_likeness(DOCUMENTS, found, [row])
    assert 0 < min(likeness) and max(likeness) / min(likeness) < 4
    corpus = CharCorruptionDataset("\n".join((*DOCUMENTS, "Where was Di born? Paris")), 97, 3)
    questions = NameDataset(corpus, row, True)
    mixture = Mixture(questions=0.0, anchored=1.0, bare=1.0)
    dataset = KnowledgeDataset(corpus, questions, mixture)
    drawn = set()
    for epoch in range(101):
        for x, _ in dataset.batch(torch.arange(3), epoch, torch.device("cpu"), 1):
            texts = ("".join(dataset.itos[int(c)] for c in shown) for shown in x)
            drawn |= {text.split(MASK_CHAR)[1] for text in texts}
    assert drawn == {DOCUMENTS[i][a : a + length] for i, a, length in found}


@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0])
def test_spans_are_drawn_in_proportion(focus):
    text = "\n".join((*DOCUMENTS, "Where does it come from?"))
    corpus = CharCorruptionDataset(text, 97, 3)
    questions = NameDataset(corpus, "\n".join(QUESTIONS), True)
    mixture = Mixture(questions=0.0, anchored=1.0, bare=1.0, shift=0, focus=focus)
    dataset = KnowledgeDataset(corpus, questions, mixture)
    counts = dict.fromkeys(("He", "Bonn", "Bern", "Graz"), 0)
    n = 2003
    for epoch in range(n):
        ((x, _),) = dataset.batch(torch.tensor([2]), epoch, torch.device("cpu"), 1)
        row = "".join(dataset.itos[int(c)] for c in x[0])
        counts[row.split(MASK_CHAR)[1]] += 1
    likeness = dict(zip(counts, (1 / 9, 7 / 9, 1 / 9, 1 / 3), strict=True))
    for span, count in counts.items():
        share = (1 - focus) / 4 + focus * likeness[span] / sum(likeness.values())
        assert abs(count - n * share) < 5 * (n * share * (1 - share)) ** 0.5, (span, counts)


def test_no_words_of_the_task_are_written_down():
    """What answers look like is counted, not known."""
    source = Path(__file__).resolve().parents[2] / "src"
    names = (f"training/{name}.py" for name in ("salience", "knowledge", "reader"))
    for name in (*names, "recipes.py"):
        text = (source / name).read_text(encoding="utf-8").lower()
        assert "born" not in text and "birth" not in text
