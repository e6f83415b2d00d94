"""The figures of the four runs: curves by hidden size and by data, attention of a word."""

from pathlib import Path

import torch

from labs.common.plots import COLOURS, new_figure, save
from labs.pig_latin.model import attention_map
from labs.pig_latin.table import groups
from labs.pig_latin.translate import load

WORD = "well-known"


def draw(results: list[dict], out: Path) -> None:
    """All figures into `out`. Raises ImportError where matplotlib is not installed."""
    found = groups(results)
    lists = list(dict.fromkeys(pairs for _, pairs in found))
    sizes = sorted({hidden for hidden, _ in found})
    by_size = {f"{pairs} list": {f"hidden {h}": found[h, pairs] for h in sizes
                                 if (h, pairs) in found} for pairs in lists}  # fmt: skip
    by_data = {f"hidden {h}": {f"{pairs} list": found[h, pairs] for pairs in lists
                               if (h, pairs) in found} for h in sizes}  # fmt: skip
    draw_curves(by_size, out / "by_hidden_size")
    draw_curves(by_data, out / "by_data")
    best = min(results, key=lambda run: run["lowest"]["validation"])
    name = f"{best['hidden']}-{Path(best['pairs']).stem}-seed{best['seed']}"
    if (out / name / "best.pt").exists():
        draw_attention(load(str(out / name / "best.pt")), WORD, out / "attention")


def draw_curves(panels: dict[str, dict[str, list[dict]]], path: Path) -> None:
    """A panel each: training (dashed) and validation losses of its groups of runs."""
    figure, axes = new_figure(1, len(panels), (5.2 * len(panels), 4.4), sharey=True, squeeze=False)
    for axis, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for colour, (label, runs) in zip(COLOURS, lines.items(), strict=False):
            for i, run in enumerate(runs):
                steps = [row["steps"] for row in run["curve"]]
                for key, style in (("validation", "-"), ("training", "--")):
                    name = f"{label}, {key}" if i == 0 else None
                    axis.plot(steps, [row[key] for row in run["curve"]], style, color=colour,
                              linewidth=1.3, label=name)  # fmt: skip
        axis.set(title=title, xlabel="steps", ylim=(0, None))
        axis.legend()
    axes[0, 0].set_ylabel("cross-entropy, nats per symbol")
    save(figure, path)


def draw_attention(model, word: str, path: Path) -> None:
    """Where each decoder layer looks in `word` while it writes the translation."""
    translation, maps = attention_map(model, word)
    size = 0.32 * len(maps) * (len(translation) + 4), 0.32 * len(word) + 1.4
    figure, axes = new_figure(1, len(maps), size, squeeze=False)
    written, read = [*translation, "EOS"], [*word, "EOS"]
    for n, (axis, weights) in enumerate(zip(axes[0], maps, strict=True), 1):
        axis.grid(False)
        image = axis.imshow(torch.as_tensor(weights).numpy(), cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(written)), written)
        axis.set_yticks(range(len(read)), read)
        axis.set(title=f"decoder layer {n}", xlabel="symbol that is written")
    axes[0, 0].set_ylabel("symbol of the word")
    figure.colorbar(image, ax=axes[0], label="attention weight", shrink=0.8)
    save(figure, path)
