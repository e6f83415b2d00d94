"""Attention from scratch equals PyTorch's, and the checker names the function that is wrong."""

import inspect

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, run_module

from labs.mini_transformer import check, from_scratch

SOURCE = (ROOT / "labs" / "mini_transformer" / "from_scratch.py").read_text(encoding="utf-8")
CASES = [(1, False), (1, True), (3, True), (3, False), (5, True), (15, True)]


@pytest.mark.parametrize("heads, causal", CASES)
def test_equals_pytorch_with_identity_projections(heads, causal):
    B, T, C = 2, 7, 15
    generator = torch.Generator().manual_seed(heads)
    q, k, v = (torch.randn(B, T, C, generator=generator) for _ in range(3))
    eye, none = torch.eye(C), torch.zeros(C)
    mask = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
    wanted, _ = F.multi_head_attention_forward(
        q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), C, heads, None,
        torch.zeros(3 * C), None, None, False, 0.0, eye, none, need_weights=False, attn_mask=mask,
        use_separate_proj_weight=True, q_proj_weight=eye, k_proj_weight=eye, v_proj_weight=eye,
    )  # fmt: skip
    ours = from_scratch.self_attention(q, k, v, heads, causal)
    torch.testing.assert_close(ours, wanted.transpose(0, 1), rtol=0, atol=1e-6)


def run_check(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return run_module("labs.mini_transformer.check", path)


def test_the_checker_accepts_our_own(tmp_path):
    done = run_check(tmp_path, SOURCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": right\n") == 11


MISTAKES = {
    "init_qkv_proj": "(nn.Linear(n_embd, n_embd),) * 3",
    "pairwise_similarities": "K @ Q.transpose(-2, -1)",
    "attn_scaled": "A / math.sqrt(n_embd)",
    "attn_softmax": "A.softmax(dim=-2)",
    "compute_outputs": "A.transpose(-2, -1) @ V",
    "make_causal_mask": "torch.ones(n_tok, n_tok).triu()",
    "apply_causal_mask": "A * mask",
    "split_heads": "x.unflatten(-1, (-1, n_heads)).transpose(-3, -2)",
    "split_heads_qkv": "(Q, K, V)",
    "merge_heads": "y.flatten(-2)",
    "self_attention": "Q",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_checker_names_the_wrong_function_and_no_other(tmp_path, name):
    """Also where the others call it."""
    arguments = ", ".join(inspect.signature(getattr(from_scratch, name)).parameters)
    mistake = f"\n\ndef {name}({arguments}):\n    return {MISTAKES[name]}\n"
    path = tmp_path / "mine.py"
    path.write_text(SOURCE + mistake, encoding="utf-8")
    wrong = check.check(check.load(str(path)))
    assert list(wrong) == [name]
    assert "called with" in wrong[name]


@pytest.mark.parametrize(
    "text, sentence",
    [
        (SOURCE.replace("def merge_heads", "def merge"), "has no function merge_heads"),
        ("import torch\n1 / 0\n", "does not run (ZeroDivisionError"),
        ("def f(:\n", "does not run (SyntaxError"),
        ("import sys\nsys.exit(0)\n", "does not run (SystemExit: 0)"),
        ("open('none.txt')\n", "does not run (FileNotFoundError"),
        ("raise ValueError('one\\ntwo')\n", "does not run (ValueError: one)"),
        (SOURCE + "\nmerge_heads = 5\n", "has no function merge_heads"),
    ],
)
def test_a_file_that_cannot_be_checked_ends_in_a_sentence(tmp_path, text, sentence):
    done = run_check(tmp_path, text)
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "body, words",
    [
        ("return y", "has shape (2, 2, 3, 3), not (2, 3, 6)"),
        ("raise KeyError('y')", "raises KeyError: 'y'"),
        ("raise SystemExit", "raises SystemExit"),
        ("return None", "returns NoneType, not a tensor"),
    ],
)
def test_the_checker_says_what_is_wrong_with_a_function(tmp_path, body, words):
    done = run_check(tmp_path, f"{SOURCE}\n\ndef merge_heads(y):\n    {body}\n")
    assert done.returncode == 1 and not done.stderr
    wrong = [line for line in done.stdout.splitlines() if not line.endswith(": right")]
    assert wrong[0].startswith("merge_heads: ") and words in wrong[0]
    assert len(wrong) == 2 and wrong[1].startswith("    y = [[[[")  # the input, in numbers


def test_a_missing_file_ends_in_a_sentence(tmp_path):
    done = run_module("labs.mini_transformer.check", tmp_path / "none.py")
    assert done.returncode == 2 and "no such file" in done.stderr


def wrong_with(tmp_path, name, arguments, body):
    path = tmp_path / "mine.py"
    path.write_text(f"{SOURCE}\n\ndef {name}({arguments}):\n    return {body}\n")
    return check.check(check.load(str(path)))


def test_projections_have_weights(tmp_path):
    wrong = wrong_with(tmp_path, "init_qkv_proj", "n", "[nn.Identity() for _ in range(3)]")
    assert "without a weight of shape (6, 6)" in wrong["init_qkv_proj"]


def test_self_attention_is_causal_unless_it_is_told_otherwise(tmp_path):
    last = SOURCE[SOURCE.index("def self_attention") :]
    whole = last.replace("causal: bool = True", "causal: bool = False")
    path = tmp_path / "mine.py"
    path.write_text(f"{SOURCE}\n\n{whole}")
    assert list(check.check(check.load(str(path)))) == ["self_attention"]


def test_a_very_low_score_masks_as_well_as_minus_infinity(tmp_path):
    assert not wrong_with(tmp_path, "apply_causal_mask", "mask, A", "A.masked_fill(~mask, -1e9)")


def test_the_input_that_is_shown_gives_what_is_said(tmp_path):
    """Written down and tried by hand."""
    wrong = wrong_with(tmp_path, "attn_scaled", "A, n_embd, n_heads", "A / 2")["attn_scaled"]
    A = torch.tensor(eval(wrong.partition("A = ")[2]))
    ours = from_scratch.attn_scaled(A, 6, 2)[0, 0, 0, 0]
    assert f"is {A[0, 0, 0, 0] / 2:.4f} at [0, 0, 0, 0], not {ours:.4f}" in wrong
    assert "(called with A of shape (2, 2, 3, 3), n_embd=6, n_heads=2)" in wrong
