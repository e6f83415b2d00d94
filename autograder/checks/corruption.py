"""Part e: CharCorruptionDataset against its specification.

The rules that hold for every example are checked on every example. The rules about chance are
checked on samples, with bounds from statistics.py: a program that keeps the specification, with
whatever distribution, fails with a chance below one in a million; each check states what it takes
for granted. Draws are seeded, so the same submission gets the same grade.
"""

import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from grading import Grading
from verdicts import Failed, check

from checks.statistics import bernstein, hoeffding, missed

PAD, MASK = "\u25a1", "\u2047"
SHAPE = "[prefix] MASK [suffix] MASK [masked content] [pads]"
TINY = 8  # characters of a document whose quarter may be rounded down to none
DRAWS, SMALL_DRAWS = 4000, 2500
LONG = 32  # kept lengths from which a quarter of the document is 8 characters or more


@dataclass
class Sample:
    """Examples of one dataset: the document of each row, and x and y as text. `masks`: how many
    MASKs the edition allows in a row."""

    block_size: int
    masks: list[int]
    documents: list[str]
    x: list[str]
    y: list[str]
    kinds: list[str]
    shapes: list[str]

    @property
    def longest(self) -> int:
        return int(self.block_size * 7 / 8)


@dataclass
class Parts:
    """A row taken apart: the three pieces, and the length of the truncated document."""

    prefix: str
    suffix: str
    masked: str

    @property
    def length(self) -> int:
        return len(self.prefix) + len(self.suffix) + len(self.masked)


def documents_of(letters: str, lengths: list[int], seed: int) -> list[str]:
    """Documents of random letters, in which no piece looks like another."""
    rng = random.Random(seed)
    return ["".join(rng.choices(letters, k=length)) for length in lengths]


LATIN, GREEK = "abcdefghijklmnopqrstuvwxyz .,ABCDEFGHIJ", "αβγδεζηθικλμνξοπρστυφχψω 0123456789"
WORLDS = {  # name -> (block size, documents, draws)
    "course": (128, documents_of(LATIN, [113 + 7 * i for i in range(40)], 1), DRAWS),
    "small": (32, documents_of(LATIN, [29 + i for i in range(40)], 2), SMALL_DRAWS),
    "other": (200, documents_of(GREEK, [20 * i + 40 for i in range(20)], 3), 400),
    "tiny": (24, documents_of("xyz01", [40 + i for i in range(20)], 4), 400),
    "short": (128, documents_of(LATIN, [4 + n % 12 for n in range(36)] + [0], 5), 740),
}


def sample(grading: Grading, world: str) -> Sample:
    """Draws from the student's dataset on one of the WORLDS, made once."""
    return grading.once(("corruption", world), lambda: draw(grading, world))


def draw(grading: Grading, world: str) -> Sample:
    block_size, documents, count = WORLDS[world]
    if world == "short" and "" not in grading.world.corpus().split("\n"):
        documents = [document for document in documents if document]  # the corpus has no empty one
    text = "\n".join(documents)
    args = {"text": text, "block_size": block_size, "count": count}
    outcome = grading.ask("corruption", args, about="dataset", seed=17)
    letters = PAD + MASK + "".join(sorted(set(text)))
    rows = {name: read_rows(outcome.arrays.get(name), letters, count) for name in "xy"}
    kinds, shapes = (list(map(str, outcome.data.get(k, []))) for k in ("kinds", "shapes"))
    used = kept_documents(documents, outcome.data.get("length"))
    chosen = [used[i % len(used)] for i in range(count)]
    masks = grading.settings["masks"]
    return Sample(block_size, masks, chosen, **rows, kinds=kinds, shapes=shapes)


def kept_documents(documents: list[str], length) -> list[str]:
    """The documents that the dataset has, by how many it says: all, or those from some length on.
    Raises Failed where no such length exists."""
    for shortest in range(1 + max(map(len, documents))):
        kept = [document for document in documents if len(document) >= shortest]
        if len(kept) == length:
            return kept
    raise Failed(f"len(dataset) is the number of documents, here {len(documents)} (documents that "
                 "are too short may be left out)", f"{length}")  # fmt: skip


def row_length(grading: Grading, block_size: int) -> int:
    """How long x and y must be: the edition's length or, where it allows two, the one that the
    dataset has in the course's block."""
    allowed = grading.settings["row_lengths"]
    seen = sample(grading, "course").shapes
    extra = next((n for n in allowed if seen == [f"[{128 + n}]"]), allowed[0])
    return block_size + extra


def read_rows(table: np.ndarray | None, letters: str, count: int) -> list[str]:
    """Rows of character indices as text, without the -1 behind them; an index outside the
    vocabulary shows as \ufffd."""
    if table is None or table.ndim != 2 or len(table) != count:
        raise Failed(f"{count} examples", "fewer came back")
    codes = np.array([*map(ord, letters), 0xFFFD, 0], dtype="<u4")
    outside = (table < -1) | (table >= len(letters))
    places = np.where(outside, len(letters), np.where(table == -1, len(letters) + 1, table))
    return [row.tobytes().decode("utf-32-le").rstrip("\0") for row in codes[places]]


def take_apart(x: str, masks: list[int] = (2,)) -> Parts | None:
    """The pieces of a row, wherever its padding is; None without two MASKs. Where the edition
    allows three, the last one may end the masked content."""
    pieces = x.replace(PAD, "").split(MASK)
    if len(pieces) == 4 and 3 in masks and not pieces[3]:
        pieces.pop()
    return Parts(*pieces) if len(pieces) == 3 else None


def parts_of(found: Sample) -> list[Parts]:
    rows = [parts for x in found.x if (parts := take_apart(x, found.masks)) is not None]
    if len(rows) < len(found.x) / 2:
        raise Failed(f"examples of the form {SHAPE}", "most have not exactly two MASKs",
                     on=f"x = {short(found.x[0])}")  # fmt: skip
    return rows


def short(text: str) -> str:
    """A row for people: long runs of padding counted."""
    text = re.sub(f"{PAD}{{4,}}", lambda run: f"{PAD}(x{len(run[0])})", text)
    return repr(text if len(text) < 170 else text[:170] + "...")


def every_row(found: Sample, rule, expected: str) -> None:
    """Hold `rule(document, x, y)`, which gives what is wrong or None, against every row."""
    for document, x, y in zip(found.documents, found.x, found.y, strict=True):
        if wrong := rule(document, x, y):
            raise Failed(expected, wrong, on=f"document {document[:60]!r}..., x = {short(x)}")


# -- what holds for every example ---------------------------------------------------------------


@check
def corruption_format(grading: Grading) -> str:
    """x and y are Long tensors of the edition's length, for every block size the same.

    Why: the model looks indices up in a table, which takes only Long tensors, and has positions for
    one block. Editions differ in whether the padded text has block_size characters or one more.
    """
    for world in ("course", "tiny"):
        found = sample(grading, world)
        width = row_length(grading, found.block_size)
        if found.kinds != ["torch.int64"]:
            raise Failed("x and y as torch.long tensors", f"{', '.join(found.kinds)}")
        if found.shapes != [f"[{width}]"]:
            raise Failed(f"x and y of shape [{width}]", f"shapes {', '.join(found.shapes)}",
                         on=f"block_size {found.block_size}")  # fmt: skip
    width = row_length(grading, 0)
    return f"x and y are Long tensors of length block_size{f' - {-width}' if width else ''}"


@check
def corruption_shift(grading: Grading) -> str:
    """y is x moved by one: x[1:] == y[:-1].

    Why: the model learns to predict the next character; with y = x it learns to copy.
    """

    def rule(document: str, x: str, y: str) -> str | None:
        if x[1:] != y[:-1]:
            return f"y = {short(y)}" + (", which is x itself" if x == y else "")
        return None

    found = sample(grading, "course")
    every_row(found, rule, "y is the same text one step later: x = s[:-1], y = s[1:]")
    return f"x[1:] == y[:-1] in {len(found.x)} examples"


@check
def corruption_order(grading: Grading) -> str:
    """Two MASKs; prefix + masked content + suffix is how the document begins.

    Why: finetuning asks "question MASK answer MASK"; only in this order does pretraining teach to
    write after a MASK what is missing.
    """
    masks = grading.settings["masks"]

    def rule(document: str, x: str, y: str) -> str | None:
        parts = take_apart(x, masks)
        if parts is None:
            return f"{x.count(MASK)} MASKs, not 2"
        if not document.startswith(parts.prefix + parts.masked + parts.suffix):
            if document.startswith(parts.prefix + parts.suffix + parts.masked):
                return "suffix and masked content have changed places"
            return (f"prefix {parts.prefix!r} + masked {parts.masked!r} + suffix {parts.suffix!r} "
                    "is not how the document begins")
        return None

    found = sample(grading, "course")
    every_row(found, rule, SHAPE)
    return f"{SHAPE} in {len(found.x)} examples"


@check
def corruption_padding(grading: Grading) -> str:
    """PADs at the end and nowhere else.

    Why: padding in the text would be learned as text.
    """

    def rule(document: str, x: str, y: str) -> str | None:
        text = x.rstrip(PAD)
        return f"{text.count(PAD)} PADs before the end of the text" if PAD in text else None

    found = sample(grading, "course")
    every_row(found, rule, "padding only at the end")
    return f"padding only at the end of {len(found.x)} examples"


# -- what holds on average ----------------------------------------------------------------------


@check
def corruption_lengths(grading: Grading) -> str:
    """4 to int(7/8 block_size) characters are kept, and every such length occurs.

    Why: the model must learn from short contexts and from long ones, and the two MASKs must fit.
    Taken for granted: each of the 25 lengths of block size 32 has a probability of 0.8 % or more
    (uniform: 4 %). Then 2500 draws miss one with a chance below 25 * 0.992^2500 = 5e-8.
    """
    for world in ("course", "small"):
        found = sample(grading, world)
        for x, document in zip(found.x, found.documents, strict=True):
            length = len(x.replace(PAD, "").replace(MASK, ""))
            if not 4 <= length <= min(found.longest, len(document)):
                raise Failed(f"the document cut to 4 ... {found.longest} characters",
                             f"{length} characters", on=f"block_size {found.block_size}, "
                             f"document {document[:60]!r}..., x = {short(x)}")  # fmt: skip
    counts = Counter(len(x.replace(PAD, "").replace(MASK, "")) for x in found.x)
    wanted = range(4, found.longest + 1)
    assert missed(len(found.x), 0.008, len(wanted)) < 1e-7
    absent = [n for n in wanted if not counts[n]]
    if absent:
        raise Failed(f"every length from 4 to int(32 * 7/8) = {found.longest} is possible",
                     f"{', '.join(map(str, absent))} never came in {len(found.x)} draws",
                     on="block_size 32")  # fmt: skip
    return f"lengths 4 ... {found.longest} all occur at block_size {found.block_size}"


@check
def corruption_mean(grading: Grading) -> str:
    """The masked content is a quarter of the truncated document on average.

    Why: the share decides how much is to be guessed and from how much; results depend on it.
    Documents cut to 32 characters or more, so that rounding to whole characters, up or down, moves
    a correct program's mean by 1/32 at most; the rest of the tolerance is the Bernstein bound.
    """
    rows = [parts for parts in parts_of(sample(grading, "course")) if parts.length >= LONG]
    shares = np.array([len(parts.masked) / parts.length for parts in rows])
    if len(shares) < 100:
        raise Failed(f"documents longer than {LONG} characters often stay so",
                     f"only {len(shares)} of {DRAWS} draws did")  # fmt: skip
    tolerance = 1 / LONG + bernstein(shares)
    seen = f"{shares.mean():.3f} on average over {len(shares)} draws"
    if abs(shares.mean() - 0.25) > tolerance:
        raise Failed(f"a quarter of the truncated document masked on average (0.25, give or take "
                     f"{tolerance:.3f} for rounding and chance)", seen)  # fmt: skip
    return f"masked share: {seen}"


@check
def corruption_spread(grading: Grading) -> str:
    """The masked content varies in length and place, and is not empty. (In fewer than 8 characters
    it may be: a quarter of them is less than 2, and the handout does not say how to round.)

    Why: a model that always sees the same hole learns to fill that one.

    Taken for granted: for documents cut to the same length (32 or more), two draws mask equally
    many characters with a chance of 40 % at most (uniform on 1 ... L/2: 6 %); the middle of the
    free places is reached from both sides (a mean place of 20 % to 80 %); the first and the last
    place each have 50 % or less. Each then holds on the sample but for a chance of 1e-7.
    """
    found = sample(grading, "course")
    rows = parts_of(found)
    for parts, x in zip(rows, found.x, strict=False):
        if not parts.masked and parts.length >= TINY:
            raise Failed("at least one character masked", "empty masked content",
                         on=f"x = {short(x)}")  # fmt: skip
    rows = [parts for parts in rows if parts.length >= LONG]
    by_length = defaultdict(list)
    for parts in rows:
        by_length[parts.length].append(len(parts.masked))
    pairs = [p for sizes in by_length.values() for p in zip(sizes[::2], sizes[1::2], strict=False)]
    if not pairs:
        raise Failed("many draws of 32 characters and more", f"{len(rows)} of {DRAWS}")
    equal = np.mean([a == b for a, b in pairs])
    if equal > 0.4 + hoeffding(len(pairs)):
        raise Failed("the number of masked characters is random, also for one kept length",
                     f"in {equal:.0%} of the pairs of draws cut to the same length, equally many "
                     "characters are masked", on=f"e.g. {len(rows[0].masked)} of {rows[0].length}")
    check_places([parts for parts in rows if len(parts.masked) < parts.length])
    return f"masked lengths and places vary over {len(rows)} draws"


def check_places(rows: list[Parts]) -> None:
    if not rows:
        raise Failed("part of the document is masked", "all of it, always")
    places = np.array([len(p.prefix) / (len(p.prefix) + len(p.suffix)) for p in rows])
    margin = hoeffding(len(places))
    ends = {"beginning": np.mean(places == 0), "end": np.mean(places == 1)}
    for name, share in ends.items():
        if share > 0.5 + margin:
            raise Failed("the masked content comes from anywhere in the document",
                         f"from its very {name} in {share:.0%} of the draws")  # fmt: skip
    if not 0.2 - margin < places.mean() < 0.8 + margin:
        raise Failed("the masked content comes from anywhere in the document",
                     f"its place averages {places.mean():.0%} of the way (0 %: the beginning)")


@check
def corruption_draws(grading: Grading) -> str:
    """The same index gives another example each time.

    Why: 650 epochs over the same examples would teach those examples.

    Taken for granted: two draws agree with a chance of 1 % at most (uniform: 0.06 %), so that any
    7 examples together have a chance of sqrt(7 * 0.01) = 26.5 % at most (Cauchy and Schwarz).
    Seeing no more than 7 among 40 draws means 33 draws that fall among at most 7 seen before:
    C(40, 7) * 0.265^33 < 1e-11.
    """
    documents = WORLDS["course"][1][:3]
    args = {"text": "\n".join(documents), "block_size": 128, "indices": [1] * 40}
    outcome = grading.ask("corruption", args, about="dataset", seed=23)
    table = outcome.arrays.get("x", np.zeros((0, 0)))
    different = len({row.tobytes() for row in table})
    if different < 8:
        raise Failed("dataset[1], asked 40 times, is truncated and masked anew each time",
                     f"{different} different examples")  # fmt: skip
    return f"{different} different examples in 40 draws of one document"


# -- other data ---------------------------------------------------------------------------------


@check
def corruption_short(grading: Grading) -> str:
    """Documents of 4 to 15 characters in blocks of 128, and an empty one where the corpus has one:
    nothing breaks, nothing is invented. A dataset may leave short documents out.

    Why: the corpus of most editions ends with a newline, so its last document is empty, and one
    example that fails ends the training.
    """
    width, masks = row_length(grading, 128), grading.settings["masks"]

    def rule(document: str, x: str, y: str) -> str | None:
        if len(x) != width or len(y) != width:
            return f"x and y of {len(x)} and {len(y)} characters, not {width}"
        if len(document) < 4:  # too short for the rules; any safe example will do
            extra = Counter(x) - Counter(document) - Counter({PAD: width, MASK: max(masks)})
            return f"characters that the document does not have: {short(x)}" if extra else None
        parts = take_apart(x, masks)
        if parts is None:
            return f"{x.count(MASK)} MASKs, not 2"
        if not document.startswith(parts.prefix + parts.masked + parts.suffix):
            return "the pieces do not make the beginning of the document"
        if parts.length < 4:
            return f"{parts.length} characters kept, less than 4"
        return None if parts.masked or parts.length < TINY else "nothing masked"

    found = sample(grading, "short")
    every_row(found, rule, "documents shorter than the block work, empty ones included")
    lengths = sorted({len(document) for document in found.documents})
    return f"{len(found.x)} examples of documents of {lengths[0]} to {lengths[-1]} characters"


@check
def corruption_other(grading: Grading) -> str:
    """Another alphabet and other block sizes: nothing of the course's numbers is built in.

    Why: the dataset is told its block size and reads its characters from the corpus.
    """
    for world in ("other", "tiny"):
        found = sample(grading, world)
        width = row_length(grading, found.block_size)

        def rule(document: str, x: str, y: str, found=found, width=width) -> str | None:
            parts = take_apart(x, found.masks)
            if len(x) != width or parts is None:
                return f"{len(x)} characters with {x.count(MASK)} MASKs"
            if not 4 <= parts.length <= min(found.longest, len(document)):
                return f"{parts.length} characters kept, not 4 ... {found.longest}"
            whole = sorted(parts.prefix + parts.masked + parts.suffix)
            return None if whole == sorted(document[: parts.length]) else "other characters"

        every_row(found, rule, f"the same rules for block_size {found.block_size}")
    return "block sizes 24 and 200, another alphabet"


@check
def corruption_untouched(grading: Grading) -> str:
    """Drawing changes neither the documents nor examples that were drawn before.

    Why: workers and epochs share them; what is changed once is wrong from then on.
    """
    documents = WORLDS["course"][1][:5]
    args = {"text": "\n".join(documents), "block_size": 128, "indices": [0, 1, 2, 3, 4] * 8}
    outcome = grading.ask("untouched", args, about="dataset", seed=29)
    before, after = (outcome.data.get(name) for name in ("before", "after"))
    drawn, later = (outcome.arrays.get(name, np.zeros(0)) for name in ("drawn", "later"))
    if not before or not after or not len(drawn) == len(later) == len(args["indices"]):
        raise Failed(f"dataset.data, and {len(args['indices'])} examples", "fewer came back")
    if before != after:
        raise Failed("dataset.data is the same after examples were drawn",
                     first_difference(before, after))  # fmt: skip
    moved = [i for i, (a, b) in enumerate(zip(drawn, later, strict=True)) if (a != b).any()]
    if moved:
        raise Failed("an example stays as it was when others are drawn", "its tensors changed",
                     on=f"dataset[{args['indices'][moved[0]]}]")  # fmt: skip
    return "documents and earlier examples stay as they were"


def first_difference(before: list, after: list) -> str:
    if len(before) != len(after):
        return f"{len(before)} documents before, {len(after)} after"
    i = next(i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
    return f"document {i} was {str(before[i])[:40]!r} and is {str(after[i])[:40]!r}"
