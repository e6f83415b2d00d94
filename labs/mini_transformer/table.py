"""The handout's experiments as one table: python -m labs.mini_transformer.table

Every arm is trained alike, with three seeds, and compared with vanilla seed by seed. Runs whose
result is there are not repeated, so the table can be stopped, started again and extended.
"""

import argparse
import statistics

from base.cli import Parser, check_words, real, whole
from base.errors import errors_are_sentences
from base.files import write_whole
from labs.common import family

BASE, STREAM = "vanilla", "stream-"
STREAM_ROWS = 10  # rows of 100 tokens a step: about as many tokens as in 32 sentences
VARIANTS = (
    BASE, "cosine", "euclidean", "additive", "shared-qk", "shared-kv", "shared-qkv", "mlp-qkv",
    "relu-query", "zero-after-softmax", "aft-full", "performer", "mean-of-values",
)  # fmt: skip
POSITIONS = ("learned", "sinusoidal", "rope", "alibi")
ON_REQUEST = (STREAM + "rope", STREAM + "alibi")  # not the handout's, and ten minutes are short


def arms() -> dict[str, dict]:
    """Name -> settings: the variants on sentences, vanilla's positions on streams."""
    found = {name: {"variant": name} for name in VARIANTS}
    streams = {"variant": BASE, "streams": True, "batch_size": STREAM_ROWS}
    return found | {STREAM + name: streams | {"positions": name} for name in POSITIONS}


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    name = "python -m labs.mini_transformer.table"
    p = Parser(prog=name, description=__doc__, formatter_class=style)
    default = f"(default: all but {' and '.join(ON_REQUEST)})"
    p.add_argument(
        "--only", nargs="+", metavar="ARM", choices=arms(),
        default=[arm for arm in arms() if arm not in ON_REQUEST],
        help=f"{', '.join(arms())} {default}",
    )  # fmt: skip
    p.add_argument("--steps", type=whole(), default=150, help="of each run (default: 150)")
    p.add_argument(
        "--learning_rate", type=real(1e6), default=2e-3,
        help="(default: 2e-3, four times the handout's, as the runs are short)",
    )  # fmt: skip
    p.add_argument("--train", metavar="FILE", help="sentences (default: the embedded world's)")
    p.add_argument("--dev", metavar="FILE", help="held-out ones (default: every tenth)")
    family.add_options(p, "runs/mini_transformer_table")
    p.set_defaults(seeds=[0, 1, 2], jobs=2)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.common.intervals import t_interval
from labs.common.plots import without_matplotlib
from labs.mini_transformer import plots, text
from labs.mini_transformer.train import PLACES, Settings


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    text.load(args.train, args.dev)  # a file that cannot be read ends the command before any run
    shared = {"steps": args.steps, "learning_rate": args.learning_rate}
    shared |= {"train": args.train, "dev": args.dev}
    wanted = {
        f"{arm}-seed{seed}": Settings(seed=seed, **arms()[arm], **shared)
        for seed in args.seeds
        for arm in args.only
    }
    failed = family.run_all("labs.mini_transformer.train", wanted, args.out, args.jobs)
    if len(failed) == len(wanted):
        family.refuse_failed(failed, args.out)
    rows = summary(family.results(args.out))
    tables = markdown(rows)
    with write_whole(str(args.out / "table.md")) as file:
        file.write(tables)
    print(tables)
    try:
        plots.draw_table(rows, args.out)
    except ImportError:
        without_matplotlib()
    family.refuse_failed(failed, args.out)


# ---------------------------------------------------------------------------------------------
# From runs to rows
# ---------------------------------------------------------------------------------------------


def arm_of(result: dict) -> str:
    return STREAM + result["positions"] if result["streams"] else result["variant"]


def interval(values: list[float]) -> dict:
    """Mean and 95 % interval over seeds; no interval for one seed."""
    low, high = t_interval(values) if len(values) > 1 else (None, None)
    return {"mean": statistics.mean(values), "low": low, "high": high}


def summary(results: list[dict]) -> list[dict]:
    """One row an arm, by perplexity per token; then those that see the future, whose perplexity
    means nothing; those on streams last."""
    runs: dict[str, dict[int, dict]] = {}
    for result in results:
        runs.setdefault(arm_of(result), {})[result["seed"]] = result
    rows = []
    for arm, of_seed in runs.items():
        row = {"arm": arm, "seeds": len(of_seed), "runs": list(of_seed.values())}
        for key in ("per token", "per document", "token by token", "seconds", "parameters"):
            if all(key in run for run in of_seed.values()):
                row[key] = interval([run[key] for run in of_seed.values()])
        base = runs.get(STREAM + "learned" if arm.startswith(STREAM) else BASE, {})
        pairs = [(run, base[seed]) for seed, run in of_seed.items() if seed in base]
        honest = "token by token" not in row
        if pairs and honest and arm not in (BASE, STREAM + "learned"):
            row["difference"] = interval([run["per token"] - b["per token"] for run, b in pairs])
        if arm.startswith(STREAM):
            row["by position"] = {
                place: interval([run["by position"][str(place)] for run in of_seed.values()])
                for place in PLACES
            }
        rows.append(row)
    groups = ("by position", "token by token")
    return sorted(rows, key=lambda r: (*(g in r for g in groups), r["per token"]["mean"]))


def cell(found: dict | None, sign: str = "") -> str:
    if found is None:
        return ""
    if found["low"] is None:
        return f"{found['mean']:{sign}.1f}"
    return f"{found['mean']:{sign}.1f} ({found['low']:{sign}.1f} to {found['high']:{sign}.1f})"


def markdown(rows: list[dict]) -> str:
    """Two tables: the arms on sentences, and those on streams."""
    run = rows[0]["runs"][0]
    rate = f"{run['learning_rate']:g}"
    if run["learning_rate"] != Settings.learning_rate:
        rate += f" (the handout's: {Settings.learning_rate:g})"
    written = (
        f"Held-out perplexity after {run['steps']} steps at a learning rate of {rate}: mean (95 % "
        "interval over seeds).\n\n"
        "| arm | seeds | per token | less vanilla's, seed by seed | mean over documents "
        "| token by token | parameters | seconds |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for row in rows:
        if "by position" not in row:
            cells = [row["arm"], str(row["seeds"]), cell(row["per token"])]
            cells += [cell(row.get("difference"), "+"), cell(row["per document"])]
            cells += [cell(row.get("token by token")), f"{row['parameters']['mean']:,.0f}"]
            written += f"| {' | '.join([*cells, format(row['seconds']['mean'], '.0f')])} |\n"
    streams = [row for row in rows if "by position" in row]
    if not streams:
        return written
    places = "".join(f" | at {place}" for place in PLACES)
    written += (
        "\nTrained on streams of 100 tokens. Perplexity on sentences, and of the 25 tokens up to a "
        f"place in streams of {PLACES[-1]}.\n\n"
        f"| positions | seeds | sentences{places} |\n| --- | --- | ---{' | ---' * len(PLACES)} |\n"
    )
    for row in streams:
        cells = [row["arm"].removeprefix(STREAM), str(row["seeds"]), cell(row["per token"])]
        cells += [cell(row["by position"][place]) for place in PLACES]
        written += f"| {' | '.join(cells)} |\n"
    return written


if __name__ == "__main__":
    with errors_are_sentences():
        main()
