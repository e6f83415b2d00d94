"""Pictures of the playground and of the experiments. Each `*_figure` returns a figure; the `draw_*`
functions write PNG and SVG files."""

import math
from pathlib import Path

import numpy as np

from labs.attention_exploration import one_head, playground
from labs.attention_exploration.one_head import ALPHA, SHARPNESS, STRETCH
from labs.attention_exploration.playground import Array
from labs.common.plots import COLOURS, new_figure, save


def draw_playground(out: Path, K=playground.HANDOUT_K, V=playground.HANDOUT_V) -> None:
    save(queries_figure(K, V), out / "queries")
    save(simplex_figure(K, V), out / "simplex")


def draw_experiments(found: dict, out: Path) -> None:
    save(lines_figure(
        found["copying"], "margin", "lost", "margin of the key that is copied",
        "weight that the other keys keep", "(a) Copying: more keys, wider margin",
    ), out / "copying")  # fmt: skip
    save(lines_figure(
        found["averaging"], "c", "error", "c, in q = c (k_a + k_b)", "error of the average",
        "(b) Averaging two values",
    ), out / "averaging")  # fmt: skip
    save(sampling_figure(found["sampling"][1]), out / "sampling")
    save(projecting_figure(found["projecting"]), out / "projecting")


# ---------------------------------------------------------------------------------------------
# The playground
# ---------------------------------------------------------------------------------------------


def plane(K: Array, q: Array) -> Array:
    """(2, D): the direction of q, and the one across it along which the keys differ most."""
    along = q / np.linalg.norm(q) if np.linalg.norm(q) else np.linalg.svd(K)[2][0]
    rest = K - np.outer(K @ along, along)
    return np.stack([along, np.linalg.svd(rest)[2][0]])


def queries_figure(K, V):
    """Keys and query as arrows, a panel a task; the key that reaches furthest along the query has
    the most weight. The query is drawn at the length of the longest key."""
    K, V = playground.keys_and_values(K, V)
    tasks = {f"select value {i}": [i] for i in range(len(K))}
    tasks |= {"average 0 and 1": [0, 1], "average all": list(range(len(K)))}
    rows = math.ceil(len(tasks) / 3)
    figure, axes = new_figure(rows, 3, size=(12, 4 * rows), squeeze=False)
    for axis, (task, chosen) in zip(axes.flat, tasks.items(), strict=False):
        try:
            arrows(axis, K, V, chosen, task)
        except playground.NoQuery:
            axis.set_title(f"{task}: no query does")
    for axis in axes.flat[len(tasks) :]:
        axis.remove()
    return figure


def arrows(axis, K: Array, V: Array, chosen: list[int], task: str) -> None:
    q = playground.average(chosen, K, V)
    points, w = K @ plane(K, q).T, playground.weights(q, K)
    reach = 1.4 * np.linalg.norm(K, axis=1).max()
    for i, (x, y) in enumerate(points):
        colour = COLOURS[i % len(COLOURS)]
        arrow = {"arrowstyle": "->", "color": colour, "lw": 1 + 3 * w[i]}
        axis.annotate("", (x, y), (0, 0), arrowprops=arrow)
        side = 1 if y > 0 else -1  # above or below the arrow's end
        axis.text(x, y + 0.12 * side, f"k{i}: {w[i]:.3f}", color=colour, ha="center", va="center")
    length = np.linalg.norm(q)
    if length:
        arrow = {"arrowstyle": "->", "color": "black", "lw": 1.5, "ls": "--"}
        axis.annotate("", (reach / 1.4, 0), (0, 0), arrowprops=arrow)
        axis.text(reach / 1.25, 0, "q", ha="center", va="center")
        axis.axvline(points[chosen[0], 0], color="black", lw=0.5, ls=":")
    off = playground.error(q, K, V, V[chosen].mean(0))
    axis.set_title(f"{task}: |q| = {length:.1f}, error {off:.4f}", fontsize=10)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="along q")


def simplex_figure(K, V):
    """Outputs from the mean of the values to a corner (or the middle of an edge) as q grows, in the
    plane where the values differ most. Dots: |q| = 2, 5, 10, 20, 40."""
    K, V = playground.keys_and_values(K, V)
    centre = V.mean(0)
    axes_of_values = np.linalg.svd(V - centre)[2][:2]
    figure, axis = new_figure(size=(8, 6.5))
    corners = (V - centre) @ axes_of_values.T
    for i in range(len(V)):
        for j in range(i):
            axis.plot(*corners[[i, j]].T, color="lightgrey", lw=1, zorder=0)
        axis.text(*(1.1 * corners[i]), f"v{i}", ha="center", va="center", fontsize=13)
    for i, chosen in enumerate([[i] for i in range(len(V))] + [[0, 1]]):
        try:
            q = playground.average(chosen, K, V)
        except playground.NoQuery:
            continue
        if not q.any():
            continue
        lengths = np.linspace(0, max(40.0, np.linalg.norm(q)), 400)
        way = playground.attend(np.outer(lengths, q / np.linalg.norm(q)), K, V) - centre
        label = "to " + " and ".join(f"v{j}" for j in chosen)
        line = {"color": COLOURS[i % len(COLOURS)], "label": label}
        axis.plot(*(way @ axes_of_values.T).T, **line)
        marks = playground.attend(np.outer([2, 5, 10, 20, 40], q / np.linalg.norm(q)), K, V)
        axis.plot(*((marks - centre) @ axes_of_values.T).T, "o", ms=4, color=line["color"])
    axis.plot(0, 0, "o", color="black", label="q = 0: the mean of all")
    axis.set(aspect="equal", title="The output as the query grows (dots: |q| = 2, 5, 10, 20, 40)")
    axis.margins(0.1)
    axis.legend(frameon=False)
    return figure


# ---------------------------------------------------------------------------------------------
# Question 1
# ---------------------------------------------------------------------------------------------


def lines_figure(rows: list[dict], x: str, y: str, x_label: str, y_label: str, title: str):
    """Measured values as dots and their closed form as lines, a colour for each number of keys."""
    figure, axis = new_figure()
    for colour, n in zip(COLOURS, sorted({row["keys"] for row in rows}), strict=False):
        ours = [row for row in rows if row["keys"] == n]
        at = [row[x] for row in ours]
        axis.plot(at, [row["closed form"] for row in ours], color=colour, label=f"{n} keys")
        axis.plot(at, [row[y] for row in ours], "o", ms=4, color=colour)
    axis.axhline(playground.TOLERANCE, color="black", lw=0.7, ls=":")
    axis.set(xlabel=x_label, ylabel=y_label, title=f"{title} (dots: measured; lines: closed form)")
    axis.set_yscale("log")
    axis.legend(frameon=False)
    return figure


def sampling_figure(draws: dict[str, Array]):
    """(c, d) The weight of v_a against the length of k_a, and its distribution over samples."""
    figure, (left, right) = new_figure(1, 2, size=(12, 5))
    for colour, heads in zip(COLOURS, ("one head", "two heads"), strict=False):
        w = draws[heads]
        left.plot(draws["length"], w, ".", ms=2, color=colour, label=heads)
        right.plot(np.sort(w), np.arange(len(w)) / len(w), color=colour, label=heads)
    lengths = np.linspace(draws["length"].min(), draws["length"].max(), 300)
    closed = [one_head.share_of_first(x, SHARPNESS) for x in lengths]
    left.plot(lengths, closed, color="black", lw=0.8, label="one head, closed form")
    log_odds = np.linspace(-40, 40, 500)
    closed = one_head.distribution(log_odds, SHARPNESS, ALPHA, STRETCH)
    line = {"color": "black", "lw": 0.8, "ls": "--", "label": "one head, closed form"}
    right.plot(1 / (1 + np.exp(-log_odds)), closed, **line)
    left.set(xlabel="length of k_a along its mean", ylabel="weight of v_a")
    left.set(title="(c, d) Each draw")
    right.set(xlabel="weight of v_a", ylabel="share of draws below", title="(c, d) All draws")
    for axis in (left, right):
        axis.legend(frameon=False, markerscale=4)
    return figure


def projecting_figure(rows: list[dict]):
    """(e) Errors against beta, in units of beta."""
    figure, axis = new_figure()
    at = [row["beta"] for row in rows]
    names = {
        "c2 as u_b": "without projections: c2 as u_b",
        "x2 + u_d": "the same, u_d added to x2",
        "x2 + u_c": "the same, u_c added to x2",
        "projected c2 as u_b": "with projections: c2 as u_b",
        "projected c1 as u_b - u_c": "with projections: c1 as u_b - u_c",
    }
    for colour, (name, label) in zip(COLOURS, names.items(), strict=False):
        style = ":" if "u_c added" in label else "-"  # the two lie on each other
        axis.plot(at, [row[name] for row in rows], f"o{style}", ms=4, color=colour, label=label)
    closed = [row["closed form"] for row in rows]
    axis.plot(at, closed, color="black", lw=0.8, label="2 / (2 + exp(beta²))")
    axis.set(xlabel="beta, the norm of the u", ylabel="largest error / beta")
    axis.set(title="(e) Query, key and value projections")
    axis.set_yscale("log")
    axis.legend(frameon=False)
    return figure
