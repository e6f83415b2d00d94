"""The playground: queries constructed for any keys and values, and what has none."""

import importlib.util
import json

import numpy as np
import pytest
from conftest import run_module
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.attention_exploration import playground as p

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("scipy") is None,
    reason="no scipy: pip install -r requirements-labs.txt",
)

K, V = np.array(p.HANDOUT_K), np.array(p.HANDOUT_V)


def output(q, K, V):
    """softmax(K q) V, written out."""
    powers = [np.exp(np.dot(k, q)) for k in K]
    return sum(w * v for w, v in zip(powers, V, strict=True)) / sum(powers)


@pytest.mark.parametrize("i", range(4))
def test_each_of_the_handouts_values_can_be_selected(i):
    assert np.abs(output(p.select(i, K, V), K, V) - V[i]).max() <= 0.05


def test_one_matrix_selects_all():
    outputs = [output(q, K, V) for q in p.select_all(K, V)]
    assert np.abs(outputs - V).max() <= 0.05


def test_zero_averages_exactly_and_the_mean_of_the_keys_does_not():
    assert np.abs(output(p.average_all(K, V), K, V) - V.mean(0)).max() < 1e-15
    assert p.error(p.mean_of_keys(K), K, V, V.mean(0)) > 0.01


@pytest.mark.parametrize("chosen", [[0, 1], [1, 2], [0, 3], [0, 1, 3]])
def test_subsets_of_the_handouts_values_are_averaged(chosen):
    q = p.average(chosen, K, V)
    assert np.abs(output(q, K, V) - V[chosen].mean(0)).max() <= 0.05


def test_a_key_within_the_others_cannot_be_selected():
    corners = np.array([[0, 0], [5, 0], [0, 7]], dtype=float)
    inside = np.vstack([corners, corners.mean(0)])
    values = np.eye(4)
    with pytest.raises(p.NoQuery, match="key 3 lies in the convex hull"):
        p.select(3, inside, values)
    for i in range(3):
        assert p.error(p.select(i, inside, values), inside, values, values[i]) <= 0.05


def test_equal_keys_share_their_weight():
    with pytest.raises(p.NoQuery):
        p.select(0, [[1, 2], [1, 2], [3, 5]], np.eye(3))
    q = p.average([0, 1], [[1, 2], [1, 2], [3, 5]], np.eye(3))
    assert p.error(q, [[1, 2], [1, 2], [3, 5]], np.eye(3), [0.5, 0.5, 0]) <= 0.05


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 7), st.integers(0, 1000), st.data())
def test_keys_on_a_sphere_can_all_be_selected(count, seed, data):
    """No point of a sphere lies in the hull of others of it."""
    rng = np.random.default_rng(seed)
    keys = rng.normal(size=(count, 5))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    i = data.draw(st.integers(0, count - 1))
    values = rng.normal(size=(count, 3))
    assert np.abs(output(p.select(i, keys, values), keys, values) - values[i]).max() <= 0.05


def test_the_two_replacements_of_a_key():
    query = 20 * (K[0] + K[1])
    joined = p.replace_key(K, 2, p.key_to_join(K))
    assert np.abs(output(query, joined, V) - V[:3].mean(0)).max() <= 0.05
    won = p.replace_key(K, 2, p.key_to_win(K))
    assert np.linalg.norm(won[2]) == pytest.approx(1)
    S = p.scale_needed(K[0] + K[1], won, V, 2)
    assert np.abs(output(S * (K[0] + K[1]), won, V) - V[2]).max() <= 0.05 + 1e-9
    assert np.abs(output(0.99 * S * (K[0] + K[1]), won, V) - V[2]).max() > 0.05
    with pytest.raises(p.NoQuery, match="no scale is large enough"):
        p.scale_needed(K[0] + K[1], K, V, 2)


def test_the_judge_says_how_far_and_why():
    assert p.judge(p.select(2, K, V), K, V, [2])[0]
    right, words = p.judge(p.select(2, K, V), K, V, [0])
    assert not right and "key 2, which was not chosen, scores more than key 0" in words
    right, words = p.judge(p.select(2, K, V) / 6, K, V, [2])
    assert not right and "the same direction, longer" in words
    right, words = p.judge(p.mean_of_keys(K) * 3, K, V, [0, 1, 2, 3])
    assert not right and "where 0.250 is wanted" in words


def test_a_value_named_twice_counts_once():
    for q in (p.select(1, K, V), p.average([1, 3], K, V)):
        assert p.judge(q, K, V, [1, 3, 1, 1]) == p.judge(q, K, V, [1, 3])


def ask(tmp_path, matrices, *args):
    path = tmp_path / "mine.json"
    path.write_text(matrices if isinstance(matrices, str) else json.dumps(matrices))
    return run_module("labs.attention_exploration", "--matrices", path, *args)


def test_the_command_answers_for_the_handout():
    done = run_module("labs.attention_exploration")
    assert done.returncode == 0, done.stderr
    assert "select value 3" in done.stdout and "mean of the keys" in done.stdout


def test_the_command_says_what_has_no_query(tmp_path):
    matrices = {"K": [[0, 0], [2, 0], [1, 0]], "V": [[1, 0], [0, 1], [1, 1]]}
    done = ask(tmp_path, matrices)
    assert done.returncode == 0 and "key 2 lies in the convex hull" in done.stdout


def test_the_command_judges_a_query(tmp_path):
    done = run_module("labs.attention_exploration", "--query", "0,0,0", "--values", "0", "1")
    assert done.returncode == 1 and done.stdout.startswith("wrong: error")
    assert "key 2, which was not chosen, scores as much as key" in done.stdout
    done = run_module("labs.attention_exploration", "--query=0,0,0", "--values", *"0123")
    assert done.returncode == 0 and done.stdout.startswith("right")


@pytest.mark.parametrize(
    "matrices, sentence",
    [
        ({"K": [[1, 2]], "V": [[1], [2]]}, "K has 1 rows and V 2"),
        ({"K": [[1, 2], [3]], "V": [[1], [2]]}, "rows of numbers"),
        ({"K": [[1, None]], "V": [[1]]}, "no finite number"),
        ({"K": [[1, 2]]}, "give an object with K and V"),
        ("[1, 2", "no JSON"),
    ],
)
def test_bad_input_ends_in_a_sentence(tmp_path, matrices, sentence):
    done = ask(tmp_path, matrices)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "args, sentence",
    [
        (["--query", "1,2"], "give 3 numbers"),
        (["--query", "a,b,c"], "numbers with commas"),
        (["--query=0,0,0", "--values", "7"], "between 0 and 3"),
        (["--matrices", "none.json"], "none.json"),
        (["--query=0,0,0", "--values", "x"], "x is not a whole number"),
        (["--kwery=0,0,0"], "did you mean --query?"),
        (["--values", "0", "3"], "--values 0 3: give --query NUMBERS too"),
    ],
)
def test_a_bad_query_ends_in_a_sentence(args, sentence):
    done = run_module("labs.attention_exploration", *args)
    assert done.returncode == 2 and sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
