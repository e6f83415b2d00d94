"""Makes the model that comes with the project: python data/make_model.py [--steps 1500] [--out DIR]

Trains on the invented world by the recipe `reading` (25 minutes of one core with bfloat16
instructions), stores the weights in bfloat16, and says how many questions it answers. A run that
was stopped goes on with --resume. data/model/README.md is the model's card.
"""

import argparse
import json
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent
sys.path.insert(0, str(DATA.parent / "src"))

import torch  # noqa: E402

import run  # noqa: E402
from base.errors import errors_are_sentences  # noqa: E402
from base.tensors import load_tensors, save_tensors  # noqa: E402


def train(steps: int, path: Path, resume: bool) -> None:
    """Pretrain the course's model for so many steps of 64 rows; params to `path`."""
    run.main([
        "pretrain", "vanilla", str(DATA / "wiki.txt"), "--writing_params_path", str(path),
        "--finetune_corpus_path", str(DATA / "birth_places_train.tsv"), "--recipe", "reading",
        "--batch_size", "64", "--max_steps", str(steps), "--seed", "0", "--no_log",
        *(["--resume"] if resume else []),
    ])  # fmt: skip


def halve(path: Path, target: Path) -> None:
    """Store the params of `path` in bfloat16 in `target`; any loader makes float32 of them."""
    state = load_tensors(str(path))
    save_tensors({name: value.to(torch.bfloat16) for name, value in state.items()}, str(target))
    about = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    text = json.dumps(about | {"stored_as": "bfloat16"}, indent=2) + "\n"
    Path(f"{target}.json").write_text(text, encoding="utf-8", newline="\n")


def evaluate(params: Path, folder: Path) -> None:
    """Say how many dev and test questions the model answers."""
    for split in ("dev", "test"):
        run.main([
            "evaluate", "vanilla", str(DATA / "wiki.txt"), "--reading_params_path", str(params),
            "--eval_corpus_path", str(DATA / f"birth_{split}.tsv"),
            "--outputs_path", str(folder / f"{split}.predictions"),
        ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500, help="of training, 64 rows each")
    parser.add_argument("--out", type=Path, default=DATA / "model")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    trained = args.out / "float32.params"
    if not trained.exists():
        train(args.steps, trained, args.resume)
    halve(trained, args.out / "model.params")
    evaluate(args.out / "model.params", args.out)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
