"""Where MiniLM on SST-2 is wrong, and what its validation rows share with training.

From the root: PYTHONPATH=. python results/2026-11-27-pretrained/errors.py MODEL train.tsv dev.tsv
"""

import sys

from torch import tensor

from labs.pretrained import checkpoint, classify, data

NEGATIONS = {"not", "n't", "no", "never", "without", "nothing", "neither", "nor"}
OURS = ["not a bad film at all", "it is hardly a masterpiece", "i wanted to like it"]


def runs_of_four(text: str) -> set:
    words = text.split()
    return {tuple(words[i : i + 4]) for i in range(len(words) - 3)}


def show(name: str, which: list[bool], right) -> None:
    chosen = right[tensor(which)]
    print(f"  {name:<24} {int(chosen.sum())} of {len(chosen)}")


def main(model_path: str, train_path: str, test_path: str) -> None:
    rows = data.read_rows(train_path)
    train, validation = data.split(rows, 0.02, 0)
    tokenizer, model, _ = checkpoint.load(model_path)
    seen = set().union(*map(runs_of_four, train.texts))
    for name, part in (
        ("validation", validation), ("test", data.read_rows(test_path, rows.names)),
    ):  # fmt: skip
        shares = classify.logits_of(model, tokenizer, part, 512).softmax(1)
        right = shares.argmax(1) == tensor(part.labels)
        words = [text.split() for text in part.texts]
        print(f"{name}: {int(right.sum())} of {len(right)}")
        for low, high in ((1, 10), (11, 20), (21, 99)):
            show(f"{low} to {high} words", [low <= len(w) <= high for w in words], right)
        show("with a negation", [bool(NEGATIONS & set(w)) for w in words], right)
        show("without one", [not NEGATIONS & set(w) for w in words], right)
        show('with "but"', ["but" in w for w in words], right)
        show("said with more than 0.9", (shares.max(1).values > 0.9).tolist(), right)
        show("less sure", (shares.max(1).values <= 0.9).tolist(), right)
        parts = [found for found in map(runs_of_four, part.texts) if found]
        some, every = sum(bool(p & seen) for p in parts), sum(p <= seen for p in parts)
        print(f"  {len(parts)} rows of four words or more", end=": ")
        print(f"{some} share a run of four with training, of {every} every run is there")
    sentences = data.Rows(OURS, [0] * len(OURS), rows.names)
    for text, share in zip(
        OURS, classify.logits_of(model, tokenizer, sentences, 512).softmax(1), strict=True
    ):
        print(f"{rows.names[int(share.argmax())]} {float(share.max()):.2f}  {text}")


main(*sys.argv[1:])
