"""Pictures in one style: a figure, colours that stay apart, PNG and SVG files."""

from pathlib import Path

from page.style import SERIES

COLOURS = SERIES
SIZE = (9, 5.5)  # inches
DPI = 120


def new_figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = SIZE, **options):
    """A figure and its axes. Raises ImportError where matplotlib is not installed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(rows, columns, figsize=size, layout="constrained", **options)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
    return figure, axes


def save(figure, path: Path) -> None:
    """`path`.png and `path`.svg; the figure is closed."""
    from matplotlib import pyplot

    for ending in ("png", "svg"):
        figure.savefig(f"{path}.{ending}", dpi=DPI)
    pyplot.close(figure)


def without_matplotlib() -> None:
    """What a study says where there is nothing to draw with."""
    print("no matplotlib, no picture: pip install -r requirements-dev.txt")


def show_in_notebook(figure, dpi: int = 70) -> None:
    """Show the figure below the cell as a small PNG, and close it."""
    from io import BytesIO

    from IPython.display import Image, display
    from matplotlib import pyplot

    file = BytesIO()
    figure.savefig(file, dpi=dpi)
    pyplot.close(figure)
    display(Image(file.getvalue()))
