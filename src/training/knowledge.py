"""Documents and questions in one dataset, so that what the documents say can be asked for.

The rows of the recipes `knowledge` and `reading`. A model that has only seen documents from their
beginning stores what they say in a way that a question does not reach (Physics of Language Models
3.1, arXiv 2309.14316). Here each row is, by chance and by the mixture's shares, one of four kinds,
and starts at a random position if the mixture says so:

- a training question with its answer;
- an anchored window: `Title. ...left MASK right... MASK span MASK`, where the title is what the
  document starts with and the span a salient one (salient span masking: REALM, arXiv 2002.08909),
  drawn by how likely it answers such a question, as a reader of documents sees it (reader.py) or,
  without one, as the word before it tells (salience.py);
- the same without a window, so that the title alone must give the span: `Title. MASK span MASK`;
- the document by ordinary span corruption, as in CharCorruptionDataset.

The recipe `reading` also asks about the people whom no training question asks about, with answers
that a reader of their documents gives (reader.py), drawn by its probabilities: where the reader
doubts, so will the model.

Every character is a target, in questions too: names are learnt by being spelt.

Shapes: B rows, S segments that a row is put together from, W = block_size - 1 positions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from base.questions import split_row
from dataset import (
    BY_CALL,
    BY_EPOCH,
    MASK,
    PAD,
    Batch,
    CharCorruptionDataset,
    NameDataset,
    below,
    checked_index,
    draws,
    rounded,
)
from training.reader import Ranker, Reader, Reading, learn_to_read, read_questions
from training.salience import answer_likeness, salient_spans, title_length

ONE = 2**31  # what draws stay below
KINDS = 7  # added to a dataset's stream number, so that rows draw apart from corruption


@dataclass(frozen=True)
class Mixture:
    """What rows are made of: probabilities, and lengths in characters."""

    questions: float = 0.3  # of all rows
    anchored: float = 0.7  # of the other rows
    bare: float = 0.4  # of the anchored rows: no window
    window: int = 24  # the most on either side of the span
    widen: int = 0  # epochs over which the window grows to that; 0: it has it from the first
    shift: int = 0  # the most that a row starts after position 0
    focus: float = 1.0  # of the spans, those drawn by how much they look like answers
    reader: bool = False  # likeness by a reader (reader.py), not by the word before the span
    read: float = 0.0  # weight of a question that a reader answered; a training question's is 1
    best: bool = False  # such a question has the reader's best answer, not one drawn
    unknown: bool = False  # where the reader finds none, the answer is "unknown"


class KnowledgeDataset(Dataset):
    """As many rows as `corpus` has documents: row i is of document i, or of a question instead.

    `questions` may be None: then all rows are of documents. A document without a title (its start
    up to a full stop) or without a salient span is always shown by ordinary span corruption.
    Randomness is as in CharCorruptionDataset: a function of (seed, epoch, i) in a run.
    A mixture that reads does so by `reader`, or, where that is None, by a Ranker.
    """

    def __init__(
        self,
        corpus: CharCorruptionDataset,
        questions: NameDataset | None,
        mixture: Mixture,
        reader: Reader | None = None,
    ):
        self.corpus, self.mixture = corpus, mixture
        self.stoi, self.itos = corpus.stoi, corpus.itos
        self.vocab_size, self.block_size = corpus.vocab_size, corpus.block_size
        self.row_length, self.seed = corpus.row_length, corpus.seed
        self.calls = 0
        reads = mixture.reader or mixture.read
        self.readings = self.read(questions, reader or Ranker(self.seed)) if reads else None
        self.read_documents()
        self.weigh_spans(questions)
        self.read_questions(questions)
        self.on_device: dict[torch.device, Tensor] = {}

    def read(self, questions: NameDataset | None, reader: Reader) -> list[Reading] | None:
        """What the reader, once it has learnt from the questions, makes of each document."""
        rows = questions.data if questions is not None else []
        fitted = learn_to_read(self.corpus.data, rows, reader)
        return fitted and fitted.read_all(self.corpus.data)

    def read_documents(self) -> None:
        """`spans` (n, 2), start and length in the text; of document i `first[i]` up to
        `first[i] + count[i]`; its title's length."""
        spans, first, count, titles = [], [], [], []
        for i, offset in enumerate(self.corpus.offsets.tolist()):
            document = self.corpus.data[i]
            title = title_length(document)
            room = self.block_size - title - 5  # full stop, blank, three masks
            if self.readings and self.mixture.reader and title:
                pairs = list(self.readings[i].likely())
            else:
                pairs = salient_spans(document, title) if title else []
            fitting = [(offset + a, b - a) for a, b in pairs if b - a <= room]
            first.append(len(spans))
            count.append(len(fitting))
            titles.append(title)
            spans += fitting
        self.span_table = torch.tensor(spans or [(0, 0)])
        self.first, self.count = torch.tensor(first), torch.tensor(count)
        self.titles = torch.tensor(titles)

    def weigh_spans(self, questions: NameDataset | None) -> None:
        """`heights` (spans + 1): their probabilities in their documents, summed over all before."""
        document = torch.repeat_interleave(torch.arange(len(self)), self.count)
        chance = 1 / self.count[document].double()
        share = self.mixture.focus if questions is not None else 0.0
        if share:
            likeness = self.likeness(document, questions)
            total = torch.zeros(len(self), dtype=torch.float64).index_add(0, document, likeness)
            chance = (1 - share) * chance + share * likeness / total[document]
        self.heights = torch.cat((torch.zeros(1), chance.cumsum(0)))

    def likeness(self, document: Tensor, questions: NameDataset) -> Tensor:
        """How much each span, of the documents `document` (spans,), looks like an answer."""
        table = self.span_table[: len(document)]  # without the one that stands for none
        spans = zip(document.tolist(), *table.T.tolist(), strict=True)
        offsets = self.corpus.offsets.tolist()
        within = [(i, start - offsets[i], length) for i, start, length in spans]
        if self.readings and self.mixture.reader:
            likely = [reading.likely() for reading in self.readings]
            likeness = [likely[i][start, start + length] for i, start, length in within]
        else:
            likeness = answer_likeness(self.corpus.data, within, questions.data)
        return torch.tensor(likeness, dtype=torch.float64)

    def read_questions(self, questions: NameDataset | None) -> None:
        """`text`: all characters that rows are copied from; where in it questions and marks are."""
        corpus = self.corpus.text
        marks = torch.tensor([MASK] + [PAD] * max(1, self.mixture.shift))
        self.mark, self.blanks = len(corpus), len(corpus) + 1
        parts = [corpus, marks]
        self.questions = 0 if questions is None else len(questions)
        self.longest_place = 0 if questions is None else questions.longest_place
        self.question_heights = None  # all alike
        if questions is not None:
            rows = torch.cat((questions.x, questions.y[:, -1:]), 1)
            if self.readings and self.mixture.read:
                rows = self.ask_about_others(questions, rows)
            self.question_start = len(corpus) + len(marks) + torch.arange(len(rows)) * rows.shape[1]
            self.question_length = (rows != PAD).sum(1)
            parts.append(rows.flatten())
        self.text = torch.cat(parts)

    def ask_about_others(self, questions: NameDataset, rows: Tensor) -> Tensor:
        """Add questions that the reader answered to the training questions' rows (n, block_size).

        `question_heights` (rows + 1): the rows' weights, summed over all before.
        """
        best, unknown = self.mixture.best, self.mixture.unknown
        others = read_questions(self.corpus.data, questions.data, self.readings, best, unknown)
        others = [(row, chance) for row, chance in others if len(row) < self.block_size]
        if not others:
            return rows
        text = "\n".join(row for row, _ in others)
        read = NameDataset(self.corpus, text, unicode_names=True, source="the reader's questions")
        weights = [1.0] * len(rows) + [self.mixture.read * chance for _, chance in others]
        heights = torch.tensor([0.0, *weights], dtype=torch.float64).cumsum(0)
        self.question_heights = heights / heights[-1]
        titles = len({split_row(row)[0] for row, _ in others})
        print(f"{titles} further people are asked about, with answers that the reader gives")
        return torch.cat((rows, torch.cat((read.x, read.y[:, -1:]), 1)))

    def choose_questions(self, which: Tensor) -> Tensor:
        """Numbers of questions, by their weights, for uniform `which` (B,) in [0, 2^31)."""
        if self.question_heights is None:
            return below(which, self.questions)
        chosen = torch.searchsorted(self.question_heights, which.double() / ONE, right=True) - 1
        return chosen.clamp(0, len(self.question_start) - 1)

    def __len__(self) -> int:
        return len(self.corpus)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        idx = checked_index(idx, len(self))
        self.calls += 1
        worker = get_worker_info()  # workers share `calls`, so each adds its own seed
        key = (BY_CALL, self.calls) + ((worker.seed,) if worker else ())
        plan = self.plan(torch.tensor([idx]), *key)
        rows = self.render(*plan, self.block_size, torch.device("cpu"))
        return rows[0, :-1], rows[0, 1:].clone()

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1) -> Batch:
        """Rows `indices` of `epoch`: see CharCorruptionDataset.batch."""
        starts, lengths = self.plan(indices, BY_EPOCH, epoch)
        total = lengths.sum(1)
        pairs = []
        for part in torch.tensor_split(torch.argsort(total, stable=True), parts):
            if len(part):
                width = rounded(int(total[part].max()) - 1, self.row_length) + 1
                rows = self.render(starts[part], lengths[part], width, device)
                pairs.append((rows[:, :-1], rows[:, 1:]))
        return pairs

    # -- which segments a row is put together from ---------------------------------------------

    def plan(self, indices: Tensor, stream: int, *number: int) -> tuple[Tensor, Tensor]:
        """Where each row's segments start in `text` and their lengths, both (B, S); a function of
        the seed, the stream of random numbers, the number of the epoch or call, and the index."""
        mixture, B = self.mixture, len(indices)
        kind, anchor, which, shift, *rest = draws(indices, 8, self.seed, stream + KINDS, *number)
        corrupted = self.corrupted(indices, self.seed, stream, *number)
        anchored = self.anchored(indices, *rest, self.window(stream, *number))
        windows = (below(anchor, ONE) < mixture.anchored * ONE) & (self.count[indices] > 0)
        starts, lengths = (
            torch.where(windows[:, None], a, c) for a, c in zip(anchored, corrupted, strict=True)
        )
        if self.questions:
            chosen = self.choose_questions(which)
            asked = kind < mixture.questions * ONE
            question = segments(B, (self.question_start[chosen], self.question_length[chosen]))
            starts, lengths = (
                torch.where(asked[:, None], q, d)
                for q, d in zip(question, (starts, lengths), strict=True)
            )
        room = (self.block_size - lengths.sum(1)).clamp(0, mixture.shift)
        moved = below(shift, room + 1)
        starts = torch.cat((torch.full((B, 1), self.blanks), starts), 1)
        return starts, torch.cat((moved[:, None], lengths), 1)

    def window(self, stream: int, *number: int) -> int:
        """The most characters on either side of a span, in the epoch that `number` names."""
        widen, window = self.mixture.widen, self.mixture.window
        if not widen or stream != BY_EPOCH:
            return window
        return window * min(number[0] + 1, widen) // widen

    def anchored(
        self,
        indices: Tensor,
        span: Tensor,
        bare: Tensor,
        left: Tensor,
        right: Tensor,
        window: int,
    ) -> tuple[Tensor, Tensor]:
        """Segments of `Title. left MASK right MASK span MASK`, or `Title. MASK span MASK`."""
        mixture = self.mixture
        first, last = self.first[indices], self.first[indices] + self.count[indices] - 1
        height = self.heights[first] + span.double() / ONE
        chosen = torch.searchsorted(self.heights, height, right=True) - 1
        chosen = torch.minimum(torch.maximum(chosen, first), last).clamp(min=0)
        start, length = self.span_table[chosen].unbind(1)
        offset, title = self.corpus.offsets[indices], self.titles[indices]
        end = offset + self.corpus.lengths[indices]
        room = (self.block_size - title - 5 - length).clamp(min=0)
        shown = (bare >= mixture.bare * ONE).long()
        left = below(left, window + 1) * shown
        left = torch.minimum(torch.minimum(left, start - offset - title - 2), room).clamp(min=0)
        right = below(right, window + 1) * shown
        right = torch.minimum(torch.minimum(right, end - start - length), room - left).clamp(min=0)
        mark = torch.full_like(start, self.mark)
        return segments(
            len(indices),
            (offset, title + 2),
            (start - left, left),
            (mark, shown),
            (start + length, right),
            (mark, 1),
            (start, length),
            (mark, 1),
        )

    def corrupted(self, indices: Tensor, *key: int) -> tuple[Tensor, Tensor]:
        """Segments of `prefix MASK suffix MASK span`."""
        L, M, start = self.corpus.spans(indices, *key)
        offset = self.corpus.offsets[indices]
        mark = torch.full_like(start, self.mark)
        return segments(
            len(indices),
            (offset, start),
            (mark, 1),
            (offset + start + M, L - M - start),
            (mark, 1),
            (offset + start, M),
        )

    def render(self, starts: Tensor, lengths: Tensor, width: int, device: torch.device) -> Tensor:
        """Rows (B, width) of the given segments, then PAD, on `device`."""
        if device not in self.on_device:
            self.on_device[device] = self.text.to(device)
        text = self.on_device[device]
        plan = torch.stack((starts, lengths)).to(device, non_blocking=True)
        starts, ends = plan[0], plan[1].cumsum(1)
        j = torch.arange(width, device=device)
        segment = (j[:, None] >= ends[:, None, :]).sum(-1)  # of each position; S beyond the row
        distance = (starts - ends + plan[1]).gather(1, segment.clamp(max=starts.shape[1] - 1))
        rows = text[(distance + j).clamp(0, len(text) - 1)]
        return rows.masked_fill(j >= ends[:, -1:], PAD)


def segments(B: int, *pairs: tuple) -> tuple[Tensor, Tensor]:
    """Starts and lengths (B, 7) of `pairs` (start, length), each a (B,) tensor or a number."""
    empty = torch.zeros(B, dtype=torch.long)
    columns = [(start, empty + length) for start, length in pairs]
    columns += [(empty, empty)] * (7 - len(pairs))
    starts, lengths = zip(*columns, strict=True)
    return torch.stack(starts, 1), torch.stack(lengths, 1)
