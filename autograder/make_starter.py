"""Hand out the starter kit: python autograder/make_starter.py OUT [--data DIR].

Copies autograder/starter/ to the new folder OUT and puts the data, the licence and requirements.txt
beside it. The files in starter/ are written by hand.
"""

import argparse
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DATA = ("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv")


def make_starter(out: Path, data: Path = PROJECT / "data") -> None:
    """Write the kit to the new folder `out`. Raises FileExistsError or FileNotFoundError."""
    for name in DATA:
        if not (data / name).is_file():
            raise FileNotFoundError(f"{data / name}: no such file; give --data")
    if out.exists():
        raise FileExistsError(f"{out} exists; name a new folder")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "autograder" / "starter", out, ignore=ignore)
    for path in (PROJECT / "LICENSE", PROJECT / "requirements.txt", *(data / n for n in DATA)):
        shutil.copy(path, out)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("out", type=Path, help="a folder that does not exist yet")
    p.add_argument("--data", type=Path, default=PROJECT / "data",
                   help="folder of wiki.txt and the birth_*.tsv files; default: the invented "
                        "world in data/")  # fmt: skip
    return p


def main() -> None:
    args = parser().parse_args()
    try:
        make_starter(args.out, args.data)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{args.out}: the starter kit; its README.md says what to do")


if __name__ == "__main__":
    main()
