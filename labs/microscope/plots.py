"""Pictures of the study."""

from itertools import cycle
from pathlib import Path

from answers.metrics import wilson
from labs.common.plots import COLOURS, new_figure, save
from labs.microscope.patching import PARTS, PLACES


def draw_where(rows: list[dict], path: Path) -> None:
    """`path`.png and .svg: the mean share of the way to the other person's place, a map a part,
    a row a layer, a column the positions patched."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    layers = sorted({row["layer"] for row in rows})
    size = (12, 1.4 + 0.6 * len(layers))
    figure, axes = pyplot.subplots(1, len(PARTS), figsize=size, sharey=True, layout="constrained")
    values = {(r["layer"], r["part"], r["positions"]): 100 * r["share"] for r in rows}
    for axis, part in zip(axes, PARTS, strict=True):
        table = [[values[layer, part, place] for place in PLACES] for layer in layers]
        image = axis.imshow(table, vmin=0, vmax=100, cmap="Blues", aspect="auto")
        axis.set_title(f"the {part} is patched")
        axis.set_xticks(range(len(PLACES)), PLACES, rotation=20)
        axis.set_yticks(range(len(layers)), [f"layer {layer}" for layer in layers])
        for y, row in enumerate(table):
            for x, value in enumerate(row):
                colour = "white" if value > 60 else "black"
                axis.text(x, y, f"{round(value)}", ha="center", va="center", color=colour)
    pairs = rows[0]["pairs"]
    label = f"% of the way to the other's place\n(mean, {pairs} pairs)"
    figure.colorbar(image, ax=axes, label=label)
    save(figure, path)


def draw_edits(rows: list[dict], path: Path) -> None:
    """Shares against the layer, a panel a way of editing."""
    draw_shares(rows, "layer", "how", "o", path)


def draw_many(rows: list[dict], path: Path) -> None:
    """Shares against the number of edits at once, a panel a hold."""
    named = [row | {"hold": f"hold {row['hold']}"} for row in rows if "hold" in row]
    draw_shares(named, "edits", "hold", "o-", path)


def draw_shares(rows: list[dict], across: str, panel: str, style: str, path: Path) -> None:
    """`path`.png and .svg: shares of right answers with 95 % intervals against the column `across`,
    a panel for each value of the column `panel`, in matplotlib's `style` ("o-")."""
    rows = [row for row in rows if "asked" in row]
    panels = list(dict.fromkeys(row[panel] for row in rows))
    size = (2.5 + 4 * len(panels), 4)
    figure, axes = new_figure(1, len(panels), size, sharey=True, squeeze=False)
    for axis, title in zip(axes[0], panels, strict=True):
        own = [row for row in rows if row[panel] == title]
        names = list(own[0]["asked"])
        for number, (name, colour) in enumerate(zip(names, cycle(COLOURS), strict=False)):
            x, share, below, above = points(own, name)
            apart = 0.08 * (number - (len(names) - 1) / 2)  # so that intervals do not overlap
            axis.errorbar([each + apart for each in x], share, (below, above), fmt=style,
                          color=colour, markersize=4, linewidth=1, label=name)  # fmt: skip
        axis.set_title(title)
        axis.set_xticks(range(len(own)), [str(row[across]) for row in own])
        axis.set_xlabel(across)
    axes[0][0].set_ylabel("% as they should be")
    axes[0][0].set_ylim(-3, 103)
    axes[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


def points(rows: list[dict], name: str) -> tuple[list[float], ...]:
    """Of the rows in which the column `name` was asked: their numbers, shares in %, and how far
    their 95 % intervals reach below and above."""
    found = []
    for number, row in enumerate(rows):
        if asked := row["asked"][name]:
            share, (low, high) = row["right"][name] / asked, wilson(row["right"][name], asked)
            reach = max(0.0, share - low), max(0.0, high - share)  # not -1e-17 where all is right
            found.append((number, 100 * share, 100 * reach[0], 100 * reach[1]))
    return tuple(map(list, zip(*found, strict=True))) if found else ([], [], [], [])
