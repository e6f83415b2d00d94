"""Four runs: hidden size 32 and 64, the small and the large word list.

python -m labs.pig_latin [--only NAME ...] [--seeds K ...] [--jobs N] [--pairs FILE] [--out FOLDER]

Writes FOLDER/<name>-seed<k>/ (settings, log, result, best.pt), table.md, sentences.md (a sentence
translated after each epoch), and the figures by_hidden_size, by_data and attention. Runs whose
result is there are not repeated. With --pairs FILE the large list is that file. Three seeds:
--seeds 0 1 2.
"""

import argparse

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from base.files import write_whole
from base.source import default_of
from labs.common import family

RUNS = {  # name -> hidden, pairs, batch size
    "32-small": (32, "small", 64),
    "64-small": (64, "small", 64),
    "32-large": (32, "large", 512),
    "64-large": (64, "large", 512),
}


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.pig_latin", description=__doc__, formatter_class=style)
    p.add_argument("--only", nargs="+", metavar="NAME", choices=RUNS, help=", ".join(RUNS))
    p.add_argument("--pairs", default="large", metavar="FILE",
                   help="lines `word translation` instead of the large list")  # fmt: skip
    for name in ("epochs", "patience"):
        usual = default_of("../labs/pig_latin/arm.py", "Settings", name)
        p.add_argument(f"--{name}", type=whole(), default=usual, help=f"({usual})")
    family.add_options(p, "runs/pig_latin")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.pig_latin.arm import Settings
from labs.pig_latin.data import pairs_path, read_pairs
from labs.pig_latin.plots import draw
from labs.pig_latin.table import sentences, table


def main() -> None:
    args = parser().parse_args()
    read_pairs(pairs_path(args.pairs))  # what is wrong with it is said before anything runs
    wanted = {
        f"{name}-seed{seed}": Settings(
            hidden, args.pairs if pairs == "large" else pairs, batch_size,
            epochs=args.epochs, patience=args.patience, seed=seed,
        )
        for seed in args.seeds
        for name, (hidden, pairs, batch_size) in RUNS.items()
        if name in (args.only or RUNS)
    }  # fmt: skip
    failed = family.run_all("labs.pig_latin.arm", wanted, args.out, args.jobs)
    results = family.results(args.out)
    with write_whole(str(args.out / "sentences.md")) as file:
        file.write(sentences(results))
    family.finish(table(results), lambda: draw(results, args.out), failed, args.out)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
