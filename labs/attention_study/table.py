"""The results of a study as a table, ranked by held-out loss."""

import json
import math
import statistics
from pathlib import Path

from attention import ZeroAfterSoftmaxAttention
from base.errors import UserError

# 97.5 % points of Student's t for 1 .. 10 degrees of freedom
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
Z_975 = 1.959964


def read_results(folder: Path) -> list[dict]:
    """The results of all runs in `folder`. Raises UserError where there is none."""
    paths = sorted(folder.glob("*/result.json"))
    if not paths:
        raise UserError(f"{folder}: no results in it; run the study first")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def t_975(freedom: int) -> float:
    """97.5 % point of Student's t: a table, then the expansion of Cornish and Fisher."""
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def t_interval(values: list[float]) -> tuple[float, float]:
    """95 % interval of the mean of `values` (two or more): mean +- t s / sqrt(n)."""
    half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.mean(values)
    return mean - half, mean + half


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (E. B. Wilson, 1927)."""
    p, z2 = correct / total, Z_975**2
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = math.sqrt(z2 * (p * (1 - p) / total + z2 / (4 * total**2))) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def accuracy(runs: list[dict]) -> tuple[float, float, float]:
    """Mean accuracy and its 95 % interval: Student's t over seeds; with one seed, Wilson's over
    its questions."""
    shares = [run["correct"] / run["questions"] for run in runs]
    if len(runs) == 1:
        return shares[0], *wilson_interval(runs[0]["correct"], runs[0]["questions"])
    return statistics.mean(shares), *t_interval(shares)


def ranked(results: list[dict]) -> list[dict]:
    """One row an arm: means over its seeds, by held-out loss, the best first.

    Arms that see what they should predict are last: their loss means nothing.
    """
    arms: dict[str, list[dict]] = {}
    for result in results:
        arms.setdefault(result["arm"], []).append(result)
    rows = []
    for name, runs in arms.items():
        row = {"arm": name, "class": runs[0]["class"], "seeds": len(runs)}
        for key in ("held_out_loss", "seconds_per_step", "peak_memory_mib", "parameters"):
            row[key] = statistics.mean(run[key] for run in runs)
        for key in ("perplexity_within", "perplexity_beyond"):
            known = [run[key] for run in runs if run[key] is not None]
            row[key] = statistics.mean(known) if known else None
        parts = zip(*(run["loss_by_position"] for run in runs), strict=True)
        row["loss_by_position"] = [
            None if None in part else statistics.mean(part) for part in parts
        ]
        row["accuracy"], row["low"], row["high"] = accuracy(runs)
        rows.append(row)
    return sorted(rows, key=lambda row: (leaks(row), row["held_out_loss"]))


def leaks(row: dict) -> bool:
    """Whether an arm's outputs depend on later characters."""
    return row["class"] == ZeroAfterSoftmaxAttention.__name__


def same_as_vanilla(results: list[dict]) -> list[str]:
    """Runs of other arms whose loss is vanilla's at the same seed: there should be none."""
    vanilla = {r["seed"]: r["held_out_loss"] for r in results if r["arm"] == "vanilla"}
    return [
        f"{r['arm']} seed {r['seed']}"
        for r in results
        if r["arm"] != "vanilla" and vanilla.get(r["seed"]) == r["held_out_loss"]
    ]


HEAD = (
    "| # | arm | class that ran | seeds | parameters | s/step | peak MiB | held-out loss "
    "| dev accuracy [95 %] | perplexity within / beyond the trained length |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def markdown(rows: list[dict]) -> str:
    """The ranking as a table of Markdown."""
    text = HEAD
    for place, row in enumerate(rows, start=1):
        beyond = "positions are learned"
        if row["perplexity_beyond"] is not None:
            beyond = f"{row['perplexity_within']:.2f} / {row['perplexity_beyond']:.2f}"
        shares = [f"{100 * row[key]:.1f}" for key in ("accuracy", "low", "high")]
        text += (
            f"| {'leaks' if leaks(row) else place} | `{row['arm']}` | {row['class']} "
            f"| {row['seeds']} | {row['parameters']:,.0f} | {row['seconds_per_step']:.3f} "
            f"| {row['peak_memory_mib']:,.0f} | {row['held_out_loss']:.4f} "
            f"| {shares[0]} % [{shares[1]}, {shares[2]}] | {beyond} |\n"
        )
    return text
