"""Figures of a study: the ranking, and loss by position."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from table import leaks  # noqa: E402

BUCKET = 8  # positions averaged in a point of loss by position (arm.py)


def draw(rows: list[dict], folder: Path) -> None:
    """ranking.png and by_position.png of the rows of table.ranked, into `folder`."""
    ranking(rows).savefig(folder / "ranking.png", dpi=120, bbox_inches="tight")
    by_position(rows).savefig(folder / "by_position.png", dpi=120, bbox_inches="tight")
    plt.close("all")


def ranking(rows: list[dict]) -> plt.Figure:
    """Held-out loss and dev accuracy, with its interval, of each arm."""
    height = 1 + 0.24 * len(rows)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, height), sharey=True)
    places = range(len(rows))
    left.plot([row["held_out_loss"] for row in rows], places, "o", color="black")
    left.set_yticks(places, [row["arm"] for row in rows])
    left.invert_yaxis()
    losses = [row["held_out_loss"] for row in rows if not leaks(row)] or [0.0, 1.0]
    margin = 0.05 * (max(losses) - min(losses)) + 1e-3
    left.set_xlim(min(losses) - margin, max(losses) + margin)
    for place, row in enumerate(rows):
        if leaks(row):
            note = f"sees what it should predict: {row['held_out_loss']:.4f}"
            left.text(min(losses), place, note, va="center", fontsize=8)
    left.set_xlabel("held-out pretraining loss (nats a character)")
    share = [100 * row["accuracy"] for row in rows]
    low = [100 * (row["accuracy"] - row["low"]) for row in rows]
    high = [100 * (row["high"] - row["accuracy"]) for row in rows]
    right.errorbar(share, places, xerr=(low, high), fmt="o", color="black", capsize=2)
    right.set_xlabel("dev accuracy, % (95 % interval)")
    for axis in (left, right):
        axis.grid(axis="y", alpha=0.3)
    return figure


def by_position(rows: list[dict]) -> plt.Figure:
    """Loss less that of the best arm, position by position, as a map of colours."""
    best = rows[0]["loss_by_position"]
    table = [
        [
            math.nan if None in (loss, least) else loss - least
            for loss, least in zip(row["loss_by_position"], best, strict=True)
        ]
        for row in rows
    ]
    figure, axis = plt.subplots(figsize=(7, 1 + 0.24 * len(rows)))
    image = axis.imshow(table, aspect="auto", cmap="coolwarm", vmin=-0.5, vmax=0.5)
    axis.set_yticks(range(len(rows)), [row["arm"] for row in rows])
    axis.set_xticks(range(len(best)), [BUCKET * i for i in range(len(best))])
    axis.set_xlabel("position (first of each bucket)")
    figure.colorbar(image, label=f"held-out loss less {rows[0]['arm']}'s")
    return figure
