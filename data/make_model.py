"""Makes the model that comes with the project out of a quickstart's: its corpus, its params in half
the bytes, and the calibration of its confidence.

    ./quickstart.sh && .venv/bin/python data/make_model.py quickstart_out

The weights are stored in bfloat16; whoever loads them gets float32. For the calibration a second
model is trained, for as many steps, on the training questions without 150 of them, and asked about
those 150 (src/calibrate.py). --calibrate_only makes it anew for the model that is stored already.
Says how many dev questions the model answers as it is stored. data/model/README.md is its card.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parent
sys.path.insert(0, str(DATA.parent / "src"))

from base.cli import Parser, check_words
from base.errors import errors_are_sentences


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=Path, help="of a quickstart")
    p.add_argument("--out", type=Path, default=DATA / "model")
    p.add_argument(
        "--calibrate_only", action="store_true",
        help="keep the model in --out; of the folder, read the training questions alone",
    )  # fmt: skip
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch

import calibrate
import run
from base.files import find_files
from base.tensors import load_tensors, save_tensors

FILES = ("wiki.txt", "birth_dev.tsv")  # what its answers are compared with
TRAIN = "birth_places_train.tsv"
HELD_OUT = 150  # training questions, for the calibration


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def halve(folder: Path, target: Path) -> None:
    """Store a quickstart's params in bfloat16 in `target`, and beside them what they are."""
    state = load_tensors(str(folder / "model.params"))
    half = {name: value.to(torch.bfloat16) for name, value in state.items()}
    digest = save_tensors(half, str(target))
    about = read_json(folder / "model.params.json")
    before = read_json(folder / "model.pretrained.params.json")
    about["pretraining"] = {name: before[name] for name in ("steps", "batch_size")}
    text = json.dumps(about | {"params": digest, "stored_as": "bfloat16"}, indent=2) + "\n"
    Path(f"{target}.json").write_text(text, encoding="utf-8", newline="\n")


def calibrate_params(path: Path, corpus: Path, questions: str, held_out: int = HELD_OUT) -> None:
    """Write `path`'s calibration, from a model that was not asked `held_out` of its questions."""
    about = read_json(Path(f"{path}.json"))
    with tempfile.TemporaryDirectory() as name:
        seen, held, first, last = (
            str(Path(name) / file) for file in ("seen.tsv", "held.tsv", "p.params", "f.params")
        )
        calibrate.main(
            ["split", questions, "--seen", seen, "--held_out", held, "--count", str(held_out)]
        )
        common = [about["variant"], str(corpus), "--finetune_corpus_path", seen, "--no_log"]
        common += ["--recipe", about["recipe"], "--seed", str(about["seed"])]
        lengths = about["pretraining"], about
        steps, further = (
            ["--max_steps", str(phase["steps"]), "--batch_size", str(phase["batch_size"])]
            for phase in lengths
        )
        run.main(["pretrain", *common, "--writing_params_path", first, *steps])
        finetune = ["--reading_params_path", first, "--writing_params_path", last]
        run.main(["finetune", *common, *finetune, *further])
        calibrate.main(["fit", str(corpus), held, "--seen", seen, "--reading_params_path", last,
                        "--for_params", str(path)])  # fmt: skip


def main() -> None:
    args = parser().parse_args()
    params = args.out / "model.params"
    if not args.calibrate_only:
        args.out.mkdir(parents=True, exist_ok=True)
        halve(args.folder, params)
        for name in FILES:
            shutil.copy(args.folder / name, args.out / name)
    (questions,) = find_files(str(args.folder / TRAIN))
    calibrate_params(params, args.out / "wiki.txt", questions)
    run.main([
        "evaluate", read_json(Path(f"{params}.json"))["variant"], str(args.out / "wiki.txt"),
        "--outputs_path", str(args.out / "dev.predictions"), "--reading_params_path", str(params),
        "--eval_corpus_path", str(args.out / "birth_dev.tsv"),
    ])  # fmt: skip


if __name__ == "__main__":
    with errors_are_sentences():
        main()
