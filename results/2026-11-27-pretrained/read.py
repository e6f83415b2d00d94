"""How much of verbal arithmetic the pretraining text had said already.

From the root, with the folder of `arithmetic study`:
PYTHONPATH=. python results/2026-11-27-pretrained/read.py runs/arithmetic
"""

import sys

from labs.pretrained import arithmetic, checkpoint, classify

RATES = {"whole": "0.001", "frozen": "0.003"}  # those that validation chose
RUNS = [
    (f"{family}-{text}", trained)
    for trained in RATES
    for family in ("bert", "roberta")
    for text in ("numbers", "animals")
]
SEEDS = (0, 1, 2)


def answers(folder: str) -> dict:
    """(run) -> {(seed, row): right}."""
    found = {}
    for name, trained in RUNS:
        right = found[name, trained] = {}
        for seed in SEEDS:
            rows = arithmetic.parts(seed)[2]
            path = f"{folder}/{name}-{trained}-{RATES[trained]}-{seed}/model"
            tokenizer, model, _ = checkpoint.load(path)
            said = classify.logits_of(model, tokenizer, rows, 64).argmax(1).tolist()
            right |= {(seed, i): said[i] == rows.labels[i] for i in range(len(rows))}
    return found


def main(folder: str) -> None:
    lines = arithmetic.number_sentences(20_000)  # what `pretrain` gives to "numbers"
    read = {line.partition(" is ")[0] for line in lines if " plus " in line or " minus " in line}
    tests = {seed: arithmetic.parts(seed)[2].texts for seed in SEEDS}
    print(f"of the 800 sentences, {len(read)} were read with their value")
    together = sum(tests.values(), [])
    print(f"{len(together)} test sentences, {len(set(together))} of them different")
    found = answers(folder)
    for run, right in found.items():
        print(f"{' '.join(run)}:", end="")
        for name, inside in (("read", True), ("not read", False)):
            part = [ok for (s, i), ok in right.items() if (tests[s][i] in read) == inside]
            print(f"  {name} {sum(part)} of {len(part)}", end="")
        print()
    for one in RUNS:
        for other in RUNS[RUNS.index(one) + 1 :]:
            pairs = [(found[one][key], found[other][key]) for key in found[one]]
            print(f"{' '.join(one)} against {' '.join(other)}: only the first is right in "
                  f"{pairs.count((True, False))}, only the second in {pairs.count((False, True))}")


main(*sys.argv[1:])
