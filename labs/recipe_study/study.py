"""Which ingredient of the knowledge recipe does what: each removed, and each alone.

python labs/recipe_study/study.py [--only ARM ...] [--people N] [--steps N] [--out FOLDER]

Trains on a part of the corpus, asks about training people whose questions were held out (never
dev), and writes FOLDER/<arm>-seed<k>.json, table.md and curves.png. Arms whose file is there are
not repeated.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import utils  # noqa: E402
from answers.evaluation import predict  # noqa: E402
from answers.metrics import wilson  # noqa: E402
from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text, write_whole
from dataset import CharCorruptionDataset, NameDataset  # noqa: E402
from model import GPT, GPTConfig  # noqa: E402
from recipes import COURSE, KNOWLEDGE, Phase, trainer_config  # noqa: E402
from run import positive  # noqa: E402
from trainer import Trainer  # noqa: E402
from training.knowledge import KnowledgeDataset, Mixture  # noqa: E402
from training.salience import title_length  # noqa: E402

FULL = KNOWLEDGE["pretrain"]
NOTHING = Mixture(questions=0.0, anchored=0.0, shift=0, focus=0.0)  # ordinary span corruption
PLAIN = replace(FULL, mixture=NOTHING, optimizer="adamw", dropout=0.1, schedule="cosine")


def mixed(phase: Phase, **shares) -> Phase:
    return replace(phase, mixture=replace(phase.mixture, **shares))


ARMS = {  # name -> the phase that differs from FULL (or, alone, from PLAIN) in what it names
    "all": FULL,
    "no questions": mixed(FULL, questions=0.0),
    "questions not read": mixed(FULL, questions=0.0, focus=0.0),  # to draw spans by, neither
    "no anchored rows": mixed(FULL, anchored=0.0),
    "no bare titles": mixed(FULL, bare=0.0),
    "no windows": mixed(FULL, bare=1.0),
    "spans drawn evenly": mixed(FULL, focus=0.0),
    "no ordinary corruption": mixed(FULL, anchored=1.0),
    "positions shifted": mixed(FULL, shift=16),
    "no Muon": replace(FULL, optimizer="adamw"),
    "dropout 0.1": replace(FULL, dropout=0.1),
    "rate not to zero": replace(FULL, schedule="cosine"),
    "none": PLAIN,
    "questions alone": mixed(PLAIN, questions=FULL.mixture.questions),
    "anchored rows alone": mixed(PLAIN, anchored=FULL.mixture.anchored),
    "shift alone": mixed(PLAIN, shift=16),
    "Muon alone": replace(PLAIN, optimizer="muon"),
    "no dropout alone": replace(PLAIN, dropout=0.0),
    "rate to zero alone": replace(PLAIN, schedule="linear"),
}


@dataclass(frozen=True)
class Settings:
    """What a run is made of besides its arm."""

    people: int = 400
    held_out: int = 120  # of the people: those whose questions are not trained on
    steps: int = 800
    batch_size: int = 64
    n_embd: int = 128
    seed: int = 0


def parser() -> argparse.ArgumentParser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", nargs="+", metavar="ARM", choices=ARMS, help=", ".join(ARMS))
    p.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="K")
    for name in ("people", "held_out", "steps", "n_embd"):
        p.add_argument(f"--{name}", type=positive(int), default=getattr(Settings, name))
    p.add_argument("--out", type=Path, default=Path("runs/recipe_study"))
    p.add_argument("--jobs", type=positive(int), default=1, help="runs at a time")
    p.add_argument("--run", help=argparse.SUPPRESS)  # one arm, in a process of its own
    return p


# -- one run -----------------------------------------------------------------------------------


def part_of_the_corpus(settings: Settings) -> tuple[str, list[str], list[str]]:
    """Documents about `people` of the training file; rows to train on; rows held out."""
    corpus, train = (read_text(p) for p in find_files("wiki.txt", "birth_places_train.tsv"))
    by_title = {text[: title_length(text)]: text for text in corpus.split("\n")}
    rows = {}
    for row in train.split("\n"):
        title = row.split("\t")[0].removeprefix("Where was ").removesuffix(" born?")
        if title in by_title:
            rows[title] = row
    if len(rows) < settings.people or settings.people <= settings.held_out:
        raise UserError(
            f"--people {settings.people}: the training file has {len(rows)} people with documents, "
            f"and {settings.held_out} are held out; give a number between"
        )
    chosen = random.Random(224).sample(sorted(rows), settings.people)
    documents = "\n".join(sorted(by_title[title] for title in chosen))
    asked = [rows[title] for title in chosen]
    return documents + "\nWhere was it?", asked[settings.held_out :], asked[: settings.held_out]


def run(arm: str, settings: Settings) -> dict:
    """Train one arm; accuracies on the way, at the end, and after the course's finetuning."""
    phase = replace(ARMS[arm], batch_size=settings.batch_size)
    text, train, held_out = part_of_the_corpus(settings)
    corpus = CharCorruptionDataset(text, 128, settings.seed)
    questions = NameDataset(corpus, "\n".join(train), True)
    utils.set_seed(settings.seed)
    drop = {f"{name}_pdrop": phase.dropout for name in ("embd", "attn", "resid")}
    model = GPT(GPTConfig(corpus.vocab_size, 128, n_embd=settings.n_embd, **drop))
    data = KnowledgeDataset(corpus, questions, phase.mixture)

    some = train[: len(held_out)]

    def measure(steps: int) -> None:
        model.eval()
        rows = {"held_out": held_out, "train": some}
        curve.append({"steps": steps} | {k: right(model, corpus, v) for k, v in rows.items()})
        model.train()

    curve: list[dict] = []
    config = trainer_config(
        phase, len(corpus), 128, max_steps=settings.steps, seed=settings.seed,
        snapshots=8, on_snapshot=measure,
    )  # fmt: skip
    Trainer(model, data, None, config).train()
    tuning = trainer_config(COURSE["finetune"], len(corpus), 128, seed=settings.seed)
    Trainer(model, questions, None, tuning).train()
    model.eval()
    return asdict(settings) | {
        "arm": arm,
        "curve": curve,
        "finetuned": right(model, corpus, held_out),
        "asked": len(held_out),
        "asked_of_train": len(some),
        "phase": repr(ARMS[arm]),
    }


def right(model: GPT, corpus: CharCorruptionDataset, rows: list[str]) -> int:
    """How many of `rows` (question TAB place) the model answers."""
    pairs = [row.split("\t") for row in rows]
    answers = predict(model, corpus, [question for question, _ in pairs])
    return sum(answer == place for answer, (_, place) in zip(answers, pairs, strict=True))


# -- all of them -------------------------------------------------------------------------------


def path_of(out: Path, arm: str, seed: int) -> Path:
    return out / f"{arm.replace(' ', '-')}-seed{seed}.json"


def missing(out: Path, arm: str, settings: Settings) -> bool:
    """Whether the run's result is not there. Raises UserError where it was made otherwise."""
    path = path_of(out, arm, settings.seed)
    if not path.exists():
        return True
    theirs = json.loads(read_text(str(path)))
    for name, value in (asdict(settings) | {"phase": repr(ARMS[arm])}).items():
        if theirs.get(name) != value:
            raise UserError(
                f"{path}: made with {name} {theirs.get(name)}, not {value}; give another --out"
            )
    return False


def start(out: Path, arm: str, settings: Settings, threads: int) -> bool:
    """One run in its own process; whether it ended well."""
    order = json.dumps({"arm": arm, "settings": asdict(settings)})
    command = [sys.executable, __file__, "--out", str(out), "--run", order]
    env = {"OMP_NUM_THREADS": str(threads)} | os.environ
    with open(path_of(out, arm, settings.seed).with_suffix(".log"), "w", encoding="utf-8") as log:
        ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=env)
    print(f"{arm}, seed {settings.seed}: {'failed' if ended.returncode else 'done'}", flush=True)
    return ended.returncode == 0


def table(results: list[dict]) -> str:
    """Markdown: accuracy of each arm on the people held out, best first.

    With one seed the interval is Wilson's, with several the range over them.
    """
    arms: dict[str, list[dict]] = {}
    for result in results:
        arms.setdefault(result["arm"], []).append(result)
    rows = []
    for arm, runs in arms.items():
        ends = [100 * r["curve"][-1]["held_out"] / r["asked"] for r in runs]
        tuned = mean(100 * r["finetuned"] / r["asked"] for r in runs)
        known = mean(100 * r["curve"][-1]["train"] / r["asked_of_train"] for r in runs)
        low, high = min(ends), max(ends)
        if len(runs) == 1:
            bounds = wilson(runs[0]["curve"][-1]["held_out"], runs[0]["asked"])
            low, high = (100 * bound for bound in bounds)
        row = f"| {arm} | {len(runs)} | {mean(ends):.1f} | {low:.1f} to {high:.1f} "
        rows.append((-max(mean(ends), tuned), row + f"| {tuned:.1f} | {known:.1f} |"))
    head = (
        "| arm | seeds | held out, % | range | after finetuning, % | trained questions, % |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(row for _, row in sorted(rows)) + "\n"


def draw(results: list[dict], path: Path) -> None:
    """Accuracy on the people held out against steps, a line an arm."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    order = sorted(results, key=lambda r: -r["curve"][-1]["held_out"])
    colours = pyplot.get_cmap("turbo")
    for i, result in enumerate(order):
        steps = [point["steps"] for point in result["curve"]]
        share = [100 * point["held_out"] / result["asked"] for point in result["curve"]]
        label = result["arm"] + (f", seed {result['seed']}" if result["seed"] else "")
        style = "--" if result["arm"].endswith("alone") else "-"
        axes.plot(steps, share, style, label=label, color=colours((i + 0.5) / len(order)))
    axes.set_xlabel("steps")
    axes.set_ylabel("people held out, % right")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    args = parser().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.run:
        order = json.loads(args.run)
        result = run(order["arm"], Settings(**order["settings"]))
        with write_whole(str(path_of(args.out, order["arm"], result["seed"]))) as file:
            json.dump(result, file)
        return
    sizes = {name: getattr(args, name) for name in ("people", "held_out", "steps", "n_embd")}
    wanted = [(arm, Settings(seed=k, **sizes)) for k in args.seeds for arm in args.only or ARMS]
    todo = [(arm, settings) for arm, settings in wanted if missing(args.out, arm, settings)]
    print(f"{len(wanted) - len(todo)} of {len(wanted)} runs are there", flush=True)
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    with ThreadPoolExecutor(args.jobs) as pool:
        ended = list(pool.map(lambda job: start(args.out, *job, threads), todo))
    results = [json.loads(read_text(str(path))) for path in sorted(args.out.glob("*-seed*.json"))]
    with write_whole(str(args.out / "table.md")) as file:
        file.write(table(results))
    print(table(results))
    try:
        draw(results, args.out / "curves.png")
    except ImportError:
        print("no matplotlib, no plot: pip install -r requirements-dev.txt")
    if not all(ended):
        raise UserError(f"a run failed; read the logs in {args.out}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
