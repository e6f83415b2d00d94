"""Colours of the report and the plots: one for each meaning, on light and on dark paper."""

# meaning -> (on light paper, on dark paper)
COLOURS = {
    "model": ("#1f66b0", "#6cb0f5"),  # the model's answers, all together
    "right": ("#17803d", "#63cf8d"),
    "wrong": ("#c0392b", "#ff8a80"),
    "training": ("#b06a00", "#f2b04f"),  # what the finetuning set has
    "invented": ("#7b4fb5", "#bd9bf0"),  # people who do not exist
    "reference": ("#6b737e", "#98a1ad"),  # chance, an ideal, a baseline
}
# for lines that differ in no such meaning (runs, variants); apart for colour-blind eyes
# (Okabe and Ito, 2008)
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
SETTINGS = {  # matplotlib's, for all figures
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def css(dark: bool) -> str:
    """The colours as CSS variables: --model, --right, ..."""
    return " ".join(f"--{meaning}: {pair[dark]};" for meaning, pair in COLOURS.items())
