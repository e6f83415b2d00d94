"""Losses of runs over each other: python src/plot.py RUN... [-o losses.png] [--x positions] [--log]

RUN is a folder that a training run wrote (runs/<time>-<function>-<variant>/, see runlog.py). Faint:
the loss of every step; strong: its mean over a moving window; dots: the loss on the test set.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import json
from pathlib import Path

import numpy as np

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import check_outputs, write_whole

FILES = ("metrics.jsonl", "config.json")  # of a run's folder
AXES = {"steps": ("step", "step"), "positions": ("positions", "positions, padding included")}


def read_metrics(folder: str) -> list[dict]:
    """The rows of a run's metrics.jsonl, in order; a last line cut off by a kill is left out.

    Raises UserError where there is no such file, no row in it, or a row that is not a step's.
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
            if "test_loss" in row:
                rows[-1]["test_loss"] = float(row["test_loss"])
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{path}, row {number}: not a step with its loss and positions; remove the row"
            ) from None
    if not rows:
        raise UserError(f"{path}: no step in it yet; give a run that has trained")
    return rows


def was_logged(folder: str) -> bool:
    """Whether the folder, if it is one, has metrics; if not, says so."""
    path = Path(folder) / "metrics.jsonl"
    if not Path(folder).is_dir() or (path.is_file() and b"\n" in path.read_bytes()):
        return True
    print(f"{folder}: left out, it has no metrics")
    return False


def label(folder: str) -> str:
    """The folder's name, and what of its config.json's function and variant the name lacks."""
    path = Path(folder).resolve()
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        words = [str(config[key]) for key in ("function", "variant") if key in config]
    except (OSError, ValueError, TypeError):
        words = []
    missing = [word for word in words if word not in path.name]
    return f"{path.name} ({' '.join(missing)})" if missing else path.name


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the `window` values around each (fewer at the ends), those that are not finite
    left out: (n,) -> (n,)."""
    finite = np.isfinite(values)
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
    runs = [(label(folder), read_metrics(folder)) for folder in folders]
    check_outputs([output], [f"{folder}/{name}" for folder in folders for name in FILES])
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("plotting needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for i, (name, rows) in enumerate(runs):
        draw_run(axes, name, rows, AXES[x][0], window, f"C{i % 10}", "-" if i < 10 else "--")
    axes.set(xlabel=AXES[x][1], ylabel="loss (nats per character)", xlim=(0, None))
    set_scales(axes, log)
    axes.legend(frameon=False)
    suffix = Path(output).suffix[1:].lower() or "png"
    if suffix not in figure.canvas.get_supported_filetypes():
        raise UserError(f"{output}: no picture format has the suffix .{suffix}; use .png")
    with write_whole(output, "wb") as file:
        figure.savefig(file, format=suffix, dpi=150)


def set_scales(axes, log: bool) -> None:
    """Plain numbers (0.5, 2, 20 k) at the ticks, and a faint grid behind the curves."""
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_run(axes, name: str, rows: list[dict], x: str, window: int, color: str, line: str) -> None:
    """One run: its steps' losses, their moving mean, and the test losses where it has them."""
    at = np.array([row[x] for row in rows])
    loss = np.array([row["loss"] for row in rows])
    mean = smooth(loss, window or max(1, len(rows) // 50))
    axes.plot(at, loss, color=color, alpha=0.2, linewidth=0.8)
    axes.plot(at, mean, color=color, linestyle=line, linewidth=1.8, label=name)
    tested = [(row[x], row["test_loss"]) for row in rows if "test_loss" in row]
    if tested:
        dots = {"linestyle": ":", "marker": "o", "markersize": 5, "markeredgecolor": "white"}
        axes.plot(*zip(*tested, strict=True), color=color, label=f"{name}, test set", **dots)


def main(argv: list[str] | None = None) -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a training run")
    parser.add_argument("-o", "--output", default="losses.png")
    parser.add_argument("--x", choices=tuple(AXES), default="steps")
    parser.add_argument("--log", action="store_true", help="loss on a logarithmic axis")
    parser.add_argument("--window", type=int, default=0, help="steps averaged; 0: a fiftieth")
    args = parser.parse_args(argv)
    if args.window < 0:
        raise UserError(f"--window {args.window}: give the number of steps to average, or 0")
    draw(args.runs, args.output, args.x, args.log, args.window)
    print(f"wrote {args.output}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
