"""The queries of the playground: python -m labs.attention_exploration

Without --query: for the handout's K and V, or those of a file, the query of every task, its error
and its weights. With --query: whether that query selects (or averages) --values; exit status 1
where it does not.
"""

import json
import sys

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences
from base.files import read_text


def parser() -> Parser:
    p = Parser(prog="python -m labs.attention_exploration", description=__doc__.split("\n\n")[1])
    p.add_argument("--matrices", metavar="FILE", help='JSON: {"K": rows, "V": rows}')
    p.add_argument("--query", metavar="NUMBERS", help="a query to judge, such as 1,-2,0.5")
    p.add_argument("--values", nargs="+", type=whole(0), metavar="I",
                   help="the values that --query selects or averages (default: 0)")  # fmt: skip
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np

from labs.attention_exploration import playground


def matrices(path: str | None):
    """K and V of a JSON file {"K": rows, "V": rows}; without one, the handout's."""
    if path is None:
        return playground.keys_and_values(playground.HANDOUT_K, playground.HANDOUT_V)
    try:
        given = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: is no JSON ({error})") from None
    if not isinstance(given, dict) or not {"K", "V"} <= given.keys():
        raise UserError(f"{path}: give an object with K and V, each a list of rows")
    return playground.keys_and_values(given["K"], given["V"])


def numbers(text: str):
    """1,2,3 as an array. Raises UserError where it is none."""
    try:
        return np.array([float(part) for part in text.split(",")])
    except ValueError:
        raise UserError(f"--query {text}: give numbers with commas between them") from None


def show(task: str, q, K, V, wanted) -> None:
    """One line of the table: the task, the error of q, its weights, q."""
    off = playground.error(q, K, V, wanted)
    w = " ".join(f"{value:.3f}" for value in playground.weights(q, K))
    print(f"{task:<28} error {off:.4f}  weights {w}  q {np.round(q, 2).tolist()}")


def tasks(K, V) -> None:
    """Every task of the playground for any K and V."""
    for i in range(len(K)):
        try:
            show(f"select value {i}", playground.select(i, K, V), K, V, V[i])
        except playground.NoQuery as none:
            print(f"select value {i}: {none}")
    show("average all", playground.average_all(K, V), K, V, V.mean(0))
    show("  with the mean of the keys", playground.mean_of_keys(K), K, V, V.mean(0))
    for pair in [[i, j] for i in range(len(K)) for j in range(i + 1, len(K))]:
        task = f"average {pair[0]} and {pair[1]}"
        try:
            show(task, playground.average(pair, K, V), K, V, V[pair].mean(0))
        except playground.NoQuery as none:
            print(f"{task}: {none}")


def replacements(K, V) -> None:
    """The two replacements of k_2 in the handout's 1.4, with q = S (k_0 + k_1)."""
    direction = K[0] + K[1]
    won = playground.replace_key(K, 2, playground.key_to_win(K))
    S = playground.scale_needed(direction, won, V, 2)
    show(f"unit k_2, S = {S:.1f}: v_2", S * direction, won, V, V[2])
    joined = playground.replace_key(K, 2, playground.key_to_join(K))
    show("k_2 = mean, S = 20: first 3", 20 * direction, joined, V, V[:3].mean(0))


def main() -> int:
    args = parser().parse_args()
    if args.values is not None and args.query is None:
        raise UserError(f"--values {' '.join(map(str, args.values))}: give --query NUMBERS too")
    K, V = matrices(args.matrices)
    if args.query is not None:
        right, words = playground.judge(numbers(args.query), K, V, args.values or [0])
        print(words)
        return not right
    tasks(K, V)
    if args.matrices is None:
        replacements(K, V)
    return 0


if __name__ == "__main__":
    with errors_are_sentences():
        sys.exit(main())
