"""Write the two files of word pairs, data/small.txt and data/large.txt.

python -m labs.pig_latin.make_pairs [--out FOLDER]

Words: the most frequent English ones that the `wordfreq` package lists (letters a to z only), and
the compounds below, since its list has no dashes. Every version of wordfreq 3 has the same list.
"""

import argparse
from pathlib import Path

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences
from base.files import write_whole

FOLDER = Path(__file__).parent / "data"


def parser() -> Parser:
    p = Parser(prog="python -m labs.pig_latin.make_pairs", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("--out", type=Path, default=FOLDER, help="the folder")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.pig_latin.rule import translate_word

SIZES = {"small": 3198, "large": 22402}  # unique words; the large file contains the small one
COMPOUNDS = """
all-time anti-war award-winning brand-new built-in by-product check-in clean-up close-up
cold-blooded co-founder co-operation co-worker cross-border day-to-day decision-making drive-in
editor-in-chief e-mail ex-wife face-to-face far-reaching father-in-law first-class follow-up
full-time get-together good-looking grown-up half-hour hands-on hard-working head-on high-end
high-quality high-speed in-depth in-house kind-hearted know-how large-scale last-minute
left-wing life-size long-distance long-lasting long-standing long-term low-cost make-up man-made
middle-aged mid-term mother-in-law multi-purpose non-profit non-stop off-season old-fashioned
one-sided one-way on-site open-minded over-the-counter part-time passer-by post-war pre-war
quick-tempered real-time record-breaking re-elected right-wing runner-up second-hand
self-confidence self-esteem semi-final short-lived short-term single-handed sister-in-law
so-called state-owned step-by-step sub-saharan three-quarter time-consuming top-level twenty-one
two-thirds ultra-violet up-to-date warm-up well-being well-known wide-ranging word-for-word
world-class year-old x-ray
""".split()


def words() -> list[str]:
    """The words of the large file, the most frequent first. Raises UserError without wordfreq."""
    try:
        from wordfreq import top_n_list
    except ImportError:
        raise UserError("no wordfreq: pip install -r requirements-labs.txt") from None
    listed = (w for w in top_n_list("en", 60_000) if w.isascii() and w.isalpha() and w.islower())
    return [word for word, _ in zip(listed, range(SIZES["large"] - len(COMPOUNDS)), strict=False)]


def main() -> None:
    out = parser().parse_args().out
    ranked = words()
    for name, size in SIZES.items():
        chosen = sorted(ranked[: size - len(COMPOUNDS)] + COMPOUNDS)
        with write_whole(str(out / f"{name}.txt")) as file:
            file.writelines(f"{word} {translate_word(word)}\n" for word in chosen)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
