"""Pictures of a study: the ranking, and loss by position."""

import math
from pathlib import Path

from labs.attention_study.arm import BUCKET
from labs.attention_study.table import leaks
from labs.common.plots import COLOURS, new_figure, save


def draw(rows: list[dict], folder: Path, guessing: float | None) -> None:
    """ranking and by_position of the rows of table.ranked, into `folder`; `guessing`: the accuracy
    of a blind guess, where it is known."""
    save(ranking(rows, guessing), folder / "ranking")
    save(by_position(rows), folder / "by_position")


def ranking(rows: list[dict], guessing: float | None):
    """Held-out loss and dev accuracy, with its interval, of each arm."""
    size = (11, 1.5 + 0.24 * len(rows))
    figure, (left, right) = new_figure(1, 2, size, sharey=True)
    places = range(len(rows))
    left.plot([row["held_out_loss"] for row in rows], places, "o", color=COLOURS[0])
    left.set_yticks(places, [row["arm"] for row in rows])
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
    right.errorbar(share, places, xerr=(low, high), fmt="o", color=COLOURS[0], capsize=2)
    if guessing is not None:
        right.axvline(100 * guessing, color=COLOURS[1], linestyle="--")
        right.text(100 * guessing, -1, " guessing", color=COLOURS[1], va="center", fontsize=9)
    right.set_xlabel("dev accuracy, % (95 % interval)")
    right.set_xlim(0, 100)
    for place, value in zip(places, share, strict=True):
        right.text(101, place, f"{value:.0f}", va="center", fontsize=8)
    left.set_ylim(len(rows) - 0.5, -1.6)
    return figure


def by_position(rows: list[dict]):
    """Loss less that of the best arm, position by position, as a map of colours."""
    best = rows[0]["loss_by_position"]
    table = [
        [
            math.nan if None in (loss, least) else loss - least
            for loss, least in zip(row["loss_by_position"], best, strict=True)
        ]
        for row in rows
    ]
    figure, axis = new_figure(size=(7, 1 + 0.24 * len(rows)))
    axis.grid(False)
    image = axis.imshow(table, aspect="auto", cmap="coolwarm", vmin=-0.5, vmax=0.5)
    axis.set_yticks(range(len(rows)), [row["arm"] for row in rows])
    axis.set_xticks(range(len(best)), [BUCKET * i for i in range(len(best))])
    axis.set_xlabel("position (first of each bucket)")
    figure.colorbar(image, label=f"held-out loss less {rows[0]['arm']}'s")
    return figure
