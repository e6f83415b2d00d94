"""The four figures: losses against FLOPs, profiles, best parameters, best tokens."""

from pathlib import Path

import numpy as np

from labs.common.plots import COLOURS, new_figure, save
from labs.scaling.fits import Interval, Law, NoMinimum, Profile, find_optimal_params, predict


def draw_measured(results: list[dict], found: list[Profile], module, out: Path) -> None:
    """Losses and profiles into `out`. Raises ImportError where matplotlib is not installed."""
    draw_losses(results, module, out / "loss_by_flops")
    draw_profiles(found, module.SCORE_NAME, out / "profiles")


def draw_law(law: Law, interval: Interval, far: float, out: Path) -> None:
    """Best parameters and best tokens into `out`; ImportError as above."""
    optima = [optimum.parameters for optimum in law.optima]
    draw_line(law.flops, optima, law.parameters_line, far, interval.parameters, "parameters",
              out / "best_parameters")  # fmt: skip
    draw_line(law.flops, law.tokens, law.tokens_line, far, interval.tokens, "tokens",
              out / "best_tokens")  # fmt: skip


def draw_losses(results: list[dict], module, path: Path) -> None:
    figure, axis = new_figure()
    sizes = sorted({run["size"] for run in results})
    for colour, size in zip(COLOURS, sizes, strict=False):
        runs = [run for run in results if run["size"] == size]
        for i, run in enumerate(runs):
            label = f"{module.SIZE_NAME} {size}: {run['parameters']:,} parameters"
            flops, scores = ([row[k] for row in run["curve"]] for k in ("flops", "score"))
            axis.plot(flops, scores, color=colour, marker=".", label=None if i else label)
    axis.set(xscale="log", xlabel="training FLOPs", ylabel=module.SCORE_NAME)
    axis.legend()
    save(figure, path)


def draw_profiles(found: list[Profile], score: str, path: Path) -> None:
    figure, axis = new_figure(size=(12, 5.5))
    for colour, profile in zip(COLOURS, found, strict=False):
        label = f"{profile.flops:.3g} FLOPs"
        axis.plot(profile.parameters, profile.losses, "o", color=colour, label=label)
        try:
            optimum = find_optimal_params(profile.parameters, profile.losses)
        except NoMinimum:
            continue
        ends = [*profile.parameters] + ([] if optimum.outside else [optimum.parameters])
        x = np.geomspace(min(ends), max(ends), 100)
        axis.plot(x, np.polyval(optimum.coefficients, np.log(x)), color=colour, linewidth=1)
        if not optimum.outside:
            axis.plot(optimum.parameters, optimum.loss, "*", color=colour, markersize=14)
    axis.plot([], [], "k*", label="minimum of the quadratic")
    axis.set(xscale="log", xlabel="parameters", ylabel=score)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


def draw_line(flops, values, line, far: float, interval, name: str, path: Path) -> None:
    figure, axis = new_figure()
    x = np.geomspace(min(flops), far, 50)
    axis.plot(flops, values, "o", color=COLOURS[0], label="minima of the profiles")
    label = f"{name} = {np.exp(line[1]):.2g} FLOPs^{line[0]:.2f}"
    axis.plot(x, [predict(line, each) for each in x], color=COLOURS[0], label=label)
    there = predict(line, far)
    low, high = interval
    bars = [[max(there - low, 0)], [max(high - there, 0)]]
    label = f"at {far:.3g} FLOPs: {there:.3g} (95 %: {low:.3g} to {high:.3g})"
    axis.errorbar([far], [there], yerr=bars, fmt="s", color=COLOURS[1], capsize=5, label=label)
    axis.set(xscale="log", yscale="log", xlabel="training FLOPs", ylabel=f"best number of {name}")
    axis.legend()
    save(figure, path)
