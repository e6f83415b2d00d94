"""Losses of runs over each other: python src/plot.py RUN... [-o losses.png] [--x positions] [--log]

RUN is a folder that a training run wrote (runs/<time>-<function>-<variant>/, see runlog.py). Faint:
the loss of every step; strong: its mean over a moving window; dots: the loss on the test set. Below
them: the learning rate. The first steps, whose loss is far above the rest, may leave the picture.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import json
import math
from pathlib import Path

import numpy as np

from base.cli import Parser, whole
from base.errors import UserError, errors_are_sentences
from base.files import check_outputs, write_whole
from page.style import SERIES, SETTINGS

FILES = ("metrics.jsonl", "config.json")  # of a run's folder
WORDS = {"seed": "seed "}
LARGEST = 1e6  # a loss beyond it is a run that failed, and would hide all others
AXES = {"steps": ("step", "step"), "positions": ("positions", "positions, padding included")}


def read_metrics(folder: str) -> list[dict]:
    """The rows of a run's metrics.jsonl, in order; a last line cut off by a kill is left out.

    Raises UserError where there is no such file, no row in it, a row that is not a step's, or no
    loss that can be drawn.
    """
    path = Path(folder) / "metrics.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"{path}: no such file to read; give folders that training runs wrote (runs/...)"
        ) from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if number == len(lines) and not line.endswith("\n"):
            break
        try:
            row = json.loads(line)
            rows.append({key: float(row[key]) for key in ("step", "loss", "positions")})
            rows[-1] |= {key: float(row[key]) for key in ("rate", "test_loss") if key in row}
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{path}, row {number}: not a step with its loss and positions; remove the row"
            ) from None
    if not rows:
        raise UserError(f"{path}: no step in it yet; give a run that has trained")
    if not any(abs(row["loss"]) < LARGEST for row in rows):
        raise UserError(f"{path}: nothing to draw, no loss is a number below {LARGEST:g}")
    return rows


def was_logged(folder: str) -> bool:
    """Whether the folder, if it is one, has metrics; if not, says so."""
    path = Path(folder) / "metrics.jsonl"
    if not Path(folder).is_dir() or (path.is_file() and b"\n" in path.read_bytes()):
        return True
    print(f"{folder}: left out, it has no metrics")
    return False


def run_names(folders: list[str]) -> list[str]:
    """What the runs are called: function, variant and recipe from their config.json; the seed and
    then the folder's name where that does not tell two of them apart."""
    configs = [read_config(folder) for folder in folders]
    keys, names = ["function", "variant", "recipe"], []
    for more in ([], ["seed"], ["folder"]):
        keys += more
        names = [
            " ".join(WORDS.get(key, "") + str(c[key]) for key in keys if c.get(key) is not None)
            for c in configs
        ]
        if len(set(names)) == len(names) and all(names):
            break
    return [name.replace("$", r"\$") for name in names]  # a pair would be read as mathematics


def read_config(folder: str) -> dict:
    """A run's config.json, if it can be read, and the name of its "folder"."""
    path = Path(folder).resolve()
    try:
        config = dict(json.loads((path / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        config = {}
    return config | {"folder": path.name}


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the `window` values around each (fewer at the ends), those that are not finite
    or far too large left out: (n,) -> (n,)."""
    finite = np.abs(values) < LARGEST  # false for those that are no number
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    first = np.maximum(np.arange(len(values)) - (window - 1) // 2, 0)
    last = np.minimum(np.arange(len(values)) + window // 2 + 1, len(values))
    with np.errstate(invalid="ignore"):
        return (sums[last] - sums[first]) / (counts[last] - counts[first])


def draw(folders: list[str], output: str, x: str = "steps", log: bool = False, window: int = 0):
    """Write the picture `output` (PNG, or what its suffix says) of the losses of `folders`.

    `window` steps are averaged; 0 takes a fiftieth of each run. Of several folders, those that
    nothing was logged in are named and left out. Raises UserError where no folder is left, for a
    picture that cannot be written, or where matplotlib is missing.
    """
    if len(folders) > 1:
        folders = list(filter(was_logged, folders)) or folders[:1]
    runs = [read_metrics(folder) for folder in folders]
    check_outputs([output], [f"{folder}/{name}" for folder in folders for name in FILES])
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("plotting needs matplotlib: pip install matplotlib") from None
    with rc_context(SETTINGS):
        figure = Figure(figsize=(9, 6))
        axes = figure.subplots(2, sharex=True, height_ratios=(4, 1))
        draw_runs(*axes, dict(zip(run_names(folders), runs, strict=True)), x, log, window)
        suffix = Path(output).suffix[1:].lower() or "png"
        if suffix not in figure.canvas.get_supported_filetypes():
            raise UserError(f"{output}: no picture format has the suffix .{suffix}; use .png")
        with write_whole(output, "wb") as file:
            figure.savefig(file, format=suffix, dpi=150)


def draw_runs(axes, rates, runs: dict[str, list[dict]], x: str, log: bool, window: int) -> None:
    """The losses of `runs`, name -> rows, into `axes`, and their learning rates into `rates`."""
    field, label = AXES[x]
    highest = []
    for i, (name, rows) in enumerate(runs.items()):
        color, line = SERIES[i % len(SERIES)], "-" if i < len(SERIES) else "--"
        at = [row[field] for row in rows]
        mean = draw_losses(axes, name, rows, at, window, color, line)
        highest.append(np.nanmax(mean[len(mean) // 20 :], initial=np.nanmin(mean)))
        rates.plot(at, [row.get("rate", math.nan) for row in rows], line, color=color)
    axes.set(ylabel="loss (nats per character)", xlim=(0, None))
    rates.set(xlabel=label, ylabel="learning rate", ylim=(0, None))
    set_scales(axes, rates, log)
    if not log:  # with the first steps, the rest would be a line at the bottom
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.15 * max(highest)))
    axes.legend()
    for each in (axes, rates):
        each.grid(alpha=0.3)


def set_scales(axes, rates, log: bool) -> None:
    """Plain numbers (0.5, 2, 20 k) at the ticks, and a faint grid behind the curves."""
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

    rates.xaxis.set_major_formatter(EngFormatter(sep=" "))
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def draw_losses(
    axes, name: str, rows: list[dict], at: list[float], window: int, color: str, line: str
) -> np.ndarray:
    """One run: its steps' losses, their moving mean, which is returned, and the test losses where
    it has them."""
    loss = np.array([row["loss"] for row in rows])
    loss[~(np.abs(loss) < LARGEST)] = math.nan
    mean = smooth(loss, window or max(1, len(rows) // 50))
    axes.plot(at, loss, color=color, alpha=0.2, linewidth=0.8)
    axes.plot(at, mean, color=color, linestyle=line, linewidth=1.8, label=name)
    tested = [(x, row["test_loss"]) for x, row in zip(at, rows, strict=True) if "test_loss" in row]
    if tested:
        dots = {"linestyle": ":", "marker": "o", "markersize": 5, "markeredgecolor": "white"}
        axes.plot(*zip(*tested, strict=True), color=color, label=f"{name}, test set", **dots)
    return mean


def main(argv: list[str] | None = None) -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a training run")
    parser.add_argument("-o", "--output", default="losses.png")
    parser.add_argument("--x", choices=tuple(AXES), default="steps")
    parser.add_argument("--log", action="store_true", help="loss on a logarithmic axis")
    parser.add_argument("--window", type=whole(0), default=0, help="steps averaged; 0: a fiftieth")
    args = parser.parse_args(argv)
    draw(args.runs, args.output, args.x, args.log, args.window)
    print(f"wrote {args.output}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
