"""Pictures of the study."""

from pathlib import Path

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
    for ending in ("png", "svg"):
        figure.savefig(path.with_suffix(f".{ending}"), dpi=120)
    pyplot.close(figure)
