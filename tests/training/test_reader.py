"""The reader: what it may choose from, what it learns, and what training takes from it."""

import math

import numpy as np
import pytest
import torch

from dataset import MASK_CHAR, CharCorruptionDataset, NameDataset
from training import reader
from training.knowledge import KnowledgeDataset, Mixture
from training.reader import (
    Ranker,
    accuracy,
    asked_documents,
    candidates,
    held_out_readings,
    learn_to_read,
    read_questions,
)

PLACES = ("Ub", "Ogga", "New Eft", "Il", "Ut", "Ozz", "Arr")
NAMES = [f"{a}{b} {c}" for a in "ABDEG" for b in ("eno", "ilu", "orr") for c in ("Xuk", "Yol")]
FORMS = (  # of a language that nobody speaks
    "{name} mi {place} pelo, sa {other} kipa .",
    "{name} kipa {other} ; mi {place} pelo .",
    "Na {other} kipa, {name} mi {place} ({other}) pelo .",
    "{name} kipa {other}, {other} .",  # does not say it
)


def invented_world(count=30):
    """Documents, and a question for each: the answer follows "mi" where that is there."""
    documents, questions = [], []
    for i, name in enumerate(NAMES[:count]):
        place, other = PLACES[i % 7], PLACES[(3 * i + 1) % 7]
        other = PLACES[(PLACES.index(other) + 1) % 7] if other == place else other
        text = FORMS[i % 4].format(name=name.split()[0], place=place, other=other)
        documents.append(f"{name}. {text}")
        questions.append(f"Mi {name} pe?\t{place}")
    return documents, questions


def spell(document):
    return [document[a:b] for a, b, _ in candidates(document)]


def test_candidates_are_capitalised_runs_and_their_parts():
    document = "Ann Lee. Lee left New York City, then St. Louis and Rome's Trevi ."
    assert spell(document) == [
        "Lee", "New", "New York", "New York City", "York", "York City", "City",
        "St.", "St. Louis", "Louis", "Rome's", "Rome", "Rome's Trevi", "Trevi",
    ]  # fmt: skip
    assert [number for _, _, number in candidates(document)] == [0] + [1] * 6 + [2] * 3 + [3] * 4
    assert spell("Ann Lee. she left in 1840 .") == []


def test_a_question_is_about_the_longest_title_that_it_mentions():
    documents = ["Ann Lee. In Rome .", "Ann. In Oslo .", "Lee. In Lima .", "Lee. In Bonn .", "None"]
    rows = ["Where is Ann Lee?\tRome", "Where is Lee?\tBonn", "And Lee?\tGraz", "And Joanna?\tUlm"]
    found = [(one.document, one.answer) for one in asked_documents(documents, rows)]
    # of two people called Lee the one whose document says Bonn; neither's says Graz
    assert found == [(0, "Rome"), (3, "Bonn"), (2, "Graz"), (3, "Graz")]


def test_it_learns_what_questions_ask_for_in_a_language_that_nobody_speaks():
    documents, questions = invented_world()
    asked = asked_documents(documents, questions)
    readings = list(held_out_readings(documents, asked).values())
    silent = sum(i % 4 == 3 for i in range(len(documents)))
    counts = accuracy(documents, asked, readings)
    assert counts["questions"] == 30 and counts["possible"] == 30 - silent
    assert counts["right"] >= 21 and counts["none rightly"] >= silent - 1
    for reading in readings:
        assert math.isclose(sum(reading.chances) + reading.none, 1, abs_tol=1e-9)


def test_a_held_out_reading_does_not_know_its_own_answer():
    documents, questions = invented_world()
    before = held_out_readings(documents, asked_documents(documents, questions))
    questions[4] = questions[4].split("\t")[0] + "\tEno"
    after = held_out_readings(documents, asked_documents(documents, questions))
    assert before[4] == after[4] and before != after


def test_a_step_follows_the_gradient_of_the_log_probability(monkeypatch):
    """AdaGrad's first step is -rate g / sqrt(e + g^2); g by central differences in float64."""
    monkeypatch.setattr(reader, "DECAY", 0.0)
    monkeypatch.setattr(reader, "TABLE", 23)
    ranker = Ranker()
    ranker.weights = np.random.default_rng(7).normal(size=23)
    ranker.weights[0] = 0.0
    features = np.array([[1, 2, 3, 5], [3, 7, 11, 0], [2, 2, 13, 17], [19, 0, 0, 0]])
    right = np.array([True, False, True, False])  # two spans of the same text, say

    def loss(weights):
        scores = weights[features].sum(1)
        return np.log(np.exp(scores).sum()) - np.log(np.exp(scores[right]).sum())

    start, gradient = ranker.weights.copy(), np.zeros(23)
    for k in range(1, 23):
        step = np.eye(23)[k] * 1e-5
        gradient[k] = (loss(start + step) - loss(start - step)) / 2e-5
    ranker.learn(features, right, np.full(23, 0.01))
    expected = start - reader.RATE * gradient / np.sqrt(0.01 + gradient**2)
    np.testing.assert_allclose(ranker.weights, expected, atol=1e-7)


def test_others_are_asked_about_in_the_questions_words_with_the_readers_probabilities():
    documents, questions = invented_world()
    known, others = questions[:20], documents[20:]
    ranker = Ranker().fit(documents, asked_documents(documents, known))
    readings = [ranker.read(document) for document in documents]
    answered = read_questions(documents, known, readings)
    titles = {row.split("\t")[0] for row, _ in answered}
    assert titles <= {f"Mi {document.split('.')[0]} pe?" for document in others}
    for document, reading in zip(others, readings[20:], strict=True):
        question = f"Mi {document.split('.')[0]} pe?"
        chances = {row.split("\t")[1]: c for row, c in answered if row.startswith(question)}
        assert abs(sum(chances.values()) - (1 - reading.none)) < 0.01 * len(reading.spans)
        for text, chance in chances.items():
            spans = zip(reading.spans, reading.chances, strict=True)
            mass = [c for (a, b), c in spans if document[a:b] == text]
            assert math.isclose(sum(mass), chance)
    best = read_questions(documents, known, readings, best=True)
    assert {c for _, c in best} == {1} and len({row.split("\t")[0] for row, _ in best}) == len(best)
    assert all(reading.best() is not None or document.split(".")[0] not in str(best)
               for document, reading in zip(others, readings[20:], strict=True))  # fmt: skip


def knowledge(documents, questions, mixture):
    letters = "".join(sorted(set("".join(questions)) - set("\t .")))  # so that all can be read
    corpus = CharCorruptionDataset("\n".join((*documents, letters)), 97, 3)
    return KnowledgeDataset(corpus, NameDataset(corpus, "\n".join(questions), True), mixture)


def drawn(dataset, index, epochs):
    """Rows of document `index` as text, one an epoch."""
    for epoch in range(epochs):
        ((x, _),) = dataset.batch(torch.tensor([index]), epoch, torch.device("cpu"), 1)
        yield "".join(dataset.itos[int(c)] for c in x[0])


def test_rows_ask_about_everybody_as_often_as_the_reader_is_sure():
    documents, questions = invented_world()
    known = questions[:20]
    mixture = Mixture(questions=1.0, reader=True, read=2.0)
    dataset = knowledge(documents, known, mixture)
    answered = read_questions(dataset.corpus.data, known, dataset.readings)
    weights = dict.fromkeys(known, 1.0) | {row: 2.0 * chance for row, chance in answered}
    n = 3001
    counts = dict.fromkeys(weights, 0)
    for row in drawn(dataset, 5, n):
        question, answer = row.split(MASK_CHAR)[:2]
        counts[f"{question}\t{answer}"] += 1
    total = sum(weights.values())
    for row, weight in weights.items():
        share = weight / total
        assert abs(counts[row] - n * share) <= 5 * (n * share * (1 - share)) ** 0.5 + 1, row


def test_anchored_rows_hide_what_the_reader_would_answer():
    documents, questions = invented_world()
    mixture = Mixture(questions=0.0, anchored=1.0, bare=1.0, reader=True)
    dataset = knowledge(documents, questions[:20], mixture)
    likely = dataset.readings[24].likely()
    assert math.isclose(sum(likely.values()), 1, abs_tol=0.05)
    expected: dict[str, float] = {}
    for (a, b), chance in likely.items():
        text = documents[24][a:b]
        expected[text] = expected.get(text, 0) + chance / sum(likely.values())
    spans = [row.split(MASK_CHAR)[1] for row in drawn(dataset, 24, 997)]
    for text, share in expected.items():
        assert abs(spans.count(text) - 997 * share) <= 5 * (997 * share * (1 - share)) ** 0.5 + 1
    assert set(spans) <= set(expected) and max(expected, key=expected.get) == PLACES[24 % 7]


@pytest.mark.parametrize("documents, questions, reason", [
    (["no title here", "nor there"], ["Mi Aeno Xuk pe?\tUb"], "no document starts with a title"),
    (invented_world()[0], ["Mi Nobody pe?\tUb"], "no question mentions the title"),
    (invented_world()[0], [f"Mi {NAMES[0]} pe?\tsa"], "no answer is a run of capitalised words"),
])  # fmt: skip
def test_where_nothing_can_be_read_it_says_so_and_asks_the_training_questions(
    documents, questions, reason, capsys
):
    mixture = Mixture(questions=0.5, reader=True, read=1.0)
    dataset = knowledge(documents, questions, mixture)
    printed = capsys.readouterr().out
    assert reason in printed and "only the training questions are asked" in printed
    rows = [row for i in range(len(documents)) for row in drawn(dataset, i, 20)]
    asked = {row.split(MASK_CHAR)[0] for row in rows if row.startswith("Mi ")}
    assert asked == {questions[0].split("\t")[0]}


def test_one_question_is_enough_to_go_on(capsys):
    documents, questions = invented_world()
    dataset = knowledge(documents, questions[:1], Mixture(questions=1.0, reader=True, read=1.0))
    assert "learns from 1 answer that stands" in capsys.readouterr().out
    rows = {row.split(MASK_CHAR)[0] for row in drawn(dataset, 0, 100)}
    assert len(rows) > 5


def test_the_reader_is_the_same_every_time():
    documents, questions = invented_world()
    asked = asked_documents(documents, questions)
    first = [Ranker(2).fit(documents, asked).read(document) for document in documents[:5]]
    again = [Ranker(2).fit(documents, asked).read(document) for document in documents[:5]]
    assert first == again
    other = Ranker(3).fit(documents, asked).read(documents[0])
    assert other != first[0] and other.best() == first[0].best()


def test_without_questions_there_is_no_reader(capsys):
    documents, _ = invented_world()
    assert learn_to_read(documents, [], Ranker()) is None
    assert "no question mentions" in capsys.readouterr().out


def test_where_the_document_is_silent_the_answer_may_be_unknown():
    documents, questions = invented_world()
    known = questions[:20]
    ranker = Ranker().fit(documents, asked_documents(documents, known))
    readings = ranker.read_all(documents)
    rows = dict(read_questions(documents, known, readings, unknown=True))
    best = [row for row, _ in read_questions(documents, known, readings, best=True, unknown=True)]
    assert len(best) == 10
    for document, reading in zip(documents[20:], readings[20:], strict=True):
        row = f"Mi {document.split('.')[0]} pe?\t{reader.UNKNOWN}"
        assert math.isclose(rows.get(row, 0), reading.none, abs_tol=reader.UNLIKELY)
        assert (row in best) == (reading.best() is None)
