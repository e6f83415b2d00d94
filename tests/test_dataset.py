"""Span corruption and questions, as the handout specifies them."""

import collections

import pytest
import torch
from conftest import COURSE, needs_course_data, run_script
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import UserError
from dataset import MASK, MASK_CHAR, PAD, PAD_CHAR, CharCorruptionDataset, NameDataset, draws

CORPUS = "Ada Byron. Ada was born in London .\nBo. Bo was born in Ghent, far from there .\nabc\n\nx"
letters = st.characters(exclude_characters="\n\r□⁇", codec="utf-8")
documents = st.lists(st.text(letters, max_size=60))
corpora = documents.map("\n".join).filter(lambda text: text.strip())
blocks = st.integers(6, 131)


def characters(dataset, row):
    return "".join(dataset.itos[int(c)] for c in row)


def parts_of(dataset, x, y):
    """prefix, suffix, span of one example, after checking its outer form by hand."""
    assert x.dtype == y.dtype == torch.long
    assert x.shape == y.shape == (dataset.block_size - 1,)
    assert torch.equal(x[1:], y[:-1])
    row = characters(dataset, torch.cat((x, y[-1:])))
    text = row.rstrip(PAD_CHAR)
    assert PAD_CHAR not in text
    prefix, suffix, span = text.split(MASK_CHAR)
    return prefix, suffix, span


@settings(max_examples=120, deadline=None)
@given(corpora, blocks, st.integers(0, 2**40))
def test_parts_reassemble_to_a_prefix_of_the_document(corpus, block_size, seed):
    dataset = CharCorruptionDataset(corpus, block_size, seed=seed)
    longest = int(block_size * 7 / 8)
    for i, document in enumerate(corpus.split("\n")):
        prefix, suffix, span = parts_of(dataset, *dataset[i])
        whole = prefix + span + suffix
        assert document.startswith(whole)
        assert min(4, len(document)) <= len(whole) <= min(longest, len(document))
        assert len(span) >= min(1, len(document))


def test_vocabulary_is_pad_mask_and_sorted_characters():
    dataset = CharCorruptionDataset("ba\nc", 16)
    assert dataset.itos == {0: "□", 1: "⁇", 2: "\n", 3: "a", 4: "b", 5: "c"}
    assert dataset.stoi == {"□": 0, "⁇": 1, "\n": 2, "a": 3, "b": 4, "c": 5}
    assert (dataset.vocab_size, dataset.block_size, dataset.data) == (6, 16, ["ba", "c"])


def test_every_length_and_every_place_of_the_mask_occur():
    dataset = CharCorruptionDataset("q" * 90, 64)
    lengths, spans, starts = set(), collections.Counter(), set()
    for _ in range(6000):
        prefix, suffix, span = parts_of(dataset, *dataset[0])
        length = len(prefix) + len(suffix) + len(span)
        lengths.add(length)
        spans[length, len(span)] += 1
        starts.add(len(prefix) == 0)
        starts.add("end" if not suffix else "inside")
    assert lengths == set(range(4, int(64 * 7 / 8) + 1))
    assert starts == {True, False, "end", "inside"}
    assert {m for (length, m) in spans if length == 56} >= set(range(5, 24))


def test_mean_masked_share_is_a_quarter():
    """20,000 draws; the standard error of the mean share is below 0.15 / sqrt(20000) = 0.0011."""
    dataset = CharCorruptionDataset("\n".join(["w" * 200] * 20000), 128)
    L, M, _ = dataset.spans(torch.arange(20000), 5, 0, 3)
    assert abs((M / L).mean().item() - 0.25) < 0.006
    for length in (4, 5, 7, 11, 53):  # and for each length by itself
        same = CharCorruptionDataset("\n".join(["w" * length] * 20000), 128)
        L, M, _ = same.spans(torch.arange(20000), 7, 0, 1)
        whole = length == L
        assert abs(M[whole].double().mean().item() - length / 4) < 0.03 * length


def test_lengths_are_uniform_where_the_document_is_long():
    """53 lengths, 53,000 draws: chi-square with 52 degrees of freedom exceeds 120 once in 10^6."""
    dataset = CharCorruptionDataset("\n".join(["w" * 200] * 53000), 64)
    L, _, _ = dataset.spans(torch.arange(53000), 11, 0, 0)
    counts = torch.bincount(L, minlength=57)[4:].double()
    assert len(counts) == 53
    assert ((counts - 1000) ** 2 / 1000).sum() < 120


def test_indexing_by_hand_draws_anew_and_repeats_with_the_seed():
    first, again = (CharCorruptionDataset(CORPUS, 32, seed=3) for _ in range(2))
    rows = [first[0][0].tolist() for _ in range(29)]
    assert len(set(map(tuple, rows))) > 13
    assert rows == [again[0][0].tolist() for _ in range(29)]
    other = CharCorruptionDataset(CORPUS, 32, seed=4)
    assert rows != [other[0][0].tolist() for _ in range(29)]


def test_workers_of_a_loader_do_not_repeat_each_other_or_themselves():
    dataset = CharCorruptionDataset("\n".join(["The same sentence about nothing ."] * 22), 48)
    loader = torch.utils.data.DataLoader(dataset, batch_size=11, num_workers=2)
    rows = [tuple(row.tolist()) for _ in range(2) for x, _ in loader for row in x]
    assert len(rows) == 44 and len(set(rows)) > 35


def test_batches_are_a_function_of_seed_epoch_and_index():
    dataset = CharCorruptionDataset(CORPUS, 32, seed=3)
    cpu = torch.device("cpu")

    def rows(indices, epoch, parts):
        found: set[str] = set()
        for x, y in dataset.batch(torch.tensor(indices), epoch, cpu, parts):
            assert torch.equal(x[:, 1:], y[:, :-1])
            assert (y[:, -8:] != PAD).any()  # trimmed to the longest row, or up to 7 more
            whole = torch.cat((x, y[:, -1:]), dim=1)
            found |= {characters(dataset, row).rstrip(PAD_CHAR) for row in whole}
        return found

    assert rows([0, 1, 2], 5, 1) == rows([2, 0], 5, 3) | rows([1], 5, 2)
    assert rows([0, 1, 2], 5, 1) != rows([0, 1, 2], 6, 1)


def test_getitem_and_batch_share_one_implementation():
    """The same draw gives the same row, alone and padded, or in a batch and trimmed."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    index = torch.tensor([2])
    L, M, start = dataset.spans(index, 0, 0, 7)
    row = dataset.render(index, L, M, start, 32, torch.device("cpu"))[0]
    ((x, y),) = dataset.batch(index, 7, torch.device("cpu"))
    assert x.shape[1] < 31
    assert torch.equal(x[0], row[: x.shape[1]]) and (row[x.shape[1] + 1 :] == PAD).all()


def test_draws_are_uniform_and_independent():
    a, b = draws(torch.arange(100_003), 2, 1, 2, 3)
    for d in (a, b):
        assert 0 <= d.min() and d.max() < 2**31
        assert abs(d.double().mean() / 2**31 - 0.5) < 0.005
    assert abs(torch.corrcoef(torch.stack((a, b)).double())[0, 1]) < 0.02
    assert not torch.equal(draws(torch.arange(7), 1, 1)[0], draws(torch.arange(7), 1, 2)[0])


def test_iteration_ends_and_nothing_is_changed():
    dataset = CharCorruptionDataset(CORPUS, 32)
    text, data = dataset.text.clone(), list(dataset.data)
    assert len(list(dataset)) == len(dataset) == 5
    x, y = dataset[0]
    x.fill_(9)
    y.fill_(9)
    assert torch.equal(dataset.text, text) and dataset.data == data
    with pytest.raises(IndexError):
        dataset[5]


def test_short_documents_are_safe():
    dataset = CharCorruptionDataset("ab\n\nabc\na", 16)
    seen = {parts_of(dataset, *dataset[i]) for i in range(4) for _ in range(30)}
    assert ("", "", "") in seen and ("", "", "a") in seen
    assert {"".join((p, m, s)) for p, s, m in seen} == {"", "a", "ab", "abc"}


@pytest.mark.parametrize("corpus, block, word", [
    ("abc", 5, "block_size"), ("a□b", 16, "padding"), ("a⁇b", 16, "masked"), (" \n ", 16, "empty"),
])  # fmt: skip
def test_impossible_corpora_and_sizes_are_refused(corpus, block, word):
    with pytest.raises(UserError, match=word):
        CharCorruptionDataset(corpus, block)


QUESTIONS = "Where was Ada Byron born?\tLondon\nWhere was Bo born?\tGhent"


@pytest.fixture
def pretraining():
    return CharCorruptionDataset(CORPUS + "\nWhere? é", 48)


def test_names_row_by_hand(pretraining):
    dataset = NameDataset(pretraining, QUESTIONS)
    assert len(dataset) == 2
    x, y = dataset[1]
    assert characters(dataset, x) == "Where was Bo born?⁇Ghent⁇".ljust(47, "□")
    assert characters(dataset, y) == ("□" * 17 + "⁇Ghent⁇").ljust(47, "□")
    assert x.dtype == y.dtype == torch.long


@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n"])
def test_no_row_is_lost_or_made_up_at_the_end(pretraining, ending):
    assert len(NameDataset(pretraining, QUESTIONS + ending)) == 2
    assert len(NameDataset(pretraining, QUESTIONS.replace("\n", "\r\n") + ending)) == 2


def test_ascii_names_by_default_and_unicode_on_request(pretraining):
    row = "Where was Béa born?\tGhent"
    pretraining = CharCorruptionDataset(CORPUS + "\nWhere? Béa", 48)
    plain = NameDataset(pretraining, row)
    assert characters(plain, plain[0][0]).startswith("Where was Ba born?⁇Ghent⁇")
    full = NameDataset(pretraining, row, unicode_names=True)
    assert characters(full, full[0][0]).startswith("Where was Béa born?⁇Ghent⁇")


def test_blanks_around_questions_and_places_are_not_learnt(pretraining):
    plain = NameDataset(pretraining, QUESTIONS)
    blanks = " where was Ada Byron born ? \t London \nWhere was Bo born?\tGhent\u00a0"
    for unicode_names in (False, True):
        dataset = NameDataset(pretraining, blanks, unicode_names)
        assert dataset.data == plain.data and torch.equal(dataset.x, plain.x)


def test_letters_that_are_dropped_leave_the_others_as_they_are():
    """The course's own file has such a name: Arthur William \u00e0 Beckett."""
    pretraining = CharCorruptionDataset(CORPUS + "\nWhere? \u00e9", 48)
    dataset = NameDataset(pretraining, "Where was Bo \u00e9 Byron born?\tGhent")
    assert dataset.data == ["Where was Bo  Byron born?\tGhent"]


def test_places_and_names_without_ascii_letters_are_named(capsys):
    text = "Where was \u5317 born?\tGhent\nWhere was Bo born?\tGhent\n"
    pretraining = CharCorruptionDataset(CORPUS + "\nWhere? \u5317\u4eac", 48)
    with pytest.raises(UserError, match="x.tsv, row 3: the place '\u5317 \u4eac'.*--unicode_names"):
        NameDataset(pretraining, text + "Where was Bo born?\t\u5317 \u4eac", source="x.tsv")
    NameDataset(pretraining, text, source="x.tsv")
    assert "x.tsv: 1 of 2 names have no ASCII letters" in capsys.readouterr().out
    NameDataset(pretraining, text, unicode_names=True)
    assert capsys.readouterr().out == ""


def test_name_batches_hold_the_rows(pretraining):
    dataset = NameDataset(pretraining, QUESTIONS)
    rows = {}
    for x, y in dataset.batch(torch.tensor([1, 0]), 0, torch.device("cpu"), 2):
        rows |= {characters(dataset, a).rstrip(PAD_CHAR): b for a, b in zip(x, y, strict=True)}
    for i in range(2):
        x, y = dataset[i]
        found = rows[characters(dataset, x).rstrip(PAD_CHAR)]
        assert torch.equal(found, y[: len(found)]) and (y[len(found) :] == PAD).all()
    assert MASK in y


@pytest.mark.parametrize("row, word", [
    ("Where was Bo born?", "row 3"), ("a\tb\tc", "row 3"), ("Where was Żo?\tGhent", "row 3.*Ż"),
    ("Where was " + "Bo " * 30 + "born?\tGhent", "row 3.*characters long"), ("\tGhent", "row 3"),
])  # fmt: skip
def test_rows_that_are_no_questions(pretraining, row, word):
    with pytest.raises(UserError, match=word):
        NameDataset(pretraining, QUESTIONS + "\n" + row, unicode_names=True, source="some.tsv")


@pytest.mark.parametrize("kind", ["namedata", "charcorruption"])
def test_the_command_prints_four_examples(kind):
    done = run_script("src/dataset.py", kind)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line[:2] for line in lines[-8:]] == ["x:", "y:"] * 4
    for x, y in zip(lines[-8::2], lines[-7::2], strict=True):
        assert len(x) == len(y) == 3 + 127


@needs_course_data
def test_the_courses_files_counted():
    corpus = (COURSE / "wiki.txt").read_text(encoding="utf-8")
    dataset = CharCorruptionDataset(corpus, 128)
    assert (dataset.characters, dataset.vocab_size, len(dataset)) == (418_352, 256, 2_938)
    assert 200 * len(dataset) * dataset.block_size == 75_212_800
    assert 200 * (len(dataset) - 1) * dataset.block_size == 75_187_200
    lengths = [len(document) for document in dataset.data if document]
    assert (min(lengths), max(lengths), len(lengths)) == (38, 516, 2_937)
    names = NameDataset(dataset, (COURSE / "birth_places_train.tsv").read_text(encoding="utf-8"))
    assert len(names) == 2_000
    full = NameDataset(
        dataset, (COURSE / "birth_places_train.tsv").read_text(encoding="utf-8"), unicode_names=True
    )
    assert sum(a != b for a, b in zip(names.data, full.data, strict=True)) == 124
