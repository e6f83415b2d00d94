"""The charts of the report: matplotlib figures as SVG that takes its colours from the page."""

import io
import re
import warnings
import zlib
from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from answers.metrics import wilson
from base.errors import UserError
from page.style import COLOURS, SETTINGS

# Drawn in these colours, shown in those of the page (light or dark).
TEXT, GRID = "#010203", "#040506"
DRAWN = {meaning: f"#0708{number:02x}" for number, meaning in enumerate(COLOURS, start=16)}
ON_PAGE = {TEXT: "currentColor", GRID: "var(--line)"}
ON_PAGE |= {drawn: f"var(--{meaning})" for meaning, drawn in DRAWN.items()}
STYLE = SETTINGS | {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,  # a place may have a $ in it
    "text.color": TEXT,
    "axes.edgecolor": GRID,
    "axes.labelcolor": TEXT,
    "grid.color": GRID,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}
Draw = Callable[..., None]


def chart(draw: Draw) -> Callable[..., str]:
    """Make of `draw(axes, ...)` a function (...) -> SVG text.

    Raises UserError where matplotlib is not installed.
    """

    @wraps(draw)
    def render(*args, height: float = 3.2) -> str:
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError:
            raise UserError(
                "the report needs matplotlib; pip install -r requirements-dev.txt"
            ) from None
        with rc_context(STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # letters that matplotlib's own font lacks
            figure = Figure(figsize=(4.4, height))
            draw(figure.subplots(), *args)
            file = io.StringIO()
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        return on_page(file.getvalue())

    return render


def on_page(svg: str) -> str:
    """The SVG element alone, with the page's colours, and ids that no other chart has."""
    prefix = f"c{zlib.crc32(svg.encode()):08x}-"
    svg = svg[svg.index("<svg") :]
    for drawn, shown in ON_PAGE.items():
        svg = svg.replace(drawn, shown)
    svg = re.sub(r'(\bid="|href="#|url\(#)', lambda match: match[0] + prefix, svg)
    box = re.search(r'viewBox="[^"]*"', svg)[0]
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" aria-hidden="true" {box}>'
    return head + svg[svg.index(">") + 1 :]


@chart
def reliability(axes, rows: list[dict]) -> None:
    """Accuracy against mean confidence in bins; the area of a point is its number of answers."""
    filled = [row for row in rows if row["count"]]
    most = max(row["count"] for row in filled)
    x = [row["confidence"] for row in filled]
    y = [row["accuracy"] for row in filled]
    intervals = [wilson(row["accuracy"] * row["count"], row["count"]) for row in filled]
    low = [value - lower for value, (lower, _) in zip(y, intervals, strict=True)]
    high = [upper - value for value, (_, upper) in zip(y, intervals, strict=True)]
    axes.plot([0, 1], [0, 1], color=DRAWN["reference"], linewidth=1, linestyle="--")
    error = (np.maximum(low, 0), np.maximum(high, 0))
    axes.errorbar(x, y, error, color=DRAWN["model"], linestyle="none", elinewidth=1.2)
    sizes = [12 + 120 * row["count"] / most for row in filled]
    axes.scatter(x, y, sizes, color=DRAWN["model"], zorder=3)
    unit_square(axes, "confidence", "share right")


@chart
def confidences(axes, groups: dict[str, Sequence[float]]) -> None:
    """Histograms of confidence, as shares of their groups: right, wrong, invented, or model."""
    names = {"right": "right", "wrong": "wrong", "invented": "invented people", "model": "answers"}
    edges = np.linspace(0, 1, 21)
    for meaning, values in groups.items():
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            label, color = f"{names[meaning]} ({len(values)})", DRAWN[meaning]
            axes.hist(values, edges, weights=weights, color=color, alpha=0.3)
            axes.hist(values, edges, weights=weights, color=color, histtype="step", linewidth=1.6,
                      label=label)  # fmt: skip
    axes.set(xlim=(0, 1), xlabel="confidence", ylabel="share of the group")
    axes.legend()


@chart
def roc_curve(axes, false: np.ndarray, true: np.ndarray) -> None:
    axes.plot([0, 1], [0, 1], color=DRAWN["reference"], linewidth=1, linestyle="--")
    axes.plot(false, true, color=DRAWN["model"], linewidth=1.8)
    unit_square(axes, "share of the wrong answers", "share of the right answers")


@chart
def coverage(axes, accuracy: np.ndarray) -> None:
    """Accuracy among the k surest answers, k as a share of all."""
    share = np.arange(1, len(accuracy) + 1) / len(accuracy)
    axes.axhline(accuracy[-1], color=DRAWN["reference"], linewidth=1, linestyle="--")
    axes.plot(share, accuracy, color=DRAWN["model"], linewidth=1.8)
    unit_square(axes, "share of the questions answered", "share right")


@chart
def shares(axes, groups: dict[str, tuple[str, list[tuple[str, float]]]]) -> None:
    """Horizontal bars: for each label (top first) one bar a group. `groups`: meaning -> the group's
    name and its shares by label."""
    labels = [label for label, _ in next(iter(groups.values()))[1]]
    thick = 0.8 / len(groups)
    for i, (meaning, (name, bars)) in enumerate(groups.items()):
        y = np.arange(len(labels)) + i * thick
        axes.barh(y, [value for _, value in bars], thick, color=DRAWN[meaning], label=name)
    axes.set_yticks(np.arange(len(labels)) + 0.4 - thick / 2, map(short, labels))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of the answers")
    axes.legend(loc="lower right", fontsize="small")


def short(label: str) -> str:
    """A label that leaves room for the bars; "(nothing)" for an empty one."""
    return (label if len(label) <= 22 else f"{label[:21]}…") or "(nothing)"


@chart
def by_group(axes, rows: list[dict], xlabel: str) -> None:
    """Accuracy of groups of questions, with 95 % intervals and counts."""
    x = np.arange(len(rows))
    y = np.array([row["right"] / row["count"] for row in rows])
    intervals = np.array([wilson(row["right"], row["count"]) for row in rows])
    error = np.maximum(0, np.abs(intervals - y[:, None])).T
    axes.bar(x, y, 0.7, color=DRAWN["model"], alpha=0.75)
    axes.errorbar(x, y, error, color=TEXT, linestyle="none", linewidth=1)
    axes.set_xticks(x, [f"{row['label']}\n({row['count']})" for row in rows])
    axes.grid(axis="x", visible=False)
    axes.set(xlabel=xlabel, ylabel="share right", ylim=(0, 1))


def unit_square(axes, xlabel: str, ylabel: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel)
