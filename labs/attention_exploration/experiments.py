"""CS224N, A5, question 1 as experiments: tables and pictures of what one head can do.

python -m labs.attention_exploration.experiments [--out FOLDER] [--samples N] [--seed K]

Each letter of the question is a function here that returns rows of numbers: what was measured and,
beside it, the closed form. All of it takes a few seconds.
"""

import argparse
import math
from pathlib import Path

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from base.files import write_whole


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    name = "python -m labs.attention_exploration.experiments"
    p = Parser(prog=name, description=__doc__, formatter_class=style)
    p.add_argument("--samples", type=whole(), default=5000, help="draws of the keys (c, d)")
    p.add_argument("--seed", type=whole(0), default=0)
    default = "runs/attention_exploration"
    p.add_argument("--out", type=Path, default=Path(default), help=f"the folder ({default})")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np
from tqdm import tqdm

from labs.attention_exploration import one_head
from labs.attention_exploration.one_head import ALPHA, SHARPNESS, STRETCH
from labs.attention_exploration.playground import Array, attend, weights
from labs.common.plots import without_matplotlib

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
KEYS = 5  # of (c) and (d): two that matter and three others


# ---------------------------------------------------------------------------------------------
# One function a letter
# ---------------------------------------------------------------------------------------------


def copying(counts: list[int], margins: list[float]) -> list[dict]:
    """(a) The weight that n - 1 other keys keep where key 0 is ahead of them by a margin."""
    rows = []
    for n in counts:
        keys = np.eye(n)
        for margin in margins:
            lost = weights(margin * keys[0], keys)[1:].sum()
            closed = (n - 1) / (n - 1 + math.exp(margin))
            rows.append({"keys": n, "margin": margin, "lost": float(lost), "closed form": closed})
    return rows


def margin_of(n: int, lost: float) -> float:
    """(a) The margin at which n - 1 other keys together keep the weight `lost`."""
    return math.log((n - 1) * (1 - lost) / lost)


def margin_of_exactly_one(dtype: type) -> float:
    """(a) The margin over one other key from which softmax rounds to exactly 1 (0.01 apart)."""
    margin = 0.0
    while dtype(1) / (dtype(1) + np.exp(dtype(-margin), dtype=dtype)) != 1:
        margin += 0.01
    return round(margin, 2)


def averaging(counts: list[int], sharpness: list[float]) -> list[dict]:
    """(b) The error of q = c (k_a + k_b) as the mean of v_a and v_b, all orthonormal."""
    rows = []
    for n in counts:
        eye = np.eye(n)
        for c in sharpness:
            output = attend(one_head.averaging_query(eye[0], eye[1], c), eye, eye)
            error = np.abs(output - (eye[0] + eye[1]) / 2).max()
            lost = (n - 2) / (n - 2 + 2 * math.exp(c))
            closed = max(lost / 2, lost / (n - 2))
            rows.append({"keys": n, "c": c, "error": float(error), "closed form": closed})
    return rows


def extracting(dim: int, rng: np.random.Generator) -> float:
    """(b) The largest error of M (v_a + v_b) as v_a, for random orthonormal a and b of half the
    dimensions each."""
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0].T
    half = dim // 2
    v_a, v_b = rng.normal(size=half) @ basis[:half], rng.normal(size=dim - half) @ basis[half:]
    return float(np.abs(one_head.extractor(basis[:half]) @ (v_a + v_b) - v_a).max())


def sampled(samples: int, stretch: float, rng: np.random.Generator) -> dict[str, Array]:
    """(c, d) In each of `samples` draws of the keys: the length of k_a along its mean, the weight
    of v_a for one head, its log-odds against v_b's, and the weight for two heads."""
    means = np.eye(KEYS)
    found = {name: np.empty(samples) for name in ("length", "one head", "log-odds", "two heads")}
    query = one_head.averaging_query(means[0], means[1], SHARPNESS)
    for i in range(samples):
        keys = one_head.sample_keys(means, ALPHA, stretch, rng)
        found["length"][i] = keys[0, 0]
        w = weights(query, keys)
        found["one head"][i], found["log-odds"][i] = w[0], np.log(w[0] / w[1])
        found["two heads"][i] = one_head.two_heads(keys, means, means, SHARPNESS)[0]
    return found


def distance_of_distributions(log_odds: Array, stretch: float) -> float:
    """(c) The largest gap between the measured and the closed distribution (Kolmogorov-Smirnov)."""
    closed = one_head.distribution(np.sort(log_odds), SHARPNESS, ALPHA, stretch)
    steps = np.arange(len(log_odds) + 1) / len(log_odds)
    return float(max(np.abs(closed - steps[1:]).max(), np.abs(closed - steps[:-1]).max()))


def quantiles(w: Array) -> dict[str, float]:
    found = {f"{100 * q:.0f} %": float(np.quantile(w, q)) for q in QUANTILES}
    return found | {"mean distance from 1/2": float(np.abs(w - 0.5).mean())}


def sampling(samples: int, seed: int) -> tuple[list[dict], dict[str, Array]]:
    """(c, d) Quantiles of the weight of v_a, with and without the stretched key; and the draws
    with it."""
    rows, draws = [], {}
    for stretch in (0.0, STRETCH):
        draws = sampled(samples, stretch, np.random.default_rng(seed))
        for heads in ("one head", "two heads"):
            row = {"covariance of k_a": f"{ALPHA} I" + " + mu mu^T / 2" * bool(stretch)}
            row |= {"heads": heads} | quantiles(draws[heads])
            if heads == "one head":
                gap = distance_of_distributions(draws["log-odds"], stretch)
                row["gap to the closed form"] = gap
            rows.append(row)
    return rows, draws


def projecting(betas: list[float]) -> list[dict]:
    """(e) Errors over beta, the norm of the u: of c_2 as u_b without projections (x_2 as it is, and
    with u_d or u_c added), and of c_2 as u_b and c_1 as u_b - u_c with the projections."""
    rows, one = [], np.eye(4)
    for beta in betas:
        u_a, u_b, u_c, u_d = beta * np.eye(4)

        def plain(x_2, x_1=u_d + u_b, x_3=u_c + u_b):
            return one_head.self_attention(np.stack([x_1, x_2, x_3]), one, one, one)[1]

        def off(c, wanted, beta=beta):
            return float(np.abs(c - wanted).max() / beta)

        x = np.stack([u_d + u_b, u_a, u_c + u_b])
        c = one_head.self_attention(x, *one_head.projections(u_a, u_b, u_c, u_d))
        rows.append(
            {
                "beta": beta,
                "c2 as u_a": off(plain(u_a), u_a),
                "c2 as u_b": off(plain(u_a), u_b),
                "x2 + u_d": off(plain(u_a + u_d), u_b),
                "x2 + u_c": off(plain(u_a + u_c), u_b),
                "projected c2 as u_b": off(c[1], u_b),
                "projected c1 as u_b - u_c": off(c[0], u_b - u_c),
                "closed form": 2 / (2 + math.exp(beta**2)),
            }
        )
    return rows


# ---------------------------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------------------------


def table(rows: list[dict]) -> str:
    """Rows as a table of Markdown; a column is there if any row has it."""
    names = list(dict.fromkeys(name for row in rows for name in row))

    def cell(value) -> str:
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    lines += ["| " + " | ".join(cell(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def measure(samples: int, seed: int) -> dict:
    """Everything that the tables and the pictures show."""
    steps = {
        "copying": lambda: copying([2, 10, 100, 1000], [float(m) for m in range(0, 21, 2)]),
        "averaging": lambda: averaging([3, 10, 100, 1000], [float(c) for c in range(0, 21, 2)]),
        "extracting": lambda: extracting(16, np.random.default_rng(seed)),
        "sampling": lambda: sampling(samples, seed),
        "projecting": lambda: projecting([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0]),
    }
    return {name: step() for name, step in tqdm(steps.items(), unit="experiment")}


def report(found: dict) -> str:
    """The tables, letter by letter."""
    exact = {t.__name__: margin_of_exactly_one(t) for t in (np.float32, np.float64)}
    every = ", ".join(f"{n} keys: {margin_of(n, 0.05):.2f}" for n in (2, 10, 100, 1000))
    return f"""(a) Copying: the weight that the other keys keep

{table([row for row in found["copying"] if row["margin"] in (2, 6, 10, 20)])}

Margin at which they keep 0.05: {every}.
Margin from which the weight over one other key is exactly 1: {exact}.

(b) Averaging two values with q = c (k_a + k_b)

{table([row for row in found["averaging"] if row["c"] in (2, 6, 10, 20)])}

M (v_a + v_b) is v_a up to {found["extracting"]:.1e}.

(c, d) The weight of v_a over samples of the keys

{table(found["sampling"][0])}

(e) Largest error, in units of beta

{table(found["projecting"])}
"""


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    found = measure(args.samples, args.seed)
    text = report(found)
    with write_whole(str(args.out / "experiments.md")) as file:
        file.write(text)
    print(text)
    try:
        from labs.attention_exploration import pictures  # which needs matplotlib

        pictures.draw_experiments(found, args.out)
        pictures.draw_playground(args.out)
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main()
