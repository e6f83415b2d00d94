"""Draws docs/minutes.png, right answers against minutes: python docs/draw_minutes.py

Needs requirements-report.txt. Every point has a folder in results/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from base.cli import Parser, check_words


def parser() -> Parser:
    return Parser(description=__doc__)


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from matplotlib.figure import Figure

RUNS = {  # course's data, 500 dev questions, AMD EPYC (Zen 5, bfloat16); (minutes, per cent right)
    "vanilla, course's recipe (two cores)": ("#777777", "s", [(135, 23.8)]),
    "synthesizer, course's recipe (two cores)": ("#bbbbbb", "s", [(127, 7.8)]),
    "vanilla, knowledge recipe (two cores)": (
        "#1f77b4", "o-", [(3.6, 4.4), (5.1, 43.0), (9.6, 69.8)],
    ),  # fmt: skip
    "vanilla, reading recipe (two cores)": ("#2a9d3f", "D", [(9.5, 92.0)]),
    "knowledge recipe on one core": ("#1f77b4", "^", [(39, 81.8), (43, 84.8)]),
}


def draw(path: Path) -> None:
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, (colour, style, points) in RUNS.items():
        axes.plot(*zip(*points, strict=True), style, color=colour, label=name)
        for number, (minutes, right) in enumerate(points):
            offset = (6, 3 if number % 2 or right < 10 else -10)
            axes.annotate(f"{right:.1f} %", (minutes, right), xytext=offset, fontsize=9,
                          textcoords="offset points")  # fmt: skip
    axes.axhline(5.0, color="#cc4444", lw=1, ls=":", label='"London" every time')
    axes.set_xscale("log")
    ticks = (3, 5, 10, 20, 40, 80, 160)
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.set_xticks([], minor=True)
    axes.set(xlim=(3, 200), ylim=(0, 100), xlabel="minutes from the start to the answers")
    axes.set_ylabel("right answers, %")
    axes.legend(fontsize=8, loc="center right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


if __name__ == "__main__":
    draw(Path(__file__).resolve().parent / "minutes.png")
