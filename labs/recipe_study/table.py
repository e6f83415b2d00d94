"""The results of a study as a table and a picture."""

from pathlib import Path
from statistics import mean

from answers.metrics import wilson
from labs.common.plots import COLOURS, new_figure, save

LOW = 0.05  # arms that end below this share are drawn as one group
BASELINES = ("all", "reading", "none")  # drawn apart


def table(results: list[dict]) -> str:
    """Markdown: accuracy of each arm on the people held out, best first.

    With one seed the interval is Wilson's, with several the range over them.
    """
    arms: dict[str, list[dict]] = {}
    for result in results:
        arms.setdefault(result["arm"], []).append(result)
    rows = []
    for arm, runs in arms.items():
        ends = [100 * r["curve"][-1]["held_out"] / r["asked"] for r in runs]
        tuned = mean(100 * r["finetuned"] / r["asked"] for r in runs)
        known = mean(100 * r["curve"][-1]["train"] / r["asked_of_train"] for r in runs)
        low, high = min(ends), max(ends)
        if len(runs) == 1:
            bounds = wilson(runs[0]["curve"][-1]["held_out"], runs[0]["asked"])
            low, high = (100 * bound for bound in bounds)
        unknown = sum(r.get("unknown", 0) for r in runs) / len(runs)
        arm += f' ({unknown:.1f} answers are "unknown")' if unknown else ""
        row = f"| {arm} | {len(runs)} | {mean(ends):.1f} | {low:.1f} to {high:.1f} "
        rows.append((-max(mean(ends), tuned), row + f"| {tuned:.1f} | {known:.1f} |"))
    head = (
        "| arm | seeds | held out, % | range | after finetuning, % | trained questions, % |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(row for _, row in sorted(rows)) + "\n"


def draw(results: list[dict], path: Path) -> None:
    """`path`.png and .svg: accuracy on the people held out against steps, a line an arm.

    Baselines are black; arms that never leave the ground are grey and share one entry.
    """
    figure, axes = new_figure(size=(10, 6))
    order = sorted(results, key=lambda r: -r["curve"][-1]["held_out"])
    low = [r for r in order if end_of(r) < LOW and r["arm"] not in BASELINES]
    high = [r for r in order if r not in low]
    styles = [(colour, dash) for dash in ("-", "--", ":") for colour in COLOURS[:-1]]
    others = iter(styles)
    for result in high:
        if result["arm"] in BASELINES:
            dash = ":" if result["arm"] == "none" else "-"
            line(axes, result, color="black", linestyle=dash, linewidth=2.5)
        else:
            colour, dash = next(others, styles[-1])
            line(axes, result, color=colour, linestyle=dash)
    for i, result in enumerate(low):
        names = "\n".join(dict.fromkeys(r["arm"] for r in low))
        label = f"below {100 * LOW:.0f} %:\n{names}" if i == 0 else "_"
        line(axes, result, color="0.75", label=label, zorder=1)
    axes.set_xlabel("steps")
    axes.set_ylabel("people held out, % right")
    axes.set_ylim(-2, 100)
    figure.legend(loc="outside right upper", fontsize=9)
    save(figure, path)


def end_of(result: dict) -> float:
    """The share of people held out that is right at the end of training."""
    return result["curve"][-1]["held_out"] / result["asked"]


def line(axes, result: dict, **style) -> None:
    label = f"{result['arm']}, {100 * end_of(result):.0f} %"
    label += f", seed {result['seed']}" if result["seed"] else ""
    steps = [point["steps"] for point in result["curve"]]
    share = [100 * point["held_out"] / result["asked"] for point in result["curve"]]
    axes.plot(steps, share, **{"label": label} | style)
