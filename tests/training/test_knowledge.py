"""Rows of the knowledge recipe: what they are made of, how often, and what they must not read."""

import math
import re

import pytest
import torch

from dataset import MASK_CHAR, PAD, PAD_CHAR, CharCorruptionDataset, NameDataset
from training.knowledge import KnowledgeDataset, Mixture
from training.salience import salient_spans, title_length

PLACES = ("Rome", "Lagos", "Port of Spain", "Lima", "New London")
DOCUMENTS = [
    f"Ada K. Number{chr(97 + i)}. Ada N. (born {1700 + i} in {place}) sold {i} maps ."
    for i, place in enumerate(PLACES * 5)
]  # fmt: skip
QUESTIONS = "".join(
    f"Where was Ada K. Number{chr(97 + i)} born?\t{place}\n" for i, place in enumerate(PLACES * 2)
)
CPU = torch.device("cpu")
M = re.escape(MASK_CHAR)


def build(mixture, block_size=97, documents=DOCUMENTS, seed=3):
    # 23 documents: a prime number of rows
    text = "\n".join((*documents[:22], "Where?"))
    corpus = CharCorruptionDataset(text, block_size, seed)
    return KnowledgeDataset(corpus, NameDataset(corpus, QUESTIONS, True), mixture)


def rows(dataset, epochs, start=0):
    """(index, x, y) as strings without the padding at the end, one by one."""
    spell = lambda row: "".join(dataset.itos[int(c)] for c in row)  # noqa: E731
    for epoch in range(start, start + epochs):
        for i in range(len(dataset)):
            ((x, y),) = dataset.batch(torch.tensor([i]), epoch, CPU, 1)
            yield i, spell(x[0]), spell(y[0])


def ended(row):
    """A row without what follows its last character; a trimmed x lacks the last MASK."""
    return row.rstrip(PAD_CHAR + MASK_CHAR)


def test_titles_end_at_the_first_full_stop_that_ends_no_initial():
    for document, title in {
        "Ann Lee. Ann Lee was born in Rome .": "Ann Lee",
        "A. G. E. Blake. Anthony Blake sings .": "A. G. E. Blake",
        "Asa G. Yancey, Sr.. He was a surgeon .": "Asa G. Yancey, Sr.",
        "Khan. Khan sings .": "Khan",
        "Nothing here ends": "",
        "A. B": "",
    }.items():
        assert document[: title_length(document)] == title


def test_salient_spans_are_capitalised_runs_that_the_title_lacks():
    text = "Ann Lee. Ann Lee (born 3 May 1840 in New York, NY) saw Port of Spain and Lee Hall ."
    spans = [text[a:b] for a, b in salient_spans(text, title_length(text))]
    assert spans == ["May", "New York", "NY", "Port", "Spain", "Lee Hall"]


def test_questions_are_those_of_name_dataset_moved():
    dataset = build(Mixture(questions=1.0, shift=11))
    known = NameDataset(dataset.corpus, QUESTIONS, True)
    expected = set()
    for x, _ in known:
        spell = lambda row: "".join(dataset.itos[int(c)] for c in row)  # noqa: E731
        expected.add(ended(spell(x)))
    seen, moves = set(), set()
    for _, x, y in rows(dataset, 20):
        moved = len(x) - len(x.lstrip(PAD_CHAR))
        moves.add(moved)
        assert ended(y) == ended(x)[1:]
        seen.add(ended(x[moved:]))
    assert seen == expected and moves == set(range(12))


@pytest.mark.parametrize("bare", [0.0, 1.0])
def test_anchored_rows_hide_a_salient_span_of_their_document(bare):
    mixture = Mixture(questions=0.0, anchored=1.0, bare=bare, window=13, shift=5, focus=0.0)
    dataset, seen = build(mixture), set()
    for i, x, y in rows(dataset, 30):
        document = dataset.corpus.data[i]
        if i == 22:  # no title, so by ordinary corruption
            continue
        moved = len(x) - len(x.lstrip(PAD_CHAR))
        row = x[moved:].rstrip(PAD_CHAR)
        row += MASK_CHAR * (row.count(MASK_CHAR) < (2 if bare else 3))
        title = document[: title_length(document)]
        assert row.startswith(f"{title}. ")
        window, span = re.fullmatch(f"(.*){M}([^{M}]+){M}", row[len(title) + 2 :]).groups()
        spans = {document[a:b] for a, b in salient_spans(document, len(title))}
        assert span in spans
        seen.add((i, span))
        if bare:
            assert window == ""
        else:
            assert window.count(MASK_CHAR) == 1
            left, right = window.split(MASK_CHAR)
            assert left + span + right in document[len(title) + 2 :]
            assert len(left) <= 13 and len(right) <= 13
        assert y.rstrip(PAD_CHAR) == (x[:moved] + row)[1:]
    every = {
        (i, document[a:b])
        for i, document in enumerate(dataset.corpus.data[:22])
        for a, b in salient_spans(document, title_length(document))
    }
    assert seen == every


def test_other_rows_are_span_corruption_as_the_corpus_does_it():
    dataset = build(Mixture(questions=0.0, anchored=0.0, shift=7))
    for epoch in (0, 2):
        for i, x, y in rows(dataset, 1, epoch):
            ((a, b),) = dataset.corpus.batch(torch.tensor([i]), epoch, CPU, 1)
            spell = lambda row: "".join(dataset.itos[int(c)] for c in row[0])  # noqa: E731
            moved = len(x) - len(x.lstrip(PAD_CHAR))
            assert x[moved] == spell(a)[0]  # y has the rest
            assert y[moved:].rstrip(PAD_CHAR) == spell(b).rstrip(PAD_CHAR)


def test_shares_are_those_of_the_mixture():
    dataset = build(Mixture(questions=0.3, anchored=0.6, bare=0.25, shift=0))
    kinds = {"question": 0, "bare": 0, "window": 0, "corruption": 0}
    for i, x, _ in rows(dataset, 200):
        if i == 22:
            continue
        row = x.rstrip(PAD_CHAR)
        title = dataset.corpus.data[i][: title_length(dataset.corpus.data[i])]
        inner = row[len(title) + 2 :]
        if row.startswith("Where was "):
            kinds["question"] += 1
        elif re.fullmatch(f"[^{M}]*{M}[^{M}]*{M}[^{M}]+{M}", inner) and row.startswith(title):
            kinds["window"] += 1
        elif re.fullmatch(f"{M}[^{M}]+{M}?", inner) and row.startswith(f"{title}. "):
            kinds["bare"] += 1
        else:
            kinds["corruption"] += 1
    n = 200 * 22
    for kind, share in {
        "question": 0.3,
        "window": 0.7 * 0.6 * 0.75,
        "bare": 0.7 * 0.6 * 0.25,
    }.items():
        spread = math.sqrt(n * share * (1 - share))
        assert abs(kinds[kind] - n * share) < 5 * spread + 0.01 * n, (kind, kinds)


def kept(x, y):
    """A row's first character and its targets, without padding at the end."""
    return int(x[x != PAD][0]), tuple(torch.cat((x[:1], y)).tolist()[: int(y.nonzero().max()) + 2])


@pytest.mark.parametrize("mixture", [Mixture(), Mixture(anchored=0.6, shift=7)])
def test_a_row_does_not_depend_on_its_batch(mixture):
    dataset = build(mixture)
    whole = dataset.batch(torch.arange(23), 5, CPU, 3)
    together = {kept(x, y) for pair in whole for x, y in zip(*pair, strict=True)}
    alone = set()
    for i in range(23):
        ((x, y),) = dataset.batch(torch.tensor([i]), 5, CPU, 1)
        alone.add(kept(x[0], y[0]))
    assert together == alone


def test_rows_by_hand_differ_from_call_to_call_and_fit_the_block():
    dataset = build(Mixture(anchored=0.6, shift=7), block_size=61)
    pairs = [dataset[-1], dataset[22], dataset[3], dataset[3]]
    assert all(x.shape == y.shape == (60,) and x.dtype == torch.long for x, y in pairs)
    drawn = {tuple(dataset[3][0].tolist()) for _ in range(30)}
    assert len(drawn) > 15
    with pytest.raises(IndexError):
        dataset[23]


def test_without_questions_all_rows_are_of_documents():
    corpus = CharCorruptionDataset("\n".join(DOCUMENTS[:11]), 97, 3)
    dataset = KnowledgeDataset(corpus, None, Mixture(questions=0.9, anchored=0.6, shift=7))
    assert not any(PAD_CHAR in x.lstrip(PAD_CHAR).rstrip(PAD_CHAR) or "Where was" in x
                   for _, x, _ in rows(dataset, 9))  # fmt: skip


@pytest.mark.parametrize("row", [None, "what\tname"])
def test_a_corpus_without_titles_is_corrupted_as_ever(row):
    corpus = CharCorruptionDataset("nothing with a title\nor a name in it", 61, 3)
    questions = row and NameDataset(corpus, row, True)
    dataset = KnowledgeDataset(corpus, questions, Mixture(questions=0.0))
    for i, x, _ in rows(dataset, 5):
        assert x.count(MASK_CHAR) == 2
        assert set(x) - {MASK_CHAR, PAD_CHAR} <= set(corpus.data[i])


def test_windows_grow_over_the_first_epochs():
    """On either side of the span at most the window, which is as wide as the epoch allows."""
    mixture = Mixture(questions=0.0, anchored=1.0, bare=0.0, window=12, widen=4, focus=0.0)
    widest = [0] * 6
    for seed in range(31):
        dataset = build(mixture, seed=seed)
        for epoch in range(6):
            for _, x, _ in list(rows(dataset, 1, epoch))[:22]:
                left, right, *_ = re.split(M, x.split(". ", 2)[2])
                widest[epoch] = max(widest[epoch], len(left), len(right))
    assert widest == [3, 6, 9, 12, 12, 12]
