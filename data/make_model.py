"""Makes the model that comes with the project out of a quickstart's: its corpus, and its params in
half the bytes.

    ./quickstart.sh && .venv/bin/python data/make_model.py quickstart_out

The weights are stored in bfloat16; whoever loads them gets float32. Says how many dev questions the
model answers as it is stored. data/model/README.md is its card.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent
sys.path.insert(0, str(DATA.parent / "src"))

import torch  # noqa: E402

import run  # noqa: E402
from base.errors import errors_are_sentences  # noqa: E402
from base.tensors import load_tensors, save_tensors  # noqa: E402

FILES = ("wiki.txt", "birth_dev.tsv")  # what its answers are compared with


def halve(path: Path, target: Path) -> None:
    """Store the params of `path` in bfloat16 in `target`, and beside them what they are."""
    state = load_tensors(str(path))
    half = {name: value.to(torch.bfloat16) for name, value in state.items()}
    digest = save_tensors(half, str(target))
    about = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    text = json.dumps(about | {"params": digest, "stored_as": "bfloat16"}, indent=2) + "\n"
    Path(f"{target}.json").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of a quickstart")
    parser.add_argument("--out", type=Path, default=DATA / "model")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    halve(args.folder / "model.params", args.out / "model.params")
    for name in FILES:
        shutil.copy(args.folder / name, args.out / name)
    variant = json.loads((args.out / "model.params.json").read_text(encoding="utf-8"))["variant"]
    run.main([
        "evaluate", variant, str(args.out / "wiki.txt"), "--outputs_path",
        str(args.out / "dev.predictions"), "--reading_params_path", str(args.out / "model.params"),
        "--eval_corpus_path", str(args.out / "birth_dev.tsv"),
    ])  # fmt: skip


if __name__ == "__main__":
    with errors_are_sentences():
        main()
