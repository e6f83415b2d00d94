"""The results of a study as a table, ranked by held-out loss."""

import statistics

from attention import ZeroAfterSoftmaxAttention
from labs.common.intervals import share


def accuracy(runs: list[dict]) -> tuple[float, float, float]:
    """Mean accuracy and its 95 % interval (labs/common/intervals.py)."""
    return share([run["correct"] for run in runs], [run["questions"] for run in runs])


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
