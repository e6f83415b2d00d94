"""Pictures of the mini transformer: losses of a run, perplexity by variant and by position."""

import json
from pathlib import Path

from labs.common.plots import COLOURS, new_figure, save

SMOOTH = 20  # steps that are averaged in the training loss


def losses_figure(metrics: Path):
    """Training loss (means of SMOOTH steps) and held-out loss of a metrics.jsonl."""
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure, axis = new_figure()
    chunks = [rows[i : i + SMOOTH] for i in range(0, len(rows), SMOOTH)]
    at = [chunk[-1]["step"] + 1 for chunk in chunks]
    means = [sum(row["loss"] for row in chunk) / len(chunk) for chunk in chunks]
    axis.plot(at, means, color=COLOURS[0], label="training, with dropout")
    held = [row for row in rows if "test_loss" in row]
    where = [row["step"] + 1 for row in held]
    axis.plot(where, [row["test_loss"] for row in held], "o-", ms=4, color=COLOURS[1],
              label="held out")  # fmt: skip
    axis.set(xlabel="steps", ylabel="loss, nats a token", title="Losses")
    axis.legend(frameon=False)
    return figure


def draw_losses(metrics: Path, path: Path) -> None:
    save(losses_figure(metrics), path)


def table_figure(rows: list[dict]):
    """Perplexity of each arm on sentences: a dot a seed, a bar for the mean's 95 % interval."""
    rows = [row for row in rows if "by position" not in row][::-1]
    figure, axis = new_figure(size=(9, 1.5 + 0.35 * len(rows)))
    for y, row in enumerate(rows):
        honest = "token by token" if "token by token" in row else "per token"
        found = row[honest]
        if found["low"] is not None:
            axis.plot([found["low"], found["high"]], [y, y], color=COLOURS[0], lw=4, alpha=0.35)
        values = [run[honest] for run in row["runs"]]
        axis.plot(values, [y] * len(values), "o", ms=4, color=COLOURS[0])
    names = [row["arm"] + ", token by token" * ("token by token" in row) for row in rows]
    axis.set_yticks(range(len(rows)), names)
    axis.set(xlabel="held-out perplexity per token (bars: 95 % interval of the mean over seeds)")
    return figure


def positions_figure(rows: list[dict]):
    """Perplexity by position of the arms on streams."""
    figure, axis = new_figure()
    rows = [row for row in rows if "by position" in row]
    for colour, row in zip(COLOURS, rows, strict=False):
        places = list(row["by position"])
        found = row["by position"].values()
        means = [each["mean"] for each in found]
        label = row["arm"].removeprefix("stream-")
        axis.plot(places, means, "o-", color=colour, label=label)
        if row["seeds"] > 1:
            low, high = ([each[side] for each in found] for side in ("low", "high"))
            axis.fill_between(places, low, high, color=colour, alpha=0.15, lw=0)
    axis.axvline(100, color="black", lw=0.7, ls=":")
    axis.set(xlabel="tokens into the stream (trained on streams of 100)")
    axis.set(ylabel="perplexity of the 25 tokens up to there")
    axis.set_xticks(places, places)
    axis.legend(frameon=False)
    return figure


def draw_table(rows: list[dict], out: Path) -> None:
    if any("by position" not in row for row in rows):
        save(table_figure(rows), out / "table")
    if any("by position" in row for row in rows):
        save(positions_figure(rows), out / "positions")
