"""The four runs as tables: lowest validation loss, exact matches, a sentence epoch by epoch."""

import statistics
from itertools import zip_longest
from pathlib import Path

from labs.common.intervals import share, t_interval
from labs.pig_latin.rule import KINDS

HEAD = (
    "| hidden | pairs | seeds | parameters | lowest validation loss (95 %) | by batches | at step "
    "| words right (95 %) |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def groups(results: list[dict]) -> dict[tuple[int, str], list[dict]]:
    """The runs of each hidden size and list of pairs, small ones first."""
    found: dict[tuple[int, str], list[dict]] = {}
    order = {"small": 0, "large": 1}
    for run in sorted(results, key=lambda r: (order.get(r["pairs"], 2), r["pairs"], r["hidden"])):
        found.setdefault((run["hidden"], run["pairs"]), []).append(run)
    return found


def with_interval(values: list[float]) -> str:
    """The mean with its 95 % interval over seeds; the one value alone."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    low, high = t_interval(values)
    return f"{statistics.mean(values):.3f} ({low:.3f} to {high:.3f})"


def percent(runs: list[dict], kind: str) -> str:
    """Share of the words of a kind that are right, with its 95 % interval."""
    right, asked = zip(*(run["exact"][kind] for run in runs), strict=True)
    if not all(asked):
        return "none asked"
    mean, low, high = share(right, asked)
    return f"{mean:.1%} ({max(0.0, low):.1%} to {min(1.0, high):.1%})"


def table(results: list[dict]) -> str:
    """Markdown: losses, exact match by kind, and the first seed's translation of the sentence."""
    text = HEAD
    rules = f"\n| hidden, pairs | {' | '.join(KINDS)} |\n| --- |{' --- |' * len(KINDS)}\n"
    last = "\nThe sentence, translated by the first seed's model after its last epoch:\n\n"
    for (hidden, pairs), runs in groups(results).items():
        loss, batches = ([r["lowest"][k] for r in runs] for k in ("validation", "by_batch"))
        step = statistics.median(r["lowest"]["steps"] for r in runs)
        text += (
            f"| {hidden} | {pairs} | {len(runs)} | {runs[0]['parameters']:,} "
            f"| {with_interval(loss)} | {with_interval(batches)} | {step:,.0f} "
            f"| {percent(runs, 'all')} |\n"
        )
        kinds = " | ".join(percent(runs, kind) for kind in KINDS)
        rules += f"| {hidden}, {pairs} | {kinds} |\n"
        first = min(runs, key=lambda r: r["seed"])
        last += f"- {hidden}, {pairs}: {first['sentences'][-1]}\n"
    return text + rules + last


def sentences(results: list[dict]) -> str:
    """Markdown: the sentence as the first seed of each group translates it after each epoch."""
    firsts = {f"{hidden}, {Path(pairs).stem}": min(runs, key=lambda r: r["seed"])["sentences"]
              for (hidden, pairs), runs in groups(results).items()}  # fmt: skip
    text = f"| epoch | {' | '.join(firsts)} |\n| --- |{' --- |' * len(firsts)}\n"
    for epoch, row in enumerate(zip_longest(*firsts.values(), fillvalue=""), 1):
        text += f"| {epoch} | {' | '.join(row)} |\n"
    return text
